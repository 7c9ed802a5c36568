/** @module One hold in memory, and the queues in which holds wait for their end. */
import type { Window } from "../../kernel/window.ts";
import { NO_AMOUNTS, type Amounts } from "../../ledger/amounts.ts";
import type { HoldState } from "../../ledger/hold-state.ts";
import type { ExpiredHold, ExpiryPolicy, Scope, Settled } from "../../ledger/ledger-store.ts";
import type { Counter } from "./counter.ts";

export class Hold {
  readonly id: string;
  readonly scopes: readonly Scope[];
  readonly counters: readonly Counter[];
  readonly amounts: Amounts;
  readonly reservedAtMs: number;
  state: HoldState = "reserved";
  expiresAtMs = 0;
  /** Whether it was dispatched before it was resolved. */
  dispatched = false;
  /** The operation that settled or released it. */
  resolvedBy: string | undefined;
  /** What the settlement posted. */
  charged: Amounts | undefined;
  corrected = false;
  /** After expiry: what was done to each counter. */
  expiredAs: readonly ExpiryPolicy[] | undefined;
  queue: HoldQueue | undefined;
  previous: Hold | undefined;
  next: Hold | undefined;

  constructor(
    id: string,
    scopes: readonly Scope[],
    counters: readonly Counter[],
    amounts: Amounts,
    reservedAtMs: number,
  ) {
    this.id = id;
    this.scopes = scopes;
    this.counters = counters;
    this.amounts = amounts;
    this.reservedAtMs = reservedAtMs;
  }

  get windows(): readonly Window[] {
    return this.counters.map((counter) => counter.window);
  }
}

/** The answer to its settlement. */
export function settled(hold: Hold, replayed: boolean): Settled {
  return {
    outcome: "settled",
    replayed,
    corrected: hold.corrected,
    charged: hold.charged ?? NO_AMOUNTS,
    held: hold.amounts,
  };
}

/** What expiry did to the hold. */
export function describeExpired(hold: Hold): ExpiredHold {
  return {
    holdId: hold.id,
    dispatched: hold.dispatched,
    amounts: hold.amounts,
    effects: hold.scopes.map((scope, i) => ({
      scopeKey: scope.key,
      windowId: hold.counters[i]!.window.id,
      policy: hold.expiredAs?.[i] ?? "release",
    })),
  };
}

/** Holds of one time to live, oldest first: with equal lifetimes, insertion order is expiry order. */
class HoldQueue {
  first: Hold | undefined;
  #last: Hold | undefined;

  push(hold: Hold): void {
    hold.queue?.remove(hold);
    hold.queue = this;
    hold.previous = this.#last;
    hold.next = undefined;
    if (this.#last === undefined) this.first = hold;
    else this.#last.next = hold;
    this.#last = hold;
  }

  remove(hold: Hold): void {
    if (hold.previous === undefined) this.first = hold.next;
    else hold.previous.next = hold.next;
    if (hold.next === undefined) this.#last = hold.previous;
    else hold.next.previous = hold.previous;
    hold.queue = undefined;
    hold.previous = undefined;
    hold.next = undefined;
  }
}

/** One queue per lifetime; there are only a few of those. */
export class HoldQueues {
  readonly #queues = new Map<number, HoldQueue>();

  push(hold: Hold, ttlMs: number): void {
    let queue = this.#queues.get(ttlMs);
    if (queue === undefined) {
      for (const [ttl, existing] of this.#queues) if (existing.first === undefined) this.#queues.delete(ttl);
      queue = new HoldQueue();
      this.#queues.set(ttlMs, queue);
    }
    queue.push(hold);
  }

  /** Of the holds whose time is over, the one that was due first. */
  nextDue(nowMs: number): Hold | undefined {
    let due: Hold | undefined;
    for (const { first } of this.#queues.values()) {
      if (first === undefined || first.expiresAtMs > nowMs) continue;
      if (due === undefined || first.expiresAtMs < due.expiresAtMs) due = first;
    }
    return due;
  }
}
