/** @module The counters of all scopes: one per scope for its current window, and those of past windows still held on. */
import { windowAt, type Window, type WindowSpec } from "../../kernel/window.ts";
import type { BalancesQuery, Scope } from "../../ledger/ledger-store.ts";
import { Counter } from "./counter.ts";

/** Operations between two looks for counters that can be forgotten, and counters looked at each time. */
const FORGET_EVERY = 16;
const FORGET_IN_PASSING = 128;
const WINDOWS_REMEMBERED = 1_000;

export class Counters {
  /** The counter of each scope's current window. */
  readonly #current = new Map<string, Counter>();
  /** Counters of windows that are over but still have live holds. */
  readonly #retired = new Set<Counter>();
  readonly #windows = new Map<WindowSpec, Window>();
  #operations = 0;
  #forgetting: IterableIterator<[string, Counter]> | undefined;

  /** The counter of the scope's current window, if the window has been used. */
  find(scope: Scope, nowMs: number): Counter | undefined {
    const counter = this.#current.get(scope.key);
    if (counter === undefined || hasEnded(counter.window, nowMs)) return undefined;
    counter.slide(nowMs);
    return counter;
  }

  /** The counter of the scope's current window, made if need be. */
  open(scope: Scope, nowMs: number): Counter {
    const found = this.#current.get(scope.key);
    if (found !== undefined && !hasEnded(found.window, nowMs)) {
      found.scope = scope;
      return found;
    }
    if (found !== undefined && found.holds > 0) this.#retired.add(found);
    const counter = new Counter(scope, this.window(scope.window, nowMs));
    counter.slide(nowMs);
    this.#current.set(scope.key, counter);
    return counter;
  }

  /**
   * The counter to post to for a hold that is long over: an empty counter is forgotten, and its scope may have been
   * given a new one since, for the same window or another. What is current stays current, whoever comes last.
   */
  rejoin(counter: Counter): Counter {
    const { key } = counter.scope;
    const live = this.#current.get(key);
    if (live?.window.id === counter.window.id) return live;
    if (live === undefined || live.window.startMs < counter.window.startMs) {
      if (live !== undefined && live.holds > 0) this.#retired.add(live);
      this.#current.set(key, counter);
    }
    return counter;
  }

  /** Lets go of past windows that nothing is held on any more. */
  dropRetired(counters: readonly Counter[]): void {
    if (this.#retired.size === 0) return;
    for (const counter of counters) if (counter.holds === 0) this.#retired.delete(counter);
  }

  /** Ordered by scope key, then by window. */
  list(query: BalancesQuery, nowMs: number): readonly Counter[] {
    const found: Counter[] = [];
    for (const counters of [this.#current.values(), this.#retired.values()]) {
      for (const counter of counters) {
        if (query.budgetIds !== undefined && !query.budgetIds.includes(counter.scope.budgetId)) continue;
        if (query.after !== undefined && counter.scope.key <= query.after) continue;
        if (counter.holds === 0 && hasEnded(counter.window, nowMs)) continue;
        counter.slide(nowMs);
        if (!counter.isEmpty) found.push(counter);
      }
    }
    return found.sort((a, b) => compare(a.scope.key, b.scope.key) || compare(a.window.id, b.window.id));
  }

  /** Windows are computed once per period: the calendar is the dearest part of a reserve. */
  window(spec: WindowSpec, nowMs: number): Window {
    const cached = this.#windows.get(spec);
    if (cached !== undefined && !hasEnded(cached, nowMs)) return cached;
    if (this.#windows.size >= WINDOWS_REMEMBERED) this.#windows.clear();
    const window = windowAt(spec, nowMs);
    this.#windows.set(spec, window);
    return window;
  }

  /**
   * Looks at a few counters now and then, round and round, so that scopes seen once do not stay for ever. It looks at
   * more of them than the operations in between can have added.
   */
  forgetSome(nowMs: number): void {
    this.#operations += 1;
    if (this.#operations % FORGET_EVERY !== 0) return;
    for (let i = 0; i < FORGET_IN_PASSING; i++) {
      this.#forgetting ??= this.#current.entries();
      const next = this.#forgetting.next();
      if (next.done === true) {
        this.#forgetting = undefined;
        return;
      }
      const [key, counter] = next.value;
      counter.slide(nowMs);
      if (counter.holds === 0 && (hasEnded(counter.window, nowMs) || counter.isEmpty))
        this.#current.delete(key);
    }
  }
}

function hasEnded(window: Window, nowMs: number): boolean {
  return window.endMs !== null && nowMs >= window.endMs;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
