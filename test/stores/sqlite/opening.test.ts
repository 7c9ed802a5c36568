/** What is opened: new files by many at once, files of others, of a newer version, read-only, or in use. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startWorkers } from "@holdfast/testkit/processes";
import { amounts, StoreSetupError, type Scope } from "holdfast";
import {
  sqliteStore,
  type SqliteDatabase,
  type SqliteStatement,
  type SqliteStoreOptions,
} from "holdfast/sqlite";
import { describe, expect, it } from "vitest";
import { sqliteFile } from "./sqlite-file.ts";

const scope: Scope = {
  key: "a",
  budgetId: "a",
  values: {},
  window: { kind: "total" },
  limits: { calls: 1 },
  onExpiry: "charge",
};

function reserveOne(store: ReturnType<typeof sqliteStore>, operationId: string): unknown {
  return store.reserve({
    operationId,
    scopes: [scope],
    amounts: amounts({ calls: 1 }),
    undispatchedTtlMs: 60_000,
  });
}

function setupError(act: () => unknown): StoreSetupError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(StoreSetupError);
    return error as StoreSetupError;
  }
  throw new Error("it was opened");
}

describe("a new file", () => {
  it("is made by 4 processes at once, three times", { timeout: 60_000 }, async () => {
    for (let round = 0; round < 3; round++) {
      using file = sqliteFile();
      await using group = startWorkers<string>({
        module: new URL("./open-worker.ts", import.meta.url),
        count: 4,
        args: { path: file.path },
      });
      await group.ready;
      group.go();
      expect(await group.results).toEqual(["adjusted", "adjusted", "adjusted", "adjusted"]);
      const database = new DatabaseSync(file.path);
      expect(database.prepare("SELECT count(*) AS n FROM counter").get()).toEqual({ n: 4 });
      expect(database.prepare("SELECT count(*) AS n FROM clock").get()).toEqual({ n: 1 });
      database.close();
    }
  });

  it("is opened again with everything that was in it", async () => {
    using file = sqliteFile();
    const first = sqliteStore(file.path);
    reserveOne(first, "h");
    await first.close();
    await first.close();
    const second = sqliteStore(file.path);
    expect(reserveOne(second, "i")).toMatchObject({ outcome: "denied" });
    expect(reserveOne(second, "h")).toMatchObject({ outcome: "held", replayed: true });
    await second.close();
    expect(() => reserveOne(second, "j")).toThrow();
  });

  it.each([
    ["power-loss", 2],
    ["process-crash", 1],
  ] as const)("is kept at durability %s", (durability, synchronous) => {
    using file = sqliteFile();
    const database = new DatabaseSync(file.path);
    sqliteStore(database, { durability });
    expect(database.prepare("PRAGMA synchronous").get()).toEqual({ synchronous });
    expect(database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    database.close();
  });

  it("waits for the disk by default", () => {
    using file = sqliteFile();
    const database = new DatabaseSync(file.path);
    sqliteStore(database);
    expect(database.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    database.close();
  });
});

describe("the schema of an older version", () => {
  it("is brought up to date, and what was in it stays", async () => {
    using file = sqliteFile();
    const first = sqliteStore(file.path);
    expect(reserveOne(first, "before")).toMatchObject({ outcome: "held" });
    void first.close();
    // As the first migration alone leaves a file.
    const database = new DatabaseSync(file.path);
    database.exec("DROP TABLE job; PRAGMA user_version = 1");
    database.close();
    const store = sqliteStore(file.path);
    expect(reserveOne(store, "after")).toMatchObject({ outcome: "denied" });
    const job = { key: { provider: "p", jobId: "j" }, hold: null, createdAtMs: 1, plan: "{}" };
    await store.jobs!.put(job, 60_000);
    expect(await store.jobs!.get(job.key)).toEqual(job);
    await store.close();
  });
});

describe("is refused", () => {
  it("the schema of a newer version, and nothing is changed", () => {
    using file = sqliteFile();
    void sqliteStore(file.path).close();
    const database = new DatabaseSync(file.path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    expect(setupError(() => sqliteStore(file.path)).message).toMatch(/schema 99.*Update Holdfast/);
    const after = new DatabaseSync(file.path);
    expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 99 });
    after.close();
  });

  it("a database of another application", () => {
    using file = sqliteFile();
    const database = new DatabaseSync(file.path);
    database.exec("CREATE TABLE orders (id INTEGER); PRAGMA user_version = 1");
    database.close();
    expect(setupError(() => sqliteStore(file.path)).message).toContain("a file of its own");
    const after = new DatabaseSync(file.path);
    expect(after.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "orders" }]);
    expect(after.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "delete" });
    after.close();
  });

  it("a file that is no database, a folder, and a folder that is not there", () => {
    using file = sqliteFile();
    writeFileSync(file.path, "not a database, but long enough to be looked at ".repeat(100));
    setupError(() => sqliteStore(file.path));
    const folder = join(file.path, "..", "folder");
    mkdirSync(folder);
    setupError(() => sqliteStore(folder));
    setupError(() => sqliteStore(join(folder, "missing", "ledger.db")));
    setupError(() => sqliteStore(""));
  });

  it("a database that is open for reading only", () => {
    using file = sqliteFile();
    void sqliteStore(file.path).close();
    const database = new DatabaseSync(file.path, { readOnly: true });
    expect(setupError(() => sqliteStore(database)).message).toContain("cannot be written");
    // It belongs to the application, and is left open.
    expect(database.prepare("SELECT 1 AS one").get()).toEqual({ one: 1 });
    database.close();
    // A new file, too: it cannot be given its tables.
    using other = sqliteFile();
    new DatabaseSync(other.path).close();
    const empty = new DatabaseSync(other.path, { readOnly: true });
    setupError(() => sqliteStore(empty));
    empty.close();
  });

  it("what is no database, or one that reads integers as bigints", () => {
    for (const wrong of [null, undefined, {}, 5, { prepare: () => 1 }]) {
      expect(setupError(() => sqliteStore(wrong as never)).message).toContain("DatabaseSync");
    }
    const bigints = new DatabaseSync(":memory:", { readBigInts: true });
    expect(setupError(() => sqliteStore(bigints)).message).toContain("readBigInts");
    bigints.close();
  });

  it("options that make no sense", () => {
    const wrong: readonly object[] = [
      { durability: "none" },
      { busyTimeoutMs: 0 },
      { busyTimeoutMs: 2 ** 31 },
      { rememberMs: -1 },
      { rememberMs: 0.5 },
    ];
    for (const options of wrong) setupError(() => sqliteStore(":memory:", options as SqliteStoreOptions));
  });
});

describe("a database of another library", () => {
  /** Knows objects only, as a library without lists of columns would. */
  function plain(database: DatabaseSync): SqliteDatabase {
    return {
      exec: (sql) => database.exec(sql),
      close: () => database.close(),
      prepare: (sql): SqliteStatement => {
        const statement = database.prepare(sql);
        return {
          get: (...values) => statement.get(...values),
          all: (...values) => statement.all(...values),
          run: (...values) => statement.run(...values),
          iterate: (...values) => statement.iterate(...values),
        };
      },
    };
  }

  it("is used, and not closed", async () => {
    const database = new DatabaseSync(":memory:");
    const store = sqliteStore(plain(database));
    expect(reserveOne(store, "h")).toMatchObject({ outcome: "held" });
    expect(reserveOne(store, "i")).toMatchObject({ outcome: "denied" });
    expect(
      store.settle({ operationId: "s", holdId: "h", amounts: amounts({ calls: 1, nanoUsd: 5 }) }),
    ).toMatchObject({ outcome: "settled" });
    expect((await store.balances({})).balances).toMatchObject([{ spent: { nanoUsd: 5, calls: 1 } }]);
    await store.close();
    expect(database.prepare("SELECT count(*) AS n FROM hold").get()).toEqual({ n: 1 });
    database.close();
  });

  it("is told by its error codes", () => {
    const failing: SqliteDatabase = {
      exec: () => {
        throw Object.assign(new Error("attempt to write a readonly database"), {
          code: "SQLITE_READONLY_DIRECTORY",
        });
      },
      close: () => undefined,
      prepare: (): SqliteStatement => ({
        get: () => ({ one: 1 }),
        all: () => [],
        run: () => ({ lastInsertRowid: 0 }),
        iterate: () => [],
      }),
    };
    expect(setupError(() => sqliteStore(failing)).message).toContain("cannot be written");
  });
});
