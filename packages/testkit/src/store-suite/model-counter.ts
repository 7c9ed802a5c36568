/** @module Arithmetic and counters of the reference model: BigInt, Maps, nothing clever. */
import { DIMENSIONS, rollingSegmentAt } from "holdfast";
import type { Amounts, Dimension, Limits, Scope, Window } from "holdfast";

/** One BigInt per dimension. */
export type Big = Map<Dimension, bigint>;

const MAX = BigInt(Number.MAX_SAFE_INTEGER);

export function toBig(given: Partial<Amounts>): Big {
  return new Map(DIMENSIONS.map((dimension) => [dimension, BigInt(given[dimension] ?? 0)]));
}

/** Sums are held within what a `number` can say exactly: from 0 to MAX_SAFE_INTEGER. */
export function clamp(value: bigint): bigint {
  if (value < 0n) return 0n;
  return value > MAX ? MAX : value;
}

export function isOutOfRange(value: bigint): boolean {
  return value !== clamp(value);
}

export function toAmounts(big: Big): Amounts {
  return Object.fromEntries(
    DIMENSIONS.map((d) => [d, Number(clamp(big.get(d) ?? 0n))]),
  ) as unknown as Amounts;
}

export function combine(a: Big, b: Big, how: (x: bigint, y: bigint) => bigint): Big {
  return new Map(DIMENSIONS.map((d) => [d, how(a.get(d) ?? 0n, b.get(d) ?? 0n)]));
}

export function plus(a: Big, b: Big): Big {
  return combine(a, b, (x, y) => x + y);
}

/** What becomes spent when a hold is charged: all of it, except the slot, which is only ever held. */
export function chargeOf(held: Amounts): Amounts {
  return { ...held, concurrentCalls: 0 };
}

/** What one scope has spent in one window. A rolling window has one cell per slice, any other has the cell 0. */
export class Counter {
  scope: Scope;
  readonly window: Window;
  readonly cells: Map<number, Big> = new Map();

  constructor(scope: Scope, window: Window) {
    this.scope = scope;
    this.window = window;
  }

  /** The cell that an amount reserved at `nowMs` belongs to, for ever. */
  static cellAt(scope: Scope, nowMs: number): number {
    return scope.window.kind === "rolling" ? rollingSegmentAt(scope.window, nowMs) : 0;
  }

  spentAt(nowMs: number): Big {
    let sum = toBig({});
    for (const index of this.#countedCells(nowMs)) sum = plus(sum, this.cells.get(index)!);
    return combine(sum, sum, (x) => clamp(x));
  }

  /** In one cell and one step: takes `remove` away, down to nothing at most, and then adds `add`. */
  post(cell: number, add: Amounts, remove: Amounts): void {
    const before = this.cells.get(cell) ?? toBig({});
    const without = combine(before, toBig(remove), (x, y) => clamp(x - y));
    this.cells.set(
      cell,
      combine(without, toBig(add), (x, y) => clamp(x + y)),
    );
  }

  /** Adds a signed amount now. A reduction takes from the oldest cells first, so that no cell falls below zero. */
  adjust(delta: Partial<Amounts>, nowMs: number): void {
    const current = Counter.cellAt(this.scope, nowMs);
    for (const dimension of DIMENSIONS) {
      let left = BigInt(delta[dimension] ?? 0);
      if (left >= 0n) {
        this.#add(current, dimension, left);
        continue;
      }
      for (const index of this.#countedCells(nowMs)) {
        const there = this.cells.get(index)!.get(dimension) ?? 0n;
        const taken = there < -left ? there : -left;
        this.#add(index, dimension, -taken);
        left += taken;
      }
    }
  }

  #add(cell: number, dimension: Dimension, change: bigint): void {
    const cells = this.cells.get(cell) ?? toBig({});
    cells.set(dimension, (cells.get(dimension) ?? 0n) + change);
    this.cells.set(cell, cells);
  }

  /** Oldest first. */
  #countedCells(nowMs: number): number[] {
    const all = [...this.cells.keys()].sort((a, b) => a - b);
    const spec = this.scope.window;
    if (spec.kind !== "rolling") return all;
    const now = rollingSegmentAt(spec, nowMs);
    return all.filter((index) => index >= now - spec.segments && index <= now);
  }
}

/** Base limits plus the extras in force; a dimension that is not limited stays so. */
export function limitsWith(base: Limits, extras: readonly Limits[]): Limits {
  const result: { [D in Dimension]?: number } = {};
  for (const dimension of DIMENSIONS) {
    const limit = base[dimension];
    if (limit === undefined) continue;
    const sum = extras.reduce((total, extra) => total + BigInt(extra[dimension] ?? 0), BigInt(limit));
    result[dimension] = Number(clamp(sum));
  }
  return result;
}
