/**
 * @module Whether a request is priced by where it is processed, from the address that it goes to.
 *
 * OpenAI's data residency endpoints: us, eu, ae, au, in and jp.api.openai.com (openai 7.57, internal/data-residency;
 * developers.openai.com/api/docs/guides/data-residency, 2026-11). Any other two letters are taken for a new region.
 */

const OPENAI_REGION = /^https?:\/\/[a-z]{2}\.api\.openai\.com(?=[:/?#]|$)/i;

/**
 * @param provider as in the price list
 * @param address the whole address of the request, or the base that its path is relative to
 * @returns the tier of the price list that its region is billed at; undefined when the address adds nothing
 */
export function regionOf(provider: string, address: string): string | undefined {
  return provider === "openai" && OPENAI_REGION.test(address) ? "regional" : undefined;
}
