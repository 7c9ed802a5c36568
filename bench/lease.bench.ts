/** @module Leases: one hot budget and 4 processes, beside the same store without leases. */
import { startWorkers } from "@holdfast/testkit/processes";
import { startPostgres, startRedis } from "@holdfast/testkit/servers";
import { migratePostgres } from "holdfast/postgres";
import { Pool } from "pg";
import { median } from "./harness.ts";
import type { LeaseArgs, LeaseResult } from "./lease-worker.ts";
import { perSecond } from "./redis.bench.ts";
import { atMost, micros, percent, times, type Row } from "./report.ts";

const PROCESSES = 4;
const CONCURRENCY = 32;
const GROUP = `Leases: one hot budget, ${PROCESSES} processes, ${CONCURRENCY} calls under way in each`;
/** Reached by nobody in the time. */
const ENDLESS = Number.MAX_SAFE_INTEGER;
/** 20,000 calls at their worst case. */
const CAP = 20_000_000;
/** The dearest call; with less than that left nobody can be served. */
const CALL = 1_000;

const TARGETS = { redis: 20, postgres: 50 } as const;

export async function benchLease(quick: boolean): Promise<readonly Row[]> {
  const redis = await startRedis();
  // As it comes: every commit waits for the disk.
  const postgres = await startPostgres({ settings: { fsync: "on" } });
  try {
    const pool = new Pool({ connectionString: postgres.url, max: 1 });
    await migratePostgres(pool);
    await pool.end();
    const rows: Row[] = [];
    for (const server of ["redis", "postgres"] as const) {
      const url = server === "redis" ? redis.url : postgres.url;
      rows.push(...(await benchServer(server, url, quick)));
    }
    return rows;
  } finally {
    await redis.stop();
    await postgres.stop();
  }
}

let lastPrefix = 0;

async function run(args: Omit<LeaseArgs, "prefix" | "concurrency">): Promise<readonly LeaseResult[]> {
  lastPrefix += 1;
  await using workers = startWorkers<LeaseResult>({
    module: new URL("lease-worker.ts", import.meta.url),
    count: PROCESSES,
    args: { ...args, prefix: `run-${lastPrefix}`, concurrency: CONCURRENCY } satisfies LeaseArgs,
  });
  await workers.ready;
  workers.go();
  // The second barrier: nobody gives back what it holds before all are done.
  workers.go();
  return await workers.results;
}

function rateOf(results: readonly LeaseResult[]): number {
  return results.reduce((sum, { calls, tookMs }) => sum + calls / tookMs, 0) * 1_000;
}

async function benchServer(
  server: LeaseArgs["server"],
  url: string,
  quick: boolean,
): Promise<readonly Row[]> {
  const forMs = quick ? 1_500 : 3_000;
  const rounds = quick ? 1 : 3;
  const rates: { direct: number; leased: number }[] = [];
  let admission: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const direct = await run({ server, url, leased: false, limit: ENDLESS, forMs });
    const leased = await run({ server, url, leased: true, limit: ENDLESS, forMs });
    rates.push({ direct: rateOf(direct), leased: rateOf(leased) });
    admission = [...admission, ...leased.map((result) => result.medianAdmission)];
  }
  const ratio = median(rates.map(({ direct, leased }) => leased / direct));
  const capped = await run({ server, url, leased: true, limit: CAP, forMs: 0 });
  const spent = capped.reduce((sum, result) => sum + result.nanoUsd, 0);
  // What is left behind the last call is too little for another, whoever had it.
  const used = spent / (CAP - CALL);
  const name = server === "redis" ? "Redis" : "Postgres";
  return [
    {
      group: GROUP,
      quantity: `${name}: leased`,
      ours: perSecond(1e6 / median(rates.map(({ leased }) => leased))),
      against: `direct ${perSecond(1e6 / median(rates.map(({ direct }) => direct)))}`,
      ratio: times(ratio),
      target: `>= ${TARGETS[server]}x`,
      met: ratio >= TARGETS[server],
    },
    {
      group: GROUP,
      quantity: `${name}: leased, median admission`,
      ours: micros(median(admission)),
      target: "< 10 us",
      met: atMost(median(admission), 10),
    },
    {
      group: GROUP,
      quantity: `${name}: leased, spent when all are refused`,
      ours: percent(spent / CAP),
      against: `${Math.max(0, spent - CAP)} nano-USD over`,
      target: ">= 99.9 %, 0 over",
      met: used >= 0.999 && spent <= CAP,
    },
  ];
}
