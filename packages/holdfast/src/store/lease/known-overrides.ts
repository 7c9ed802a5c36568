/** @module The overrides that this process has given: what they add to a limit, and when they end. */
import type { Limits } from "../../ledger/amounts.ts";
import type { OverrideOperation, Scope } from "../../ledger/ledger-store.ts";
import { Overrides } from "../memory/overrides.ts";

export class KnownOverrides {
  readonly #overrides = new Overrides();
  readonly #ends = new Map<string, readonly number[]>();

  /** @param expiresAtMs by the base's time, as is every time here */
  add({ scope, extra }: OverrideOperation, expiresAtMs: number, nowMs: number): void {
    this.#overrides.add(scope, extra, expiresAtMs, nowMs);
    this.#ends.set(scope.key, [...this.endsOf(scope.key, nowMs), expiresAtMs]);
  }

  limitsOf(scope: Scope, nowMs: number): Limits {
    return this.#overrides.limitsOf(scope, nowMs);
  }

  /** When those in force end. */
  endsOf(key: string, nowMs: number): readonly number[] {
    const ends = this.#ends.get(key);
    if (ends === undefined) return [];
    const inForce = ends.filter((endMs) => endMs > nowMs);
    if (inForce.length === 0) this.#ends.delete(key);
    return inForce;
  }
}
