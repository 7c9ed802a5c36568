/**
 * @module Adjusting a leased scope. A part of what is spent is known only here: it is reduced here first, and the base
 * is asked for the rest.
 */
import { DIMENSIONS, type Dimension, type MutableAmounts } from "../../ledger/amounts.ts";
import type { AdjustOperation, AdjustResult, LedgerStore } from "../../ledger/ledger-store.ts";
import type { BaseReader } from "./base-reader.ts";
import type { Pool } from "./pool.ts";
import { isZero, zero } from "./sums.ts";

interface Reduction {
  readonly pool: Pool;
  readonly unposted: MutableAmounts;
  readonly kept: MutableAmounts;
}

/** @param pools those of the scope's current window */
export async function adjustLeased(
  operation: AdjustOperation,
  pools: readonly Pool[],
  base: LedgerStore,
  reader: BaseReader,
): Promise<AdjustResult> {
  const { scope } = operation;
  const delta: { [D in Dimension]?: number } = { ...operation.delta };
  const reductions = pools.map((pool): Reduction => ({ pool, unposted: zero(), kept: zero() }));
  for (const { pool, unposted } of reductions) {
    for (const d of DIMENSIONS) {
      unposted[d] = Math.min(pool.unposted[d], Math.max(0, -(delta[d] ?? 0)));
      if (unposted[d] === 0) continue;
      pool.unposted[d] -= unposted[d];
      delta[d] = delta[d]! + unposted[d];
    }
  }
  let result: AdjustResult;
  try {
    result = await base.adjust({ ...operation, delta });
    if (result.outcome === "out-of-range") {
      // The charge of a call that may still be settled late is spent here, and held on the base.
      const { spent } = await reader.onBase(scope);
      for (const { pool, kept } of reductions) {
        for (const d of DIMENSIONS) {
          kept[d] = Math.min(pool.kept[d], Math.max(0, -(delta[d] ?? 0) - spent[d]));
          if (kept[d] === 0) continue;
          pool.reduceKept(d, kept[d]);
          delta[d] = delta[d]! + kept[d];
        }
      }
      if (reductions.some(({ kept }) => !isZero(kept))) result = await base.adjust({ ...operation, delta });
    }
    // It was sent before, as it is.
    if (result.outcome === "mismatch") result = await base.adjust(operation);
  } catch (cause) {
    undo(reductions);
    throw cause;
  }
  if (result.outcome !== "adjusted" || result.replayed) undo(reductions);
  if (result.outcome !== "adjusted") return result;
  // Slices come and go while the base is asked, so its state is read again between them.
  const state = await reader.stateOf(scope);
  return state.window.id === result.state.window.id ? { ...result, state } : result;
}

function undo(reductions: readonly Reduction[]): void {
  for (const { pool, unposted, kept } of reductions) {
    for (const d of DIMENSIONS) {
      pool.unposted[d] += unposted[d];
      pool.reduceKept(d, -kept[d]);
    }
  }
}
