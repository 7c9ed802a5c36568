/** @module What the reference model accepts: everything else is thrown out before anything is written. */
import { DIMENSIONS } from "holdfast";
import type { Amounts, Limits, Scope } from "holdfast";

export function requireAmounts(given: Amounts): void {
  for (const dimension of DIMENSIONS) requireCount(given[dimension], dimension);
}

/** Every given dimension is a non-negative safe integer. */
export function requireLimits(limits: Limits): void {
  for (const dimension of DIMENSIONS) {
    if (limits[dimension] !== undefined) requireCount(limits[dimension], `limit of ${dimension}`);
  }
}

export function requireScopes(scopes: readonly Scope[]): void {
  const keys = new Set<string>();
  for (const scope of scopes) {
    requireLimits(scope.limits);
    if (keys.has(scope.key)) throw new RangeError("two scopes of one operation have the same key");
    keys.add(scope.key);
  }
}

/** Signed, but a safe integer. */
export function requireDelta(delta: Partial<Amounts>): void {
  for (const dimension of DIMENSIONS) {
    const value = delta[dimension];
    if (value !== undefined && !Number.isSafeInteger(value))
      throw new RangeError(`${dimension} is not a safe integer`);
  }
}

export function requireCount(value: unknown, what: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new RangeError(`${what} is not a non-negative safe integer`);
  }
}
