/** @module Normalised usage: what one attempt consumed, in disjoint buckets. */
import type { UsageBucket } from "@holdfast/prices";
import { INPUT_TOKEN_BUCKETS, OUTPUT_TOKEN_BUCKETS } from "@holdfast/prices";

export type { UsageBucket };

/** Non-negative safe integers; an absent bucket is 0. */
export type Usage = { readonly [B in UsageBucket]?: number };

/** Whether a number is the provider's own or ours. */
export type UsageSource = "provider" | "estimated";

export function inputTokensOf(usage: Usage): number {
  let sum = 0;
  for (const bucket of INPUT_TOKEN_BUCKETS) sum += usage[bucket] ?? 0;
  return sum;
}

export function outputTokensOf(usage: Usage): number {
  let sum = 0;
  for (const bucket of OUTPUT_TOKEN_BUCKETS) sum += usage[bucket] ?? 0;
  return sum;
}
