/** @module A store that can be put out of reach, in the ways in which a server can. */
import type { LedgerStore } from "../../src/ledger/ledger-store.ts";

export type Trouble =
  | "none"
  /** Operations are refused before they are applied. */
  | "refuses"
  /** Operations are applied and their answers are lost. */
  | "loses-replies"
  /** Operations are never answered, and never applied. */
  | "hangs";

export interface FailingStore extends LedgerStore {
  trouble: Trouble;
  /** Thrown when it refuses or loses. */
  error: Error;
  /** Operations that reached it, applied or not. */
  asked: number;
}

const VERBS = [
  "reserve",
  "dispatch",
  "settle",
  "release",
  "renew",
  "expire",
  "adjust",
  "override",
  "balances",
] as const;

export function failingStore(inner: LedgerStore): FailingStore {
  const store = {
    name: "failing",
    trouble: "none" as Trouble,
    error: new Error("connect ECONNREFUSED redis://:secret@10.0.0.1"),
    asked: 0,
    close: () => inner.close(),
  } as FailingStore;
  for (const verb of VERBS) {
    const apply = inner[verb].bind(inner) as (operation: never) => unknown;
    Object.assign(store, {
      [verb]: async (operation: never): Promise<unknown> => {
        store.asked += 1;
        switch (store.trouble) {
          case "none":
            return apply(operation);
          case "refuses":
            throw store.error;
          case "loses-replies":
            apply(operation);
            throw store.error;
          case "hangs":
            return new Promise(() => undefined);
        }
      },
    });
  }
  return store;
}
