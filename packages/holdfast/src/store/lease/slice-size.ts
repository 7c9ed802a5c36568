/**
 * @module How large a slice to ask for: what is expected to be needed soon; with what the process has free already, at
 * most a part of all that is free; and never below what a waiting call needs. So slices shrink as the limit comes near, and the last calls are asked for one by
 * one.
 */
import { DIMENSIONS, type Amounts, type Limits } from "../../ledger/amounts.ts";
import { zero } from "./sums.ts";

export interface SliceWish {
  /** What the call that waits longest lacks; zeros when nobody waits. */
  readonly need: Amounts;
  /** What the pool should have free when the slice has come. */
  readonly target: Amounts;
  /** What it has free now; below zero after an overrun. */
  readonly free: Amounts;
  /** An average call. */
  readonly average: Amounts;
  /** What is free on the base; undefined when nobody has asked yet. */
  readonly available: Limits | undefined;
  /** What this process has free is at most one part of so many. */
  readonly parts: number;
}

export interface SliceSize {
  readonly amounts: Amounts;
  /** So little is free that not even one average call is a fair part of it. */
  readonly isScarce: boolean;
}

export function sliceSize(wish: SliceWish): SliceSize {
  const { need, target, free, average, available, parts } = wish;
  // The first slice is for one call; its answer says what is free.
  if (available === undefined) return { amounts: need, isScarce: false };
  const size = zero();
  const fairPart = zero();
  let scale = 1;
  let isScarce = false;
  for (const d of DIMENSIONS) {
    const mine = Math.max(0, free[d]);
    const part = partOf(available[d], mine, parts);
    if (average[d] > part) isScarce = true;
    fairPart[d] = Math.max(0, part - mine);
    size[d] = Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, target[d] - mine));
    if (size[d] > fairPart[d]) scale = Math.min(scale, fairPart[d] / size[d]);
  }
  // Less money means fewer calls, so less of everything else as well.
  for (const d of DIMENSIONS) size[d] = Math.min(fairPart[d], Math.floor(size[d] * scale));
  // Whole calls, so that no process is left with a part of one that only another could complete.
  let calls = Infinity;
  for (const d of DIMENSIONS) if (average[d] > 0) calls = Math.min(calls, Math.floor(size[d] / average[d]));
  for (const d of DIMENSIONS) {
    if (calls >= 1 && calls !== Infinity && average[d] > 0) size[d] = average[d] * calls;
    size[d] = Math.max(need[d], isScarce ? 0 : size[d]);
  }
  return { amounts: size, isScarce };
}

/** Of what this process and all others could still have. */
function partOf(available: number | undefined, mine: number, parts: number): number {
  return available === undefined ? Number.MAX_SAFE_INTEGER : Math.floor((available + mine) / parts);
}
