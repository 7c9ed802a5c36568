/** @module One answer billed on several models: the passes ("iterations") that Anthropic lists. */
import type { Endpoint } from "./endpoint.ts";
import { cutOutput, isUnit, outputOfChunks } from "./quantities.ts";
import type { Quantities, QuantityName } from "./quantities.ts";
import type { EndpointContext } from "./reply.ts";

export type PartType = "message" | "compaction" | "advisor_message" | "fallback_message";

/** What one model bills of an answer. */
export interface BilledPart {
  readonly type: PartType;
  readonly model: string;
  readonly quantities: Quantities;
  /** The totals of the answer's usage include it. */
  readonly inTotals: boolean;
}

export interface ScriptedIteration {
  readonly type: PartType;
  /** @default the model of the answer */
  readonly model?: string;
  readonly usage: Quantities;
  /** The top-level usage includes it. @default true for messages and fallback messages */
  readonly inTotals?: boolean;
}

/** Units (searches) come from `merged`; tokens from the iterations when there are some. */
export function billedParts(
  model: string,
  merged: Quantities,
  iterations: readonly ScriptedIteration[] | undefined,
): BilledPart[] {
  if (iterations === undefined) return [{ type: "message", model, quantities: merged, inTotals: true }];
  const parts = iterations.map(({ type, usage, ...given }) => ({
    type,
    model: given.model ?? model,
    quantities: usage,
    inTotals: given.inTotals ?? (type === "message" || type === "fallback_message"),
  }));
  const main = streamedPart(parts);
  if (main === undefined) throw new Error("script at least one iteration that the totals include");
  const units = Object.fromEntries(
    Object.entries(merged).filter(([name]) => isUnit(name as QuantityName)),
  ) as Quantities;
  return parts.map((part) =>
    part === main ? { ...part, quantities: { ...units, ...part.quantities } } : part,
  );
}

/** The part whose output the content chunks carry: the last one in the totals. */
function streamedPart<Part extends { readonly inTotals: boolean }>(parts: readonly Part[]): Part | undefined {
  return parts.findLast(({ inTotals }) => inTotals);
}

/** The same parts when the stream stopped after `written` of `chunks` content chunks. */
export function cutParts(parts: readonly BilledPart[], chunks: number, written: number): BilledPart[] {
  const main = streamedPart(parts);
  return parts.map((part) => {
    if (part !== main) return part;
    const output = outputOfChunks(part.quantities.outputTokens ?? 0, chunks, written);
    return { ...part, quantities: cutOutput(part.quantities, output) };
  });
}

/** What a generation bills at an endpoint: its parts without what the endpoint never bills. */
export function endpointParts(endpoint: Endpoint, { request, generation }: EndpointContext): BilledPart[] {
  const never = endpoint.without?.(request, generation.quantities) ?? [];
  const kept = (quantities: Quantities): Quantities =>
    Object.fromEntries(
      Object.entries(quantities).filter(([name]) => !never.includes(name as (typeof never)[number])),
    );
  return generation.parts.map((part) => ({ ...part, quantities: kept(part.quantities) }));
}
