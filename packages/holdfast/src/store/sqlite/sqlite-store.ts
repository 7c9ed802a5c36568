/** @module How a sqlite store is opened, and what it promises. */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { systemClock, type Clock } from "../../kernel/clock.ts";
import type { LedgerStore } from "../../ledger/ledger-store.ts";
import type { UsageLedger } from "../../ledger/usage-ledger.ts";
import {
  asSetupError,
  makeDurable,
  openConnection,
  patiently,
  type Connection,
  type Durability,
  type SqliteDatabase,
} from "./database.ts";
import { LedgerInSqlite } from "./operations.ts";
import { migrate, requireOurDatabase } from "./schema.ts";
import { SqliteUsageLedger } from "./usage-rows.ts";

export interface SqliteStoreOptions {
  /**
   * What an acknowledged operation survives.
   * - "power-loss": the end of the process by whatever signal, a crash of the operating system, a power cut. Every
   *   operation waits for the disk (`synchronous = FULL`).
   * - "process-crash": the end of the process by whatever signal. A crash of the system or a power cut may take back
   *   the latest operations, so money that was spent may be forgotten; the rest stays sound (`synchronous = NORMAL`).
   * @default "power-loss"
   */
  readonly durability?: Durability;
  /**
   * How long an operation waits for another process that is writing, ms; the thread is blocked meanwhile. Then it
   * throws the client library's error ("database is locked"), which is not a denial.
   * @default 1_000
   */
  readonly busyTimeoutMs?: number;
  /**
   * How long resolved holds, denials and other answers are remembered, ms, so that a replay is answered as the first
   * time and a late settlement still corrects.
   * @default 86_400_000 (a day)
   */
  readonly rememberMs?: number;
  /** For tests and simulations only. @default the system's clock */
  readonly clock?: Clock;
}

export interface SqliteStore extends LedgerStore {
  /**
   * The ledger of usage records, in the same file. It works after `close()` as well, because the records of the last
   * calls come after these: the file is then opened for the moment.
   */
  readonly usage: UsageLedger;
}

const DAY_MS = 86_400_000;
/** `PRAGMA busy_timeout` takes 32 bits. */
const MAX_BUSY_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * A store in one SQLite file, for all processes of one machine: no server, no dependency. Balances, holds and usage
 * records survive the end of the process; see {@link SqliteStoreOptions.durability} for what else.
 *
 * The file needs a local disk (SQLite's write-ahead log does not work on network file systems), and must not be moved
 * or deleted while it is in use. `":memory:"` keeps everything in this process and loses it at its end.
 *
 * @param target the path of the file, made if need be; or an open database of node:sqlite or better-sqlite3 that
 *   nothing else uses: its journal mode, `synchronous` and busy timeout are set here. Only a database that was opened
 *   here is closed by `close()`.
 * @throws {StoreSetupError} when the database cannot be opened or written, belongs to another application, or has the
 *   schema of a newer version.
 */
export function sqliteStore(target: string | SqliteDatabase, options: SqliteStoreOptions = {}): SqliteStore {
  const settings = {
    durability: requireDurability(options.durability ?? "power-loss"),
    busyTimeoutMs: requireMs(options.busyTimeoutMs ?? 1_000, "busyTimeoutMs", MAX_BUSY_TIMEOUT_MS),
    rememberMs: requireMs(options.rememberMs ?? DAY_MS, "rememberMs", Number.MAX_SAFE_INTEGER),
    clock: options.clock ?? systemClock,
  };
  const connection = open(target, settings);
  const usage = new SqliteUsageLedger((work) => lend(connection, target, settings, work));
  return new LedgerInSqlite(connection, usage, settings);
}

interface OpenSettings {
  readonly durability: Durability;
  readonly busyTimeoutMs: number;
}

/** Nothing is changed in a file before it is known to be ours. */
function open(target: string | SqliteDatabase, { durability, busyTimeoutMs }: OpenSettings): Connection {
  const connection = openConnection(target, busyTimeoutMs);
  try {
    patiently(busyTimeoutMs, () => connection.read(() => requireOurDatabase(connection)));
    patiently(busyTimeoutMs, () => makeDurable(connection, durability));
    patiently(busyTimeoutMs, () => migrate(connection));
    return connection;
  } catch (error) {
    connection.close();
    throw asSetupError(error);
  }
}

/** The store's own connection, and when that is closed, one for this once. */
function lend<T>(
  connection: Connection,
  target: string | SqliteDatabase,
  settings: OpenSettings,
  work: (connection: Connection) => T,
): T {
  if (connection.isOpen) return work(connection);
  if (target === ":memory:") throw new Error("The store has been closed, and what it had in memory is gone.");
  const own = open(target, settings);
  try {
    return work(own);
  } finally {
    own.close();
  }
}

function requireDurability(value: unknown): Durability {
  if (value === "power-loss" || value === "process-crash") return value;
  throw new StoreSetupError('durability must be "power-loss" or "process-crash".');
}

function requireMs(value: number, name: string, max: number): number {
  if (Number.isSafeInteger(value) && value > 0 && value <= max) return value;
  throw new StoreSetupError(`${name} must be a whole number of ms from 1 to ${max}, not ${String(value)}.`);
}
