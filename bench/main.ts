/**
 * @module Measures Holdfast beside its floor and its peers. Nothing here fails a build: a missed target is printed as
 * MISSED, for a person to read.
 *
 *   node --conditions=holdfast-source --expose-gc bench/main.ts [--quick] [--only name]...
 *
 * A run that is not quick writes results.md and results.json; with --only, the groups that it has measured.
 */
import { parseArgs } from "node:util";
import { benchCall } from "./call.bench.ts";
import { benchEstimate } from "./estimate.bench.ts";
import { describeError } from "./harness.ts";
import { benchHeap } from "./heap.bench.ts";
import { benchLease } from "./lease.bench.ts";
import { benchPostgres } from "./postgres.bench.ts";
import { benchProviders } from "./providers.bench.ts";
import { benchRace } from "./race.bench.ts";
import { benchRedis } from "./redis.bench.ts";
import { environment, toText, writeReport, type Row } from "./report.ts";
import { benchSharedRace } from "./shared-race.bench.ts";
import { benchSqlite } from "./sqlite.bench.ts";
import { benchStore } from "./store.bench.ts";
import { benchStream } from "./stream.bench.ts";

const BENCHES: Readonly<Record<string, (quick: boolean) => Promise<readonly Row[]>>> = {
  call: benchCall,
  stream: benchStream,
  providers: benchProviders,
  store: benchStore,
  estimate: benchEstimate,
  heap: benchHeap,
  race: benchRace,
  sqlite: benchSqlite,
  redis: benchRedis,
  postgres: benchPostgres,
  lease: benchLease,
  "shared-race": benchSharedRace,
};

const PACKAGES = [
  "holdfast",
  "openai",
  "@anthropic-ai/sdk",
  "@google/genai",
  "ai",
  "ioredis",
  "pg",
  "@langfuse/openai",
  "llm-budget",
  "llm-spend-guard",
  "rate-limiter-flexible",
  "@holdfast/tokenizer",
];

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
  },
});
const unknown = options.only.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`--only takes ${Object.keys(BENCHES).join(", ")}; not ${unknown.join(", ")}.`);
  process.exit(2);
}

const of = await environment(options.quick ? "quick" : "full", PACKAGES);
console.log(`Node ${of.node}, ${of.cpus} CPUs, ${of.mode} run`);
const rows: Row[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (options.only.length > 0 && !options.only.includes(name)) continue;
  const startedMs = performance.now();
  try {
    const found = await bench(options.quick);
    rows.push(...found);
    console.log(toText(found));
  } catch (error) {
    const row: Row = {
      group: name,
      quantity: "the benchmark itself",
      ours: "did not run",
      against: describeError(error),
    };
    rows.push(row);
    console.log(toText([row]));
    console.error(error);
  }
  console.log(`\n(${name}: ${((performance.now() - startedMs) / 1_000).toFixed(1)} s)`);
}
const missed = rows.filter((row) => row.met === false);
console.log(`\n${rows.filter((row) => row.met === true).length} targets met, ${missed.length} missed.`);
for (const row of missed) console.log(`MISSED  ${row.quantity}: ${row.ours} (target ${row.target ?? ""})`);
if (options.quick) console.log("Not written: results of quick runs are not kept.");
else await writeReport(rows, of);
// A peer may have left a timer behind.
process.exit(0);
