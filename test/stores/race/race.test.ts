/** The race: 4 processes make 250 calls each, with money for 100, on every store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startWorkers } from "@holdfast/testkit/processes";
import { startPgBouncer, startRedisCluster, type RedisCluster } from "@holdfast/testkit/servers";
import type { Scope } from "holdfast";
import { migratePostgres } from "holdfast/postgres";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { openStore, type Backend } from "../backends.ts";
import type { RaceArgs, RaceResult } from "./race-worker.ts";

const PROCESSES = 4;
const CALLS = 250;
const AFFORDABLE = 100;
const NANO_USD = 1_234_567;

const scope: Scope = {
  key: "race!total",
  budgetId: "race",
  values: {},
  window: { kind: "total" },
  // A little is left over that no call fits into.
  limits: { nanoUsd: AFFORDABLE * NANO_USD + 1 },
  onExpiry: "charge",
};

const folder = mkdtempSync(join(tmpdir(), "holdfast-race-"));
let cluster: RedisCluster;
let bouncer: Awaited<ReturnType<typeof startPgBouncer>>;

beforeAll(async () => {
  const { hostname, port, username } = new URL(inject("postgresUrl"));
  cluster = await startRedisCluster();
  bouncer = await startPgBouncer({
    target: { host: hostname, port: Number(port), user: decodeURIComponent(username) },
    poolMode: "transaction",
    poolSize: 2,
  });
});
afterAll(async () => {
  await cluster?.stop();
  await bouncer?.stop();
  rmSync(folder, { recursive: true });
});

/** A new, migrated database. */
async function database(name: string): Promise<{ direct: string; pooled: string }> {
  const admin = new Pool({ connectionString: inject("postgresUrl"), max: 1 });
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  const pool = new Pool({ connectionString: url.href, max: 1 });
  await migratePostgres(pool);
  await pool.end();
  return { direct: url.href, pooled: bouncer.url(name) };
}

const redis = (kind: "ioredis" | "node-redis", prefix: string): Backend => ({
  kind,
  url: inject("redisUrl"),
  prefix,
});

const BACKENDS: Readonly<Record<string, () => Backend | Promise<Backend>>> = {
  sqlite: () => ({ kind: "sqlite", path: join(folder, "race.db") }),
  "Redis by ioredis": () => redis("ioredis", "race-ioredis"),
  "Redis by node-redis": () => redis("node-redis", "race-node-redis"),
  "Redis Cluster by ioredis": () => ({ kind: "ioredis cluster", nodes: cluster.nodes, prefix: "race" }),
  "Redis Cluster by node-redis": () => ({
    kind: "node-redis cluster",
    nodes: cluster.nodes,
    prefix: "race2",
  }),
  "Postgres by pg": async () => ({ kind: "pg", url: (await database("race_pg")).direct }),
  "Postgres by postgres.js": async () => ({ kind: "postgres.js", url: (await database("race_js")).direct }),
  "Postgres behind PgBouncer": async () => ({ kind: "pg", url: (await database("race_bouncer")).pooled }),
};

const LEASED: Readonly<Record<string, () => Backend | Promise<Backend>>> = {
  Redis: () => redis("ioredis", "race-leased"),
  Postgres: async () => ({ kind: "pg", url: (await database("race_leased")).direct }),
};

async function race(backend: Backend): Promise<{
  readonly admitted: number;
  readonly denied: number;
  /** Spent and held while the processes still have what they hold in advance, and after they have ended. */
  readonly during: number;
  readonly spent: number;
  readonly held: number;
}> {
  const args: RaceArgs = { backend, scope, calls: CALLS, concurrency: 16, nanoUsd: NANO_USD };
  await using workers = startWorkers<RaceResult>({
    module: new URL("race-worker.ts", import.meta.url),
    count: PROCESSES,
    args,
  });
  await workers.ready;
  workers.go();
  const { store, close } = await openStore(backend.kind === "leased" ? backend.over : backend);
  try {
    let during = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const [state] = (await store.balances({})).balances;
        if (state !== undefined) during = Math.max(during, state.spent.nanoUsd + state.held.nanoUsd);
        await delay(20);
      }
    })();
    // The second barrier: all have asked for everything.
    workers.go();
    const results = await workers.results.finally(() => (isOver = true));
    await watching;
    expect(during).toBeGreaterThan(0);
    const [state] = (await store.balances({})).balances;
    return {
      admitted: results.reduce((sum, one) => sum + one.admitted, 0),
      denied: results.reduce((sum, one) => sum + one.denied, 0),
      during,
      spent: state?.spent.nanoUsd ?? 0,
      held: state?.held.nanoUsd ?? 0,
    };
  } finally {
    await close();
  }
}

describe(`${PROCESSES} processes x ${CALLS} calls with money for ${AFFORDABLE}`, () => {
  it.each(Object.entries(BACKENDS))("%s admits exactly that many", async (_, make) => {
    const result = await race(await make());
    expect(result).toMatchObject({
      admitted: AFFORDABLE,
      denied: PROCESSES * CALLS - AFFORDABLE,
      spent: AFFORDABLE * NANO_USD,
      held: 0,
    });
    expect(result.during).toBeLessThanOrEqual(scope.limits.nanoUsd!);
  });

  it.each(Object.entries(LEASED))("leases over %s admit no more, and all but the last", async (_, make) => {
    const result = await race({ kind: "leased", over: await make() });
    expect(result.admitted).toBeLessThanOrEqual(AFFORDABLE);
    expect(result.admitted).toBeGreaterThanOrEqual(AFFORDABLE - 1);
    expect(result.during).toBeLessThanOrEqual(scope.limits.nanoUsd!);
    expect(result).toMatchObject({ spent: result.admitted * NANO_USD, held: 0 });
  });
});
