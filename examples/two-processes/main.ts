/**
 * @module Two processes, one budget on Redis. No key: the provider test server answers, and keeps its own books.
 *
 *   node --conditions=holdfast-source examples/two-processes/main.ts
 *
 * Uses the Redis at REDIS_URL, else starts one.
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { startRedis } from "@holdfast/testkit/servers";
import { createHoldfast, formatUsd } from "holdfast";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import { BUDGETS, CALLS, type WorkerReport } from "./shared.ts";

await using server = await startProviderServer({ usage: { inputTokens: 30, outputTokens: 200 } });
const redis = process.env["REDIS_URL"] === undefined ? await startRedis() : undefined;
const url = process.env["REDIS_URL"] ?? redis!.url;
// In your application: a constant, such as "holdfast". Here, nothing of an earlier run is counted.
const prefix = `two-processes-${randomUUID().slice(0, 8)}`;

interface Worker {
  readonly isReady: Promise<void>;
  readonly report: Promise<WorkerReport>;
  go(): void;
}

function start(name: string): Worker {
  const child = fork(new URL("worker.ts", import.meta.url), [name, url, prefix, server.url]);
  const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
  const message = (): Promise<unknown> => Promise.race([once(child, "message").then(([one]) => one), ended]);
  const isReady = message();
  return {
    isReady: isReady.then(() => undefined),
    report: isReady.then(message) as Promise<WorkerReport>,
    go: () => child.send("go"),
  };
}

// Both at once, or the first would have the money before the second has started.
const workers = [start("process A"), start("process B")];
await Promise.all(workers.map(({ isReady }) => isReady));
for (const worker of workers) worker.go();
const reports = await Promise.all(workers.map(({ report }) => report));
for (const { name, answered, refused } of reports) {
  console.log(`${name}: ${answered} of ${CALLS} calls answered, ${refused} refused`);
}

const client = new Redis(url);
const holdfast = createHoldfast({ store: redisStore(client, { prefix }), budgets: BUDGETS });
const [balance] = await holdfast.balances("team-month");
await holdfast.close();
client.disconnect();
await redis?.stop();

const answered = reports.reduce((sum, report) => sum + report.answered, 0);
const billedNanoUsd = server.ledger.reduce(
  (sum, { billed }) => sum + billed.inputTokens * 250 + billed.outputTokens * 2_000,
  0,
);
console.log(
  `team-month: ${formatUsd(balance!.spent.nanoUsd)} USD spent of ${formatUsd(balance!.limits.nanoUsd!)}; ` +
    `the provider billed ${formatUsd(billedNanoUsd)} for ${server.requests} requests`,
);

const right =
  balance!.spent.nanoUsd === billedNanoUsd &&
  balance!.held.nanoUsd === 0 &&
  billedNanoUsd <= balance!.limits.nanoUsd! &&
  server.requests === answered &&
  answered < 2 * CALLS;
console.log(right ? "One budget, two processes, nothing over." : "WRONG");
process.exitCode = right ? 0 : 1;
