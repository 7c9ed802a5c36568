/** @module A leased store over a memory store, in which clocks, timers and the base's failures are the test's. */
import { amounts, type Amounts, type Limits } from "../../src/ledger/amounts.ts";
import type { Held, LedgerStore, ReserveResult, Scope } from "../../src/ledger/ledger-store.ts";
import { leased, type LeasedStore, type LeaseOptions } from "../../src/store/lease/index.ts";
import { memoryStore } from "../../src/store/memory/memory-store.ts";
import { fakeClock, type FakeClock } from "./guard-kit.ts";

const LONG_MS = 48 * 3_600_000;

export interface LeaseKit {
  readonly store: LeasedStore;
  readonly base: LedgerStore;
  /** Of the process; the base has `baseClock`. */
  readonly clock: FakeClock;
  readonly baseClock: FakeClock;
  /** What was asked of the base, oldest first: `verb` or `verb key,key`. */
  readonly asked: string[];
  /** While this gives an error, the base fails with it. */
  failure: (() => Error | undefined) | undefined;
  /** While true, the base never answers. */
  silent: boolean;
  /** Both clocks. */
  advance(ms: number): void;
  /** What the timer would run; and everything that follows from it. */
  tick(): Promise<void>;
  reserve(scopes: readonly Scope[], nanoUsd: number, id?: string): ReserveResult | Promise<ReserveResult>;
  /** Reserves, insists that it is held. */
  hold(scopes: readonly Scope[], nanoUsd: number): Promise<Held>;
  /** Dispatches and settles. */
  settle(holdId: string, nanoUsd: number): Promise<void>;
  /** As the base counts it, over all windows. */
  onBase(key: string): Promise<{ readonly spent: number; readonly held: number }>;
}

export function leaseKit(options: LeaseOptions = {}): LeaseKit {
  const clock = fakeClock();
  const baseClock = fakeClock();
  const base = memoryStore({ clock: baseClock });
  let task: (() => void) | undefined;
  let lastId = 0;
  const asked: string[] = [];
  const wire = new Proxy(base, {
    get(target, name: string) {
      const verb: unknown = Reflect.get(target, name);
      if (typeof verb !== "function") return verb;
      return async (operation: { scopes?: readonly Scope[] }) => {
        const keys = operation?.scopes?.map(({ key }) => key).join(",");
        asked.push(keys === undefined ? name : `${name} ${keys}`);
        await Promise.resolve();
        const failure = kit.failure?.();
        if (failure !== undefined) throw failure;
        if (kit.silent) return new Promise(() => undefined);
        return verb.call(target, operation) as unknown;
      };
    },
  });
  const store = leased(wire, {
    lease: () => true,
    clock,
    every: (_, run) => {
      task = run;
      return () => (task = undefined);
    },
    ...options,
  });
  const kit: LeaseKit = {
    store,
    base,
    clock,
    baseClock,
    asked,
    failure: undefined,
    silent: false,
    advance(ms) {
      clock.advance(ms);
      baseClock.advance(ms);
    },
    async tick() {
      task?.();
      await settleDown();
    },
    reserve(scopes, nanoUsd, id = `call-${(lastId += 1)}`) {
      return store.reserve({
        operationId: id,
        scopes,
        amounts: money(nanoUsd),
        undispatchedTtlMs: LONG_MS,
      });
    },
    async hold(scopes, nanoUsd) {
      const answer = await kit.reserve(scopes, nanoUsd);
      if (answer.outcome !== "held") throw new Error(`expected a hold, not ${JSON.stringify(answer)}`);
      return answer;
    },
    async settle(holdId, nanoUsd) {
      await store.dispatch({ operationId: `${holdId}:d`, holdId, ttlMs: LONG_MS });
      await store.settle({ operationId: `${holdId}:s`, holdId, amounts: money(nanoUsd) });
    },
    async onBase(key) {
      const { balances } = await base.balances({});
      const mine = balances.filter((state) => state.scope.key === key);
      return {
        spent: mine.reduce((sum, { spent }) => sum + spent.nanoUsd, 0),
        held: mine.reduce((sum, { held }) => sum + held.nanoUsd, 0),
      };
    },
  };
  return kit;
}

export const money = (nanoUsd: number): Amounts => amounts({ nanoUsd, calls: 1 });

export function scopeOf(key: string, limits: Limits, more: Partial<Scope> = {}): Scope {
  return { key, budgetId: key, values: {}, window: { kind: "total" }, limits, onExpiry: "charge", ...more };
}

/** Lets everything happen that only waits for answers. */
export async function settleDown(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
