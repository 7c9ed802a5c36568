/** @module What was asked for lately: how many calls, and how large one is on average. */
import { DIMENSIONS, type Amounts } from "../../ledger/amounts.ts";
import { add, zero } from "./sums.ts";

interface Span {
  calls: number;
  readonly sum: ReturnType<typeof zero>;
  sinceMs: number;
}

const span = (sinceMs: number): Span => ({ calls: 0, sum: zero(), sinceMs });

const BOOST_MAX = 8;

/** The demand for one scope over the last one to two spans. */
export class Demand {
  #current: Span;
  #previous: Span;
  lastAtMs: number;
  /** Grows while calls have to wait: what was asked for lately was then held back by what there was. */
  #boost = 1;
  #wasDry = false;

  constructor(nowMs: number) {
    this.#current = span(nowMs);
    this.#previous = span(nowMs);
    this.lastAtMs = nowMs;
  }

  note(amounts: Amounts, nowMs: number): void {
    this.#current.calls += 1;
    add(this.#current.sum, amounts);
    this.lastAtMs = nowMs;
  }

  /** A call had to wait. */
  ranDry(): void {
    if (!this.#wasDry) this.#boost = Math.min(this.#boost * 2, BOOST_MAX);
    this.#wasDry = true;
  }

  /** Begins a new span once the current one is as long as `spanMs`. */
  roll(nowMs: number, spanMs: number): void {
    if (nowMs - this.#current.sinceMs < spanMs) return;
    if (!this.#wasDry) this.#boost = Math.max(1, this.#boost / 2);
    this.#wasDry = false;
    // When nobody calls, the last calls remain the best guess of the next one; only their rate falls.
    if (this.#current.calls > 0) this.#previous = this.#current;
    this.#current = span(nowMs);
  }

  /** How many calls to expect within `horizonMs`, by those of the last spans. */
  callsWithin(horizonMs: number, spanMs: number, nowMs: number): number {
    const elapsedMs = Math.max(spanMs, nowMs - this.#previous.sinceMs);
    const calls = (this.#current.calls + this.#previous.calls) * this.#boost;
    return Math.ceil((calls * horizonMs) / elapsedMs);
  }

  /** Per dimension, rounded up; zeros when nothing was asked for yet. */
  average(): Amounts {
    const calls = Math.max(1, this.#current.calls + this.#previous.calls);
    const average = zero();
    for (const d of DIMENSIONS)
      average[d] = Math.ceil((this.#current.sum[d] + this.#previous.sum[d]) / calls);
    return average;
  }
}

/**
 * Which scopes are hot. Scopes that are not are forgotten within two spans, so that a million users cost no memory.
 */
export class HotScopes {
  readonly #calls: number;
  readonly #spanMs: number;
  #current = new Map<string, number>();
  #previous = new Map<string, number>();
  #sinceMs = -Infinity;

  /** A scope is hot with at least `calls` calls in the last one to two spans. */
  constructor(calls: number, spanMs: number) {
    this.#calls = calls;
    this.#spanMs = spanMs;
  }

  /** Counts one more call, and says whether the scope is hot. */
  note(key: string, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= this.#spanMs) {
      const isOld = nowMs - this.#sinceMs >= 2 * this.#spanMs;
      this.#previous = isOld ? new Map() : this.#current;
      this.#current = new Map();
      this.#sinceMs = nowMs;
    }
    const calls = (this.#current.get(key) ?? 0) + 1;
    this.#current.set(key, calls);
    return calls + (this.#previous.get(key) ?? 0) >= this.#calls;
  }
}
