/** @module One scope in one window, as read from its row: what is spent and held, and how that changes. */
import { saturatingAdd } from "../../kernel/money.ts";
import { rollingSegmentAt, type RollingWindow, type Window } from "../../kernel/window.ts";
import { DIMENSIONS, NO_AMOUNTS, type Amounts, type MutableAmounts } from "../../ledger/amounts.ts";
import type { AdjustOperation } from "../../ledger/ledger-store.ts";
import { amountsFrom, amountsText, type ScopeText } from "./row-text.ts";

/** The columns that a counter is made of, in the order of {@link CounterRow}. */
export const COUNTER_COLUMNS: string =
  "id, scope_key, window_id, window_start_ms, window_end_ms, spent_nano_usd, spent_calls, spent_input_tokens, " +
  "spent_output_tokens, spent_total_tokens, held_nano_usd, held_calls, held_concurrent_calls, held_input_tokens, " +
  "held_output_tokens, held_total_tokens, holds, slices";

export type CounterRow = readonly [
  id: number,
  scopeKey: string,
  windowId: string,
  windowStartMs: number,
  windowEndMs: number | null,
  spentNanoUsd: number,
  spentCalls: number,
  spentInputTokens: number,
  spentOutputTokens: number,
  spentTotalTokens: number,
  heldNanoUsd: number,
  heldCalls: number,
  heldConcurrentCalls: number,
  heldInputTokens: number,
  heldOutputTokens: number,
  heldTotalTokens: number,
  holds: number,
  slices: string | null,
];

export class Counter {
  readonly id: number;
  /** As in the row: see sortable-text.ts. */
  readonly key: string;
  readonly window: Window;
  readonly spent: MutableAmounts;
  readonly held: MutableAmounts;
  /** Holds on this counter that are not resolved yet; quarantined ones are not, whatever became of their share here. */
  holds: number;
  /** Whether the row has to be written. */
  isTouched = false;
  /** The scope as an operation has just brought it: limits may change between calls. */
  describedAs: ScopeText | undefined;
  readonly #slices: Slices | undefined;

  /** `rolling` is the window's specification if it is of that kind. */
  constructor(row: CounterRow, nowMs: number, rolling: RollingWindow | undefined) {
    this.id = row[0];
    this.key = row[1];
    this.window = { id: row[2], startMs: row[3], endMs: row[4] };
    this.spent = {
      nanoUsd: row[5],
      calls: row[6],
      concurrentCalls: 0,
      inputTokens: row[7],
      outputTokens: row[8],
      totalTokens: row[9],
    };
    this.held = {
      nanoUsd: row[10],
      calls: row[11],
      concurrentCalls: row[12],
      inputTokens: row[13],
      outputTokens: row[14],
      totalTokens: row[15],
    };
    this.holds = row[16];
    if (rolling === undefined) return;
    this.#slices = new Slices(rolling, row[17], nowMs);
    this.#slices.sumInto(this.spent);
  }

  hold(amounts: Amounts): void {
    this.isTouched = true;
    this.holds += 1;
    for (const d of DIMENSIONS) this.held[d] = saturatingAdd(this.held[d], amounts[d]);
  }

  /** Never below zero, so that a saturated sum cannot turn into a credit. */
  unhold(amounts: Amounts): void {
    this.isTouched = true;
    for (const d of DIMENSIONS) this.held[d] = Math.max(0, this.held[d] - amounts[d]);
  }

  /** A hold on this counter was resolved; the row stays at least as long as the hold is remembered. */
  leave(): void {
    this.isTouched = true;
    this.holds -= 1;
  }

  /** `concurrentCalls` is never posted: a slot is only ever held. `atMs` is when the hold was reserved. */
  post(amounts: Amounts, atMs: number): void {
    this.#change(amounts, atMs, add);
  }

  unpost(amounts: Amounts, atMs: number): void {
    this.#change(amounts, atMs, subtract);
  }

  /** Adds a signed amount now. In a rolling window a reduction takes from the oldest slices first. */
  adjust(delta: AdjustOperation["delta"], nowMs: number): void {
    this.isTouched = true;
    if (this.#slices === undefined) {
      for (const d of DIMENSIONS) if (d !== "concurrentCalls") this.spent[d] += delta[d] ?? 0;
      return;
    }
    this.#slices.adjust(delta, nowMs);
    this.#slices.sumInto(this.spent);
  }

  get isEmpty(): boolean {
    return this.holds === 0 && DIMENSIONS.every((d) => this.spent[d] === 0);
  }

  get slicesText(): string | null {
    return this.#slices?.text ?? null;
  }

  #change(amounts: Amounts, atMs: number, change: (target: MutableAmounts, amounts: Amounts) => void): void {
    this.isTouched = true;
    if (this.#slices === undefined) {
      change(this.spent, amounts);
      return;
    }
    const slice = this.#slices.at(atMs);
    // What has left the window meanwhile is not counted any more.
    if (slice === undefined) return;
    change(slice, amounts);
    this.#slices.sumInto(this.spent);
  }
}

/** What was posted to each slice that has not left a rolling window yet. */
class Slices {
  readonly #spec: RollingWindow;
  readonly #oldest: number;
  readonly #byIndex = new Map<number, MutableAmounts>();

  constructor(spec: RollingWindow, text: string | null, nowMs: number) {
    this.#spec = spec;
    this.#oldest = rollingSegmentAt(spec, nowMs) - spec.segments;
    const stored = text === null ? [] : (JSON.parse(text) as readonly (readonly [number, string])[]);
    for (const [index, amounts] of stored) {
      if (index >= this.#oldest) this.#byIndex.set(index, { ...amountsFrom(amounts) });
    }
  }

  /** The slice of an instant; undefined when it has left the window. */
  at(atMs: number): MutableAmounts | undefined {
    const index = rollingSegmentAt(this.#spec, atMs);
    if (index < this.#oldest) return undefined;
    let slice = this.#byIndex.get(index);
    if (slice === undefined) {
      slice = { ...NO_AMOUNTS };
      this.#byIndex.set(index, slice);
    }
    return slice;
  }

  adjust(delta: AdjustOperation["delta"], nowMs: number): void {
    const current = this.at(nowMs)!;
    const oldestFirst = [...this.#byIndex].sort(([a], [b]) => a - b).map(([, slice]) => slice);
    for (const d of DIMENSIONS) {
      if (d === "concurrentCalls") continue;
      let left = delta[d] ?? 0;
      if (left > 0) current[d] = saturatingAdd(current[d], left);
      for (const slice of oldestFirst) {
        if (left >= 0) break;
        const taken = Math.min(slice[d], -left);
        slice[d] -= taken;
        left += taken;
      }
    }
  }

  sumInto(target: MutableAmounts): void {
    for (const d of DIMENSIONS) {
      target[d] = 0;
      for (const slice of this.#byIndex.values()) target[d] = saturatingAdd(target[d], slice[d]);
    }
  }

  get text(): string {
    return JSON.stringify([...this.#byIndex].map(([index, slice]) => [index, amountsText(slice)]));
  }
}

function add(target: MutableAmounts, amounts: Amounts): void {
  for (const d of DIMENSIONS) {
    if (d !== "concurrentCalls") target[d] = saturatingAdd(target[d], amounts[d]);
  }
}

function subtract(target: MutableAmounts, amounts: Amounts): void {
  for (const d of DIMENSIONS) {
    if (d !== "concurrentCalls") target[d] = Math.max(0, target[d] - amounts[d]);
  }
}
