/** @module Sums over all dimensions, changed in place: the arithmetic of a pool. */
import { saturatingAdd } from "../../kernel/money.ts";
import { DIMENSIONS, type Amounts, type MutableAmounts } from "../../ledger/amounts.ts";

export function zero(): MutableAmounts {
  return { nanoUsd: 0, calls: 0, concurrentCalls: 0, inputTokens: 0, outputTokens: 0, totalTokens: 0 };
}

export function add(target: MutableAmounts, amounts: Amounts): void {
  target.concurrentCalls = saturatingAdd(target.concurrentCalls, amounts.concurrentCalls);
  addSpent(target, amounts);
}

/** Without `concurrentCalls`: a slot is only ever held, never posted. */
export function addSpent(target: MutableAmounts, amounts: Amounts): void {
  target.nanoUsd = saturatingAdd(target.nanoUsd, amounts.nanoUsd);
  target.calls = saturatingAdd(target.calls, amounts.calls);
  target.inputTokens = saturatingAdd(target.inputTokens, amounts.inputTokens);
  target.outputTokens = saturatingAdd(target.outputTokens, amounts.outputTokens);
  target.totalTokens = saturatingAdd(target.totalTokens, amounts.totalTokens);
}

export function subtract(target: MutableAmounts, amounts: Amounts): void {
  target.concurrentCalls -= amounts.concurrentCalls;
  target.nanoUsd -= amounts.nanoUsd;
  target.calls -= amounts.calls;
  target.inputTokens -= amounts.inputTokens;
  target.outputTokens -= amounts.outputTokens;
  target.totalTokens -= amounts.totalTokens;
}

export function isZero(amounts: Amounts): boolean {
  return DIMENSIONS.every((dimension) => amounts[dimension] === 0);
}
