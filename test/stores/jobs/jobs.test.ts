/** @module Jobs over real processes: one creates them and ends, four retrieve the results at once, on every store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startWorkers } from "@holdfast/testkit/processes";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { migratePostgres } from "holdfast/postgres";
import { Pool } from "pg";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openStore, type Backend } from "../backends.ts";
import { newDatabase } from "../postgres/database.ts";
import { LINES, type JobsArgs, type JobsResult } from "./jobs-args.ts";

const RETRIEVERS = 4;
/** Tokens of each request. */
const USAGE = { inputTokens: 10, outputTokens: 20 };
const EACH_NANO_USD = 10 * 1_000 + 20 * 4_000;
const BATCH_NANO_USD = (LINES * EACH_NANO_USD) / 2;

const folder = mkdtempSync(join(tmpdir(), "holdfast-jobs-"));
const database = await newDatabase();
const pool = new Pool({ connectionString: database.url, max: 1 });
await migratePostgres(pool);

afterAll(async () => {
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

const redis = (prefix: string): Backend => ({ kind: "ioredis", url: inject("redisUrl"), prefix });

const BACKENDS: Readonly<Record<string, () => Backend>> = {
  sqlite: () => ({ kind: "sqlite", path: join(folder, "jobs.db") }),
  Redis: () => redis("jobs"),
  Postgres: () => ({ kind: "pg", url: database.url }),
  "leases over Redis": () => ({ kind: "leased", over: redis("jobs-leased") }),
};

async function run(count: number, args: JobsArgs): Promise<JobsResult[]> {
  const module = new URL("jobs-worker.ts", import.meta.url);
  await using workers = startWorkers<JobsResult>({ module, count, args });
  await workers.ready;
  workers.go();
  return await workers.results;
}

describe("a batch and a background response", () => {
  it.each(Object.entries(BACKENDS))(
    "outlive their process on %s, and are charged once, whoever retrieves them",
    async (_, backendOf) => {
      const backend = backendOf();
      await using server = await startProviderServer({ usage: USAGE });
      const [creator] = await run(1, { backend, baseURL: server.url });
      expect(creator).toMatchObject({ costs: [], settled: 0, failures: 0 });
      const { store, close } = await openStore(backend.kind === "leased" ? backend.over : backend);
      try {
        const [before] = (await store.balances({})).balances;
        expect(before).toMatchObject({ spent: { nanoUsd: 0 }, held: { calls: LINES + 1 } });
        expect(before!.held.nanoUsd).toBeGreaterThan(BATCH_NANO_USD + EACH_NANO_USD);
        const kept = (await store.jobs!.list({})).jobs.filter(({ hold }) => hold !== null);
        expect(kept.map(({ key }) => key.jobId).sort()).toEqual(Object.values(creator!.created!).sort());

        const results = await run(RETRIEVERS, { backend, baseURL: server.url, jobs: creator!.created! });
        const costs = results.flatMap((result) => result.costs).sort((a, b) => a - b);
        expect(costs).toEqual([EACH_NANO_USD, BATCH_NANO_USD].sort((a, b) => a - b));
        expect(results.reduce((sum, { settled }) => sum + settled, 0)).toBe(2);
        expect(results.reduce((sum, { failures }) => sum + failures, 0)).toBe(0);

        const [after] = (await store.balances({})).balances;
        expect(after).toMatchObject({
          spent: { nanoUsd: BATCH_NANO_USD + EACH_NANO_USD, calls: LINES + 1 },
          held: { nanoUsd: 0, calls: 0 },
        });
        expect((await store.jobs!.list({})).jobs.filter(({ hold }) => hold !== null)).toEqual([]);
      } finally {
        await close();
      }
    },
  );
});
