/** @module Until when a pool may be used, and under which limits what is free in it was granted. */
import { DIMENSIONS, type Dimension } from "../../ledger/amounts.ts";
import type { Held } from "../../ledger/ledger-store.ts";
import type { Pool, Slice } from "./pool.ts";
import type { ServerTime } from "./server-time.ts";

/** What the process believes of the base's time may be this late, by rounding and by the drift of a lease's life. */
const WINDOW_MARGIN_MS = 20;
/** A slice is not used in the last tenth of its life. */
const LIFE_MARGIN_PARTS = 10;

/** The pool is of no use in the last moments of its window, and of its slices' lives. */
export function limitUse(pool: Pool, leaseMs: number, time: ServerTime): void {
  const { endMs } = pool.window;
  let untilMs = endMs === null ? Infinity : time.processTimeOf(endMs) - WINDOW_MARGIN_MS;
  for (const slice of pool.slices) {
    untilMs = Math.min(untilMs, slice.livesUntilMs - leaseMs / LIFE_MARGIN_PARTS);
  }
  pool.usableUntilMs = untilMs;
}

/** What is free may have been granted under overrides that end at these times of the base. */
export function endWith(pool: Pool, overrideEnds: readonly number[], time: ServerTime): void {
  for (const endMs of overrideEnds) {
    pool.validUntilMs = Math.min(pool.validUntilMs, time.processTimeOf(endMs) - WINDOW_MARGIN_MS);
  }
}

/**
 * Before the slice is attached: the base has just found that it and all that was granted before are together within the
 * limits of the slice's scope, in every dimension in which it had to look.
 */
export function revalidate(pool: Pool, slice: Slice, held: Held): void {
  const { scope, amounts } = slice;
  const isKnown = (d: Dimension): boolean =>
    scope.limits[d] === undefined ||
    pool.granted[d] === 0 ||
    amounts[d] > 0 ||
    (held.available?.[d] ?? 0) > 0;
  if (!DIMENSIONS.every(isKnown)) return;
  pool.validFor = scope;
  pool.validUntilMs = Infinity;
}

/** In the last moments of a window no slice can be used any more. */
export function isNearEnd(endMs: number | null, time: ServerTime): boolean {
  const nowMs = time.now();
  return endMs !== null && nowMs >= endMs - WINDOW_MARGIN_MS && nowMs < endMs;
}

/** In a past window nobody else wants what is free, and no slice can be had. */
export function isPast(pool: Pool, time: ServerTime): boolean {
  const { endMs } = pool.window;
  return endMs !== null && time.now() >= endMs;
}
