/** @module The migrations, in the order of their numbers. One that has been released is never changed. */
import { ledgerTables } from "./0001-ledger.ts";
import { sliceFunctions } from "./0002-slices.ts";
import { runFunction } from "./0003-run.ts";
import { forgetFunction } from "./0004-forget.ts";
import { usageTables } from "./0005-usage.ts";
import { jobTables } from "./0006-jobs.ts";

export interface PostgresMigration {
  /** From 1, without gaps. */
  readonly number: number;
  readonly name: string;
  /** Statements to run in one transaction, after all migrations before it. */
  readonly sql: string;
}

/** `schema` is a quoted identifier. */
export function migrationsOf(schema: string): readonly PostgresMigration[] {
  return [
    { number: 1, name: "ledger", sql: ledgerTables(schema) },
    { number: 2, name: "slices", sql: sliceFunctions(schema) },
    { number: 3, name: "run", sql: runFunction(schema) },
    { number: 4, name: "forget", sql: forgetFunction(schema) },
    { number: 5, name: "usage", sql: usageTables(schema) },
    { number: 6, name: "jobs", sql: jobTables(schema) },
  ];
}
