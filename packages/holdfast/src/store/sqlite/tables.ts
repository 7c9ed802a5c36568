/** @module The prepared statements of the store, and the rows that they read and write. */
import type { Amounts, Limits } from "../../ledger/amounts.ts";
import type { HoldState } from "../../ledger/hold-state.ts";
import { Answers } from "./answers.ts";
import { CounterTable } from "./counter-table.ts";
import type { Connection, RowLists, SqliteStatement } from "./database.ts";
import { amountsText, type Share } from "./row-text.ts";

/** What every operation needs to know first. */
export interface OpeningRow {
  readonly now_ms: number;
  /** When the hold that is due first expires. */
  readonly due_at_ms: number | null;
  readonly overridden_until_ms: number | null;
}

const HOLD_COLUMNS =
  "number, id, open, at_ms, state, dispatched, reserved_at_ms, amounts, shares, resolved_by, charged, corrected";

/** A row of the table `hold`. */
export interface HoldRow extends HoldChange {
  readonly number: number;
  readonly id: string;
  readonly reserved_at_ms: number;
  readonly amounts: string;
  readonly shares: string;
}

type HoldList = readonly [
  number: number,
  id: string,
  open: HoldChange["open"],
  atMs: number,
  state: HoldState,
  dispatched: HoldChange["dispatched"],
  reservedAtMs: number,
  amounts: string,
  shares: string,
  resolvedBy: string | null,
  charged: string | null,
  corrected: HoldChange["corrected"],
];

/** What changes in a hold's life. */
export interface HoldChange {
  readonly open: 0 | 1 | 2;
  readonly at_ms: number;
  readonly state: HoldState;
  readonly dispatched: 0 | 1;
  readonly resolved_by: string | null;
  readonly charged: string | null;
  readonly corrected: 0 | 1;
}

export class Tables {
  readonly opening: SqliteStatement;
  readonly counters: CounterTable;
  readonly answers: Answers;
  readonly overridesInForce: SqliteStatement;
  readonly #holdById: RowLists;
  readonly #holdsDue: RowLists;
  readonly #setClock: SqliteStatement;
  readonly #addHold: SqliteStatement;
  readonly #changeHold: SqliteStatement;
  readonly #addOverride: SqliteStatement;

  constructor(connection: Connection) {
    const prepare = (sql: string): SqliteStatement => connection.prepare(sql);
    this.counters = new CounterTable(connection);
    this.answers = new Answers(connection);
    this.opening = prepare(
      "SELECT now_ms, (SELECT at_ms FROM hold WHERE open = 1 ORDER BY at_ms LIMIT 1) AS due_at_ms, " +
        "(SELECT max(expires_at_ms) FROM override) AS overridden_until_ms FROM clock",
    );
    this.#setClock = prepare("UPDATE clock SET now_ms = ?");
    this.#holdById = connection.prepareLists(`SELECT ${HOLD_COLUMNS} FROM hold WHERE id = ?`);
    this.#holdsDue = connection.prepareLists(
      `SELECT ${HOLD_COLUMNS} FROM hold WHERE open = 1 AND at_ms <= ? ORDER BY at_ms, id LIMIT ?`,
    );
    this.#addHold = prepare(
      "INSERT INTO hold (id, open, at_ms, state, dispatched, reserved_at_ms, amounts, shares) " +
        "VALUES (?, 1, ?, 'reserved', 0, ?, ?, ?)",
    );
    this.#changeHold = prepare(
      "UPDATE hold SET open = ?, at_ms = ?, state = ?, dispatched = ?, resolved_by = ?, charged = ?, corrected = ? " +
        "WHERE number = ?",
    );
    this.overridesInForce = prepare("SELECT extra FROM override WHERE scope_key = ? AND expires_at_ms > ?");
    this.#addOverride = prepare("INSERT INTO override (scope_key, extra, expires_at_ms) VALUES (?, ?, ?)");
  }

  /** `id` as in the row: see sortable-text.ts. */
  holdById(id: string): HoldRow | undefined {
    const list = this.#holdById.get(id) as HoldList | undefined;
    return list === undefined ? undefined : holdFrom(list);
  }

  /** Holds whose time is over, oldest first. */
  holdsDue(nowMs: number, limit: number): readonly HoldRow[] {
    return Array.from(this.#holdsDue.iterate(nowMs, limit) as Iterable<unknown>, (list) =>
      holdFrom(list as HoldList),
    );
  }

  setClock(nowMs: number): void {
    this.#setClock.run(nowMs);
  }

  addHold(
    id: string,
    amounts: Amounts,
    shares: readonly Share[],
    reservedAtMs: number,
    expiresAtMs: number,
  ): void {
    this.#addHold.run(id, expiresAtMs, reservedAtMs, amountsText(amounts), JSON.stringify(shares));
  }

  changeHold(hold: HoldRow, change: Partial<HoldChange>): HoldRow {
    const next = { ...hold, ...change };
    this.#changeHold.run(
      next.open,
      next.at_ms,
      next.state,
      next.dispatched,
      next.resolved_by,
      next.charged,
      next.corrected,
      next.number,
    );
    return next;
  }

  addOverride(scopeKey: string, extra: Limits, expiresAtMs: number): void {
    this.#addOverride.run(scopeKey, JSON.stringify(extra), expiresAtMs);
  }
}

function holdFrom(list: HoldList): HoldRow {
  return {
    number: list[0],
    id: list[1],
    open: list[2],
    at_ms: list[3],
    state: list[4],
    dispatched: list[5],
    reserved_at_ms: list[6],
    amounts: list[7],
    shares: list[8],
    resolved_by: list[9],
    charged: list[10],
    corrected: list[11],
  };
}
