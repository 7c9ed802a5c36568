/** @module One scope in one window: what is spent and what is held. */
import { saturatingAdd } from "../../kernel/money.ts";
import { rollingSegmentAt, type RollingWindow, type Window } from "../../kernel/window.ts";
import { DIMENSIONS, type Amounts, type MutableAmounts } from "../../ledger/amounts.ts";
import type { Scope } from "../../ledger/ledger-store.ts";

function zero(): MutableAmounts {
  return { nanoUsd: 0, calls: 0, concurrentCalls: 0, inputTokens: 0, outputTokens: 0, totalTokens: 0 };
}

/** `concurrentCalls` is never posted: a slot is only ever held. */
function add(target: MutableAmounts, amounts: Amounts, concurrent: boolean): void {
  target.nanoUsd = saturatingAdd(target.nanoUsd, amounts.nanoUsd);
  target.calls = saturatingAdd(target.calls, amounts.calls);
  if (concurrent) target.concurrentCalls = saturatingAdd(target.concurrentCalls, amounts.concurrentCalls);
  target.inputTokens = saturatingAdd(target.inputTokens, amounts.inputTokens);
  target.outputTokens = saturatingAdd(target.outputTokens, amounts.outputTokens);
  target.totalTokens = saturatingAdd(target.totalTokens, amounts.totalTokens);
}

/** Never below zero, so that a saturated sum cannot turn into a credit. */
function subtract(target: MutableAmounts, amounts: Amounts): void {
  target.nanoUsd = Math.max(0, target.nanoUsd - amounts.nanoUsd);
  target.calls = Math.max(0, target.calls - amounts.calls);
  target.concurrentCalls = Math.max(0, target.concurrentCalls - amounts.concurrentCalls);
  target.inputTokens = Math.max(0, target.inputTokens - amounts.inputTokens);
  target.outputTokens = Math.max(0, target.outputTokens - amounts.outputTokens);
  target.totalTokens = Math.max(0, target.totalTokens - amounts.totalTokens);
}

export class Counter {
  /** As of the last operation: limits may change between calls. */
  scope: Scope;
  readonly window: Window;
  readonly spent: MutableAmounts = zero();
  readonly held: MutableAmounts = zero();
  /** Live holds on this counter; it is kept at least as long as there are any. */
  holds = 0;
  /** Of a rolling window: what was posted to each slice that has not yet left the window. */
  readonly #segments: Map<number, MutableAmounts> | undefined;
  /** Slices before this one have been taken out. */
  #oldestSegment = Number.MIN_SAFE_INTEGER;

  constructor(scope: Scope, window: Window) {
    this.scope = scope;
    this.window = window;
    this.#segments = scope.window.kind === "rolling" ? new Map() : undefined;
  }

  hold(amounts: Amounts): void {
    this.holds += 1;
    add(this.held, amounts, true);
  }

  unhold(amounts: Amounts): void {
    this.holds -= 1;
    subtract(this.held, amounts);
  }

  /** Posts to the slice of `atMs` (the reservation), which may have left the window in the meantime. */
  post(amounts: Amounts, atMs: number): void {
    const segment = this.#segmentAt(atMs);
    if (segment === "gone") return;
    if (segment !== undefined) add(segment, amounts, false);
    add(this.spent, amounts, false);
  }

  unpost(amounts: Amounts, atMs: number): void {
    const segment = this.#segmentAt(atMs);
    if (segment === "gone") return;
    if (segment !== undefined) subtract(segment, amounts);
    subtract(this.spent, { ...amounts, concurrentCalls: 0 });
  }

  /**
   * Adds a signed amount now. A reduction takes from the oldest slices first, so that none is left owing: a slice below
   * zero would give back, when it leaves, what was spent in another.
   */
  adjust(delta: Partial<Amounts>, nowMs: number): void {
    const up = zero();
    const down = zero();
    for (const dimension of DIMENSIONS) {
      const change = delta[dimension] ?? 0;
      if (change > 0) up[dimension] = change;
      else down[dimension] = -change;
    }
    this.post(up, nowMs);
    subtract(this.spent, down);
    if (this.#segments === undefined) return;
    for (const index of [...this.#segments.keys()].sort((a, b) => a - b)) {
      const segment = this.#segments.get(index)!;
      for (const dimension of DIMENSIONS) {
        const taken = Math.min(segment[dimension], down[dimension]);
        segment[dimension] -= taken;
        down[dimension] -= taken;
      }
    }
  }

  /** Takes out the slices of a rolling window that are entirely older than its duration. */
  slide(nowMs: number): void {
    if (this.#segments === undefined) return;
    const spec = this.scope.window as RollingWindow;
    const oldest = rollingSegmentAt(spec, nowMs) - spec.segments;
    if (oldest <= this.#oldestSegment) return;
    this.#oldestSegment = oldest;
    let left = false;
    for (const index of this.#segments.keys()) {
      if (index >= oldest) continue;
      this.#segments.delete(index);
      left = true;
    }
    if (!left) return;
    // Summed up anew: a sum that was cut off at the top does not say how much was cut off.
    Object.assign(this.spent, zero());
    for (const amounts of this.#segments.values()) add(this.spent, amounts, false);
  }

  /** Nothing spent and nothing held. */
  get isEmpty(): boolean {
    const { spent } = this;
    return (
      this.holds === 0 &&
      spent.nanoUsd === 0 &&
      spent.calls === 0 &&
      spent.inputTokens === 0 &&
      spent.outputTokens === 0 &&
      spent.totalTokens === 0
    );
  }

  #segmentAt(atMs: number): MutableAmounts | "gone" | undefined {
    if (this.#segments === undefined) return undefined;
    const index = rollingSegmentAt(this.scope.window as RollingWindow, atMs);
    if (index < this.#oldestSegment) return "gone";
    let segment = this.#segments.get(index);
    if (segment === undefined) {
      segment = zero();
      this.#segments.set(index, segment);
    }
    return segment;
  }
}
