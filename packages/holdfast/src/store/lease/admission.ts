/**
 * @module Admitting one call: from the pools of its leased scopes, and from the base for the others; all or nothing.
 *
 * The fast path takes from pools that have room and answers at once. The slow path finds cover for what lacks, then
 * takes from all pools in one step, then asks the base for the rest; if the base refuses, what was taken goes back. What
 * is only tried in this way never makes another call of this process be denied: those wait until it is decided.
 */
import { availableIn } from "../../ledger/admission.ts";
import type { Amounts } from "../../ledger/amounts.ts";
import type {
  Denied,
  ExpiredHold,
  Held,
  LedgerStore,
  ReserveOperation,
  ReserveResult,
} from "../../ledger/ledger-store.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Window } from "../../kernel/window.ts";
import type { BaseReader } from "./base-reader.ts";
import { ANSWER_MS, withDeadline } from "./deadline.ts";
import { exactDenial } from "./exact-denial.ts";
import type { HoldBook } from "./hold-book.ts";
import { takeShares, type LeasedHold } from "./leased-hold.ts";
import type { Pool } from "./pool.ts";
import type { Route } from "./lease-table.ts";
import type { ServerTime } from "./server-time.ts";
import type { ScopeLease } from "./scope-lease.ts";

/** After so many rounds in which somebody else was quicker, a call goes to the base. */
const ROUNDS_MAX = 8;

export interface AdmissionParts {
  readonly base: LedgerStore;
  readonly book: HoldBook;
  readonly reader: BaseReader;
  readonly clock: Clock;
  readonly time: ServerTime;
  /** Resolves what is due here, and on the base as far as pools rest on it. */
  readonly expireDue: () => Promise<void> | undefined;
  readonly expireOnBase: () => Promise<void>;
  /** Hands over expiries for the next answer that can tell of them. */
  readonly report: (expired: readonly ExpiredHold[] | undefined) => void;
}

