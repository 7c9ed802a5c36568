/** Real processes with slices of one budget on real servers: one is killed, one stands still for too long. */
import { setTimeout as delay } from "node:timers/promises";
import { startWorkers } from "@holdfast/testkit/processes";
import type { Scope } from "holdfast";
import { migratePostgres } from "holdfast/postgres";
import { Pool } from "pg";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openStore, type Backend } from "../backends.ts";
import { newDatabase, type TestDatabase } from "../postgres/database.ts";
import { freshPrefix } from "../redis/redis-rig.ts";
import type { SpenderArgs, SpenderResult } from "./spender.ts";

const NANO_USD = 1_000;
const CALLS = 300;
const IN_FLIGHT = 5;
const LEASE_MS = 1_500;

const databases: TestDatabase[] = [];

const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  Redis: async () => ({ kind: "ioredis", url: inject("redisUrl"), prefix: freshPrefix() }),
  Postgres: async () => {
    const database = await newDatabase();
    databases.push(database);
    const pool = new Pool({ connectionString: database.url });
    await migratePostgres(pool);
    await pool.end();
    return { kind: "pg", url: database.url };
  },
};

afterAll(async () => {
  for (const database of databases) await database.drop();
});

const scope = (onExpiry: Scope["onExpiry"]): Scope => ({
  key: `spend ${onExpiry}`,
  budgetId: "spend",
  values: {},
  window: { kind: "total" },
  limits: { nanoUsd: 100_000 * NANO_USD },
  onExpiry,
});

function start(over: Backend, of: Scope): ReturnType<typeof startWorkers<SpenderResult>> {
  const args: SpenderArgs = {
    over,
    scope: of,
    nanoUsd: NANO_USD,
    calls: CALLS,
    inFlight: IN_FLIGHT,
    leaseMs: LEASE_MS,
  };
  return startWorkers<SpenderResult>({
    module: new URL("spender.ts", import.meta.url),
    args,
    armed: ["in flight"],
  });
}

describe.each(Object.entries(BACKENDS))("over %s", (_, make) => {
  it.each(["charge", "release"] as const)(
    "a killed process strands its slices until they expire, and no longer (%s)",
    async (onExpiry) => {
      const backend = await make();
      const budget = scope(onExpiry);
      await using workers = start(backend, budget);
      await workers.ready;
      workers.go();
      await workers.workers[0]!.reached("in flight");
      await workers.kill();
      const killedAt = performance.now();
      const { store, close } = await openStore(backend);
      try {
        const state = async (): Promise<{ spent: number; held: number }> => {
          const [found] = (await store.balances({})).balances;
          return { spent: found?.spent.nanoUsd ?? 0, held: found?.held.nanoUsd ?? 0 };
        };
        const stranded = await state();
        const used = (CALLS + IN_FLIGHT) * NANO_USD;
        // Visible as held, and never less than what the process has really used.
        expect(stranded.spent + stranded.held).toBeGreaterThanOrEqual(used);
        expect(stranded.held).toBeGreaterThanOrEqual(IN_FLIGHT * NANO_USD);
        await delay(LEASE_MS + 100 - (performance.now() - killedAt));
        while ((await store.expire({ limit: 100 })).more);
        const after = await state();
        expect(after.held).toBe(0);
        expect(after.spent).toBe(onExpiry === "charge" ? stranded.spent + stranded.held : stranded.spent);
      } finally {
        await close();
      }
    },
  );

  it("a process that stood still for longer than its slices live spends nothing from them, and loses nothing", async () => {
    const backend = await make();
    const budget = scope("charge");
    await using workers = start(backend, budget);
    await workers.ready;
    workers.go();
    await workers.workers[0]!.reached("in flight");
    const { store, close } = await openStore(backend);
    try {
      await delay(LEASE_MS + 300);
      while ((await store.expire({ limit: 100 })).more);
      const [dead] = (await store.balances({})).balances;
      expect(dead!.held.nanoUsd).toBe(0);
      workers.workers[0]!.resume();
      const result = await workers.workers[0]!.result;
      expect(result.granted).toBeGreaterThan(IN_FLIGHT * NANO_USD);
      const [state] = (await store.balances({})).balances;
      // Its settlements have corrected what the expiry of its slices had charged.
      expect(state!.held.nanoUsd).toBe(0);
      expect(state!.spent.nanoUsd).toBe(result.settled * NANO_USD);
      expect(state!.spent.nanoUsd).toBeLessThan(dead!.spent.nanoUsd + NANO_USD);
    } finally {
      await close();
    }
  });
});
