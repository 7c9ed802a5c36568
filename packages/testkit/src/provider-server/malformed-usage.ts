/** @module Usage as broken servers and proxies have been seen to report it. The truth stays in the ledger. */

import type { ProviderName } from "./address.ts";

/** Stands for "the field is not there at all". */
export const omitted: unique symbol = Symbol("holdfast.testkit.omitted");

type Wire = Record<string, unknown>;
type Distort = (truth: Wire) => unknown;

export type MalformedUsage =
  | "missing"
  | "null"
  | "empty"
  | "text"
  | "array"
  | "strings"
  | "notNumbers"
  | "nulls"
  | "negative"
  | "fractional"
  | "huge"
  | "infinite"
  | "unsafeInteger"
  | "zeros"
  | "withoutDetails"
  | "nullDetails"
  | "cachedOverPrompt"
  | "reasoningOverOutput"
  | "totalMismatch"
  | "unknownFields";

/** Replaces every number in the object, nested ones included. */
function mapNumbers(truth: unknown, change: (value: number) => unknown): unknown {
  if (typeof truth === "number") return change(truth);
  if (truth === null || typeof truth !== "object") return truth;
  if (Array.isArray(truth)) return truth.map((value) => mapNumbers(value, change));
  return Object.fromEntries(Object.entries(truth).map(([name, value]) => [name, mapNumbers(value, change)]));
}

/** A number literal that JSON.stringify cannot write, such as 1e999 (which parses as Infinity). */
function literal(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}

/** The totals of each format, and the parts inside them that a broken server can make larger than the whole. */
const overlays: readonly (readonly [total: string, part: "cached" | "reasoning", ...path: string[]])[] = [
  ["prompt_tokens", "cached", "prompt_tokens_details", "cached_tokens"],
  ["input_tokens", "cached", "input_tokens_details", "cached_tokens"],
  ["completion_tokens", "reasoning", "completion_tokens_details", "reasoning_tokens"],
  ["output_tokens", "reasoning", "output_tokens_details", "reasoning_tokens"],
  ["output_tokens", "reasoning", "output_tokens_details", "thinking_tokens"],
  ["promptTokenCount", "cached", "cachedContentTokenCount"],
  ["total_input_tokens", "cached", "total_cached_tokens"],
];

/** The part becomes twice its total and one more, where the format has such a part and the truth reports it. */
function overflow(truth: Wire, kind: "cached" | "reasoning"): Wire {
  const changed: Wire = { ...truth };
  for (const [total, part, outer, inner] of overlays) {
    const whole = truth[total];
    if (part !== kind || typeof whole !== "number" || outer === undefined) continue;
    const details = truth[outer];
    if (inner === undefined) {
      if (details !== undefined) changed[outer] = whole * 2 + 1;
    } else if (typeof details === "object" && details !== null && inner in details) {
      changed[outer] = { ...details, [inner]: whole * 2 + 1 };
    }
  }
  return changed;
}

/** Breakdowns of totals, which say nothing new about the sum. */
function isDetail(name: string): boolean {
  return /(?:_details|Details|_by_modality)$/.test(name) || name === "cache_creation";
}

/** A total that contradicts its parts, where the format has one. */
function mismatched(truth: Wire): Wire {
  const names = ["total_tokens", "totalTokenCount"].filter((name) => name in truth);
  return { ...truth, ...Object.fromEntries(names.map((name) => [name, 7])) };
}

const distortions: Readonly<Record<MalformedUsage, Distort>> = {
  missing: () => omitted,
  null: () => null,
  empty: () => ({}),
  text: () => "usage unavailable",
  array: () => [],
  strings: (truth) => mapNumbers(truth, String),
  notNumbers: (truth) => mapNumbers(truth, () => "NaN"),
  nulls: (truth) => mapNumbers(truth, () => null),
  negative: (truth) => mapNumbers(truth, (value) => (value === 0 ? -1 : -value)),
  fractional: (truth) => mapNumbers(truth, (value) => value + 0.5),
  huge: (truth) => mapNumbers(truth, () => 1e300),
  infinite: (truth) => mapNumbers(truth, () => literal("1e999")),
  unsafeInteger: (truth) => mapNumbers(truth, () => literal("9007199254740993")),
  zeros: (truth) => mapNumbers(truth, () => 0),
  withoutDetails: (truth) => Object.fromEntries(Object.entries(truth).filter(([name]) => !isDetail(name))),
  nullDetails: (truth) =>
    Object.fromEntries(Object.entries(truth).map(([name, value]) => [name, isDetail(name) ? null : value])),
  cachedOverPrompt: (truth) => overflow(truth, "cached"),
  reasoningOverOutput: (truth) => overflow(truth, "reasoning"),
  totalMismatch: mismatched,
  unknownFields: (truth) => ({ ...truth, thinking_units: 12, nested: { deep: [1, 2, 3] } }),
};

/** All kinds, for a test that runs through every one. */
export const malformedUsages: readonly MalformedUsage[] = Object.keys(distortions) as MalformedUsage[];

const without: Readonly<Record<ProviderName, readonly MalformedUsage[]>> = {
  openai: [],
  // Its counts are disjoint, and it has no total.
  anthropic: ["cachedOverPrompt", "totalMismatch"],
  // Thoughts are beside the candidates, not in them.
  google: ["reasoningOverOutput"],
};

/** The kinds that change something in a provider's format, given that cached and reasoning tokens are reported. */
export function malformedUsagesOf(provider: ProviderName): readonly MalformedUsage[] {
  return malformedUsages.filter((kind) => !without[provider].includes(kind));
}

/** The broken form of a true usage object; `omitted` when the field should not be sent. */
export function malformUsage(kind: MalformedUsage, truth: Wire): unknown {
  return distortions[kind](truth);
}
