/** @module Whether a request is signed for Amazon's servers, which tells their paths from others of the same form. */
export function isSigned(headers: { readonly [name: string]: string | undefined }): boolean {
  return headers["authorization"]?.startsWith("AWS4-") === true;
}
