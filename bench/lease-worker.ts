/** One of several processes that admit and settle calls of no length on one hot budget, as fast as they can. */
import { workerMain } from "@holdfast/testkit/processes";
import { amounts, type LedgerStore, type Scope } from "holdfast";
import { leased } from "holdfast/lease";
import { postgresStore } from "holdfast/postgres";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { median } from "./harness.ts";

export interface LeaseArgs {
  readonly server: "redis" | "postgres";
  readonly url: string;
  readonly prefix: string;
  readonly leased: boolean;
  /** Nano-USD; when it is reached the worker stops. */
  readonly limit: number;
  /** Stop after this, ms; 0: when the budget is used up. */
  readonly forMs: number;
  readonly concurrency: number;
}

export interface LeaseResult {
  readonly calls: number;
  readonly tookMs: number;
  /** Microseconds from asking to being admitted. */
  readonly medianAdmission: number;
  readonly nanoUsd: number;
}

const GIVE_UP_MS = 1_500;

const HELD = amounts({ nanoUsd: 1_000, calls: 1, inputTokens: 60, outputTokens: 256, totalTokens: 316 });

function open(args: LeaseArgs): LedgerStore {
  if (args.server === "redis") return redisStore(new Redis(args.url), { prefix: args.prefix });
  return postgresStore(new Pool({ connectionString: args.url, max: 4 }));
}

workerMain<LeaseArgs, LeaseResult>(async ({ args, index, barrier }) => {
  const base = open(args);
  const store = args.leased ? leased(base) : base;
  const scope: Scope = {
    key: `hot-${args.prefix}`,
    budgetId: "hot",
    values: {},
    window: { kind: "total" },
    limits: { nanoUsd: args.limit },
    onExpiry: "charge",
  };
  const admissions: number[] = [];
  let calls = 0;
  let asked = 0;
  let nanoUsd = 0;
  let isOver = false;
  let lastAdmittedMs = Infinity;
  await store.balances({});
  await barrier();
  const startedMs = performance.now();
  lastAdmittedMs = startedMs;

  async function caller(): Promise<void> {
    while (!isOver) {
      const holdId = `${args.prefix}.${index}.${asked}`;
      asked += 1;
      calls += 1;
      const askedMs = performance.now();
      const operation = { operationId: holdId, scopes: [scope], amounts: HELD, undispatchedTtlMs: 60_000 };
      // Not awaited when it is there at once, as the guard does it.
      const answer = store.reserve(operation);
      const held = "then" in answer ? await answer : answer;
      admissions.push((performance.now() - askedMs) * 1_000);
      if (held.outcome !== "held") {
        calls -= 1;
        // What others give back is asked for again, until nobody has been admitted for a while.
        if (args.forMs > 0 || performance.now() - lastAdmittedMs > GIVE_UP_MS) isOver = true;
        else await delay(20);
        continue;
      }
      lastAdmittedMs = performance.now();
      const dispatched = store.dispatch({ operationId: `${holdId}:d`, holdId, ttlMs: 60_000 });
      if ("then" in dispatched) await dispatched;
      const charged = { ...HELD, nanoUsd: 300 + (calls % 700) };
      nanoUsd += charged.nanoUsd;
      const settled = store.settle({ operationId: `${holdId}:s`, holdId, amounts: charged });
      if ("then" in settled) await settled;
      if (calls % 64 === 0) await nextTurn();
      if (args.forMs > 0 && performance.now() - startedMs > args.forMs) isOver = true;
    }
  }
  await Promise.all(Array.from({ length: args.concurrency }, caller));
  const tookMs = performance.now() - startedMs;
  await barrier();
  await store.close();
  return { calls, tookMs, medianAdmission: median(admissions), nanoUsd };
});
