/**
 * @module Anthropic's usage objects as disjoint buckets.
 *
 * `input_tokens` is what neither came from the cache nor went into it; the whole input is the sum of three counts.
 * `output_tokens` is everything, thinking included. What comes out here sums to the provider's own totals; a usage object
 * that contradicts itself is rejected, never bent into shape.
 *
 * Shapes as in the types of @anthropic-ai/sdk 1.12 (2026-11): Usage, BetaUsage, MessageDeltaUsage, BetaMessageDeltaUsage
 * and BetaIterationsUsage. A redeemed fallback credit is not taken off: the answer does not say how many tokens it moved.
 */
import type { Usage } from "../../usage/usage.ts";
import {
  countOf,
  detailsOf,
  isObject,
  optionalCount,
  UnusableUsage,
  withoutZeros,
  type Loose,
} from "./usage-reading.ts";

/** The counts of one usage object, or of one of its iterations, as they stand on the wire. */
export interface WireCounts {
  readonly input: number;
  readonly cacheRead: number;
  /** All of what went into the cache. */
  readonly written: number;
  /** Of that, with the lifetime of an hour; null when the object does not split it. */
  readonly writtenLong: number | null;
  readonly output: number;
  readonly thinking: number;
}

/**
 * @param start what the same stream said of its input at the start: only there the writes are split by lifetime
 * @throws {UnusableUsage} when it contradicts itself
 */
export function countsOf(usage: Loose): WireCounts {
  const split = usage["cache_creation"];
  const short = optionalCount(detailsOf(split), "ephemeral_5m_input_tokens");
  const long = optionalCount(detailsOf(split), "ephemeral_1h_input_tokens");
  const stated = usage["cache_creation_input_tokens"];
  const written = stated === undefined || stated === null ? short + long : countOf(stated, "cache writes");
  if (isObject(split) && short + long > written) {
    throw new UnusableUsage(`${short} + ${long} cache writes do not fit into ${written}`);
  }
  const output = countOf(usage["output_tokens"], "output tokens");
  const thinking = optionalCount(detailsOf(usage["output_tokens_details"]), "thinking_tokens");
  if (thinking > output)
    throw new UnusableUsage(`${thinking} thinking tokens exceed ${output} output tokens`);
  return {
    input: countOf(usage["input_tokens"], "input tokens"),
    cacheRead: optionalCount(usage, "cache_read_input_tokens"),
    written,
    // Of what is written later in a stream, the lifetime is not said.
    writtenLong: isObject(split) && short + long === written ? long : null,
    output,
    thinking,
  };
}

/**
 * @param short writes that are known to have the short lifetime although the total is not split
 * @param mayBeLong whether the request allows writes with the long lifetime
 */
export function bucketsOf(counts: WireCounts, mayBeLong: boolean, short = 0): Usage {
  const long = counts.writtenLong ?? (mayBeLong ? counts.written - Math.min(short, counts.written) : 0);
  return withoutZeros({
    inputTextTokens: counts.input,
    cacheReadTextTokens: counts.cacheRead,
    cacheWriteTokens: counts.written - long,
    cacheWriteLongTokens: long,
    outputTextTokens: counts.output - counts.thinking,
    reasoningTokens: counts.thinking,
  });
}

/** Fees of the provider's own tools. Web fetches are free (platform.claude.com, web fetch tool, 2026-11). */
export function feesOf(usage: Loose): Usage {
  return withoutZeros({
    webSearches: optionalCount(detailsOf(usage["server_tool_use"]), "web_search_requests"),
  });
}

/** Writes of the short lifetime, as far as the object says. */
export function shortWritesOf(usage: Loose): number {
  return optionalCount(detailsOf(usage["cache_creation"]), "ephemeral_5m_input_tokens");
}
