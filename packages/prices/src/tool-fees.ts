/** @module Fees of the providers' own tools where the price data has none. */
import { decimalOfNumber } from "./decimal.ts";
import type { Decimal } from "./decimal.ts";

/**
 * - OpenAI, developers.openai.com/api/docs/pricing "Built-in tools", 2026-11: web search $10 per 1,000 calls, file
 *   search $2.50 per 1,000 calls.
 * - Google, ai.google.dev/gemini-api/docs/pricing "Grounding with Google Search", 2026-11: $14 per 1,000 queries
 *   since Gemini 3, before that $35 per 1,000 grounded prompts (so count 1 per grounded response there; counting
 *   queries would charge too much, never too little).
 */
const OPENAI_FEES: readonly (readonly [key: string, usdPerThousand: number])[] = [
  ["web_searches_kcount", 10],
  ["storage_searches_kcount", 2.5],
];
const GEMINI_SEARCH: readonly (readonly [family: RegExp, usdPerThousand: number])[] = [
  [/^gemini-(?:[3-9]|\d\d)/, 14],
  [/^gemini-2/, 35],
];

/** USD per 1,000 calls by price key. Empty where no fee is known. */
export function toolFeesOf(provider: string, model: string): ReadonlyMap<string, Decimal> {
  const fees = new Map<string, Decimal>();
  const add = (key: string, usd: number): void => {
    const fee = decimalOfNumber(usd);
    if (fee !== undefined) fees.set(key, fee);
  };
  if (provider === "openai") for (const [key, usd] of OPENAI_FEES) add(key, usd);
  if (provider === "google") {
    const search = GEMINI_SEARCH.find(([family]) => family.test(model));
    if (search !== undefined) add("web_searches_kcount", search[1]);
  }
  return fees;
}
