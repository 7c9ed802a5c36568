/**
 * @module The operations of the store, each one write transaction.
 *
 * A transaction has the write lock from its start, so an operation reads and decides on what nobody else can change
 * meanwhile, and answers when the database has acknowledged the commit. It does so synchronously.
 */
import type { Clock } from "../../kernel/clock.ts";
import { saturatingAdd } from "../../kernel/money.ts";
import { DIMENSIONS } from "../../ledger/amounts.ts";
import { holdTransition } from "../../ledger/hold-state.ts";
import type * as Port from "../../ledger/ledger-store.ts";
import {
  requireAmounts,
  requireDelta,
  requireLimits,
  requirePositive,
  sameAmounts,
} from "../../ledger/operation-checks.ts";
import type { UsageLedger } from "../../ledger/usage-ledger.ts";
import type { AskedOperation } from "./answers.ts";
import type { Connection } from "./database.ts";
import { Forgetting } from "./forgetting.ts";
import { expireDue, expireHold, isDue, releaseHold, settledAnswer, settleHold } from "./holds.ts";
import { SqliteJobs } from "./job-rows.ts";
import { reserve } from "./reservations.ts";
import { answerFrom, answerText, ScopeTexts } from "./row-text.ts";
import { ScopeChecks } from "./scope-checks.ts";
import { sortableText } from "./sortable-text.ts";
import { Tables, type HoldRow, type OpeningRow } from "./tables.ts";
import { Transaction, type TransactionContext } from "./transaction.ts";
import { WindowCache } from "./window-cache.ts";

/** Reservations between two looks for what can be forgotten. */
const FORGET_EVERY = 64;

type Expiry = { readonly expired?: readonly Port.ExpiredHold[] };
const NOT_EXPIRED: Expiry = {};

type Adjusted = Extract<Port.AdjustResult, { readonly outcome: "adjusted" }>;

/** What an operation finds when it begins. */
interface Opened {
  readonly transaction: Transaction;
  /** The latest time that any process has stored, ms since the epoch. */
  readonly storedMs: number;
  /** Whether the time of some hold is over. */
  readonly hasDue: boolean;
}

export class LedgerInSqlite implements Port.LedgerStore {
  readonly name = "sqlite";
  readonly usage: UsageLedger;
  readonly jobs: SqliteJobs;
  readonly #connection: Connection;
  readonly #tables: Tables;
  readonly #forgetting: Forgetting;
  readonly #clock: Clock;
  readonly #checks = new ScopeChecks();
  readonly #context: TransactionContext;
  #reservations = 0;

