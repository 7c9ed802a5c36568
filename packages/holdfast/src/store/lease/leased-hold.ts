/** @module One call that rests on pools, and what each of its moves does to them. */
import type { Amounts } from "../../ledger/amounts.ts";
import type { ExpiredHold, ExpiryPolicy, Held, Scope } from "../../ledger/ledger-store.ts";
import type { Pool } from "./pool.ts";

export interface LeasedHold {
  readonly id: string;
  readonly scopes: readonly Scope[];
  readonly amounts: Amounts;
  /** By scope: the pool that it rests on; undefined where the base itself holds it. */
  readonly pools: readonly (Pool | undefined)[];
  /** The first answer. */
  readonly held: Held;
  /** Whether the base holds a part of it, and so decides what becomes of it. */
  readonly isOnBase: boolean;
  /** Whether the base's part is in a scope that can be leased. */
  readonly touchesLeases: boolean;
  state: "live" | "expired" | "resolved";
  dispatched: boolean;
  /** Released while it seemed to be live. */
  wasReleased: boolean;
  /** Settlements and releases sent to the base and not answered: one of them will say what has become of it. */
  unanswered: number;
  /** When it expires, by the base's time, as far as this process knows. */
  expiresAtMs: number;
  /** Process time until which an expired one may be settled. */
  correctableUntilMs: number;
}

/** Undispatched, nothing can have been billed. */
export function policyOf(hold: LeasedHold, scope: Scope): ExpiryPolicy {
  return hold.dispatched ? scope.onExpiry : "release";
}

export function takeShares(pools: readonly (Pool | undefined)[], amounts: Amounts): void {
  for (const pool of pools) pool?.take(amounts);
}

export function releaseShares(hold: LeasedHold): void {
  for (let i = 0; i < hold.pools.length; i++) {
    const pool = hold.pools[i];
    if (pool === undefined) continue;
    if (hold.state === "live") {
      pool.release(hold.amounts);
      hold.wasReleased = true;
    } else {
      // Of an expired hold only quarantined shares can be released; the others keep what expiry made of them.
      pool.finalise(hold.amounts, policyOf(hold, hold.scopes[i]!));
    }
  }
  hold.state = "resolved";
}

/** It had expired before it was released, so what that charged stays charged. */
export function chargeShares(hold: LeasedHold): void {
  hold.wasReleased = false;
  for (let i = 0; i < hold.pools.length; i++) {
    if (policyOf(hold, hold.scopes[i]!) === "charge") hold.pools[i]?.charge(hold.amounts);
  }
}

export function settleShares(hold: LeasedHold, actual: Amounts): void {
  for (let i = 0; i < hold.pools.length; i++) {
    const pool = hold.pools[i];
    if (pool === undefined) continue;
    if (hold.state === "live") pool.settle(hold.amounts, actual);
    else pool.correct(hold.amounts, policyOf(hold, hold.scopes[i]!), actual);
  }
  hold.state = "resolved";
}

export function expireShares(hold: LeasedHold): void {
  for (let i = 0; i < hold.pools.length; i++) {
    hold.pools[i]?.expire(hold.amounts, policyOf(hold, hold.scopes[i]!));
  }
  hold.state = "expired";
}

/** Nobody will settle it any more. */
export function finaliseShares(hold: LeasedHold): void {
  for (let i = 0; i < hold.pools.length; i++) {
    hold.pools[i]?.finalise(hold.amounts, policyOf(hold, hold.scopes[i]!));
  }
  hold.state = "resolved";
}

export function isQuarantined(hold: LeasedHold): boolean {
  return hold.state === "expired" && hold.scopes.some((scope) => policyOf(hold, scope) === "quarantine");
}

/** The report of its expiry over all its scopes; `onBase` is what the base has said of its part. */
export function expiredReport(hold: LeasedHold, onBase: ExpiredHold | undefined): ExpiredHold {
  return {
    holdId: hold.id,
    dispatched: hold.dispatched,
    amounts: hold.amounts,
    effects: hold.scopes.flatMap((scope, i) => {
      const pool = hold.pools[i];
      if (pool === undefined) return onBase?.effects.filter((effect) => effect.scopeKey === scope.key) ?? [];
      return [{ scopeKey: scope.key, windowId: pool.window.id, policy: policyOf(hold, scope) }];
    }),
  };
}
