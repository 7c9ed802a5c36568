/**
 * @module One connection to one SQLite database: opened as money needs it, and its transactions.
 *
 * The connection is either Node's own `node:sqlite` or one that the application hands in; nothing else of a client
 * library is used than what the two interfaces below say.
 */
import { systemClock } from "../../kernel/clock.ts";
import { StoreSetupError } from "../../error/store-setup-error.ts";

export type SqliteValue = string | number | null;

/** The part of a prepared statement that is used: `StatementSync` of node:sqlite and better-sqlite3's have it. */
export interface SqliteStatement {
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
  run(...values: SqliteValue[]): { readonly lastInsertRowid: number | bigint };
  iterate(...values: SqliteValue[]): Iterable<unknown>;
  /** Rows as lists: node:sqlite's name for it, and better-sqlite3's. Rows are objects where a library has neither. */
  setReturnArrays?(enabled: boolean): void;
  raw?(enabled: boolean): unknown;
}

/** The part of a database that is used: `DatabaseSync` of node:sqlite and better-sqlite3's `Database` have it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

/** What an acknowledged operation survives; see `SqliteStoreOptions`. */
export type Durability = "power-loss" | "process-crash";

type Row = readonly SqliteValue[];

/** A statement whose rows are the lists of their columns, which are read much faster than objects. */
export class RowLists {
  readonly #statement: SqliteStatement;

  constructor(statement: SqliteStatement) {
    if (statement.setReturnArrays !== undefined) statement.setReturnArrays(true);
    else statement.raw?.(true);
    this.#statement = statement;
  }

  get(...values: SqliteValue[]): Row | undefined {
    const row = this.#statement.get(...values);
    return row === undefined ? undefined : listOf(row);
  }

  *iterate(...values: SqliteValue[]): Iterable<Row> {
    for (const row of this.#statement.iterate(...values)) yield listOf(row);
  }
}

/** An object has its columns in the order in which they were selected. */
function listOf(row: unknown): Row {
  return Array.isArray(row) ? (row as Row) : Object.values(row as Record<string, SqliteValue>);
}

export class Connection {
  readonly #database: SqliteDatabase;
  readonly #isOwn: boolean;
  readonly #begin: SqliteStatement;
  readonly #beginRead: SqliteStatement;
  readonly #commit: SqliteStatement;
  readonly #rollback: SqliteStatement;
  #isOpen = true;

  constructor(database: SqliteDatabase, isOwn: boolean) {
    this.#database = database;
    this.#isOwn = isOwn;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#beginRead = database.prepare("BEGIN");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
  }

  /** False after `close()`, if that closed the database. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  prepare(sql: string): SqliteStatement {
    return this.#database.prepare(sql);
  }

  prepareLists(sql: string): RowLists {
    return new RowLists(this.prepare(sql));
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /**
   * Everything that `work` writes, or nothing. It holds the write lock from its first statement on, so what it reads
   * stays true until it is done.
   */
  write<T>(work: () => T): T {
    return this.#within(this.#begin, work);
  }

  /** Several reads of one state. Waits for no writer and keeps none waiting. */
  read<T>(work: () => T): T {
    return this.#within(this.#beginRead, work);
  }

  /** Closes the database if it was opened here. */
  close(): void {
    if (!this.#isOwn || !this.#isOpen) return;
    this.#isOpen = false;
    this.#database.close();
  }

  #within<T>(begin: SqliteStatement, work: () => T): T {
    begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      try {
        this.#rollback.run();
      } catch {
        // SQLite has rolled back by itself, as it does when the disk is full; the first error says why.
      }
      throw error;
    }
  }
}

/** @throws {StoreSetupError} when there is no such database, or it is of an unknown kind. */
export function openConnection(target: string | SqliteDatabase, busyTimeoutMs: number): Connection {
  const isOwn = typeof target === "string";
  const database = isOwn ? openFile(target) : requireDatabase(target);
  try {
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    patiently(busyTimeoutMs, () => requireNumbers(database));
    return new Connection(database, isOwn);
  } catch (error) {
    if (isOwn) database.close();
    throw asSetupError(error);
  }
}

