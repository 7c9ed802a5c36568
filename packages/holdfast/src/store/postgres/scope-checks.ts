/** @module What is checked of scopes and ids before anything is sent; a list of scopes that comes again is checked once. */
import { OperationInvalidError } from "../../error/operation-invalid-error.ts";
import type { Scope } from "../../ledger/ledger-store.ts";
import { requireLimits } from "../../ledger/operation-checks.ts";

/** An index of Postgres takes no more than 2.7 kB. */
const LONGEST_ID = 512;

export class ScopeChecks {
  readonly #checked = new WeakSet<readonly Scope[]>();

  /** @throws {OperationInvalidError} when two have the same key, or a limit is no count. */
  requireScopes(scopes: readonly Scope[]): void {
    if (this.#checked.has(scopes)) return;
    const keys = new Set<string>();
    for (const [i, { key, limits }] of scopes.entries()) {
      if (keys.has(key)) throw new OperationInvalidError(`scopes[${i}] has the key of one before it`);
      keys.add(key);
      requireLimits(limits, `scopes[${i}].limits`);
    }
    this.#checked.add(scopes);
  }
}

/** @throws {OperationInvalidError} when an index could not take it. */
export function requireId(id: string, name: string): void {
  if (typeof id === "string" && id.length <= LONGEST_ID) return;
  throw new OperationInvalidError(`${name} must be a text of at most ${LONGEST_ID} characters`);
}
