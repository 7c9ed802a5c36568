/** @module Usage as broken servers and proxies have been seen to report it. The truth stays in the ledger. */

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
  return Object.fromEntries(Object.entries(truth).map(([name, value]) => [name, mapNumbers(value, change)]));
}

/** A number literal that JSON.stringify cannot write, such as 1e999 (which parses as Infinity). */
function literal(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}

function changeDetails(truth: Wire, change: (total: number) => number, names: readonly string[]): Wire {
  const changed: Wire = { ...truth };
  for (const [side, details] of [
    ["prompt_tokens", "prompt_tokens_details"],
    ["input_tokens", "input_tokens_details"],
    ["completion_tokens", "completion_tokens_details"],
    ["output_tokens", "output_tokens_details"],
  ] as const) {
    const total = truth[side];
    const parts = truth[details];
    if (typeof total !== "number" || typeof parts !== "object" || parts === null) continue;
    const hits = Object.keys(parts).filter((name) => names.includes(name));
    changed[details] = { ...parts, ...Object.fromEntries(hits.map((name) => [name, change(total)])) };
  }
  return changed;
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
  withoutDetails: (truth) =>
    Object.fromEntries(Object.entries(truth).filter(([name]) => !name.endsWith("_details"))),
  nullDetails: (truth) =>
    Object.fromEntries(
      Object.entries(truth).map(([name, v]) => [name, name.endsWith("_details") ? null : v]),
    ),
  cachedOverPrompt: (truth) => changeDetails(truth, (total) => total * 2 + 1, ["cached_tokens"]),
  reasoningOverOutput: (truth) => changeDetails(truth, (total) => total * 2 + 1, ["reasoning_tokens"]),
  totalMismatch: (truth) => ({ ...truth, total_tokens: 7 }),
  unknownFields: (truth) => ({ ...truth, thinking_units: 12, nested: { deep: [1, 2, 3] } }),
};

/** All kinds, for a test that runs through every one. */
export const malformedUsages: readonly MalformedUsage[] = Object.keys(distortions) as MalformedUsage[];

/** The broken form of a true usage object; `omitted` when the field should not be sent. */
export function malformUsage(kind: MalformedUsage, truth: Wire): unknown {
  return distortions[kind](truth);
}
