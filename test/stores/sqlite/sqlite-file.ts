/** @module A database file for one test, and the stores on it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "@holdfast/testkit";
import type { CreateStore } from "@holdfast/testkit/store-suite";
import { sqliteStore, type SqliteStoreOptions } from "holdfast/sqlite";

export interface SqliteFile extends Disposable {
  readonly path: string;
}

export function sqliteFile(): SqliteFile {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"));
  return {
    path: join(folder, "ledger.db"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Half an hour before midnight in Berlin, and a day of 23 hours is next. */
const START = new Date("2026-03-28T22:30:00Z");

/** Each store on a file of its own, with a second connection to it, and a clock that the test moves. */
export function onFile(options: SqliteStoreOptions): CreateStore {
  return async () => {
    const file = sqliteFile();
    const clock = createFakeClock(START);
    const store = sqliteStore(file.path, { ...options, clock });
    return {
      store,
      clock,
      another: async () => sqliteStore(file.path, { ...options, clock }),
      dispose: async () => {
        await store.close();
        file[Symbol.dispose]();
      },
    };
  };
}
