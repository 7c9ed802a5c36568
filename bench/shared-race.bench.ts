/** @module Correctness over several processes: 4 x 250 calls at once on one Redis, with money for 100. */
import { startWorkers } from "@holdfast/testkit/processes";
import { startRedis } from "@holdfast/testkit/servers";
import { describeError } from "./harness.ts";
import { times, type Row } from "./report.ts";
import type { SharedRaceArgs } from "./shared-race-worker.ts";

const PROCESSES = 4;
const CALLS = 250;
const AFFORDABLE = 100;
const GROUP = `Race on Redis: ${PROCESSES} processes x ${CALLS} calls at once, money for ${AFFORDABLE}`;

const CONTENDERS: readonly SharedRaceArgs["contender"][] = [
  "holdfast",
  "holdfast, leased",
  "rate-limiter-flexible",
  "rate-limiter-flexible with insurance, Redis away",
  "llm-spend-guard, RedisStorage",
  "check, call, then INCRBY",
];

export async function benchSharedRace(_quick: boolean): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const contender of CONTENDERS) {
    const server = await startRedis();
    try {
      rows.push(await race(contender, server.url));
    } catch (error) {
      rows.push({ group: GROUP, quantity: contender, ours: "did not run", against: describeError(error) });
    } finally {
      await server.stop();
    }
  }
  return rows;
}

async function race(contender: SharedRaceArgs["contender"], url: string): Promise<Row> {
  const args: SharedRaceArgs = { url, contender, calls: CALLS, affordable: AFFORDABLE };
  await using workers = startWorkers<number>({
    module: new URL("shared-race-worker.ts", import.meta.url),
    count: PROCESSES,
    args,
  });
  await workers.ready;
  workers.go();
  const admitted = (await workers.results).reduce((sum, each) => sum + each, 0);
  const ours = contender.startsWith("holdfast");
  const least = contender === "holdfast" ? AFFORDABLE : AFFORDABLE - 1;
  return {
    group: GROUP,
    quantity: contender,
    ours: `${admitted} admitted`,
    against: `${Math.max(0, admitted - AFFORDABLE)} over the limit`,
    ratio: `${times(admitted / AFFORDABLE)} of the budget`,
    ...(ours
      ? { target: `${least} to ${AFFORDABLE}`, met: admitted <= AFFORDABLE && admitted >= least }
      : {}),
  };
}
