/**
 * @module Anthropic's own usage object, as the AI SDK hands it on under `raw`.
 *
 * `input_tokens` exclude what was read from and written to the cache. `iterations`, when there are any, are the
 * requests that one answer was made of: each is billed at its own model, and the totals beside them leave some out
 * (compaction, advisors). As in the API reference of 2026-11.
 */
import type { BilledPart } from "../../guard/attempt-outcome.ts";
import type { Usage } from "../../usage/usage.ts";
import {
  addUsage,
  countOf,
  detailsOf,
  isObject,
  MISSING,
  optionalCount,
  readingOf,
  UnusableUsage,
  withoutZeros,
  type Loose,
  type UsageReading,
} from "../usage/usage-reading.ts";

export interface AnthropicUsage {
  readonly usage: UsageReading;
  readonly also?: readonly BilledPart[];
  readonly hasIterations: boolean;
}

export function readAnthropicUsage(raw: unknown, servedModel: string | null): AnthropicUsage {
  if (!isObject(raw)) return { usage: MISSING, hasIterations: false };
  const iterations = Array.isArray(raw["iterations"])
    ? (raw["iterations"] as unknown[]).filter(isObject)
    : [];
  const also: BilledPart[] = [];
  const usage = readingOf(() => {
    if ((raw["input_tokens"] ?? null) === null && (raw["output_tokens"] ?? null) === null) return undefined;
    const long = optionalCount(detailsOf(raw["cache_creation"]), "ephemeral_1h_input_tokens");
    const searches = optionalCount(detailsOf(raw["server_tool_use"]), "web_search_requests");
    const fees = withoutZeros({ webSearches: searches });
    if (iterations.length === 0) return addUsage(readTokens(raw, long), fees);
    let own: Usage = {};
    let longLeft = long;
    for (const iteration of iterations) {
      const model = iteration["model"];
      const foreign = typeof model === "string" && model !== servedModel && servedModel !== null;
      const written = optionalCount(iteration, "cache_creation_input_tokens");
      const longHere = foreign ? 0 : Math.min(longLeft, written);
      longLeft -= longHere;
      const part = readTokens({ ...iteration, output_tokens_details: undefined }, longHere);
      if (foreign) also.push({ model, serviceTier: null, usage: part });
      else own = addUsage(own, part);
    }
    return addUsage(own, fees);
  });
  const hasIterations = iterations.length > 0;
  return usage.kind === "usage" && also.length > 0
    ? { usage, also, hasIterations }
    : { usage, hasIterations };
}

function readTokens(usage: Loose, long: number): Usage {
  const written = optionalCount(usage, "cache_creation_input_tokens");
  if (long > written) {
    throw new UnusableUsage(`${long} tokens in the long cache exceed ${written} written tokens`);
  }
  const output = countOf(usage["output_tokens"], "output tokens");
  const thinking = optionalCount(detailsOf(usage["output_tokens_details"]), "thinking_tokens");
  if (thinking > output)
    throw new UnusableUsage(`${thinking} thinking tokens exceed ${output} output tokens`);
  return withoutZeros({
    inputTextTokens: optionalCount(usage, "input_tokens"),
    cacheReadTextTokens: optionalCount(usage, "cache_read_input_tokens"),
    cacheWriteTokens: written - long,
    cacheWriteLongTokens: long,
    outputTextTokens: output - thinking,
    reasoningTokens: thinking,
  });
}
