/**
 * @module A store in front of a store: most calls are admitted here, from slices of hot budgets that this process holds
 * in advance; the limits hold over all processes, because a slice is an ordinary hold on the base.
 */
import { OperationInvalidError } from "../../error/operation-invalid-error.ts";
import { StoreUnavailableError } from "../../error/store-unavailable-error.ts";
import { chain, type MaybePromise } from "../../kernel/maybe-promise.ts";
import type { Amounts } from "../../ledger/amounts.ts";
import type { JobStore } from "../../ledger/job-store.ts";
import type * as Port from "../../ledger/ledger-store.ts";
import {
  requireAmounts,
  requireDelta,
  requireLimits,
  requirePositive,
  sameAdjustment,
  sameReservation,
} from "../../ledger/operation-checks.ts";
import { memoryStore } from "../memory/memory-store.ts";
import { Remembered } from "../memory/remembered.ts";
import { adjustLeased } from "./adjusting.ts";
import { Admission } from "./admission.ts";
import { BaseReader } from "./base-reader.ts";
import { ANSWER_MS } from "./deadline.ts";
import { KnownOverrides } from "./known-overrides.ts";
import { HoldVerbs } from "./hold-verbs.ts";
import { HoldBook } from "./hold-book.ts";
import { LeaseTable, type Route } from "./lease-table.ts";
import { leaseSettings, type LeaseOptions, type LeaseSettings } from "./lease-options.ts";
import { ServerTime } from "./server-time.ts";
import { SliceDesk } from "./slice-desk.ts";

/** What this process holds in advance of one scope in one window. */
export interface LeaseState {
  readonly scopeKey: string;
  readonly windowId: string;
  /** Held on the base. */
  readonly granted: Amounts;
  /** Of it: what calls in flight rest on. */
  readonly held: Amounts;
  /** Of it: spent and not yet posted. */
  readonly spent: Amounts;
}

export interface LeasedStore extends Port.LedgerStore {
  /** Bounded, visible, and returned when it is not used. */
  leases(): readonly LeaseState[];
}

/** How long the base may be late in reporting an expiry before it is asked, ms; and how often that is looked at. */
const OVERDUE_MS = 5_000;
const EXPIRE_LIMIT = 1_000;
/** Tries to post what is left, one per `reportMs`, before `close` gives up. */
const POST_ATTEMPTS = 50;

export function leased(base: Port.LedgerStore, options: LeaseOptions = {}): LeasedStore {
  return new LeasedLedgerStore(base, leaseSettings(options));
}

