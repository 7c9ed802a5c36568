/** @module Leased stores for the suite, over any base, with a clock that the suite moves and timers that a test moves. */
import { createFakeClock, type FakeClock } from "@holdfast/testkit";
import type { CreateStore } from "@holdfast/testkit/store-suite";
import { memoryStore, type LedgerStore } from "holdfast";
import { leased, type LeaseOptions } from "holdfast/lease";
import { random } from "./handles.ts";

/** Half an hour before midnight in Berlin, and a day of 23 hours is next. */
export const START: Date = new Date("2026-03-28T22:30:00Z");

/** The suite jumps over days; a process that stood still for longer than its slices live is a test of its own. */
export const LONG_LEASE_MS: number = 400 * 24 * 3_600_000;

export interface LeasedBaseOptions {
  readonly base?: (clock: FakeClock) => LedgerStore;
  /** The timers strike before about every second operation; else they never do. */
  readonly ticks?: boolean;
  /** The base is asked, and answers, up to so many turns later. */
  readonly turns?: number;
}

export function leasedStores(options: LeaseOptions, about: LeasedBaseOptions = {}): CreateStore {
  return async () => {
    const clock = createFakeClock(START);
    const dice = random(12_345);
    let task: (() => void) | undefined;
    const { base = (time: FakeClock) => memoryStore({ clock: time }), ticks = false, turns = 0 } = about;
    const store = leased(
      late(base(clock), () => dice(turns + 1), turns > 0),
      {
        leaseMs: LONG_LEASE_MS,
        correctableMs: LONG_LEASE_MS,
        clock,
        every: (_, run) => {
          task = run;
          return () => (task = undefined);
        },
        ...options,
      },
    );
    const underTest = intercepted(store, (ask) => {
      if (ticks && dice(2) === 0) task?.();
      return ask();
    });
    return { store: withoutAdmittedBy(underTest), clock, dispose: async () => store.close() };
  };
}

/** Who admitted a call is the one thing in which a leased store answers differently. */
export function withoutAdmittedBy(store: LedgerStore): LedgerStore {
  return intercepted(store, async (ask) => {
    const answer = await ask();
    if (typeof answer !== "object" || answer === null) return answer;
    const { admittedBy: _, ...rest } = answer as { readonly admittedBy?: string };
    return rest;
  });
}

function late(base: LedgerStore, turns: () => number, isLate: boolean): LedgerStore {
  if (!isLate) return base;
  return intercepted(base, async (ask) => {
    for (let turn = turns(); turn > 0; turn -= 1) await Promise.resolve();
    const answer = await ask();
    for (let turn = turns(); turn > 0; turn -= 1) await Promise.resolve();
    return answer;
  });
}

function intercepted(store: LedgerStore, around: (ask: () => unknown) => unknown): LedgerStore {
  return new Proxy(store, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name);
      if (typeof verb !== "function") return verb;
      return (...given: unknown[]) => around(() => verb.apply(target, given) as unknown);
    },
  });
}
