/** @module Stores on the shared Redis server, each with a prefix of its own. */
import { createFakeClock } from "@holdfast/testkit";
import type { CreateStore } from "@holdfast/testkit/store-suite";
import { amounts } from "holdfast";
import type { Amounts, LedgerStore, Limits, ReserveOperation, Scope, SettleOperation } from "holdfast";
import { redisStore, type RedisClient, type RedisStoreOptions } from "holdfast/redis";

/** Half an hour before midnight in Berlin, and a day of 23 hours is next. */
const START = new Date("2026-03-28T22:30:00Z");

let stores = 0;

/** A prefix that no other store of this run has. */
export function freshPrefix(): string {
  stores += 1;
  return `t${process.pid}-${Date.now().toString(36)}-${stores}`;
}

/** Empty stores whose server time is moved by the test. Two handles, as of two processes. */
export function steppedStores(client: () => RedisClient, options: RedisStoreOptions = {}): CreateStore {
  return async () => {
    const clock = createFakeClock(START);
    const given = { prefix: freshPrefix(), serverClock: clock, ...options };
    const store = redisStore(client(), given);
    return {
      store,
      clock,
      another: async () => redisStore(client(), given),
      dispose: async () => store.close(),
    };
  };
}

/** Empty stores on the server's own clock. */
export function runningStores(client: () => RedisClient, options: RedisStoreOptions = {}): CreateStore {
  return async () => {
    const given = { prefix: freshPrefix(), ...options };
    const store = redisStore(client(), given);
    return { store, another: async () => redisStore(client(), given), dispose: async () => store.close() };
  };
}

/** A scope over everything that ever happens. */
export function totalScope(key: string, limits: Limits, more: Partial<Scope> = {}): Scope {
  return {
    key,
    budgetId: "budget",
    values: { tenant: key },
    window: { kind: "total" },
    limits,
    onExpiry: "charge",
    ...more,
  };
}

export function reservation(
  operationId: string,
  scopes: readonly Scope[],
  given: Partial<Amounts>,
  undispatchedTtlMs = 600_000,
): ReserveOperation {
  return { operationId, scopes, amounts: amounts(given), undispatchedTtlMs };
}

export function settlement(holdId: string, given: Partial<Amounts>): SettleOperation {
  return { operationId: `${holdId}-settled`, holdId, amounts: amounts(given) };
}

/** What one scope has spent and holds, in money. */
export async function moneyOf(store: LedgerStore, scope: Scope): Promise<{ spent: number; held: number }> {
  const { balances } = await store.balances({});
  const found = balances.filter((state) => state.scope.key === scope.key);
  return {
    spent: found.reduce((sum, state) => sum + state.spent.nanoUsd, 0),
    held: found.reduce((sum, state) => sum + state.held.nanoUsd, 0),
  };
}

/** Tries until it does not throw, or the patience is over: then what it threw last. */
export async function eventually<T>(attempt: () => Promise<T>, patienceMs = 10_000): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
