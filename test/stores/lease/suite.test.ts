/** A leased store is a store: the whole suite, on each base, with every leasable scope leased. */
import { checkAgainstModel, storeSuite } from "@holdfast/testkit/store-suite";
import type { LeaseOptions } from "holdfast/lease";
import { postgresStore } from "holdfast/postgres";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { afterAll, describe, inject, it } from "vitest";
import { newDatabase, statement } from "../postgres/database.ts";
import { suiteStore } from "../postgres/stores.ts";
import { freshPrefix } from "../redis/redis-rig.ts";
import { leasedStores, type LeasedBaseOptions } from "./leased-stores.ts";

const EVERY: LeaseOptions = { lease: () => true };

const redis = new Redis(inject("redisUrl"));
const database = await newDatabase();
const pool = new Pool({ connectionString: database.url });
const run = (sql: string): Promise<unknown> => statement(database.url, sql);
const emptyPostgres = suiteStore({ client: pool, run, clock: "stepped" });

afterAll(async () => {
  redis.disconnect();
  await pool.end();
  await database.drop();
});

storeSuite({ name: "memory, leased", createStore: leasedStores(EVERY) });

storeSuite({
  name: "redis, leased",
  createStore: leasedStores(EVERY, {
    base: (clock) => redisStore(redis, { prefix: freshPrefix(), serverClock: clock }),
  }),
  property: { numRuns: 60 },
});

storeSuite({
  name: "postgres, leased",
  createStore: async () => {
    // Empties the tables.
    await (await emptyPostgres()).dispose();
    return leasedStores(EVERY, {
      base: (clock) =>
        postgresStore(pool, { serverClock: clock, rememberDenialsMs: 86_400_000, lockTimeoutMs: 20_000 }),
    })();
  },
  property: { numRuns: 30 },
});

/** Ways to lease that the cases do not come to: pools that are full, half, late, and only of some scopes. */
const WAYS: Readonly<Record<string, readonly [LeaseOptions, LeasedBaseOptions]>> = {
  "with timers": [EVERY, { ticks: true }],
  "over a slow base": [EVERY, { turns: 4 }],
  "over a slow base, with timers": [EVERY, { turns: 4, ticks: true }],
  "taking all that is free": [{ ...EVERY, parts: 1 }, {}],
  "taking all that is free, with timers": [{ ...EVERY, parts: 1, horizonMs: 5_000 }, { ticks: true }],
  "returning nothing": [
    { ...EVERY, parts: 2, horizonMs: 5_000, idleMs: 100_000 },
    { ticks: true, turns: 4 },
  ],
  "of all scopes, by demand": [
    { lease: "auto", hotCalls: 1, parts: 2 },
    { ticks: true, turns: 4 },
  ],
  "of hot scopes": [{ lease: "auto", hotCalls: 3, parts: 1 }, { ticks: true }],
  "of some scopes": [{ lease: ({ key }) => key.length % 2 === 0, parts: 1 }, { ticks: true }],
};

describe("answers and counts as the reference model, however it leases", () => {
  it.each(Object.entries(WAYS))("%s", { timeout: 120_000 }, async (_, [options, about]) => {
    await checkAgainstModel(leasedStores(options, about), {
      numRuns: Number(process.env["LEASE_RUNS"] ?? 120),
      maxCommands: 60,
      ...(process.env["LEASE_SEED"] === undefined ? {} : { seed: Number(process.env["LEASE_SEED"]) }),
    });
  });
});
