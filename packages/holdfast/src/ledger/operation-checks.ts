/** @module What every store checks of an operation before it writes anything. */
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import { areValidAmounts, DIMENSIONS, type Amounts, type Limits } from "./amounts.ts";
import type { AdjustOperation, OverrideOperation, ReserveOperation, Scope } from "./ledger-store.ts";

/** @throws {OperationInvalidError} naming the dimension. */
export function requireAmounts(value: Amounts): void {
  if (areValidAmounts(value)) return;
  const dimension = DIMENSIONS.find((d) => !Number.isSafeInteger(value[d]) || value[d] < 0)!;
  throw new OperationInvalidError(
    `amounts.${dimension} must be a safe integer >= 0, not ${String(value[dimension])}`,
  );
}

/** @throws {OperationInvalidError} naming the dimension. */
export function requireLimits(limits: Limits, name: string): void {
  for (const dimension of DIMENSIONS) {
    const limit = limits[dimension];
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) {
      throw new OperationInvalidError(`${name}.${dimension} must be a safe integer >= 0, not ${limit}`);
    }
  }
}

/** @throws {OperationInvalidError} when it is not a whole number above 0. */
export function requirePositive(value: number, name: string): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new OperationInvalidError(`${name} must be a whole number > 0, not ${String(value)}`);
}

/** @throws {OperationInvalidError} naming the dimension. */
export function requireDelta(delta: AdjustOperation["delta"]): void {
  for (const dimension of DIMENSIONS) {
    const amount = delta[dimension];
    if (amount !== undefined && !Number.isSafeInteger(amount)) {
      throw new OperationInvalidError(`adjust.delta.${dimension} must be a safe integer, not ${amount}`);
    }
  }
}

/** Whether a replayed reservation asks for what the first one asked for. */
export function sameReservation(
  scopes: readonly Scope[],
  amounts: Amounts,
  operation: ReserveOperation,
): boolean {
  return (
    scopes.length === operation.scopes.length &&
    scopes.every((scope, i) => scope.key === operation.scopes[i]!.key) &&
    sameAmounts(amounts, operation.amounts)
  );
}

export function sameAdjustment(a: AdjustOperation, b: AdjustOperation): boolean {
  return a.scope.key === b.scope.key && DIMENSIONS.every((d) => (a.delta[d] ?? 0) === (b.delta[d] ?? 0));
}

export function sameOverride(a: OverrideOperation, b: OverrideOperation): boolean {
  return (
    a.scope.key === b.scope.key && a.ttlMs === b.ttlMs && DIMENSIONS.every((d) => a.extra[d] === b.extra[d])
  );
}

export function sameAmounts(a: Amounts, b: Amounts): boolean {
  return DIMENSIONS.every((dimension) => a[dimension] === b[dimension]);
}
