/** @module Normalised usage: what one attempt consumed, in disjoint buckets. */
import type { UsageBucket } from "@holdfast/prices";
import { INPUT_TOKEN_BUCKETS, OUTPUT_TOKEN_BUCKETS } from "@holdfast/prices";

export type { UsageBucket };

/** Non-negative safe integers; an absent bucket is 0. */
export type Usage = { readonly [B in UsageBucket]?: number };

/** Whether a number is the provider's own or ours. */
export type UsageSource = "provider" | "estimated";

const IS_INPUT: ReadonlySet<string> = new Set(INPUT_TOKEN_BUCKETS);
const IS_OUTPUT: ReadonlySet<string> = new Set(OUTPUT_TOKEN_BUCKETS);

/** All input tokens, cached ones included. */
export function inputTokensOf(usage: Usage): number {
  return sumOf(usage, IS_INPUT);
}

/** All output tokens, hidden ones included. */
export function outputTokensOf(usage: Usage): number {
  return sumOf(usage, IS_OUTPUT);
}

function sumOf(usage: Usage, buckets: ReadonlySet<string>): number {
  let sum = 0;
  for (const bucket in usage) if (buckets.has(bucket)) sum += usage[bucket as UsageBucket] ?? 0;
  return sum;
}

/** With fees that the provider does not report; one that it does report, it has the say about. */
export function withFees(usage: Usage, fees: Usage): Usage {
  const buckets = Object.keys(fees) as UsageBucket[];
  if (buckets.length === 0) return usage;
  const sum: { [B in UsageBucket]?: number } = { ...usage };
  for (const bucket of buckets) sum[bucket] ??= fees[bucket] ?? 0;
  return sum;
}
