/** @module The worker of the tests of worker processes: appends to a file, marking points around every write. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { workerMain } from "../src/processes/index.ts";

export interface AppendArgs {
  readonly file: string;
  readonly times: number;
  readonly how?: "exit" | "hang" | "throw";
}

export interface AppendResult {
  readonly index: number;
  readonly count: number;
  readonly startedAt: number;
  readonly variable: string | undefined;
  readonly timerRanWhileBlocked: boolean;
}

workerMain<AppendArgs, AppendResult>(async ({ args, index, count, barrier, mark }) => {
  console.log(`worker ${index} is here`);
  await barrier();
  const startedAt = Date.now();
  if (args.how === "throw") throw new RangeError("on purpose");
  if (args.how === "exit") process.exit(7);
  if (args.how === "hang") await sleep(1_000_000);
  let fired = false;
  setImmediate(() => {
    fired = true;
  });
  for (let time = 0; time < args.times; time += 1) {
    mark("before-write");
    appendFileSync(args.file, `${index}\n`);
    mark("after-write");
  }
  return {
    index,
    count,
    startedAt,
    variable: process.env["HOLDFAST_WORKER_TEST"],
    timerRanWhileBlocked: fired,
  };
});