class LeasedLedgerStore implements LeasedStore {
  readonly name: string;
  readonly jobs?: JobStore;
  readonly #base: Port.LedgerStore;
  readonly #settings: LeaseSettings;
  readonly #time: ServerTime;
  readonly #desk: SliceDesk;
  readonly #book: HoldBook;
  readonly #reader: BaseReader;
  readonly #admission: Admission;
  readonly #leases: LeaseTable;
  readonly #verbs: HoldVerbs;
  readonly #overrides = new KnownOverrides();
  /** Calls that the base was asked for as they were. */
  readonly #passed: Remembered<true>;
  readonly #denied: Remembered<{ readonly operation: Port.ReserveOperation; readonly denial: Port.Denied }>;
  readonly #adjusted: Remembered<{
    readonly operation: Port.AdjustOperation;
    readonly result: Port.AdjustResult;
  }>;
  /** On the slow path. */
  readonly #pending = new Map<string, Promise<unknown>>();
  /** Expiries that nobody has been told of. */
  #reports: Port.ExpiredHold[] = [];
  #overdueAtMs = -Infinity;
  #closing: Promise<void> | undefined;

  constructor(base: Port.LedgerStore, settings: LeaseSettings) {
    const { clock, rememberedOperations } = settings;
    this.name = `${base.name}+lease`;
    if (base.jobs !== undefined) this.jobs = base.jobs;
    this.#base = base;
    this.#settings = settings;
    const time = new ServerTime(clock);
    this.#time = time;
    this.#desk = new SliceDesk({
      base,
      clock,
      time,
      leaseMs: settings.leaseMs,
      deadlineMs: Math.min(settings.leaseMs / 2, ANSWER_MS),
      onExpired: (expired) => this.#report(this.#book.expiredOf(expired)),
      onLost: ({ pool }) => {
        const lease = pool === undefined ? undefined : this.#leases.get(pool.key);
        if (lease !== undefined && lease.pool === pool) lease.retire();
      },
    });
    this.#book = new HoldBook({
      local: memoryStore({ clock: { now: () => time.asRead() }, rememberedOperations }),
      time,
      clock,
      correctableMs: settings.correctableMs,
      rememberedOperations,
      onOverrun: (pool) => this.#leases.get(pool.key)?.postOverrun(pool),
    });
    this.#reader = new BaseReader({
      base,
      desk: this.#desk,
      time,
      clock,
      reportMs: settings.reportMs,
      overrides: this.#overrides,
      poolsOf: (key) => this.#leases.poolsOf(key),
    });
    this.#admission = new Admission({
      base,
      book: this.#book,
      reader: this.#reader,
      clock,
      time,
      expireDue: () => this.#expireDue(),
      expireOnBase: () => this.#expireOnBase(),
      report: (expired) => this.#report(expired),
    });
    this.#leases = new LeaseTable({
      settings,
      desk: this.#desk,
      time,
      overrideEnds: (key) => this.#overrides.endsOf(key, time.now()),
      onTick: (nowMs) => this.#lookAfter(nowMs),
    });
    this.#verbs = new HoldVerbs({
      base,
      book: this.#book,
      desk: this.#desk,
      leases: this.#leases,
      reader: this.#reader,
      time,
      report: (expired) => this.#report(expired),
    });
    this.#passed = new Remembered(rememberedOperations);
    this.#denied = new Remembered(rememberedOperations);
    this.#adjusted = new Remembered(rememberedOperations);
  }

  reserve(operation: Port.ReserveOperation): MaybePromise<Port.ReserveResult> {
    const { operationId, scopes, amounts } = operation;
    requireAmounts(amounts);
    requirePositive(operation.undispatchedTtlMs, "undispatchedTtlMs");
    const earlier = this.#book.find(operationId);
    if (earlier !== undefined) {
      if (!sameReservation(earlier.scopes, earlier.amounts, operation)) return { outcome: "mismatch" };
      return { ...earlier.held, replayed: true };
    }
    const denied = this.#denied.get(operationId);
    if (denied !== undefined) {
      const same = sameReservation(denied.operation.scopes, denied.operation.amounts, operation);
      return same ? { ...denied.denial, replayed: true } : { outcome: "mismatch" };
    }
    const pending = this.#pending.get(operationId);
    if (pending !== undefined) return pending.then(() => this.reserve(operation));
    if (this.#passed.get(operationId) === true) return this.#pass(operation);

    const route = this.#closing === undefined ? this.#leases.routeOf(scopes) : undefined;
    if (route === undefined) {
      this.#passed.add(operationId, true);
      return this.#pass(operation);
    }
    const isSlow = operation.reportAvailable === true || operation.shared === true;
    const held = isSlow ? undefined : this.#admission.atOnce(operation, route);
    if (held !== undefined) return this.#withReports(held);
    requireScopes(scopes);
    return this.#reserveSlowly(operation, route);
  }

  dispatch(operation: Port.DispatchOperation): MaybePromise<Port.DispatchResult> {
    requirePositive(operation.ttlMs, "ttlMs");
    return this.#verbs.dispatch(operation);
  }

  settle(operation: Port.SettleOperation): MaybePromise<Port.SettleResult> {
    requireAmounts(operation.amounts);
    return this.#verbs.settle(operation);
  }

  release(operation: Port.ReleaseOperation): MaybePromise<Port.ReleaseResult> {
    return this.#verbs.release(operation);
  }

  renew(operation: Port.RenewOperation): MaybePromise<Port.RenewResult> {
    requirePositive(operation.ttlMs, "ttlMs");
    return this.#verbs.renew(operation);
  }

  expire(operation: Port.ExpireOperation): MaybePromise<Port.Expired> {
    const { limit } = operation;
    requirePositive(limit, "limit");
    // An errand under way may have expired something on the base that nobody has been told of.
    return this.#desk.isQuiet ? this.#expire(limit) : this.#desk.quiet().then(() => this.#expire(limit));
  }

  #expire(limit: number): MaybePromise<Port.Expired> {
    this.#report(this.#book.tellUntold());
    const expired = this.#reports.splice(0, limit);
    if (expired.length === limit) return { expired, more: true };
    const local = this.#book.expire({ limit: limit - expired.length });
    expired.push(...local.expired);
    if (expired.length === limit) return { expired, more: true };
    return chain(this.#base.expire({ limit: limit - expired.length }), (onBase) => {
      this.#reader.changed();
      this.#desk.note(onBase.expired);
      expired.push(...this.#reports.splice(0, limit - expired.length));
      return { expired, more: onBase.more || local.more || this.#reports.length > 0 };
    });
  }

  adjust(operation: Port.AdjustOperation): MaybePromise<Port.AdjustResult> {
    requireDelta(operation.delta);
    const earlier = this.#adjusted.get(operation.operationId);
    if (earlier !== undefined) {
      if (!sameAdjustment(earlier.operation, operation)) return { outcome: "mismatch" };
      return { ...earlier.result, replayed: true } as Port.AdjustResult;
    }
    if (this.#leases.get(operation.scope.key) === undefined) {
      return chain(this.#base.adjust(operation), (result) => this.#remember(operation, result));
    }
    return this.#adjustLeased(operation);
  }

  override(operation: Port.OverrideOperation): MaybePromise<Port.OverrideResult> {
    requirePositive(operation.ttlMs, "ttlMs");
    requireLimits(operation.extra, "override.extra");
    return chain(this.#base.override(operation), (result) => {
      this.#reader.changed();
      if (result.outcome === "overridden") {
        if (!result.replayed) this.#overrides.add(operation, result.expiresAtMs, this.#time.now());
        this.#leases.get(operation.scope.key)?.forgetAvailable();
      }
      return result;
    });
  }

  balances(query: Port.BalancesQuery): MaybePromise<Port.Balances> {
    if (this.#leases.isEmpty && this.#desk.posting.size === 0) return this.#base.balances(query);
    return this.#reader.balances(query);
  }

  leases(): readonly LeaseState[] {
    return [...this.#leases.all()].flatMap((lease) =>
      lease.pools().map(({ key, window, granted, covered, unposted }) => ({
        scopeKey: key,
        windowId: window.id,
        granted: { ...granted },
        held: { ...covered },
        spent: { ...unposted },
      })),
    );
  }

  /**
   * Posts what was spent and gives back what is left. Calls that are still open become what expiry would make of them.
   *
   * @throws {StoreUnavailableError} when the base takes no settlement for long; the slices then expire by the policies
   * of their budgets.
   */
  close(): Promise<void> {
    this.#leases.stop();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#pending.values());
    await this.#desk.quiet();
    this.#book.finaliseAll();
    for (const lease of this.#leases.all()) await lease.returnAll();
    const outcomes = [await settledOutcome(this.#postRest()), await settledOutcome(this.#closeBase())];
    // What is still owed says more than how the base has taken its end.
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  async #closeBase(): Promise<void> {
    await this.#base.close();
  }

  async #postRest(): Promise<void> {
    const { reportMs } = this.#settings;
    for (let attempt = 1; this.#desk.posting.size > 0; attempt += 1) {
      if (attempt > POST_ATTEMPTS) {
        throw new StoreUnavailableError(
          `Store "${this.name}" was closed while its base took no settlements: ${this.#desk.posting.size} slices ` +
            "stay held until they expire by the policies of their budgets.",
        );
      }
      await new Promise((resolve) => setTimeout(resolve, reportMs));
      this.#desk.postAgain();
      await this.#desk.quiet();
    }
  }

  /** @returns whether something is still to be posted. */
  #lookAfter(nowMs: number): boolean {
    this.#book.finaliseOld();
    this.#desk.postAgain();
    if (nowMs - this.#overdueAtMs >= OVERDUE_MS) {
      this.#overdueAtMs = nowMs;
      for (const hold of this.#book.overdue(OVERDUE_MS)) this.#verbs.askAfter(hold).catch(() => undefined);
    }
    return this.#desk.posting.size > 0;
  }

  /** What is over must not be the reason of a denial. */
  #expireDue(): Promise<void> | undefined {
    this.#report(this.#book.expire({ limit: EXPIRE_LIMIT }).expired);
    return this.#book.isDueOnBase ? this.#expireOnBase() : undefined;
  }

  #expireOnBase(): Promise<void> {
    return this.#desk.errand(async () => {
      const { expired } = await this.#base.expire({ limit: EXPIRE_LIMIT });
      this.#desk.note(expired);
    });
  }

  async #reserveSlowly(operation: Port.ReserveOperation, route: Route): Promise<Port.ReserveResult> {
    const { operationId } = operation;
    const answering =
      operation.shared === true
        ? this.#reserveShared(operation, route)
        : this.#admission.slowly(operation, route);
    this.#pending.set(
      operationId,
      answering.catch(() => undefined),
    );
    try {
      const answer = await answering;
      if (answer.outcome === "mismatch") return answer;
      if (answer.outcome === "denied") {
        this.#denied.add(operationId, { operation, denial: answer });
      } else if (this.#book.find(operationId) === undefined) {
        this.#passed.add(operationId, true);
        this.#reader.changed();
      }
      return this.#withReports(answer);
    } finally {
      this.#pending.delete(operationId);
    }
  }

  /** What somebody else may resolve cannot rest on slices of this process, nor be denied because of them. */
  async #reserveShared(operation: Port.ReserveOperation, route: Route): Promise<Port.ReserveResult> {
    for (const lease of route.leases) await lease?.returnAll();
    return this.#admission.slowly(operation, { ...route, onBase: route.leases.map(() => true) });
  }

  #pass(operation: Port.ReserveOperation): MaybePromise<Port.ReserveResult> {
    return chain(this.#base.reserve(operation), (answer) => {
      if (!this.#leases.isEmpty) this.#reader.changed();
      if (answer.outcome === "mismatch") return answer;
      const { expired, ...rest } = answer;
      this.#desk.note(expired);
      // An answer that comes again tells of nothing new.
      return rest.replayed ? rest : this.#withReports(rest);
    });
  }

  #withReports<T extends Port.Held | Port.Denied>(answer: T): T {
    if (this.#reports.length === 0) return answer;
    const expired = this.#reports;
    this.#reports = [];
    return { ...answer, expired };
  }

  #report(expired: readonly Port.ExpiredHold[] | undefined): void {
    if (expired !== undefined && expired.length > 0) this.#reports.push(...expired);
  }

  async #adjustLeased(operation: Port.AdjustOperation): Promise<Port.AdjustResult> {
    const lease = this.#leases.get(operation.scope.key)!;
    const nowMs = this.#time.now();
    const current = lease.pools().filter(({ window }) => window.endMs === null || nowMs < window.endMs);
    const result = await adjustLeased(operation, current, this.#base, this.#reader);
    this.#reader.changed();
    lease.invalidate();
    return this.#remember(operation, result);
  }

  #remember(operation: Port.AdjustOperation, result: Port.AdjustResult): Port.AdjustResult {
    const { operationId } = operation;
    const isNew = result.outcome === "adjusted" && this.#adjusted.get(operationId) === undefined;
    if (isNew) this.#adjusted.add(operationId, { operation, result });
    return result;
  }
}

/** Not needed where all pools are valid for their scopes: a pool is only filled under limits that the base has seen. */
function requireScopes(scopes: readonly Port.Scope[]): void {
  for (let i = 0; i < scopes.length; i++) {
    const { key, limits } = scopes[i]!;
    for (let j = 0; j < i; j++) {
      if (scopes[j]!.key === key)
        throw new OperationInvalidError(`scopes names ${JSON.stringify(key)} twice`);
    }
    requireLimits(limits, `scopes[${i}].limits`);
  }
}

async function settledOutcome(work: Promise<void>): Promise<PromiseSettledResult<void>> {
  return (await Promise.allSettled([work]))[0];
}
