/** @module Calls as an application makes them, by callers who repeat what failed, and the balances they must come to. */
import { amounts, type Amounts, type LedgerStore, type Scope } from "holdfast";
import { expect } from "vitest";

export const LONG_MS = 600_000;

export function totalScope(key: string, limits: Scope["limits"] = {}, more: Partial<Scope> = {}): Scope {
  return {
    key,
    budgetId: "budget",
    values: {},
    window: { kind: "total" },
    limits,
    onExpiry: "charge",
    ...more,
  };
}

/** Repeats the very same operation until it is answered, as a caller does who was told nothing. */
export async function untilAnswered<T>(act: () => T | Promise<T>, failures?: unknown[]): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      failures?.push(error);
      if (attempt >= 1_000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }
}

export interface Load {
  /** What failed and was repeated. */
  readonly failures: unknown[];
  /** What every scope must have spent, by key. */
  readonly spent: Map<string, number>;
  admitted: number;
  denied: number;
}

export function newLoad(): Load {
  return { failures: [], spent: new Map(), admitted: 0, denied: 0 };
}

/** One call: held, dispatched, and settled (every fourth one is released instead). Ids begin with `name`. */
export async function call(
  store: LedgerStore,
  load: Load,
  name: string,
  scopes: readonly Scope[],
  index: number,
): Promise<void> {
  const { failures } = load;
  const held = amounts({ nanoUsd: 100, calls: 1, concurrentCalls: 1 });
  const reserve = { operationId: name, scopes, amounts: held, undispatchedTtlMs: LONG_MS };
  const result = await untilAnswered(() => store.reserve(reserve), failures);
  if (result.outcome !== "held") {
    expect(result.outcome).toBe("denied");
    load.denied += 1;
    return;
  }
  load.admitted += 1;
  const dispatch = { operationId: `${name} d`, holdId: name, ttlMs: LONG_MS };
  expect(await untilAnswered(() => store.dispatch(dispatch), failures)).toMatchObject({
    outcome: "dispatched",
  });
  if (index % 4 === 3) {
    const release = { operationId: `${name} x`, holdId: name };
    expect(await untilAnswered(() => store.release(release), failures)).toMatchObject({
      outcome: "released",
    });
    return;
  }
  const actual: Amounts = amounts({ nanoUsd: 10 + (index % 90), calls: 1 });
  const settle = { operationId: `${name} s`, holdId: name, amounts: actual };
  expect(await untilAnswered(() => store.settle(settle), failures)).toMatchObject({ outcome: "settled" });
  for (const { key } of scopes) load.spent.set(key, (load.spent.get(key) ?? 0) + actual.nanoUsd);
}

/** Everything that was settled is spent, to the unit, and nothing is held. */
export async function expectBalances(store: LedgerStore, load: Load): Promise<void> {
  const { balances } = await untilAnswered(() => store.balances({ limit: 10_000 }));
  for (const { scope, held } of balances) expect(held, scope.key).toEqual(amounts({}));
  const spent = balances.map(({ scope, spent: { nanoUsd } }) => [scope.key, nanoUsd] as const);
  expect(Object.fromEntries(spent)).toEqual(Object.fromEntries(load.spent));
}
