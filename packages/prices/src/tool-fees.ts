/** @module Fees of the providers' own tools where the price data has none. */
import { parseClaudeName } from "./claude-name.ts";
import { decimalOfNumber } from "./decimal.ts";
import type { Decimal } from "./decimal.ts";

/**
 * - OpenAI, developers.openai.com/api/docs/pricing "Built-in tools", 2026-11: web search $10 per 1,000 calls, file
 *   search $2.50 per 1,000 calls. The preview of web search, which the search-preview models use too, is $10 on models that
 *   reason and $25 on those that do not (the same table; community.openai.com/t/1363698). A name that is not known to be
 *   of a model that reasons has the dearer fee.
 * - Google, ai.google.dev/gemini-api/docs/pricing "Grounding with Google Search", 2026-11: $14 per 1,000 queries
 *   since Gemini 3, before that $35 per 1,000 grounded prompts (so count 1 per grounded response there; counting
 *   queries would charge too much, never too little).
 * - Google, the same page, "Grounding with Google Maps": $25 per 1,000 grounded prompts on Gemini 2.5, $14 per 1,000
 *   queries since Gemini 3 (iyulab/TokenMeter 0.14.0, read from that page, 2026-10).
 * - Claude on Google Cloud, documentation of its models: "Web search tool calls are billed at the standard rate", which
 *   is $10 per 1,000 searches (platform.claude.com/docs/en/about-claude/pricing), 2026-11. Web fetches are free there.
 * What is free every day or month is not assumed: it is shared with calls that are not seen here.
 */
const OPENAI_FEES: readonly (readonly [key: string, usdPerThousand: number])[] = [
  ["web_searches_kcount", 10],
  ["storage_searches_kcount", 2.5],
];
const OPENAI_PREVIEW = { reasoning: 10, other: 25 };
const REASONING = /^(?:o\d|gpt-(?:[5-9]|\d\d)(?!.*-chat))/;
const GEMINI_FEES: readonly (readonly [key: string, family: RegExp, usdPerThousand: number])[] = [
  ["web_searches_kcount", /^gemini-(?:[3-9]|\d\d|nano-banana)/, 14],
  ["web_searches_kcount", /^gemini-2/, 35],
  ["map_groundings_kcount", /^gemini-(?:[3-9]|\d\d)/, 14],
  ["map_groundings_kcount", /^gemini-2\.5/, 25],
];
const VERTEX_CLAUDE_SEARCH = 10;

/** USD per 1,000 calls by price key. Empty where no fee is known. */
export function toolFeesOf(provider: string, model: string): ReadonlyMap<string, Decimal> {
  const fees = new Map<string, Decimal>();
  const add = (key: string, usd: number): void => {
    const fee = decimalOfNumber(usd);
    if (fee !== undefined) fees.set(key, fee);
  };
  if (provider === "openai") {
    for (const [key, usd] of OPENAI_FEES) add(key, usd);
    add(
      "web_search_previews_kcount",
      REASONING.test(model) ? OPENAI_PREVIEW.reasoning : OPENAI_PREVIEW.other,
    );
  }
  if (provider === "google") {
    for (const [key, family, usd] of GEMINI_FEES) if (family.test(model)) add(key, usd);
    if (parseClaudeName(model) !== undefined) add("web_searches_kcount", VERTEX_CLAUDE_SEARCH);
  }
  return fees;
}
