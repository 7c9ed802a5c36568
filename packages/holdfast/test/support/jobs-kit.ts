/** @module Two processes on one store, and a job between them. */
import type { AttemptOutcome } from "../../src/guard/attempt-outcome.ts";
import type { CallPlan } from "../../src/guard/call-plan.ts";
import type { OpenJob } from "../../src/guard/job-record.ts";
import { NO_AMOUNTS, type Amounts } from "../../src/ledger/amounts.ts";
import type { JobKey, JobStore } from "../../src/ledger/job-store.ts";
import type { LedgerStore } from "../../src/ledger/ledger-store.ts";
import { memoryStore } from "../../src/store/memory/memory-store.ts";
import { fakeClock, guardKit, planOf, type GuardKit } from "./guard-kit.ts";

export const DAY_MS = 86_400_000;
export const BUDGET = { id: "all", limit: { usd: "1" }, window: "total" } as const;
/** 100 tokens in, 50 out: 200,000 nano-USD. */
export const JOB_PLAN: CallPlan = planOf({ job: { requests: 3 }, endpoint: "batches" });
export const ZERO = { nanoUsd: 0, calls: 0, concurrentCalls: 0 };
export const NOTHING = { spent: ZERO, held: ZERO };
export const KEY: JobKey = { provider: "p", jobId: "job_1" };

export function answered(usage: object, more: object = {}): AttemptOutcome {
  return {
    class: "complete",
    status: 200,
    providerRequestId: null,
    served: { model: null, serviceTier: null },
    usage,
    ...more,
  };
}

/** 10 tokens in, 5 out: 20,000 nano-USD. */
export const TRUTH: AttemptOutcome = answered({ inputTextTokens: 10, outputTextTokens: 5 });

export interface World {
  readonly clock: ReturnType<typeof fakeClock>;
  readonly store: LedgerStore;
  readonly creator: GuardKit;
  readonly other: GuardKit;
}

/** Two processes on one store. */
export function world(store?: LedgerStore, otherStore = store): World {
  const clock = fakeClock();
  const shared = store ?? memoryStore({ clock });
  const kit = (idPrefix: string, one: LedgerStore): GuardKit =>
    guardKit({ store: one, clock, idPrefix, budgets: [BUDGET] });
  return { clock, store: shared, creator: kit("a", shared), other: kit("b", otherStore ?? shared) };
}

export async function balanceOf(store: LedgerStore): Promise<{ spent: object; held: object }> {
  const [state] = (await store.balances({})).balances;
  const part = ({ nanoUsd, calls, concurrentCalls }: Amounts): object => ({
    nanoUsd,
    calls,
    concurrentCalls,
  });
  return { spent: part(state?.spent ?? NO_AMOUNTS), held: part(state?.held ?? NO_AMOUNTS) };
}

export async function openJobs(kit: GuardKit): Promise<OpenJob[]> {
  const all: OpenJob[] = [];
  for await (const job of kit.guard.jobs.open()) all.push(job);
  return all;
}

export function boundJobs(jobs: JobStore): JobStore {
  return {
    put: (job, ttlMs) => jobs.put(job, ttlMs),
    get: (key) => jobs.get(key),
    remove: (key) => jobs.remove(key),
    list: (query) => jobs.list(query),
  };
}

/** The same store, without its jobs. */
export function withoutJobs(store: LedgerStore): LedgerStore {
  const verbs = [
    "reserve",
    "dispatch",
    "settle",
    "release",
    "renew",
    "expire",
    "adjust",
    "override",
  ] as const;
  const bound = Object.fromEntries(
    verbs.map((verb) => [verb, (store[verb] as Function).bind(store) as unknown]),
  );
  return {
    ...bound,
    name: "plain",
    balances: (query: never) => store.balances(query),
    close: () => store.close(),
  } as unknown as LedgerStore;
}
