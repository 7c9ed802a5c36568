/** @module Several processes over one base, in one process: each with its own clock, timers, faults and end. */
import { createFakeClock, type FakeClock } from "@holdfast/testkit";
import { amounts, DIMENSIONS, memoryStore, type Amounts, type LedgerStore, type Scope } from "holdfast";
import { leased, type LeasedStore, type LeaseOptions } from "holdfast/lease";

/** Whole numbers from 0 below `below`, the same for the same seed. */
export type Random = (below: number) => number;

export function random(seed: number): Random {
  let state = seed % 2_147_483_647 || 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** Lets everything happen that only waits for answers. */
export async function settleDown(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const START = new Date("2026-03-28T22:30:00Z");

export interface Faults {
  /** Of 100 operations so many never reach the base, and so many reach it though their answer is lost. */
  lost: number;
  unanswered: number;
  /** An answer takes up to so many turns. */
  turns: number;
}

export interface Handle {
  readonly store: LeasedStore;
  readonly clock: FakeClock;
  readonly faults: Faults;
  /** What the timers would run. */
  tick(): void;
  /** The process is gone: its timers stop and nothing of it reaches the base any more. */
  crash(): void;
  readonly isGone: boolean;
}

export interface World {
  readonly base: LedgerStore;
  readonly baseClock: FakeClock;
  readonly random: Random;
  readonly handles: Handle[];
  /** All clocks alike. */
  advance(ms: number): void;
}

/** @param skewsMs by handle: how far its clock is off */
export function createWorld(seed: number, skewsMs: readonly number[], options: LeaseOptions): World {
  const baseClock = createFakeClock(START);
  const base = memoryStore({ clock: baseClock });
  const dice = random(seed);
  const handles = skewsMs.map((skewMs) => createHandle(base, skewMs, dice, options));
  return {
    base,
    baseClock,
    random: dice,
    handles,
    advance(ms) {
      baseClock.advance(ms);
      for (const handle of handles) handle.clock.advance(ms);
    },
  };
}

function createHandle(base: LedgerStore, skewMs: number, dice: Random, options: LeaseOptions): Handle {
  const clock = createFakeClock(START.getTime() + skewMs);
  const faults: Faults = { lost: 0, unanswered: 0, turns: 0 };
  let isGone = false;
  let task: (() => void) | undefined;
  const wire = new Proxy(base, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name);
      if (typeof verb !== "function") return verb;
      if (name === "close") return () => undefined;
      return async (operation: unknown) => {
        if (isGone) return new Promise(() => undefined);
        if (dice(100) < faults.lost) throw new Error("never arrived");
        for (let turn = dice(faults.turns + 1); turn > 0; turn -= 1) await Promise.resolve();
        if (isGone) return new Promise(() => undefined);
        const answer: unknown = verb.call(target, operation);
        if (dice(100) < faults.unanswered) throw new Error("answer lost");
        for (let turn = dice(faults.turns + 1); turn > 0; turn -= 1) await Promise.resolve();
        return isGone ? new Promise(() => undefined) : answer;
      };
    },
  });
  const store = leased(wire, {
    clock,
    every: (_, run) => {
      task = run;
      return () => (task = undefined);
    },
    ...options,
  });
  return {
    store,
    clock,
    faults,
    tick: () => (isGone ? undefined : task?.()),
    crash() {
      isGone = true;
      task = undefined;
    },
    get isGone() {
      return isGone;
    },
  };
}

export function scope(key: string, more: Partial<Scope>): Scope {
  return {
    key,
    budgetId: `budget-${key}`,
    values: {},
    window: { kind: "total" },
    limits: {},
    onExpiry: "charge",
    ...more,
  };
}

export const money = (nanoUsd: number): Amounts => amounts({ nanoUsd, calls: 1 });

/** Spent and held of a scope over all its windows, as the base counts them. */
export async function onBase(base: LedgerStore, key: string): Promise<{ spent: Amounts; held: Amounts }> {
  const { balances } = await base.balances({ budgetIds: [`budget-${key}`] });
  const sum = (of: "spent" | "held"): Amounts =>
    amounts(
      Object.fromEntries(
        DIMENSIONS.map((d) => [d, balances.reduce((total, state) => total + state[of][d], 0)]),
      ),
    );
  return { spent: sum("spent"), held: sum("held") };
}
