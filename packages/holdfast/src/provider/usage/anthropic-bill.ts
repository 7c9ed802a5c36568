/**
 * @module What one answer bills, on one model or on several.
 *
 * The beta API lists the passes of an answer (`usage.iterations`). Those of type "message" and "fallback_message" make up
 * the totals; when a fallback served the answer, the totals are those of the serving model alone. Compaction and advisor
 * passes are billed and in no total (types of @anthropic-ai/sdk 1.12: "a compaction entry's tokens are not included in the
 * top-level usage fields"; platform.claude.com, advisor tool: top-level usage is the executor's, 2026-11).
 */
import type { BilledPart } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import type { Usage } from "../../usage/usage.ts";
import {
  addUsage,
  isObject,
  MISSING,
  UnusableUsage,
  type Loose,
  type UsageReading,
} from "./usage-reading.ts";
import { bucketsOf, countsOf, feesOf, shortWritesOf, type WireCounts } from "./anthropic-usage.ts";

export interface Bill {
  readonly usage: UsageReading;
  readonly also?: readonly BilledPart[];
  /** Null when the answer does not say. */
  readonly model: string | null;
}

/** What the request says about how its answer is billed. */
export interface BillTerms {
  /** The model that was asked for. */
  readonly model: string;
  /** Whether cache writes whose lifetime is not said may have the long one. */
  readonly mayWriteLong: boolean;
  /** Whether the model has a long-context price. */
  readonly hasLongContextPrice: boolean;
}

export function billTermsOf({ model, estimate, price }: CallPlan): BillTerms {
  return {
    model,
    mayWriteLong: (estimate.usage.cacheWriteLongTokens ?? 0) > 0,
    hasLongContextPrice: price.longContext.length > 0,
  };
}

/**
 * @param served the tier that the answer names
 * @param priced the name that prices know a model by
 */
export function billOf(
  usage: unknown,
  model: string | null,
  terms: BillTerms,
  served: string | null,
  priced: (model: string) => string,
): Bill {
  if (!isObject(usage)) return { usage: MISSING, model };
  try {
    return readBill(usage, model, terms, served, priced);
  } catch (error) {
    if (error instanceof UnusableUsage) return { usage: { kind: "invalid", problem: error.message }, model };
    throw error;
  }
}

interface Pass {
  readonly type: string;
  /** As on the wire; null for the model of the answer. */
  readonly model: string | null;
  readonly counts: WireCounts;
}

function readBill(
  usage: Loose,
  model: string | null,
  terms: BillTerms,
  served: string | null,
  priced: (model: string) => string,
): Bill {
  if (usage["input_tokens"] === undefined && usage["output_tokens"] === undefined) {
    return { usage: MISSING, model };
  }
  const mayBeLong = terms.mayWriteLong;
  const totals = countsOf(usage);
  const fees = feesOf(usage);
  const listed = passesOf(usage["iterations"]);
  if (listed.length === 0) {
    const buckets = bucketsOf(totals, mayBeLong, shortWritesOf(usage));
    return { usage: { kind: "usage", usage: addUsage(buckets, fees) }, model };
  }
  const fallback = listed.findLast(({ type }) => type === "fallback_message")?.model ?? null;
  const main = fallback ?? model;
  // Where a fallback served, a pass without a name is one that was declined: the model that was asked for.
  const passes =
    fallback === null
      ? listed
      : listed.map((pass) =>
          pass.type === "message" ? { ...pass, model: pass.model ?? terms.model } : pass,
        );
  const own = passes.filter((pass) => isOwn(pass, main));
  const others = passes.filter((pass) => !isOwn(pass, main));
  const inTotals = (pass: Pass): boolean => pass.type === "message" || pass.type === "fallback_message";
  if (!sumsTo(own, totals) && !sumsTo(passes.filter(inTotals), totals)) {
    throw new UnusableUsage("the iterations do not sum to the totals");
  }
  const buckets = (pass: Pass): Usage => bucketsOf(pass.counts, mayBeLong);
  // A long-context price is for one pass: passes that share it are not one long request.
  const apart = terms.hasLongContextPrice ? own.slice(0, -1) : [];
  const together = apart.length > 0 ? own.slice(-1) : own;
  const also: BilledPart[] = [...apart, ...others].map((pass) => ({
    model: priced(pass.model ?? main ?? terms.model),
    serviceTier: served,
    usage: buckets(pass),
  }));
  return {
    usage: { kind: "usage", usage: addUsage(together.map(buckets).reduce(addUsage, {}), fees) },
    model: main,
    ...(also.length === 0 ? {} : { also }),
  };
}

function passesOf(iterations: unknown): Pass[] {
  if (iterations === undefined || iterations === null) return [];
  if (!Array.isArray(iterations)) throw new UnusableUsage("iterations is not a list");
  return (iterations as unknown[]).map((pass) => {
    if (!isObject(pass) || typeof pass["type"] !== "string")
      throw new UnusableUsage("an iteration has no type");
    const model = typeof pass["model"] === "string" && pass["model"] !== "" ? pass["model"] : null;
    return { type: pass["type"], model, counts: countsOf(pass) };
  });
}

/** Whether a pass is of the answer itself, and not of a model or a step besides. */
function isOwn({ type, model }: Pass, main: string | null): boolean {
  return (type === "message" || type === "fallback_message") && (model === null || model === main);
}

function sumsTo(passes: readonly Pass[], totals: WireCounts): boolean {
  const sum = (field: "input" | "cacheRead" | "written" | "output"): number =>
    passes.reduce((all, { counts }) => all + counts[field], 0);
  return (["input", "cacheRead", "written", "output"] as const).every(
    (field) => sum(field) === totals[field],
  );
}
