/** @module The table `counter`: its statements, and the rows that they read and write. */
import type { Window } from "../../kernel/window.ts";
import { COUNTER_COLUMNS, type Counter, type CounterRow } from "./counter.ts";
import type { Connection, RowLists, SqliteStatement } from "./database.ts";
import type { ScopeText } from "./row-text.ts";

/** A row of the listing: the counter, and its scope as JSON. */
export type ListedRow = readonly [...CounterRow, scope: string];

const LISTED_COLUMNS = `${COUNTER_COLUMNS}, scope`;
const LISTED =
  "scope_key >= ? AND (window_end_ms IS NULL OR window_end_ms > ? OR held_nano_usd > 0 OR held_calls > 0 OR " +
  "held_concurrent_calls > 0 OR held_input_tokens > 0 OR held_output_tokens > 0 OR held_total_tokens > 0)";
const IN_ORDER = "ORDER BY scope_key, window_id";

const AMOUNTS_SET =
  "spent_nano_usd = ?, spent_calls = ?, spent_input_tokens = ?, spent_output_tokens = ?, spent_total_tokens = ?, " +
  "held_nano_usd = ?, held_calls = ?, held_concurrent_calls = ?, held_input_tokens = ?, held_output_tokens = ?, " +
  "held_total_tokens = ?, holds = ?, slices = ?, touched_at_ms = ?";

export class CounterTable {
  readonly #byName: RowLists;
  readonly #byId: RowLists;
  readonly #list: RowLists;
  readonly #listOf: RowLists;
  readonly #forgettable: RowLists;
  readonly #scopeOf: SqliteStatement;
  readonly #add: SqliteStatement;
  readonly #write: SqliteStatement;
  readonly #writeAll: SqliteStatement;
  readonly #drop: SqliteStatement;
  readonly #lastId: SqliteStatement;

  constructor(connection: Connection) {
    const lists = (sql: string): RowLists => connection.prepareLists(sql);
    this.#byName = lists(`SELECT ${COUNTER_COLUMNS} FROM counter WHERE scope_key = ? AND window_id = ?`);
    this.#byId = lists(`SELECT ${COUNTER_COLUMNS} FROM counter WHERE id = ?`);
    this.#list = lists(`SELECT ${LISTED_COLUMNS} FROM counter WHERE ${LISTED} ${IN_ORDER}`);
    this.#listOf = lists(
      `SELECT ${LISTED_COLUMNS} FROM counter WHERE ${LISTED} ` +
        `AND budget_id IN (SELECT value FROM json_each(?)) ${IN_ORDER}`,
    );
    this.#forgettable = lists(
      `SELECT ${LISTED_COLUMNS} FROM counter WHERE id > ? AND id <= ? AND holds = 0 AND touched_at_ms <= ? AND ` +
        "(window_end_ms <= ? OR slices IS NOT NULL OR (spent_nano_usd = 0 AND spent_calls = 0 AND " +
        "spent_input_tokens = 0 AND spent_output_tokens = 0 AND spent_total_tokens = 0))",
    );
    this.#scopeOf = connection.prepare("SELECT scope FROM counter WHERE id = ?");
    this.#add = connection.prepare(
      "INSERT INTO counter (scope_key, window_id, budget_id, scope, window_start_ms, window_end_ms, slices, " +
        "touched_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#write = connection.prepare(`UPDATE counter SET ${AMOUNTS_SET} WHERE id = ?`);
    this.#writeAll = connection.prepare(`UPDATE counter SET ${AMOUNTS_SET}, scope = ? WHERE id = ?`);
    this.#drop = connection.prepare("DELETE FROM counter WHERE id = ?");
    this.#lastId = connection.prepare("SELECT max(id) AS id FROM counter");
  }

  byName(scopeKey: string, windowId: string): CounterRow | undefined {
    return this.#byName.get(scopeKey, windowId) as CounterRow | undefined;
  }

  byId(id: number): CounterRow | undefined {
    return this.#byId.get(id) as CounterRow | undefined;
  }

  /** The scope as JSON. */
  scopeOf(id: number): string {
    return (this.#scopeOf.get(id) as { readonly scope: string }).scope;
  }

  /** From a scope key on, in order: counters of current windows, and those that are still held on. */
  list(fromKey: string, nowMs: number, budgetIds?: readonly string[]): Iterable<ListedRow> {
    const rows =
      budgetIds === undefined
        ? this.#list.iterate(fromKey, nowMs)
        : this.#listOf.iterate(fromKey, nowMs, JSON.stringify(budgetIds));
    return rows as Iterable<ListedRow>;
  }

  /** Those behind one id and up to another that nobody has touched for long, and that may be over or empty. */
  forgettable(behindId: number, toId: number, untouchedSinceMs: number, nowMs: number): readonly ListedRow[] {
    return [...this.#forgettable.iterate(behindId, toId, untouchedSinceMs, nowMs)] as unknown as ListedRow[];
  }

  get lastId(): number {
    return (this.#lastId.get() as { readonly id: number | null }).id ?? 0;
  }

  add(scope: ScopeText, window: Window, isRolling: boolean, nowMs: number): CounterRow {
    const slices = isRolling ? "[]" : null;
    this.#add.run(
      scope.key,
      window.id,
      scope.budgetId,
      scope.json,
      window.startMs,
      window.endMs,
      slices,
      nowMs,
    );
    return this.byName(scope.key, window.id)!;
  }

  write(counter: Counter, nowMs: number): void {
    const { spent, held, describedAs } = counter;
    const amounts = [
      spent.nanoUsd,
      spent.calls,
      spent.inputTokens,
      spent.outputTokens,
      spent.totalTokens,
      held.nanoUsd,
      held.calls,
      held.concurrentCalls,
      held.inputTokens,
      held.outputTokens,
      held.totalTokens,
      counter.holds,
      counter.slicesText,
      nowMs,
    ];
    if (describedAs === undefined) this.#write.run(...amounts, counter.id);
    else this.#writeAll.run(...amounts, describedAs.json, counter.id);
  }

  drop(id: number): void {
    this.#drop.run(id);
  }
}
