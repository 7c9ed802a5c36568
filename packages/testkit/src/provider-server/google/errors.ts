/** @module Error bodies in Google's shape. */

const statuses: Readonly<Record<number, readonly [status: string, message: string]>> = {
  400: ["INVALID_ARGUMENT", "Request contains an invalid argument."],
  401: ["UNAUTHENTICATED", "Request had invalid authentication credentials."],
  403: ["PERMISSION_DENIED", "The caller does not have permission."],
  404: ["NOT_FOUND", "The model is not found for this API version."],
  408: ["DEADLINE_EXCEEDED", "The request timed out."],
  409: ["ABORTED", "The operation was aborted."],
  429: ["RESOURCE_EXHAUSTED", "You exceeded your current quota."],
  499: ["CANCELLED", "The operation was cancelled."],
  500: ["INTERNAL", "An internal error has occurred."],
  501: ["UNIMPLEMENTED", "The operation is not implemented."],
  503: ["UNAVAILABLE", "The model is overloaded. Please try again later."],
  504: ["DEADLINE_EXCEEDED", "The deadline expired before the operation could complete."],
};

export function googleError(
  code: number,
  message?: string,
): { error: { code: number; message: string; status: string } } {
  const [status, text] = statuses[code] ?? ["UNKNOWN", "The request failed."];
  return { error: { code, message: message ?? text, status } };
}
