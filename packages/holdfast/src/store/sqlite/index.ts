/**
 * The store of one machine: budgets, holds and usage records in one SQLite file.
 *
 * @module
 */
export { sqliteStore, type SqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts";
export type { Durability, SqliteDatabase, SqliteStatement, SqliteValue } from "./database.ts";
export type {
  UsageFilter,
  UsageLedger,
  UsagePage,
  UsagePosition,
  UsageQuery,
  UsageRollup,
  UsageRollupQuery,
} from "../../ledger/usage-ledger.ts";