  constructor(
    connection: Connection,
    usage: UsageLedger,
    options: { readonly rememberMs: number; readonly clock: Clock },
  ) {
    this.#connection = connection;
    this.#tables = new Tables(connection);
    this.#forgetting = new Forgetting(connection, this.#tables.counters, options.rememberMs);
    this.#clock = options.clock;
    this.usage = usage;
    this.jobs = new SqliteJobs(connection, options.clock);
    const windows = new WindowCache();
    this.#context = {
      tables: this.#tables,
      scopeTexts: new ScopeTexts(),
      windowAt: (spec, nowMs) => windows.at(spec, nowMs),
    };
  }

  reserve(operation: Port.ReserveOperation): Port.ReserveResult {
    requireAmounts(operation.amounts);
    this.#checks.requireScopes(operation.scopes);
    requirePositive(operation.undispatchedTtlMs, "undispatchedTtlMs");
    return this.#write(({ transaction, hasDue }) => {
      const result = reserve(transaction, this.#tables, hasDue, operation);
      this.#reservations += 1;
      if (this.#reservations % FORGET_EVERY === 0) this.#forgetSome(transaction);
      return result;
    });
  }

  dispatch(operation: Port.DispatchOperation): Port.DispatchResult {
    requirePositive(operation.ttlMs, "ttlMs");
    return this.#write(({ transaction }): Port.DispatchResult => {
      const { hold, expired } = this.#liveOrResolved(transaction, operation.holdId);
      if (hold === undefined) return { outcome: "unknown-hold" };
      const transition = holdTransition(hold.state, "dispatch");
      if (!transition.allowed)
        return { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
      if (hold.dispatched === 1) return { outcome: "dispatched", replayed: true };
      const at_ms = saturatingAdd(transaction.nowMs, operation.ttlMs);
      this.#tables.changeHold(hold, { state: transition.next, dispatched: 1, at_ms });
      return { outcome: "dispatched", replayed: false };
    });
  }

  settle(operation: Port.SettleOperation): Port.SettleResult {
    requireAmounts(operation.amounts);
    return this.#write(({ transaction }): Port.SettleResult => {
      const { hold, expired } = this.#liveOrResolved(transaction, operation.holdId);
      if (hold === undefined) return { outcome: "unknown-hold" };
      const operationId = sortableText(operation.operationId);
      const transition = holdTransition(hold.state, "settle");
      if (!transition.allowed) {
        if (hold.state !== "settled" || hold.resolved_by !== operationId) {
          return { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
        }
        const replay = settledAnswer(hold, true);
        return sameAmounts(replay.charged, operation.amounts) ? replay : { outcome: "mismatch" };
      }
      const settled = settleHold(transaction, this.#tables, hold, operation.amounts, operationId);
      return { ...settledAnswer(settled, false), ...expired };
    });
  }

  release(operation: Port.ReleaseOperation): Port.ReleaseResult {
    return this.#write(({ transaction }): Port.ReleaseResult => {
      const { hold, expired } = this.#liveOrResolved(transaction, operation.holdId);
      if (hold === undefined) return { outcome: "unknown-hold" };
      const operationId = sortableText(operation.operationId);
      const transition = holdTransition(hold.state, "release");
      if (!transition.allowed) {
        return hold.state === "released" && hold.resolved_by === operationId
          ? { outcome: "released", replayed: true }
          : { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
      }
      releaseHold(transaction, this.#tables, hold, operationId);
      return { outcome: "released", replayed: false };
    });
  }

  renew(operation: Port.RenewOperation): Port.RenewResult {
    requirePositive(operation.ttlMs, "ttlMs");
    return this.#write(({ transaction }): Port.RenewResult => {
      const { hold, expired } = this.#liveOrResolved(transaction, operation.holdId);
      if (hold === undefined) return { outcome: "unknown-hold" };
      const transition = holdTransition(hold.state, "renew");
      if (!transition.allowed)
        return { outcome: "already-resolved", state: transition.resolvedAs, ...expired };
      const id = sortableText(operation.operationId);
      const question: AskedOperation = { kind: "renew", id, holdId: hold.id, asked: "" };
      const answered = this.#tables.answers.find(question);
      if (answered !== undefined && answered !== "mismatch") {
        return { outcome: "renewed", replayed: true, expiresAtMs: Number(answered.text) };
      }
      transaction.isTimeBound = true;
      const expiresAtMs = Math.max(hold.at_ms, saturatingAdd(transaction.nowMs, operation.ttlMs));
      if (expiresAtMs > hold.at_ms) this.#tables.changeHold(hold, { at_ms: expiresAtMs });
      this.#tables.answers.remember(question, String(expiresAtMs), transaction.nowMs);
      return { outcome: "renewed", replayed: false, expiresAtMs };
    });
  }

  expire(operation: Port.ExpireOperation): Port.Expired {
    requirePositive(operation.limit, "limit");
    return this.#write(({ transaction, hasDue }) => {
      const expired = hasDue ? expireDue(transaction, this.#tables, operation.limit) : [];
      this.#forgetSome(transaction);
      const { due_at_ms } = this.#tables.opening.get() as OpeningRow;
      return { expired, more: due_at_ms !== null && due_at_ms <= transaction.nowMs };
    });
  }

  adjust(operation: Port.AdjustOperation): Port.AdjustResult {
    const { scope, delta } = operation;
    requireDelta(delta);
    requireLimits(scope.limits, "scope.limits");
    const question = askedOnce(operation.operationId, [
      "adjust",
      scope.key,
      DIMENSIONS.map((d) => delta[d] ?? 0),
    ]);
    return this.#write(({ transaction }): Port.AdjustResult => {
      const answered = this.#tables.answers.find(question);
      if (answered === "mismatch") return { outcome: "mismatch" };
      if (answered !== undefined) {
        return { ...answerFrom<Adjusted, "state">(answered.text, "state"), replayed: true };
      }
      transaction.isTimeBound = true;
      const existing = transaction.find(scope);
      for (const d of DIMENSIONS) {
        const after = (existing?.spent[d] ?? 0) + (delta[d] ?? 0);
        if (after < 0 || after > Number.MAX_SAFE_INTEGER) return { outcome: "out-of-range" };
      }
      const counter = transaction.open(scope, existing);
      counter.adjust(delta, transaction.nowMs);
      const state = transaction.stateOf(scope, counter);
      const result: Adjusted = { outcome: "adjusted", replayed: false, state };
      this.#tables.answers.remember(question, answerText(result, "state"), transaction.nowMs);
      return result;
    });
  }

  override(operation: Port.OverrideOperation): Port.OverrideResult {
    const { scope, extra, ttlMs } = operation;
    requirePositive(ttlMs, "ttlMs");
    requireLimits(extra, "override.extra");
    requireLimits(scope.limits, "scope.limits");
    const question = askedOnce(operation.operationId, [
      "override",
      scope.key,
      ttlMs,
      DIMENSIONS.map((d) => extra[d] ?? null),
    ]);
    return this.#write(({ transaction }): Port.OverrideResult => {
      const answered = this.#tables.answers.find(question);
      if (answered === "mismatch") return { outcome: "mismatch" };
      if (answered !== undefined) {
        return { outcome: "overridden", replayed: true, expiresAtMs: Number(answered.text) };
      }
      transaction.isTimeBound = true;
      const expiresAtMs = saturatingAdd(transaction.nowMs, ttlMs);
      this.#tables.addOverride(sortableText(scope.key), extra, expiresAtMs);
      this.#tables.answers.remember(question, String(expiresAtMs), transaction.nowMs);
      return { outcome: "overridden", replayed: false, expiresAtMs };
    });
  }

  balances(query: Port.BalancesQuery): Port.Balances {
    const limit = query.limit ?? 1_000;
    requirePositive(limit, "limit");
    // The least text behind a key is the key and the least character: see sortable-text.ts.
    const from = query.after === undefined ? "" : `${sortableText(query.after)}\u0001`;
    const budgetIds = query.budgetIds?.map(sortableText);
    return this.#connection.read(() => {
      const { transaction } = this.#open();
      const balances: Port.ScopeState[] = [];
      let lastKey: string | undefined;
      for (const row of this.#tables.counters.list(from, transaction.nowMs, budgetIds)) {
        const { key, counter, state } = transaction.listed(row);
        if (counter.isEmpty) continue;
        // A page never splits the windows of one scope: `after` continues behind the scope as a whole.
        if (balances.length >= limit && key !== lastKey) return { balances, next: lastKey! };
        balances.push(state());
        lastKey = key;
      }
      return { balances };
    });
  }

  close(): void {
    this.#connection.close();
  }

  /** One operation: all of it, or nothing. */
  #write<T>(work: (opened: Opened) => T): T {
    return this.#connection.write(() => {
      const opened = this.#open();
      const { transaction, storedMs } = opened;
      const result = work(opened);
      transaction.flush();
      if (transaction.isTimeBound && transaction.nowMs > storedMs) this.#tables.setClock(transaction.nowMs);
      return result;
    });
  }

  /** The clock is read under the lock, and never goes back: a window that has ended for one process has for all. */
  #open(): Opened {
    const { now_ms, due_at_ms, overridden_until_ms } = this.#tables.opening.get() as OpeningRow;
    const nowMs = Math.max(now_ms, this.#clock.now());
    return {
      transaction: new Transaction(this.#context, nowMs, overridden_until_ms),
      storedMs: now_ms,
      hasDue: due_at_ms !== null && due_at_ms <= nowMs,
    };
  }

  #forgetSome(transaction: Transaction): void {
    // What this operation has changed must not look old.
    transaction.flush();
    this.#forgetting.forgetSome(transaction);
  }

  /** The hold, after it has been expired if its time is over; then `expired` is what to report of that. */
  #liveOrResolved(
    transaction: Transaction,
    holdId: string,
  ): { readonly hold: HoldRow | undefined; readonly expired: Expiry } {
    const hold = this.#tables.holdById(sortableText(holdId));
    if (hold === undefined || !isDue(hold, transaction.nowMs)) return { hold, expired: NOT_EXPIRED };
    const resolved = expireHold(transaction, this.#tables, hold);
    return { hold: resolved.hold, expired: { expired: [resolved.report] } };
  }
}

function askedOnce(operationId: string, asked: readonly unknown[]): AskedOperation {
  return { kind: "once", id: sortableText(operationId), holdId: "", asked: JSON.stringify(asked) };
}
