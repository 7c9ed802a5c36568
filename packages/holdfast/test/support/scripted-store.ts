/** @module A store that answers as a test says, now or later, and remembers what it was told. */
import type { MaybePromise } from "../../src/kernel/maybe-promise.ts";
import type { Window } from "../../src/kernel/window.ts";
import { amounts, NO_AMOUNTS, type Amounts } from "../../src/ledger/amounts.ts";
import type { Denied, LedgerStore, Scope } from "../../src/ledger/ledger-store.ts";

export type Verb = Exclude<keyof LedgerStore, "name" | "jobs">;

type Operation<V extends Verb> = Parameters<LedgerStore[V]>[0];
type Result<V extends Verb> = Awaited<ReturnType<LedgerStore[V]>>;

/** What each verb answers instead of success. Throwing and returning a promise are both fine. */
export type Script = { [V in Verb]?: (operation: Operation<V>) => MaybePromise<Result<V>> };

export interface Told {
  readonly verb: Verb;
  readonly operation: unknown;
}

export const SOME_WINDOW: Window = { id: "2026-01-01", startMs: 0, endMs: 86_400_000 };

export interface ScriptedStore extends LedgerStore {
  readonly told: readonly Told[];
  verbs(): readonly Verb[];
  operations<V extends Verb>(verb: V): readonly Operation<V>[];
}

/** @param mode whether scripted and standard answers come at once or in a promise */
export function scriptedStore(script: Script = {}, mode: "sync" | "async" = "sync"): ScriptedStore {
  const told: Told[] = [];
  const held = new Map<string, Amounts>();
  const answer = <V extends Verb>(verb: V, operation: Operation<V>, usual: () => Result<V>): never => {
    told.push({ verb, operation });
    const scripted = script[verb] as ((given: Operation<V>) => MaybePromise<Result<V>>) | undefined;
    const reply = (): MaybePromise<Result<V>> => (scripted === undefined ? usual() : scripted(operation));
    return (mode === "sync" ? reply() : Promise.resolve().then(reply)) as never;
  };
  return {
    name: "scripted",
    told,
    verbs: () => told.map(({ verb }) => verb),
    operations: (verb) => told.filter((one) => one.verb === verb).map((one) => one.operation as never),
    reserve: (operation) =>
      answer("reserve", operation, () => {
        held.set(operation.operationId, operation.amounts);
        return {
          outcome: "held",
          holdId: operation.operationId,
          replayed: false,
          reservedAtMs: 1,
          windows: operation.scopes.map(() => SOME_WINDOW),
        };
      }),
    dispatch: (operation) =>
      answer("dispatch", operation, () => ({ outcome: "dispatched", replayed: false })),
    settle: (operation) =>
      answer("settle", operation, () => ({
        outcome: "settled",
        replayed: false,
        corrected: false,
        charged: operation.amounts,
        held: held.get(operation.holdId) ?? NO_AMOUNTS,
      })),
    release: (operation) => answer("release", operation, () => ({ outcome: "released", replayed: false })),
    renew: (operation) =>
      answer("renew", operation, () => ({
        outcome: "renewed",
        replayed: false,
        expiresAtMs: operation.ttlMs,
      })),
    expire: (operation) => answer("expire", operation, () => ({ expired: [], more: false })),
    adjust: (operation) =>
      answer("adjust", operation, () => ({
        outcome: "adjusted",
        replayed: false,
        state: {
          scope: operation.scope,
          window: SOME_WINDOW,
          spent: amounts(operation.delta),
          held: NO_AMOUNTS,
          limits: operation.scope.limits,
        },
      })),
    override: (operation) =>
      answer("override", operation, () => ({
        outcome: "overridden",
        replayed: false,
        expiresAtMs: operation.ttlMs,
      })),
    balances: (query) => answer("balances", query, () => ({ balances: [] })),
    close: () => answer("close", undefined as never, () => undefined),
  };
}

/** A denial of `scope` for money, with details that can be told apart. */
export function denialOf(scope: Scope, given: Partial<Denied> = {}): Denied {
  return {
    outcome: "denied",
    replayed: false,
    limiting: {
      scope,
      window: SOME_WINDOW,
      spent: amounts({ nanoUsd: 600 }),
      held: amounts({ nanoUsd: 300 }),
      limits: { nanoUsd: 1_000 },
    },
    dimension: "nanoUsd",
    available: { nanoUsd: 100 },
    fitsWithoutHeld: false,
    deniedAtMs: 77,
    ...given,
  };
}
