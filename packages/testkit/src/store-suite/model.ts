/**
 * @module The reference model of the store port: small, obvious, slow. It is the specification that stores are
 * compared with, so it shares no code with any of them.
 *
 * It expires eagerly: every operation first resolves all holds that are due. What is held is never a counter, it is
 * summed from the holds each time it is asked for.
 */
import { DIMENSIONS, windowAt } from "holdfast";
import type * as Port from "holdfast";
import {
  Counter,
  chargeOf,
  isOutOfRange,
  limitsWith,
  plus,
  toAmounts,
  toBig,
  combine,
  type Big,
} from "./model-counter.ts";
import { requireAmounts, requireCount, requireDelta, requireLimits, requireScopes } from "./model-input.ts";
import { canonical } from "./canonical.ts";
import { availableAfter, denialOf } from "./model-denial.ts";
import { OperationMemory } from "./model-memory.ts";

interface Share {
  readonly scope: Port.Scope;
  readonly window: Port.Window;
  /** The slice of a rolling window. */
  readonly cell: number;
  state: "held" | "charged" | "free";
}

/** A hold as the model sees it; read by the property, written by the model alone. */
export interface ModelHold {
  readonly id: string;
  readonly amounts: Port.Amounts;
  readonly shares: readonly Share[];
  expiresAtMs: number;
  dispatched: boolean;
  state: "live" | "expired" | "settled" | "released";
}

export class ReferenceModel implements Port.LedgerStore {
  readonly name: string = "model";
  readonly holds: Map<string, ModelHold> = new Map();
  readonly #now: () => number;
  readonly #counters = new Map<string, Counter>();
  readonly #memory = new OperationMemory();
  readonly #overrides: { readonly key: string; readonly extra: Port.Limits; readonly expiresAtMs: number }[] =
    [];
  /** Resolved by an operation that could not say so; the next reserve or expire does. */
  #unreported: Port.ExpiredHold[] = [];

  constructor(options: { readonly now: () => number }) {
    this.#now = options.now;
  }

