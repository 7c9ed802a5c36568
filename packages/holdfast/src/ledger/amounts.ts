/** @module What a hold locks and what a settlement posts: one integer per dimension. */

/** The things a limit can be stated in. All of them are reserved together. */
export type Dimension =
  "nanoUsd" | "calls" | "concurrentCalls" | "inputTokens" | "outputTokens" | "totalTokens";

export const DIMENSIONS: readonly Dimension[] = [
  "nanoUsd",
  "calls",
  "concurrentCalls",
  "inputTokens",
  "outputTokens",
  "totalTokens",
];

/**
 * Non-negative safe integers, one per dimension. Money is in nano-USD (1 USD = 1e9).
 * `concurrentCalls` is only ever held: a settlement carries 0, so it frees the slot.
 */
export type Amounts = { readonly [D in Dimension]: number };

export type MutableAmounts = { [D in Dimension]: number };

/** A missing dimension is not limited. */
export type Limits = { readonly [D in Dimension]?: number | undefined };

export const NO_AMOUNTS: Amounts = {
  nanoUsd: 0,
  calls: 0,
  concurrentCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
};

/** Fills the missing dimensions with zero. Frozen, since the ledger, events and errors share it. */
export function amounts(given: Partial<Amounts>): Amounts {
  return Object.freeze({ ...NO_AMOUNTS, ...given });
}

/** True when every dimension is a safe integer that is not negative. */
export function areValidAmounts(value: Amounts): boolean {
  return (
    isCount(value.nanoUsd) &&
    isCount(value.calls) &&
    isCount(value.concurrentCalls) &&
    isCount(value.inputTokens) &&
    isCount(value.outputTokens) &&
    isCount(value.totalTokens)
  );
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
