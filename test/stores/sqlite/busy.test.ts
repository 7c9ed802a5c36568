/** Another process that holds the write lock: an error within the bound, never a denial, and nothing is lost. */
import { DatabaseSync } from "node:sqlite";
import { amounts, type Scope } from "holdfast";
import { sqliteStore } from "holdfast/sqlite";
import { expect, it } from "vitest";
import { sqliteFile } from "./sqlite-file.ts";

const BUSY_MS = 200;

const scope: Scope = {
  key: "a",
  budgetId: "a",
  values: {},
  window: { kind: "total" },
  limits: { calls: 1 },
  onExpiry: "charge",
};
const reservation = {
  operationId: "h",
  scopes: [scope],
  amounts: amounts({ calls: 1 }),
  undispatchedTtlMs: 60_000,
};

it("throws when the lock is not given back in time, and works when it is", async () => {
  using file = sqliteFile();
  const store = sqliteStore(file.path, { busyTimeoutMs: BUSY_MS });
  const foreign = new DatabaseSync(file.path);
  foreign.exec("BEGIN IMMEDIATE");

  const startedMs = performance.now();
  let thrown: unknown;
  try {
    await store.reserve(reservation);
  } catch (error) {
    thrown = error;
  }
  const tookMs = performance.now() - startedMs;
  expect(thrown).toMatchObject({ code: "ERR_SQLITE_ERROR", errcode: 5, message: "database is locked" });
  expect(tookMs).toBeGreaterThanOrEqual(BUSY_MS * 0.8);
  expect(tookMs).toBeLessThan(BUSY_MS * 10);
  // Reading waits for nobody.
  expect(await store.balances({})).toEqual({ balances: [] });

  foreign.exec("ROLLBACK");
  // The one that failed has left nothing behind: it is new, and the only call fits.
  expect(await store.reserve(reservation)).toMatchObject({ outcome: "held", replayed: false });
  foreign.exec("BEGIN IMMEDIATE");
  expect(() => store.settle({ operationId: "s", holdId: "h", amounts: amounts({ calls: 1 }) })).toThrow(
    "locked",
  );
  expect(() => store.usage.append([])).not.toThrow();
  foreign.exec("ROLLBACK");
  expect(await store.settle({ operationId: "s", holdId: "h", amounts: amounts({ calls: 1 }) })).toMatchObject(
    {
      outcome: "settled",
      replayed: false,
    },
  );
  foreign.close();
  await store.close();
});

it("cannot be opened while it is locked, and says so within the bound", () => {
  using file = sqliteFile();
  void sqliteStore(file.path).close();
  const foreign = new DatabaseSync(file.path);
  foreign.exec("BEGIN IMMEDIATE");
  const startedMs = performance.now();
  expect(() => sqliteStore(file.path, { busyTimeoutMs: 300 })).toThrow("locked");
  expect(performance.now() - startedMs).toBeLessThan(3_000);
  foreign.exec("ROLLBACK");
  foreign.close();
  void sqliteStore(file.path).close();
});

it("rolls back as a whole when the disk is full", async () => {
  using file = sqliteFile();
  const database = new DatabaseSync(file.path);
  const store = sqliteStore(database);
  await store.reserve({ ...reservation, operationId: "first", scopes: [{ ...scope, key: "first" }] });
  const { page_count: pages } = database.prepare("PRAGMA page_count").get() as { page_count: number };
  database.exec(`PRAGMA max_page_count = ${pages}`);
  const long = "x".repeat(100_000);
  expect(() => store.reserve({ ...reservation, scopes: [scope, { ...scope, key: long }] })).toThrow("full");
  const listed = (await store.balances({})).balances;
  expect(listed.map((state) => state.scope.key)).toEqual(["first"]);
  database.exec("PRAGMA max_page_count = 1000000");
  expect(await store.reserve({ ...reservation, scopes: [scope, { ...scope, key: long }] })).toMatchObject({
    outcome: "held",
    replayed: false,
  });
  database.close();
});