  reserve(operation: Port.ReserveOperation): Port.ReserveResult {
    requireAmounts(operation.amounts);
    requireScopes(operation.scopes);
    requireCount(operation.undispatchedTtlMs, "undispatchedTtlMs");
    const fingerprint = canonical(["reserve", operation.scopes.map((scope) => scope.key), operation.amounts]);
    const answer = this.#memory.once(operation.operationId, fingerprint, (): Port.ReserveResult => {
      const now = this.#now();
      this.#expireDue();
      const states = operation.scopes.map((scope) => this.stateOf(scope));
      const denial = denialOf(operation, states, now);
      if (denial !== undefined) return denial;
      const shares = states.map(({ scope, window }): Share => {
        this.#counter(scope, window);
        return { scope, window, cell: Counter.cellAt(scope, now), state: "held" };
      });
      const id = operation.operationId;
      const expiresAtMs = now + operation.undispatchedTtlMs;
      this.holds.set(id, {
        id,
        amounts: operation.amounts,
        shares,
        expiresAtMs,
        dispatched: false,
        state: "live",
      });
      const windows = states.map((state) => state.window);
      const held: Port.Held = { outcome: "held", holdId: id, replayed: false, reservedAtMs: now, windows };
      if (operation.reportAvailable !== true) return held;
      return { ...held, available: availableAfter(states, operation.amounts) };
    });
    if (answer.outcome === "held" && answer.replayed) {
      const { available: _, ...replay } = answer;
      return replay;
    }
    if (answer.outcome === "mismatch" || answer.replayed || this.#unreported.length === 0) return answer;
    return { ...answer, expired: this.#unreported.splice(0) };
  }

  /** A hold that is over cannot be sent with any more, so even a replay is told so. */
  dispatch(operation: Port.DispatchOperation): Port.DispatchResult {
    requireCount(operation.ttlMs, "ttlMs");
    const hold = this.#liveHold(operation.holdId);
    if ("outcome" in hold) return hold;
    return this.#memory.once(ownId("dispatch", operation), "", (): Port.DispatchResult => {
      hold.dispatched = true;
      hold.expiresAtMs = this.#now() + operation.ttlMs;
      return { outcome: "dispatched", replayed: false };
    });
  }

  renew(operation: Port.RenewOperation): Port.RenewResult {
    requireCount(operation.ttlMs, "ttlMs");
    const hold = this.#liveHold(operation.holdId);
    if ("outcome" in hold) return hold;
    return this.#memory.once(ownId("renew", operation), "", (): Port.RenewResult => {
      hold.expiresAtMs = Math.max(hold.expiresAtMs, this.#now() + operation.ttlMs);
      return { outcome: "renewed", replayed: false, expiresAtMs: hold.expiresAtMs };
    });
  }

  settle(operation: Port.SettleOperation): Port.SettleResult {
    requireAmounts(operation.amounts);
    const fingerprint = canonical(["settle", operation.holdId, operation.amounts]);
    return this.#memory.once(operation.operationId, fingerprint, (): Port.SettleResult => {
      this.#expireDue();
      const hold = this.holds.get(operation.holdId);
      if (hold === undefined) return { outcome: "unknown-hold" };
      if (hold.state === "settled" || hold.state === "released") {
        return { outcome: "already-resolved", state: hold.state };
      }
      const corrected = hold.state === "expired";
      for (const share of hold.shares) {
        const remove = share.state === "charged" ? chargeOf(hold.amounts) : toAmounts(toBig({}));
        this.#counter(share.scope, share.window).post(share.cell, operation.amounts, remove);
        share.state = "free";
      }
      hold.state = "settled";
      return {
        outcome: "settled",
        replayed: false,
        corrected,
        charged: operation.amounts,
        held: hold.amounts,
      };
    });
  }

  release(operation: Port.ReleaseOperation): Port.ReleaseResult {
    return this.#memory.once(ownId("release", operation), "", (): Port.ReleaseResult => {
      this.#expireDue();
      const hold = this.holds.get(operation.holdId);
      if (hold === undefined) return { outcome: "unknown-hold" };
      const quarantined = hold.state === "expired" && hold.shares.some((share) => share.state === "held");
      if (hold.state !== "live" && !quarantined) return { outcome: "already-resolved", state: hold.state };
      for (const share of hold.shares) if (share.state === "held") share.state = "free";
      hold.state = "released";
      return { outcome: "released", replayed: false };
    });
  }

  expire(operation: Port.ExpireOperation): Port.Expired {
    this.#expireDue();
    const expired = this.#unreported.slice(0, operation.limit);
    this.#unreported = this.#unreported.slice(operation.limit);
    return { expired, more: this.#unreported.length > 0 };
  }

  adjust(operation: Port.AdjustOperation): Port.AdjustResult {
    requireDelta(operation.delta);
    requireScopes([operation.scope]);
    const fingerprint = canonical(["adjust", operation.scope.key, toAmountsSigned(operation.delta)]);
    return this.#memory.once(operation.operationId, fingerprint, (): Port.AdjustResult => {
      this.#expireDue();
      const now = this.#now();
      const { scope } = operation;
      const before = this.stateOf(scope);
      const after = plus(toBig(before.spent), toBig(operation.delta));
      if ([...after.values()].some(isOutOfRange)) return { outcome: "out-of-range" };
      this.#counter(scope, before.window).adjust(operation.delta, now);
      return { outcome: "adjusted", replayed: false, state: this.stateOf(scope) };
    });
  }

  override(operation: Port.OverrideOperation): Port.OverrideResult {
    requireLimits(operation.extra);
    requireScopes([operation.scope]);
    requireCount(operation.ttlMs, "ttlMs");
    const fingerprint = canonical(["override", operation.scope.key, operation.extra]);
    return this.#memory.once(operation.operationId, fingerprint, (): Port.OverrideResult => {
      const expiresAtMs = this.#now() + operation.ttlMs;
      this.#overrides.push({ key: operation.scope.key, extra: operation.extra, expiresAtMs });
      return { outcome: "overridden", replayed: false, expiresAtMs };
    });
  }

  balances(query: Port.BalancesQuery): Port.Balances {
    this.#expireDue();
    const now = this.#now();
    const listed = [...this.#counters.values()]
      .filter(({ scope }) => query.budgetIds === undefined || query.budgetIds.includes(scope.budgetId))
      .filter(({ scope }) => query.after === undefined || scope.key > query.after)
      .map((counter) => this.#stateIn(counter.scope, counter.window))
      .filter((state) => isCurrent(state, now) || DIMENSIONS.some((dimension) => state.held[dimension] > 0))
      .sort((a, b) => compare(a.scope.key, b.scope.key) || compare(a.window.id, b.window.id));
    const limit = query.limit ?? 1000;
    if (listed.length <= limit) return { balances: listed };
    // A page ends between two keys, never between two windows of one key.
    let end = limit;
    while (end > 0 && listed[end]!.scope.key === listed[end - 1]!.scope.key) end -= 1;
    if (end === 0) end = listed.findIndex((state) => state.scope.key !== listed[0]!.scope.key);
    if (end === -1) return { balances: listed };
    return { balances: listed.slice(0, end), next: listed[end - 1]!.scope.key };
  }

  close(): void {}

  /** The scope's limits plus the overrides in force. */
  limitsOf(scope: Port.Scope): Port.Limits {
    const now = this.#now();
    const inForce = this.#overrides.filter(({ key, expiresAtMs }) => key === scope.key && now < expiresAtMs);
    return limitsWith(
      scope.limits,
      inForce.map(({ extra }) => extra),
    );
  }

  /** The scope in its current window. */
  stateOf(scope: Port.Scope): Port.ScopeState {
    this.#expireDue();
    return this.#stateIn(scope, windowAt(scope.window, this.#now()));
  }

  #stateIn(scope: Port.Scope, window: Port.Window): Port.ScopeState {
    const counter = this.#counters.get(counterName(scope, window));
    const spent = counter === undefined ? toBig({}) : counter.spentAt(this.#now());
    const held = this.#heldIn(scope, window);
    return { scope, window, spent: toAmounts(spent), held: toAmounts(held), limits: this.limitsOf(scope) };
  }

  #heldIn(scope: Port.Scope, window: Port.Window): Big {
    const name = counterName(scope, window);
    let sum = toBig({});
    for (const hold of this.holds.values()) {
      for (const share of hold.shares) {
        if (share.state === "held" && counterName(share.scope, share.window) === name) {
          sum = combine(sum, toBig(hold.amounts), (x, y) => x + y);
        }
      }
    }
    return sum;
  }

  #counter(scope: Port.Scope, window: Port.Window): Counter {
    const name = counterName(scope, window);
    const counter = this.#counters.get(name) ?? new Counter(scope, window);
    counter.scope = scope;
    this.#counters.set(name, counter);
    return counter;
  }

  #liveHold(holdId: string): ModelHold | Port.UnknownHold | Port.AlreadyResolved {
    this.#expireDue();
    const hold = this.holds.get(holdId);
    if (hold === undefined) return { outcome: "unknown-hold" };
    return hold.state === "live" ? hold : { outcome: "already-resolved", state: hold.state };
  }

  #expireDue(): void {
    const now = this.#now();
    const due = [...this.holds.values()].filter((hold) => hold.state === "live" && now >= hold.expiresAtMs);
    for (const hold of due.sort((a, b) => a.expiresAtMs - b.expiresAtMs)) {
      hold.state = "expired";
      const effects = hold.shares.map((share) => {
        const policy = hold.dispatched ? share.scope.onExpiry : "release";
        if (policy === "charge") {
          const nothing = toAmounts(toBig({}));
          this.#counter(share.scope, share.window).post(share.cell, chargeOf(hold.amounts), nothing);
        }
        if (policy !== "quarantine") share.state = policy === "charge" ? "charged" : "free";
        return { scopeKey: share.scope.key, windowId: share.window.id, policy };
      });
      this.#unreported.push({ holdId: hold.id, dispatched: hold.dispatched, amounts: hold.amounts, effects });
    }
  }
}

/** These operations have no mismatch: under another hold, an id is another operation. */
function ownId(verb: string, operation: { readonly operationId: string; readonly holdId: string }): string {
  return canonical([verb, operation.operationId, operation.holdId]);
}

function counterName(scope: Port.Scope, window: Port.Window): string {
  return JSON.stringify([scope.key, window.id]);
}

function isCurrent(state: Port.ScopeState, nowMs: number): boolean {
  return windowAt(state.scope.window, nowMs).id === state.window.id;
}

function toAmountsSigned(delta: Partial<Port.Amounts>): Record<string, number> {
  return Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, delta[dimension] ?? 0]));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
