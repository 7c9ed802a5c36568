/** @module What the memory store costs by itself, beside the least that any store could do and beside peers. */
import { amounts, memoryStore, type LedgerStore, type Scope } from "holdfast";
import { llmBudget } from "./arms.ts";
import { compare, cpuRatioOf, type Arm, type ArmMaker } from "./harness.ts";
import { atMost, failedRows, micros, times, type Row } from "./report.ts";

const GROUP = "Memory store (reserve and settle, per call)";
const RESERVE_SETTLE_MICROS = 1.5;

const HELD = amounts({ nanoUsd: 200_000, calls: 1, inputTokens: 60, outputTokens: 256, totalTokens: 316 });
const CHARGED = amounts({ nanoUsd: 23_400, calls: 1, inputTokens: 44, outputTokens: 28, totalTokens: 72 });

const FLOOR = "floor: a look-up and an addition per scope, twice";
const PAIR = "reserve + settle";
const TRIPLE = "reserve + dispatch + settle";
const CONSUME = "rate-limiter-flexible: consume x scopes";
const CONSUME_REWARD = "rate-limiter-flexible: consume + reward x scopes";
const LLM_BUDGET = "llm-budget: reserve + settle x scopes";

export async function benchStore(quick: boolean): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const count of [1, 4, 8]) rows.push(...(await benchScopes(count, quick)));
  return rows;
}

async function benchScopes(scopeCount: number, quick: boolean): Promise<readonly Row[]> {
  const keys = Array.from({ length: scopeCount }, (_, i) => `budget-${i}/value-${i}`);
  const makers: readonly ArmMaker[] = [
    [FLOOR, () => floorArm(keys)],
    [PAIR, () => storeArm(memoryStore(), scopesOf(keys), false)],
    [TRIPLE, () => storeArm(memoryStore(), scopesOf(keys), true)],
    [CONSUME, () => limiterArm(keys, false)],
    [CONSUME_REWARD, () => limiterArm(keys, true)],
    [LLM_BUDGET, () => llmBudgetArm(keys)],
  ];
  const result = await compare(makers, {
    rounds: quick ? 7 : 21,
    count: quick ? 10_000 : 30_000,
    warmup: quick ? 50_000 : 100_000,
  });
  const cpu = (name: string): number | undefined => result.arms.get(name)?.cpu;
  const label = `${scopeCount} scope${scopeCount === 1 ? "" : "s"}`;
  const against = (
    name: string,
    to: string,
    what: string,
    target: Pick<Row, "target" | "met"> = {},
  ): Row => ({
    group: GROUP,
    quantity: `${label}: ${name}`,
    ours: micros(cpu(name)),
    against: `${what} ${micros(cpu(to))}`,
    ratio: times(cpuRatioOf(result, name, to)),
    ...target,
  });
  const rows: Row[] = [
    against(
      PAIR,
      FLOOR,
      "floor",
      scopeCount === 4
        ? { target: `<= ${RESERVE_SETTLE_MICROS} us`, met: atMost(cpu(PAIR), RESERVE_SETTLE_MICROS) }
        : {},
    ),
    against(TRIPLE, FLOOR, "floor"),
  ];
  if (result.arms.has(CONSUME)) {
    const ratio = cpuRatioOf(result, PAIR, CONSUME);
    const target = scopeCount === 4 ? { target: "cheaper", met: ratio !== undefined && ratio < 1 } : {};
    rows.push(against(PAIR, CONSUME, `rlf ${scopeCount} consume`, target));
  }
  if (result.arms.has(CONSUME_REWARD))
    rows.push(against(PAIR, CONSUME_REWARD, `rlf ${scopeCount} consume + reward`));
  if (result.arms.has(LLM_BUDGET))
    rows.push(against(PAIR, LLM_BUDGET, `llm-budget ${scopeCount} reserve + settle`));
  return [...rows, ...failedRows(GROUP, result.failed)];
}

/** What is added up can be read from outside, so that no compiler may leave it out. */
export const floorTotals = new Map<string, { held: number }>();

function floorArm(keys: readonly string[]): Arm["run"] {
  for (const key of keys) floorTotals.set(key, { held: 0 });
  return (count) => {
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < keys.length; k++) floorTotals.get(keys[k]!)!.held += HELD.nanoUsd;
      for (let k = 0; k < keys.length; k++) floorTotals.get(keys[k]!)!.held -= CHARGED.nanoUsd;
    }
  };
}

export function scopesOf(keys: readonly string[]): readonly Scope[] {
  return keys.map((key) => ({
    key,
    budgetId: key,
    values: {},
    window: { kind: "calendar", unit: "month", timeZone: "UTC" },
    limits: { nanoUsd: Number.MAX_SAFE_INTEGER, totalTokens: Number.MAX_SAFE_INTEGER },
    onExpiry: "charge",
  }));
}

/** With new ids for every call, as the guard makes them. */
export function storeArm(store: LedgerStore, scopes: readonly Scope[], dispatch: boolean): Arm["run"] {
  let calls = 0;
  return (count) => {
    for (let i = 0; i < count; i++) {
      const holdId = `bench.${(calls++).toString(36)}`;
      const held = store.reserve({ operationId: holdId, scopes, amounts: HELD, undispatchedTtlMs: 10_000 });
      if (!("outcome" in held) || held.outcome !== "held") throw new Error("not held");
      if (dispatch) void store.dispatch({ operationId: `${holdId}:dispatched`, holdId, ttlMs: 900_000 });
      const settled = store.settle({ operationId: `${holdId}:settled`, holdId, amounts: CHARGED });
      if (!("outcome" in settled) || settled.outcome !== "settled") throw new Error("not settled");
    }
  };
}

/** All scopes at once: its fastest way. */
async function limiterArm(keys: readonly string[], reward: boolean): Promise<Arm["run"]> {
  const { RateLimiterMemory } = await import("rate-limiter-flexible");
  const limiters = keys.map((key) => ({
    key,
    limiter: new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 3_600, keyPrefix: key }),
  }));
  return async (count) => {
    for (let i = 0; i < count; i++) {
      await Promise.all(limiters.map(({ key, limiter }) => limiter.consume(key, 316)));
      if (reward) await Promise.all(limiters.map(({ key, limiter }) => limiter.reward(key, 244)));
    }
  };
}

/** It counts per principal and knows no hierarchy: one principal per scope. */
async function llmBudgetArm(keys: readonly string[]): Promise<Arm["run"]> {
  const budget = await llmBudget({ usd: 1e9, tokens: Number.MAX_SAFE_INTEGER });
  const estimate = { model: "gpt-4o-mini", inputTokens: 60, outputTokens: 256 };
  const actual = { model: "gpt-4o-mini", inputTokens: 44, outputTokens: 28 };
  return async (count) => {
    for (let i = 0; i < count; i++) {
      const held = await Promise.all(keys.map((key) => budget.reserve(key, estimate)));
      await Promise.all(held.map((reservation) => budget.settle(reservation, actual)));
    }
  };
}
