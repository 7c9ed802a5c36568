/**
 * @module Letting go of what nobody can ask for any more, in bounded batches.
 *
 * Resolved holds and answers are remembered for a stated time. A counter goes when its window is over or it is empty,
 * nothing is held on it, and every hold that was ever on it has been forgotten.
 */
import type { CounterTable } from "./counter-table.ts";
import type { Connection, SqliteStatement } from "./database.ts";
import type { Transaction } from "./transaction.ts";

/** Rows removed, and counters looked at, in one go. */
const BATCH = 256;
const COUNTERS_IN_A_GO = 1_024;

export class Forgetting {
  readonly #rememberMs: number;
  readonly #holds: SqliteStatement;
  readonly #answers: SqliteStatement;
  readonly #overrides: SqliteStatement;
  readonly #isHoldLeft: SqliteStatement;
  readonly #counters: CounterTable;
  /** Counters are looked at round and round, by id. */
  #lookedAtId = 0;

  constructor(connection: Connection, counters: CounterTable, rememberMs: number) {
    this.#counters = counters;
    this.#rememberMs = rememberMs;
    const prepare = (sql: string): SqliteStatement => connection.prepare(sql);
    this.#holds = prepare(
      `DELETE FROM hold WHERE number IN (SELECT number FROM hold WHERE open = 0 AND at_ms <= ? ORDER BY at_ms LIMIT ${BATCH})`,
    );
    this.#isHoldLeft = prepare("SELECT 1 FROM hold WHERE open = 0 AND at_ms <= ? LIMIT 1");
    this.#answers = prepare(
      "DELETE FROM answer WHERE (kind, id, hold_id) IN " +
        `(SELECT kind, id, hold_id FROM answer WHERE at_ms <= ? ORDER BY at_ms LIMIT ${BATCH})`,
    );
    this.#overrides = prepare(
      `DELETE FROM override WHERE id IN (SELECT id FROM override WHERE expires_at_ms <= ? LIMIT ${BATCH})`,
    );
  }

  /** One go. Belongs behind the operation's own writes, in its transaction. */
  forgetSome(transaction: Transaction): void {
    const { nowMs } = transaction;
    const untilMs = nowMs - this.#rememberMs;
    this.#overrides.run(nowMs);
    if (untilMs < 0) return;
    this.#answers.run(untilMs);
    this.#holds.run(untilMs);
    // A hold that is still there may be asked for, and then its counters are.
    if (this.#isHoldLeft.get(untilMs) === undefined) this.#forgetCounters(transaction, untilMs);
  }

  #forgetCounters(transaction: Transaction, untilMs: number): void {
    const from = this.#lookedAtId;
    const to = from + COUNTERS_IN_A_GO;
    this.#lookedAtId = to >= this.#counters.lastId ? 0 : to;
    for (const row of this.#counters.forgettable(from, to, untilMs, transaction.nowMs)) {
      const { counter } = transaction.listed(row);
      const { endMs } = counter.window;
      if (counter.isEmpty || (endMs !== null && endMs <= transaction.nowMs)) this.#counters.drop(counter.id);
    }
  }
}
