/**
 * @module The store of one process: exact, synchronous, gone when the process ends.
 *
 * Every operation runs to its end without yielding, which is what makes it atomic. Two processes with a memory store
 * each have two budgets; use a shared store for one.
 */
import { OperationInvalidError } from "../../error/operation-invalid-error.ts";
import { systemClock, type Clock } from "../../kernel/clock.ts";
import { availableIn, denialOf, exceeds } from "../../ledger/admission.ts";
import { DIMENSIONS, NO_AMOUNTS, type Amounts, type Dimension } from "../../ledger/amounts.ts";
import { holdTransition } from "../../ledger/hold-state.ts";
import type {
  AdjustOperation,
  AdjustResult,
  Balances,
  BalancesQuery,
  Denied,
  DispatchOperation,
  DispatchResult,
  Expired,
  ExpiredHold,
  ExpireOperation,
  Held,
  LedgerStore,
  OverrideOperation,
  OverrideResult,
  ReleaseOperation,
  ReleaseResult,
  Renewed,
  RenewOperation,
  RenewResult,
  ReserveOperation,
  ReserveResult,
  Scope,
  ScopeState,
  SettleOperation,
  SettleResult,
} from "../../ledger/ledger-store.ts";
import {
  requireAmounts,
  requireDelta,
  requireLimits,
  requirePositive,
  sameAdjustment,
  sameAmounts,
  sameOverride,
  sameReservation,
} from "../../ledger/operation-checks.ts";
import type { Counter } from "./counter.ts";
import { Counters } from "./counters.ts";
import { describeExpired, Hold, HoldQueues, settled } from "./hold.ts";
import { MemoryJobs } from "./job-records.ts";
import { Overrides } from "./overrides.ts";
import { Remembered } from "./remembered.ts";

export interface MemoryStoreOptions {
  readonly clock?: Clock;
  /**
   * How many resolved holds, denials and other finished operations are remembered, each, so that a replay is answered
   * as the first time.
   * @default 10_000
   */
  readonly rememberedOperations?: number;
}

/** Due holds that a reserve resolves in passing, so that its own cost stays bounded. */
const EXPIRE_IN_PASSING = 16;

const NONE: readonly Hold[] = [];

type Expiry = { readonly expired?: readonly ExpiredHold[] };
const NOT_EXPIRED: Expiry = {};

export function memoryStore(options: MemoryStoreOptions = {}): LedgerStore {
  return new MemoryStore(options);
}

