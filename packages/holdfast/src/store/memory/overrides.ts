/** @module The overrides in force, and what they make of a limit. */
import { saturatingAdd } from "../../kernel/money.ts";
import { DIMENSIONS, type Dimension, type Limits } from "../../ledger/amounts.ts";
import type { Scope } from "../../ledger/ledger-store.ts";

interface Override {
  readonly extra: Limits;
  readonly expiresAtMs: number;
}

export class Overrides {
  readonly #byScope = new Map<string, readonly Override[]>();

  add(scope: Scope, extra: Limits, expiresAtMs: number, nowMs: number): void {
    this.#byScope.set(scope.key, [...this.#inForce(scope.key, nowMs), { extra, expiresAtMs }]);
  }

  /** The scope's limits plus what is allowed on top. */
  limitsOf(scope: Scope, nowMs: number): Limits {
    if (this.#byScope.size === 0) return scope.limits;
    const inForce = this.#inForce(scope.key, nowMs);
    if (inForce.length === 0) return scope.limits;
    const limits: { [D in Dimension]?: number } = {};
    for (const dimension of DIMENSIONS) {
      const limit = scope.limits[dimension];
      if (limit === undefined) continue;
      limits[dimension] = inForce.reduce((sum, one) => saturatingAdd(sum, one.extra[dimension] ?? 0), limit);
    }
    return limits;
  }

  #inForce(scopeKey: string, nowMs: number): readonly Override[] {
    const all = this.#byScope.get(scopeKey);
    if (all === undefined) return [];
    const inForce = all.filter((override) => override.expiresAtMs > nowMs);
    if (inForce.length === 0) this.#byScope.delete(scopeKey);
    else if (inForce.length < all.length) this.#byScope.set(scopeKey, inForce);
    return inForce;
  }
}
