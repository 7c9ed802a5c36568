/**
 * @module The calls of this process that rest on slices, through their whole life.
 *
 * A hold that rests on pools alone lives in a memory store of its own: the same state machine, replays and expiry as
 * everywhere. A hold of which the base has a part lives on the base, and its pools follow what the base answers.
 */
import type { Clock } from "../../kernel/clock.ts";
import type {
  AlreadyResolved,
  DispatchOperation,
  DispatchResult,
  ExpiredHold,
  ExpireOperation,
  Expired,
  LedgerStore,
  ReleaseOperation,
  ReleaseResult,
  RenewOperation,
  RenewResult,
  ReserveOperation,
  Scope,
  SettleOperation,
  SettleResult,
} from "../../ledger/ledger-store.ts";
import type { ServerTime } from "./server-time.ts";
import { Remembered } from "../memory/remembered.ts";
import {
  chargeShares,
  expiredReport,
  expireShares,
  finaliseShares,
  isQuarantined,
  releaseShares,
  settleShares,
  type LeasedHold,
} from "./leased-hold.ts";
import type { Pool } from "./pool.ts";

export interface HoldBookParts {
  /** Keeps the holds that rest on pools alone. It answers at once; its clock is `time` as it was last read. */
  readonly local: LedgerStore;
  readonly time: ServerTime;
  readonly clock: Clock;
  readonly correctableMs: number;
  readonly rememberedOperations: number;
  /** A settlement has taken more than there is. */
  readonly onOverrun: (pool: Pool) => void;
}

type LocalAnswer = { readonly outcome: string; readonly expired?: readonly ExpiredHold[] };

/** What the local store is told of scopes: only that there is one, or that one of them is quarantined. */
const keeping = (onExpiry: Scope["onExpiry"]): readonly Scope[] => [
  { key: onExpiry, budgetId: "", values: {}, window: { kind: "total" }, limits: {}, onExpiry },
];
const QUARANTINING = keeping("quarantine");
const CHARGING = keeping("charge");

export class HoldBook {
  readonly #parts: HoldBookParts;
  /** Live and expired ones. */
  readonly #holds = new Map<string, LeasedHold>();
  readonly #resolved: Remembered<LeasedHold>;
  /** Expired on the base, whose report has not come: it is under way, or somebody else has got it. */
  readonly #untold = new Set<LeasedHold>();
  /** No hold on the base is due before, by the base's time. */
  #nextDueOnBaseMs = Infinity;
  /** Oldest first. */
  readonly #expired = new Set<LeasedHold>();

  constructor(parts: HoldBookParts) {
    this.#parts = parts;
    this.#resolved = new Remembered(parts.rememberedOperations);
  }

  find(id: string): LeasedHold | undefined {
    return this.#holds.get(id) ?? this.#resolved.get(id);
  }

  /** A hold of which the base has a part. Its shares have been taken. */
  add(hold: LeasedHold): void {
    this.#holds.set(hold.id, hold);
    this.#nextDueOnBaseMs = Math.min(this.#nextDueOnBaseMs, hold.expiresAtMs);
  }

