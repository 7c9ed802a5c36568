/** @module One store under test, with the short words that the cases are written in. */
import { amounts, windowAt } from "holdfast";
import type * as Port from "holdfast";
import { expect } from "vitest";
import { listBalances } from "./state-dump.ts";
import { waitingClock, type StoreUnderTest, type SuiteClock } from "./store-under-test.ts";

/** A life that ends only when a case makes it, and one that a case can outwait. */
export const LONG_MS = 600_000;
export const SHORT_MS = 300;

export const TOTAL: Port.TotalWindow = { kind: "total" };

export type Given = Partial<Port.Amounts>;

export interface HoldOptions {
  readonly ttlMs?: number;
  readonly operationId?: string;
}

export interface Rig {
  readonly store: Port.LedgerStore;
  /** A second handle on the same data where the store has such; else the store itself. */
  readonly other: Port.LedgerStore;
  readonly clock: SuiteClock;
  /** A new id, unique in this rig. */
  id(): string;
  /** A scope over everything that ever happens, unless `more` says otherwise. */
  scope(key: string, limits: Port.Limits, more?: Partial<Port.Scope>): Port.Scope;
  reserve(scopes: readonly Port.Scope[], given: Given, options?: HoldOptions): Promise<Port.ReserveResult>;
  /** Reserves, insists that it is held, and gives the hold's id. */
  hold(scopes: readonly Port.Scope[], given: Given, options?: HoldOptions): Promise<string>;
  /** Like `hold`, and dispatched; `ttlMs` is the dispatched life. */
  dispatchedHold(scopes: readonly Port.Scope[], given: Given, options?: HoldOptions): Promise<string>;
  /** Reserves, insists that it is denied. */
  denied(scopes: readonly Port.Scope[], given: Given): Promise<Port.Denied>;
  dispatch(holdId: string, ttlMs?: number): Promise<Port.DispatchResult>;
  settle(holdId: string, given: Given, operationId?: string): Promise<Port.SettleResult>;
  release(holdId: string, operationId?: string): Promise<Port.ReleaseResult>;
  renew(holdId: string, ttlMs: number): Promise<Port.RenewResult>;
  adjust(scope: Port.Scope, delta: Given, operationId?: string): Promise<Port.AdjustResult>;
  override(scope: Port.Scope, extra: Port.Limits, ttlMs?: number): Promise<Port.OverrideResult>;
  /** Expires until nothing is due. */
  expireAll(): Promise<Port.ExpiredHold[]>;
  /** Moves the clock so far that everything that lives `ms` from now is over. */
  outlive(ms: number): Promise<void>;
  /** What the scope has spent and holds in its current window; zeros when it is not listed. */
  balance(scope: Port.Scope): Promise<{ readonly spent: Port.Amounts; readonly held: Port.Amounts }>;
  /** Insists on the balance of the scope in its current window. */
  expectBalance(
    scope: Port.Scope,
    expected: { readonly spent?: Given; readonly held?: Given },
  ): Promise<void>;
}

export async function createRig(made: StoreUnderTest, now: () => number): Promise<Rig> {
  const { store } = made;
  const other = (await made.another?.()) ?? store;
  const clock = made.clock ?? waitingClock(now);
  let lastId = 0;

  const rig: Rig = {
    store,
    other,
    clock,
    id() {
      lastId += 1;
      return `op-${lastId}`;
    },
    scope(key, limits, more) {
      return { key, budgetId: "budget", values: {}, window: TOTAL, limits, onExpiry: "charge", ...more };
    },
    async reserve(scopes, given, options) {
      const operationId = options?.operationId ?? rig.id();
      const undispatchedTtlMs = options?.ttlMs ?? LONG_MS;
      return store.reserve({ operationId, scopes, amounts: amounts(given), undispatchedTtlMs });
    },
    async hold(scopes, given, options) {
      const result = await rig.reserve(scopes, given, options);
      expect(result).toMatchObject({ outcome: "held", replayed: false });
      return (result as Port.Held).holdId;
    },
    async dispatchedHold(scopes, given, options) {
      const holdId = await rig.hold(scopes, given, { ...options, ttlMs: LONG_MS });
      expect(await rig.dispatch(holdId, options?.ttlMs)).toMatchObject({ outcome: "dispatched" });
      return holdId;
    },
    async denied(scopes, given) {
      const result = await rig.reserve(scopes, given);
      expect(result).toMatchObject({ outcome: "denied", replayed: false });
      return result as Port.Denied;
    },
    dispatch: async (holdId, ttlMs = LONG_MS) => store.dispatch({ operationId: rig.id(), holdId, ttlMs }),
    settle: async (holdId, given, operationId = rig.id()) =>
      store.settle({ operationId, holdId, amounts: amounts(given) }),
    release: async (holdId, operationId = rig.id()) => store.release({ operationId, holdId }),
    renew: async (holdId, ttlMs) => store.renew({ operationId: rig.id(), holdId, ttlMs }),
    adjust: async (scope, delta, operationId = rig.id()) => store.adjust({ operationId, scope, delta }),
    override: async (scope, extra, ttlMs = LONG_MS) =>
      store.override({ operationId: rig.id(), scope, extra, ttlMs }),
    async expireAll() {
      const all: Port.ExpiredHold[] = [];
      for (let round = 0; round < 1_000; round += 1) {
        const { expired, more } = await store.expire({ limit: 100 });
        all.push(...expired);
        if (!more) return all;
      }
      throw new Error("expire never comes to an end");
    },
    async outlive(ms) {
      await clock.advance(clock.running === true ? ms + 50 : ms);
    },
    async balance(scope) {
      const windowId = windowAt(scope.window, clock.now()).id;
      const listed = await listBalances(store, { budgetIds: [scope.budgetId] });
      const found = listed.filter((state) => state.scope.key === scope.key && state.window.id === windowId);
      expect(found.length, "entries of one scope and window").toBeLessThanOrEqual(1);
      return { spent: found[0]?.spent ?? amounts({}), held: found[0]?.held ?? amounts({}) };
    },
    async expectBalance(scope, expected) {
      const { spent, held } = await rig.balance(scope);
      expect({ spent, held }).toEqual({
        spent: amounts(expected.spent ?? {}),
        held: amounts(expected.held ?? {}),
      });
    },
  };
  return rig;
}

/** Runs `act` whether it throws or rejects, and insists that it does one of them. */
export async function expectThrow(what: string, act: () => unknown): Promise<void> {
  let thrown: unknown;
  try {
    await act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, `${what} must be refused by an error`).toBeInstanceOf(Error);
}