/** Does a step of a set-up, again and again while the database is locked, for about so long. */
export function patiently<T>(busyTimeoutMs: number, step: () => T): T {
  const untilMs = systemClock.now() + busyTimeoutMs;
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    try {
      return step();
    } catch (error) {
      // Some steps do not wait for a lock by themselves, whatever the busy timeout says; some have done so already.
      if (!isBusy(error) || waitedMs >= busyTimeoutMs || systemClock.now() >= untilMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

const RETRY_MS = 20;
/** 16 MB. */
const LOG_PAGES = 4_000;

/** An error of opening, as a `StoreSetupError` where the set-up is at fault; else the error itself. */
export function asSetupError(error: unknown): unknown {
  switch (resultCodeOf(error)) {
    case "READONLY":
      return new StoreSetupError(
        "The database cannot be written. Let the process write the file and its folder, and open it for writing.",
        { cause: error },
      );
    case "CANTOPEN":
      return new StoreSetupError(
        "The database cannot be opened. Make the folder, and let the process write in it.",
        { cause: error },
      );
    case "NOTADB":
      return new StoreSetupError("The file is no SQLite database. Give Holdfast a file of its own.", {
        cause: error,
      });
    default:
      return error;
  }
}

function openFile(path: string): SqliteDatabase {
  if (path === "") throw new StoreSetupError('The path of the database is empty; use ":memory:" for none.');
  // Not imported, so that a database of another library can be handed in where node:sqlite does not exist.
  const sqlite = process.getBuiltinModule("node:sqlite") as typeof import("node:sqlite") | undefined;
  if (sqlite === undefined) {
    throw new StoreSetupError(
      "This runtime has no node:sqlite. Use Node.js 22.13 or later, or hand in a database of better-sqlite3.",
    );
  }
  try {
    return new sqlite.DatabaseSync(path);
  } catch (error) {
    throw asSetupError(error);
  }
}

function requireDatabase(target: unknown): SqliteDatabase {
  const { prepare, exec } = (target ?? {}) as Partial<Record<keyof SqliteDatabase, unknown>>;
  if (typeof prepare === "function" && typeof exec === "function") return target as SqliteDatabase;
  throw new StoreSetupError(
    "sqliteStore takes a path, a DatabaseSync of node:sqlite, or a Database of better-sqlite3.",
  );
}

/**
 * Makes commits as durable as is asked for.
 * @throws {StoreSetupError} when that cannot be had here.
 */
export function makeDurable(connection: Connection, durability: Durability): void {
  useWriteAheadLog(connection);
  // The log is copied into the file less often than by default: the same pages change again and again.
  connection.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`);
  const isFull = durability === "power-loss";
  connection.exec(`PRAGMA synchronous = ${isFull ? "FULL" : "NORMAL"}`);
  // On macOS, fsync alone leaves data in the disk's own cache; elsewhere these change nothing.
  connection.exec(`PRAGMA fullfsync = ${isFull ? 1 : 0}`);
  connection.exec(`PRAGMA checkpoint_fullfsync = ${isFull ? 1 : 0}`);
}

function requireNumbers(database: SqliteDatabase): void {
  const row = database.prepare("SELECT 1 AS one").get();
  if ((row as { one?: unknown } | undefined)?.one === 1) return;
  throw new StoreSetupError(
    "The database that was handed in does not give rows as objects with integers as numbers. Open it without " +
      "readBigInts, returnArrays or safe integers.",
  );
}

function useWriteAheadLog(connection: Connection): void {
  // Asked first, because changing the mode needs the database for itself alone.
  if (isLogged(connection.prepare("PRAGMA journal_mode").get())) return;
  if (isLogged(connection.prepare("PRAGMA journal_mode = WAL").get())) return;
  throw new StoreSetupError(
    "The database cannot use a write-ahead log here. Put the file on a local disk, not on a network file system.",
  );
}

/** A database in memory has a journal of its own kind, and nothing to lose. */
function isLogged(row: unknown): boolean {
  const mode = (row as { journal_mode?: unknown } | undefined)?.journal_mode;
  return mode === "wal" || mode === "memory";
}

function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === "BUSY" || code === "LOCKED";
}

const RESULT_CODES: ReadonlyMap<number, string> = new Map([
  [5, "BUSY"],
  [6, "LOCKED"],
  [8, "READONLY"],
  [14, "CANTOPEN"],
  [26, "NOTADB"],
]);

/** node:sqlite gives SQLite's number (`errcode`), better-sqlite3 its name (`code`, such as "SQLITE_BUSY_RECOVERY"). */
function resultCodeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  if (typeof errcode === "number") return RESULT_CODES.get(errcode & 0xff);
  return typeof code === "string" ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
}