export class Admission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** The answer, if every scope is leased and every pool has room; else undefined, and nothing has happened. */
  atOnce(operation: ReserveOperation, { leases, onBase }: Route): Held | undefined {
    const { scopes, amounts } = operation;
    const { time } = this.#parts;
    time.now();
    const nowMs = time.processMs;
    for (let i = 0; i < scopes.length; i++) {
      const lease = leases[i];
      if (onBase[i] === true || lease?.isReady(scopes[i]!, amounts, nowMs) !== true) return undefined;
      // Named twice, it is no valid call; the slow path says so.
      for (let j = 0; j < i; j++) if (leases[j] === lease) return undefined;
    }
    return this.#admit(operation, leases as readonly ScopeLease[], nowMs);
  }

  async slowly(operation: ReserveOperation, route: Route): Promise<ReserveResult> {
    const { clock, time } = this.#parts;
    const { scopes, amounts } = operation;
    const { leases } = route;
    const onBase = [...route.onBase];
    for (let i = 0; i < leases.length; i++) if (onBase[i] === true) await leases[i]?.yieldToBase();
    const waiter = { amounts };
    for (const lease of leases) lease?.waiting.add(waiter);
    try {
      // What is allowed by a question to the base under other limits counts for this call alone.
      const allowed = leases.map(() => false);
      for (let round = 0; ; round += 1) {
        await this.#parts.expireDue();
        const nowMs = clock.now();
        const lacking = scopes.flatMap((scope, i) => {
          const pool = onBase[i] === true ? undefined : leases[i]!.usablePool(nowMs);
          const mayTake = pool !== undefined && (allowed[i] === true || pool.isValidFor(scope, nowMs));
          return onBase[i] === true || (mayTake && pool.fits(amounts)) ? [] : [i];
        });
        if (lacking.length === 0) break;
        if (round === ROUNDS_MAX) {
          for (const i of lacking) onBase[i] = true;
          break;
        }
        await Promise.all(
          lacking.map(async (i) => {
            if ((await leases[i]!.cover(scopes[i]!, amounts)) === "pool") allowed[i] = true;
            else onBase[i] = true;
          }),
        );
      }
    } finally {
      for (const lease of leases) lease?.waiting.delete(waiter);
    }
    time.now();
    const nowMs = time.processMs;
    const taken = leases.map((lease, i) => (onBase[i] === true ? undefined : lease));
    if (!onBase.includes(true)) {
      return this.#describe(operation, this.#admit(operation, taken as readonly ScopeLease[], nowMs));
    }
    const touchesLeases = leases.some((lease, i) => lease !== undefined && onBase[i] === true);
    const answer = await this.#admitWithBase(operation, taken, touchesLeases, nowMs);
    for (let i = 0; i < leases.length; i++) {
      if (onBase[i] !== true || leases[i] === undefined) continue;
      // This call went to the base; the next ones need not.
      leases[i]!.scope = scopes[i]!;
      leases[i]!.demand.note(amounts, nowMs);
      if (answer.outcome === "held" && leases[i]!.isHot && leases[i]!.pool === undefined) {
        leases[i]!.refillInBackground();
      }
    }
    return answer.outcome === "held" ? this.#describe(operation, answer) : answer;
  }

  /** What is still available, if the call wants to know: the base's answer leaves out this process's own part. */
  async #describe(operation: ReserveOperation, held: Held): Promise<Held> {
    const { reader, expireOnBase } = this.#parts;
    if (operation.reportAvailable !== true) return held;
    await expireOnBase();
    const states = await Promise.all(operation.scopes.map(async (scope) => reader.stateOf(scope)));
    return { ...held, available: availableIn(states) };
  }

  #admit(operation: ReserveOperation, leases: readonly ScopeLease[], nowMs: number): Held {
    const { amounts, scopes, operationId } = operation;
    const pools = new Array<Pool>(leases.length);
    const windows = new Array<Window>(leases.length);
    for (let i = 0; i < leases.length; i++) {
      const pool = leases[i]!.pool!;
      pools[i] = pool;
      windows[i] = pool.window;
      pool.take(amounts);
    }
    const reservedAtMs = this.#parts.time.asRead();
    const held: Held = {
      outcome: "held",
      holdId: operationId,
      replayed: false,
      reservedAtMs,
      windows,
      admittedBy: "lease",
    };
    const hold: LeasedHold = {
      id: operationId,
      scopes,
      amounts,
      pools,
      held,
      isOnBase: false,
      touchesLeases: true,
      state: "live",
      dispatched: false,
      wasReleased: false,
      unanswered: 0,
      expiresAtMs: reservedAtMs + operation.undispatchedTtlMs,
      correctableUntilMs: 0,
    };
    this.#parts.report(this.#parts.book.reserve(operation, hold));
    for (let i = 0; i < leases.length; i++) {
      const lease = leases[i]!;
      lease.demand.note(amounts, nowMs);
      if (pools[i]!.isLow) lease.refillInBackground();
    }
    return held;
  }

  /** The base holds its part under the call's own id, so that it is an ordinary hold there. */
  async #admitWithBase(
    operation: ReserveOperation,
    leases: readonly (ScopeLease | undefined)[],
    touchesLeases: boolean,
    nowMs: number,
  ): Promise<ReserveResult> {
    const { base, book, reader, report } = this.#parts;
    const { amounts, scopes, operationId } = operation;
    const asked = scopes.filter((_, i) => leases[i] === undefined);
    const pools = leases.map((lease) => lease?.pool);
    takeShares(pools, amounts);
    for (const lease of leases) {
      lease?.demand.note(amounts, nowMs);
      if (lease?.pool?.isLow === true) lease.refillInBackground();
    }
    let answer: ReserveResult;
    // An answer that comes too late finds nobody: what the base then holds was never dispatched, and expires.
    const asking = withDeadline(
      Promise.resolve().then(() => base.reserve({ ...operation, scopes: asked })),
      ANSWER_MS,
    );
    const giveBack = this.#tentatively(pools, amounts, asking);
    try {
      answer = await asking;
    } catch (cause) {
      giveBack();
      throw cause;
    }
    if (answer.outcome !== "held") {
      giveBack();
      if (answer.outcome === "mismatch") return answer;
      const { expired, ...denied } = answer;
      report(expired === undefined ? undefined : book.expiredOf(expired));
      // A denial stays one, even if the base cannot be read any more.
      return exactDenial(operation, denied, asked, reader).catch((): Denied => denied);
    }
    const { expired, windows: onBase, available: _, ...rest } = answer;
    report(expired === undefined ? undefined : book.expiredOf(expired));
    let next = 0;
    const windows = pools.map((pool) => pool?.window ?? onBase[next++]!);
    const held: Held = { ...rest, windows };
    if (pools.every((pool) => pool === undefined)) return held;
    book.add({
      id: operationId,
      scopes,
      amounts,
      pools,
      held,
      isOnBase: true,
      touchesLeases,
      state: "live",
      dispatched: false,
      wasReleased: false,
      unanswered: 0,
      expiresAtMs: held.reservedAtMs + operation.undispatchedTtlMs,
      correctableUntilMs: 0,
    });
    return held;
  }

  /** Until the base has answered, others may wait for what was taken. */
  #tentatively(pools: readonly (Pool | undefined)[], amounts: Amounts, asking: Promise<unknown>): () => void {
    const decided = asking.then(
      () => undefined,
      () => undefined,
    );
    for (const pool of pools) pool?.tentative.add(decided);
    void decided.then(() => {
      for (const pool of pools) pool?.tentative.delete(decided);
    });
    return () => {
      for (const pool of pools) pool?.release(amounts);
    };
  }
}
