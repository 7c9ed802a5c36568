/** @module The checks of a list of scopes, done once for the lists that come again and again. */
import { OperationInvalidError } from "../../error/operation-invalid-error.ts";
import type { Scope } from "../../ledger/ledger-store.ts";
import { requireLimits } from "../../ledger/operation-checks.ts";

export class ScopeChecks {
  readonly #checked = new WeakSet<readonly Scope[]>();

  /** @throws {OperationInvalidError} when two have the same key, or a limit is no count. */
  requireScopes(scopes: readonly Scope[]): void {
    if (this.#checked.has(scopes)) return;
    const first = new Map<string, number>();
    for (const [i, { key, limits }] of scopes.entries()) {
      const twin = first.get(key);
      if (twin !== undefined)
        throw new OperationInvalidError(`scopes[${twin}] and scopes[${i}] have one key`);
      first.set(key, i);
      requireLimits(limits, `scopes[${i}].limits`);
    }
    this.#checked.add(scopes);
  }
}
