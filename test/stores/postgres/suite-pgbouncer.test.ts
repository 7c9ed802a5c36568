/** The whole suite through PgBouncer in transaction mode, where every statement may run on another connection. */
import { startPgBouncer } from "@holdfast/testkit/servers";
import { storeSuite } from "@holdfast/testkit/store-suite";
import { Pool } from "pg";
import postgres from "postgres";
import { afterAll, describe, expect, it } from "vitest";
import { postgresStore } from "holdfast/postgres";
import { addressOf, newDatabase } from "./database.ts";
import { call, expectBalances, newLoad, totalScope } from "./load.ts";
import { suiteStore } from "./stores.ts";

const database = await newDatabase();
const bouncer = await startPgBouncer({
  target: addressOf(database.url),
  poolMode: "transaction",
  poolSize: 3,
});
const url = bouncer.url(database.name);
const pool = new Pool({ connectionString: url, max: 64 });
afterAll(async () => {
  await pool.end();
  await bouncer.stop();
  await database.drop();
});
const run = (sql: string): Promise<unknown> => pool.query(sql);
const createStore = suiteStore({ client: pool, run, clock: "stepped" });

storeSuite({ name: "postgres, PgBouncer", createStore, property: { numRuns: 30 } });

describe("PgBouncer in transaction mode", () => {
  it("serves 64 clients on 3 connections, exactly", async () => {
    await (await createStore()).dispose();
    const scopes = [totalScope("org", { nanoUsd: 1_000_000 }), totalScope("team", { concurrentCalls: 500 })];
    const load = newLoad();
    const store = postgresStore(pool, { batching: { maxOperations: 1, maxTrips: 64 } });
    await Promise.all(
      Array.from({ length: 64 }, async (_, worker) => {
        for (let n = 0; n < 4; n += 1) await call(store, load, `w${worker}-${n}`, scopes, worker + n);
      }),
    );
    expect(load).toMatchObject({ admitted: 256, denied: 0, failures: [] });
    await expectBalances(store, load);
  });

  it("works with postgres.js at its defaults", async () => {
    await (await createStore()).dispose();
    const sql = postgres(url, { max: 20, onnotice: () => {} });
    try {
      const load = newLoad();
      const store = postgresStore(sql);
      const scopes = [totalScope("org")];
      await Promise.all(Array.from({ length: 100 }, (_, n) => call(store, load, `c${n}`, scopes, n)));
      expect(load).toMatchObject({ admitted: 100, failures: [] });
      await expectBalances(store, load);
    } finally {
      await sql.end();
    }
  });
});
