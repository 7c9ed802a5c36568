/** @module The budgets that the processes of a race compete for. */
import { amounts, type Scope } from "holdfast";

export const CALL = amounts({ nanoUsd: 1_000_000, calls: 1, concurrentCalls: 1, outputTokens: 100 });

export const MONEY_FOR_CALLS = 100;

const COMMON = { values: {}, window: { kind: "total" }, onExpiry: "charge" } as const;

export const ORG: Scope = {
  ...COMMON,
  key: "org",
  budgetId: "org",
  limits: { nanoUsd: MONEY_FOR_CALLS * CALL.nanoUsd, concurrentCalls: 3 },
};

/** One budget for all, and a generous one of each process, in another order in every second process. */
export function scopesOf(index: number): readonly Scope[] {
  const own: Scope = { ...COMMON, key: `process-${index}`, budgetId: "process", limits: { calls: 1_000 } };
  return index % 2 === 0 ? [ORG, own] : [own, ORG];
}