  /** A hold that rests on pools alone. Its shares have been taken, and the time has been read. */
  reserve(operation: ReserveOperation, hold: LeasedHold): readonly ExpiredHold[] {
    const { operationId, scopes, amounts, undispatchedTtlMs } = operation;
    const quarantines = scopes.some((scope) => scope.onExpiry === "quarantine");
    const answer = this.#parts.local.reserve({
      operationId,
      scopes: quarantines ? QUARANTINING : CHARGING,
      amounts,
      undispatchedTtlMs,
    }) as LocalAnswer;
    this.#holds.set(operationId, hold);
    return answer.expired === undefined ? [] : this.expiredOf(answer.expired);
  }

  dispatch(hold: LeasedHold, operation: DispatchOperation): DispatchResult {
    const sentAtMs = this.#parts.time.now();
    return this.dispatched(
      hold,
      sentAtMs + operation.ttlMs,
      this.#parts.local.dispatch(operation) as DispatchResult,
    );
  }

  settle(hold: LeasedHold, operation: SettleOperation): SettleResult {
    this.#parts.time.now();
    return this.settled(hold, operation, this.#parts.local.settle(operation) as SettleResult);
  }

  release(hold: LeasedHold, operation: ReleaseOperation): ReleaseResult {
    this.#parts.time.now();
    return this.released(hold, this.#parts.local.release(operation) as ReleaseResult);
  }

  renew(hold: LeasedHold, operation: RenewOperation): RenewResult {
    this.#parts.time.now();
    return this.renewed(hold, this.#parts.local.renew(operation) as RenewResult);
  }

  expire(operation: ExpireOperation): Expired {
    this.#parts.time.now();
    const { expired, more } = this.#parts.local.expire(operation) as Expired;
    return { expired: this.expiredOf(expired), more };
  }

  /**
   * The pools follow what was answered, here or by the base.
   *
   * @param expiresAtMs by the base's time, counted from the sending: not later than the base lets it expire
   */
  dispatched(hold: LeasedHold, expiresAtMs: number, answer: DispatchResult): DispatchResult {
    if (answer.outcome === "already-resolved") return this.#alreadyResolved(hold, answer);
    if (answer.outcome === "unknown-hold") this.#unknown(hold);
    else if (!hold.dispatched) {
      hold.dispatched = true;
      hold.expiresAtMs = expiresAtMs;
      if (hold.isOnBase) this.#nextDueOnBaseMs = Math.min(this.#nextDueOnBaseMs, hold.expiresAtMs);
    }
    return answer;
  }

  settled(hold: LeasedHold, operation: SettleOperation, answer: SettleResult): SettleResult {
    if (answer.outcome === "already-resolved") return this.#alreadyResolved(hold, answer);
    if (answer.outcome === "unknown-hold") this.#unknown(hold);
    if (answer.outcome !== "settled") return answer;
    const expired = answer.expired === undefined ? undefined : this.expiredOf(answer.expired);
    // Also on a replay: the reply to the first may have been lost on its way from the base.
    if (hold.state !== "resolved") {
      if (answer.corrected && hold.state === "live") {
        expireShares(hold);
        this.#untold.add(hold);
      }
      settleShares(hold, operation.amounts);
      this.#resolve(hold);
      for (const pool of hold.pools) if (pool?.isOverrun === true) this.#parts.onOverrun(pool);
    }
    return expired === undefined ? answer : { ...answer, expired };
  }

  released(hold: LeasedHold, answer: ReleaseResult): ReleaseResult {
    if (answer.outcome === "already-resolved") return this.#alreadyResolved(hold, answer);
    if (answer.outcome === "unknown-hold") this.#unknown(hold);
    else if (hold.state !== "resolved") {
      releaseShares(hold);
      this.#resolve(hold);
    }
    return answer;
  }

  renewed(hold: LeasedHold, answer: RenewResult): RenewResult {
    if (answer.outcome === "already-resolved") return this.#alreadyResolved(hold, answer);
    if (answer.outcome === "unknown-hold") this.#unknown(hold);
    else hold.expiresAtMs = Math.max(hold.expiresAtMs, answer.expiresAtMs);
    return answer;
  }

  /** Reports of expiry, with the effects on the pools of those that rest on some. */
  expiredOf(reports: readonly ExpiredHold[]): readonly ExpiredHold[] {
    return reports.map((report) => {
      const hold = this.find(report.holdId);
      if (hold === undefined) return report;
      if (this.#untold.delete(hold)) return expiredReport(hold, report);
      if (hold.isOnBase && hold.wasReleased) {
        hold.dispatched = report.dispatched;
        chargeShares(hold);
        for (const pool of hold.pools) if (pool?.isOverrun === true) this.#parts.onOverrun(pool);
        return expiredReport(hold, report);
      }
      if (hold.state !== "live") return report;
      hold.dispatched = report.dispatched;
      this.#expire(hold);
      return expiredReport(hold, hold.isOnBase ? report : undefined);
    });
  }

  /** The base's part of what has expired was reported to somebody else: this is the rest. */
  tellUntold(): readonly ExpiredHold[] {
    if (this.#untold.size === 0) return [];
    const reports = [...this.#untold].map((hold) => expiredReport(hold, undefined));
    this.#untold.clear();
    return reports;
  }

  /** Whether the base may have something to expire on which pools rest. */
  get isDueOnBase(): boolean {
    const nowMs = this.#parts.time.now();
    if (nowMs < this.#nextDueOnBaseMs) return false;
    this.#nextDueOnBaseMs = Infinity;
    let isDue = false;
    for (const hold of this.#holds.values()) {
      if (!hold.isOnBase || hold.state !== "live") continue;
      if (hold.expiresAtMs <= nowMs) isDue = true;
      this.#nextDueOnBaseMs = Math.min(this.#nextDueOnBaseMs, hold.expiresAtMs);
    }
    return isDue;
  }

  /**
   * A release of a quarantined hold does not say that it had expired. So it has to be asked first, if its time may be
   * over.
   */
  mayBeQuarantined(hold: LeasedHold): boolean {
    const isDue = hold.state === "live" && hold.dispatched && this.#parts.time.now() >= hold.expiresAtMs;
    return isDue && hold.scopes.some((scope) => scope.onExpiry === "quarantine");
  }

  /** What rests on the base and should have expired there long ago; somebody else may have been told. */
  *overdue(graceMs: number): Iterable<LeasedHold> {
    const dueMs = this.#parts.time.now() - graceMs;
    for (const hold of this.#holds.values()) {
      if (hold.isOnBase && hold.state === "live" && hold.expiresAtMs <= dueMs) yield hold;
    }
  }

  /** Lets go of expired holds that nobody has settled for too long. */
  finaliseOld(): void {
    const nowMs = this.#parts.clock.now();
    for (const hold of this.#expired) {
      if (hold.correctableUntilMs > nowMs && this.#expired.size <= this.#parts.rememberedOperations) return;
      this.#expired.delete(hold);
      this.#holds.delete(hold.id);
      finaliseShares(hold);
    }
  }

  /**
   * At the end: what nobody has resolved becomes what expiry would make of it. Quarantined shares stay held.
   */
  finaliseAll(): void {
    for (const hold of this.#holds.values()) {
      if (hold.state === "live") expireShares(hold);
      if (!isQuarantined(hold)) finaliseShares(hold);
    }
    this.#holds.clear();
    this.#expired.clear();
  }

  #alreadyResolved(hold: LeasedHold, answer: AlreadyResolved): AlreadyResolved {
    const expired = answer.expired === undefined ? undefined : this.expiredOf(answer.expired);
    if (hold.isOnBase && hold.state !== "resolved") this.#follow(hold, answer.state);
    return expired === undefined ? answer : { ...answer, expired };
  }

  /** The base's part was resolved by somebody else, or the answer to it was lost. */
  #follow(hold: LeasedHold, state: AlreadyResolved["state"]): void {
    if (state === "expired") {
      if (hold.state !== "live") return;
      this.#expire(hold);
      this.#untold.add(hold);
      return;
    }
    if (hold.unanswered > 0) return;
    // What it was settled to is not said: at least as much as was held is kept.
    if (state === "settled") settleShares(hold, hold.amounts);
    else releaseShares(hold);
    this.#resolve(hold);
  }

  /** It was forgotten; so is our part, as if it had expired. */
  #unknown(hold: LeasedHold): void {
    if (hold.state === "resolved") return;
    if (hold.state === "live") expireShares(hold);
    finaliseShares(hold);
    this.#expired.delete(hold);
    this.#holds.delete(hold.id);
  }

  #expire(hold: LeasedHold): void {
    expireShares(hold);
    // A quarantined hold waits for as long as it takes.
    if (isQuarantined(hold)) return;
    hold.correctableUntilMs = this.#parts.clock.now() + this.#parts.correctableMs;
    this.#expired.add(hold);
  }

  #resolve(hold: LeasedHold): void {
    this.#holds.delete(hold.id);
    this.#expired.delete(hold);
    this.#resolved.add(hold.id, hold);
  }
}