class MemoryStore implements LedgerStore {
  readonly name = "memory";
  readonly jobs: MemoryJobs;
  readonly #clock: Clock;
  readonly #counters = new Counters();
  readonly #holds = new Map<string, Hold>();
  readonly #resolved: Remembered<Hold>;
  readonly #expired: Remembered<Hold>;
  readonly #denied: Remembered<{ readonly operation: ReserveOperation; readonly denial: Denied }>;
  readonly #done: Remembered<{
    readonly operation: object;
    readonly result: AdjustResult | OverrideResult | Renewed;
  }>;
  readonly #queues = new HoldQueues();
  readonly #overrides = new Overrides();
  /** Calls with the same attribution come with the same list of scopes, again and again. */
  readonly #checkedScopes = new WeakSet<readonly Scope[]>();
  #nowMs = 0;

  constructor(options: MemoryStoreOptions) {
    const remembered = options.rememberedOperations ?? 10_000;
    this.#clock = options.clock ?? systemClock;
    this.jobs = new MemoryJobs(this.#clock);
    this.#resolved = new Remembered(remembered);
    this.#expired = new Remembered(remembered);
    this.#denied = new Remembered(remembered);
    this.#done = new Remembered(remembered);
  }

  reserve(operation: ReserveOperation): ReserveResult {
    const { operationId, scopes, amounts } = operation;
    requireAmounts(amounts);
    this.#requireScopes(scopes);
    requirePositive(operation.undispatchedTtlMs, "undispatchedTtlMs");
    const earlier = this.#findHold(operationId);
    if (earlier !== undefined) {
      if (!sameReservation(earlier.scopes, earlier.amounts, operation)) return { outcome: "mismatch" };
      return this.#held(earlier, true);
    }
    const denied = this.#denied.get(operationId);
    if (denied !== undefined) {
      const same = sameReservation(denied.operation.scopes, denied.operation.amounts, operation);
      return same ? { ...denied.denial, replayed: true } : { outcome: "mismatch" };
    }

    const nowMs = this.#now();
    this.#counters.forgetSome(nowMs);
    let expired = this.#expireDue(nowMs, EXPIRE_IN_PASSING);
    const counters = new Array<Counter | undefined>(scopes.length);
    let limiting = this.#firstLimit(scopes, amounts, nowMs, counters);
    if (limiting !== undefined && this.#queues.nextDue(nowMs) !== undefined) {
      // A hold whose time is over never causes a denial.
      expired = [...expired, ...this.#expireDue(nowMs, Infinity)];
      limiting = this.#firstLimit(scopes, amounts, nowMs, counters);
    }
    if (limiting !== undefined) {
      const denial = denialOf(operation, this.#statesOf(scopes, nowMs), limiting, nowMs);
      this.#denied.add(operationId, { operation, denial });
      return expired.length === 0 ? denial : { ...denial, expired: expired.map(describeExpired) };
    }

    for (let i = 0; i < scopes.length; i++) {
      const scope = scopes[i]!;
      const counter = (counters[i] ??= this.#counters.open(scope, nowMs));
      counter.scope = scope;
      counter.hold(amounts);
    }
    const hold = new Hold(operationId, scopes, counters as readonly Counter[], amounts, nowMs);
    hold.expiresAtMs = nowMs + operation.undispatchedTtlMs;
    this.#holds.set(operationId, hold);
    this.#queues.push(hold, operation.undispatchedTtlMs);
    let held = this.#held(hold, false);
    if (operation.reportAvailable === true) {
      held = { ...held, available: availableIn(this.#statesOf(scopes, nowMs)) };
    }
    return expired.length === 0 ? held : { ...held, expired: expired.map(describeExpired) };
  }

  dispatch(operation: DispatchOperation): DispatchResult {
    requirePositive(operation.ttlMs, "ttlMs");
    const nowMs = this.#now();
    const { hold, expired } = this.#liveOrResolved(operation.holdId, nowMs);
    if (hold === undefined) return { outcome: "unknown-hold" };
    const transition = holdTransition(hold.state, "dispatch");
    if (!transition.allowed) return { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
    if (hold.dispatched) return { outcome: "dispatched", replayed: true };
    hold.state = transition.next;
    hold.dispatched = true;
    hold.expiresAtMs = nowMs + operation.ttlMs;
    this.#queues.push(hold, operation.ttlMs);
    return { outcome: "dispatched", replayed: false };
  }

  settle(operation: SettleOperation): SettleResult {
    requireAmounts(operation.amounts);
    const { hold, expired } = this.#liveOrResolved(operation.holdId, this.#now());
    if (hold === undefined) return { outcome: "unknown-hold" };
    const transition = holdTransition(hold.state, "settle");
    if (!transition.allowed) {
      if (hold.state !== "settled" || hold.resolvedBy !== operation.operationId) {
        return { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
      }
      if (!sameAmounts(hold.charged ?? NO_AMOUNTS, operation.amounts)) return { outcome: "mismatch" };
      return settled(hold, true);
    }
    for (let i = 0; i < hold.counters.length; i++) {
      const expiredAs = hold.expiredAs?.[i];
      const counter = expiredAs === undefined ? hold.counters[i]! : this.#counters.rejoin(hold.counters[i]!);
      if (expiredAs === undefined || expiredAs === "quarantine") counter.unhold(hold.amounts);
      else if (expiredAs === "charge") counter.unpost(hold.amounts, hold.reservedAtMs);
      counter.post(operation.amounts, hold.reservedAtMs);
    }
    hold.corrected = hold.expiredAs !== undefined;
    hold.charged = operation.amounts;
    hold.state = transition.next;
    this.#resolve(hold, operation.operationId);
    const result = settled(hold, false);
    return expired === NOT_EXPIRED ? result : { ...result, ...expired };
  }

  release(operation: ReleaseOperation): ReleaseResult {
    const { hold, expired } = this.#liveOrResolved(operation.holdId, this.#now());
    if (hold === undefined) return { outcome: "unknown-hold" };
    const transition = holdTransition(hold.state, "release");
    if (!transition.allowed) {
      return hold.state === "released" && hold.resolvedBy === operation.operationId
        ? { outcome: "released", replayed: true }
        : { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
    }
    for (let i = 0; i < hold.counters.length; i++) {
      // Of a quarantined hold only the quarantined shares are still held.
      const expiredAs = hold.expiredAs?.[i];
      if (expiredAs === undefined || expiredAs === "quarantine") hold.counters[i]!.unhold(hold.amounts);
    }
    hold.state = transition.next;
    this.#resolve(hold, operation.operationId);
    return { outcome: "released", replayed: false };
  }

  renew(operation: RenewOperation): RenewResult {
    requirePositive(operation.ttlMs, "ttlMs");
    const nowMs = this.#now();
    const { hold, expired } = this.#liveOrResolved(operation.holdId, nowMs);
    if (hold === undefined) return { outcome: "unknown-hold" };
    const transition = holdTransition(hold.state, "renew");
    if (!transition.allowed) return { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
    const earlier = this.#done.get(operation.operationId);
    if (earlier?.result.outcome === "renewed") return { ...earlier.result, replayed: true };
    const expiresAtMs = nowMs + operation.ttlMs;
    if (expiresAtMs > hold.expiresAtMs) {
      hold.expiresAtMs = expiresAtMs;
      this.#queues.push(hold, operation.ttlMs);
    }
    const result: Renewed = { outcome: "renewed", replayed: false, expiresAtMs: hold.expiresAtMs };
    if (earlier === undefined) this.#done.add(operation.operationId, { operation, result });
    return result;
  }

  expire(operation: ExpireOperation): Expired {
    requirePositive(operation.limit, "limit");
    const nowMs = this.#now();
    this.#counters.forgetSome(nowMs);
    const expired = this.#expireDue(nowMs, operation.limit).map(describeExpired);
    return { expired, more: this.#queues.nextDue(nowMs) !== undefined };
  }

  adjust(operation: AdjustOperation): AdjustResult {
    requireDelta(operation.delta);
    const earlier = this.#done.get(operation.operationId);
    if (earlier !== undefined) {
      const result = earlier.result;
      if (result.outcome !== "adjusted" || !sameAdjustment(earlier.operation as AdjustOperation, operation)) {
        return { outcome: "mismatch" };
      }
      return { ...result, replayed: true };
    }
    const nowMs = this.#now();
    const existing = this.#counters.find(operation.scope, nowMs);
    for (const dimension of DIMENSIONS) {
      const after = (existing?.spent[dimension] ?? 0) + (operation.delta[dimension] ?? 0);
      if (after < 0 || after > Number.MAX_SAFE_INTEGER) return { outcome: "out-of-range" };
    }
    const counter = this.#counters.open(operation.scope, nowMs);
    counter.adjust(operation.delta, nowMs);
    const result: AdjustResult = {
      outcome: "adjusted",
      replayed: false,
      state: this.#stateOf(operation.scope, counter, nowMs),
    };
    this.#done.add(operation.operationId, { operation, result });
    return result;
  }

  override(operation: OverrideOperation): OverrideResult {
    requirePositive(operation.ttlMs, "ttlMs");
    requireLimits(operation.extra, "override.extra");
    const earlier = this.#done.get(operation.operationId);
    if (earlier !== undefined) {
      const result = earlier.result;
      if (
        result.outcome !== "overridden" ||
        !sameOverride(earlier.operation as OverrideOperation, operation)
      ) {
        return { outcome: "mismatch" };
      }
      return { ...result, replayed: true };
    }
    const nowMs = this.#now();
    const expiresAtMs = nowMs + operation.ttlMs;
    this.#overrides.add(operation.scope, operation.extra, expiresAtMs, nowMs);
    const result: OverrideResult = { outcome: "overridden", replayed: false, expiresAtMs };
    this.#done.add(operation.operationId, { operation, result });
    return result;
  }

  balances(query: BalancesQuery): Balances {
    const nowMs = this.#now();
    const limit = query.limit ?? 1_000;
    requirePositive(limit, "limit");
    const found = this.#counters.list(query, nowMs);
    let end = Math.min(limit, found.length);
    // A page never splits the windows of one scope: `after` continues behind the scope as a whole.
    while (end < found.length && found[end]!.scope.key === found[end - 1]!.scope.key) end += 1;
    const balances = found.slice(0, end).map((counter) => this.#stateOf(counter.scope, counter, nowMs));
    const last = balances.at(-1);
    return end < found.length && last !== undefined ? { balances, next: last.scope.key } : { balances };
  }

  close(): void {}

  /** The store's clock never goes back, so a window that has ended stays ended. */
  #now(): number {
    const nowMs = this.#clock.now();
    if (nowMs > this.#nowMs) this.#nowMs = nowMs;
    return this.#nowMs;
  }

  #findHold(id: string): Hold | undefined {
    return this.#holds.get(id) ?? this.#resolved.get(id) ?? this.#expired.get(id);
  }

  /** The hold, after it has been expired if its time is over; then `expired` is what to report of that. */
  #liveOrResolved(id: string, nowMs: number): { hold: Hold | undefined; expired: Expiry } {
    const hold = this.#findHold(id);
    if (hold?.queue === undefined || hold.expiresAtMs > nowMs) return { hold, expired: NOT_EXPIRED };
    this.#expire(hold);
    return { hold, expired: { expired: [describeExpired(hold)] } };
  }

  #held(hold: Hold, replayed: boolean): Held {
    return {
      outcome: "held",
      holdId: hold.id,
      replayed,
      reservedAtMs: hold.reservedAtMs,
      windows: hold.windows,
    };
  }

  /** The first limit that does not hold. Fills in the counters that it found on the way. */
  #firstLimit(
    scopes: readonly Scope[],
    amounts: Amounts,
    nowMs: number,
    counters: (Counter | undefined)[],
  ): { index: number; dimension: Dimension } | undefined {
    for (let index = 0; index < scopes.length; index++) {
      const scope = scopes[index]!;
      const counter = this.#counters.find(scope, nowMs);
      counters[index] = counter;
      const spent = counter?.spent ?? NO_AMOUNTS;
      const held = counter?.held ?? NO_AMOUNTS;
      const limits = this.#overrides.limitsOf(scope, nowMs);
      // Written out: this is the hottest loop of the library.
      if (exceeds(limits.nanoUsd, spent.nanoUsd, held.nanoUsd, amounts.nanoUsd))
        return { index, dimension: "nanoUsd" };
      if (exceeds(limits.calls, spent.calls, held.calls, amounts.calls)) return { index, dimension: "calls" };
      if (exceeds(limits.concurrentCalls, 0, held.concurrentCalls, amounts.concurrentCalls)) {
        return { index, dimension: "concurrentCalls" };
      }
      if (exceeds(limits.inputTokens, spent.inputTokens, held.inputTokens, amounts.inputTokens)) {
        return { index, dimension: "inputTokens" };
      }
      if (exceeds(limits.outputTokens, spent.outputTokens, held.outputTokens, amounts.outputTokens)) {
        return { index, dimension: "outputTokens" };
      }
      if (exceeds(limits.totalTokens, spent.totalTokens, held.totalTokens, amounts.totalTokens)) {
        return { index, dimension: "totalTokens" };
      }
    }
    return undefined;
  }

  #statesOf(scopes: readonly Scope[], nowMs: number): ScopeState[] {
    return scopes.map((scope) => this.#stateOf(scope, this.#counters.find(scope, nowMs), nowMs));
  }

  #stateOf(scope: Scope, counter: Counter | undefined, nowMs: number): ScopeState {
    return {
      scope,
      window: counter?.window ?? this.#counters.window(scope.window, nowMs),
      spent: { ...(counter?.spent ?? NO_AMOUNTS) },
      held: { ...(counter?.held ?? NO_AMOUNTS) },
      limits: this.#overrides.limitsOf(scope, nowMs),
    };
  }

  #requireScopes(scopes: readonly Scope[]): void {
    if (this.#checkedScopes.has(scopes)) return;
    for (let i = 0; i < scopes.length; i++) {
      const { key, limits } = scopes[i]!;
      for (let j = 0; j < i; j++) {
        if (scopes[j]!.key === key)
          throw new OperationInvalidError(`scopes names ${JSON.stringify(key)} twice`);
      }
      requireLimits(limits, `scopes[${i}].limits`);
    }
    this.#checkedScopes.add(scopes);
  }

  #expireDue(nowMs: number, limit: number): readonly Hold[] {
    let hold = this.#queues.nextDue(nowMs);
    if (hold === undefined) return NONE;
    const expired: Hold[] = [];
    while (hold !== undefined && expired.length < limit) {
      this.#expire(hold);
      expired.push(hold);
      hold = this.#queues.nextDue(nowMs);
    }
    return expired;
  }

  #expire(hold: Hold): void {
    const policies = hold.scopes.map((scope) => (hold.dispatched ? scope.onExpiry : "release"));
    for (let i = 0; i < hold.counters.length; i++) {
      const counter = hold.counters[i]!;
      if (policies[i] === "quarantine") continue;
      counter.unhold(hold.amounts);
      if (policies[i] === "charge") counter.post(hold.amounts, hold.reservedAtMs);
    }
    hold.expiredAs = policies;
    hold.state = policies.includes("quarantine") ? "quarantined" : "expired";
    hold.queue?.remove(hold);
    // A quarantined hold is kept until somebody resolves it: it still holds money.
    if (hold.state === "expired") {
      this.#holds.delete(hold.id);
      this.#expired.add(hold.id, hold);
      this.#counters.dropRetired(hold.counters);
    }
  }

  #resolve(hold: Hold, operationId: string): void {
    hold.resolvedBy = operationId;
    hold.queue?.remove(hold);
    // An expired hold stays where it is remembered.
    if (this.#holds.delete(hold.id)) this.#resolved.add(hold.id, hold);
    this.#counters.dropRetired(hold.counters);
  }
}
