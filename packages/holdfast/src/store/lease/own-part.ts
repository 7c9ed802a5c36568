/**
 * @module What the base's numbers leave out: of a slice the base knows that it is held, this process knows what has
 * become of it. With its part corrected, one process sees exact numbers.
 */
import { DIMENSIONS, type Amounts, type MutableAmounts } from "../../ledger/amounts.ts";
import type { ScopeState } from "../../ledger/ledger-store.ts";
import type { Pool, Slice } from "./pool.ts";
import { isZero, zero } from "./sums.ts";

/** To be added to what the base counts; signed. */
export interface OwnPart {
  readonly held: Amounts;
  readonly spent: Amounts;
}

/**
 * @param pools all pools of one scope and window
 * @param posting the slices of that scope and window whose settlement has not been confirmed
 */
export function ownPart(pools: readonly Pool[], posting: readonly Slice[]): OwnPart {
  const held = zero();
  const spent = zero();
  for (const pool of pools) {
    for (const d of DIMENSIONS) {
      held[d] += pool.covered[d] - pool.kept[d];
      spent[d] += pool.unposted[d] + pool.kept[d];
    }
    for (const slice of pool.slices) discount(slice, held, spent);
  }
  for (const slice of posting) {
    discount(slice, held, spent);
    for (const d of DIMENSIONS) spent[d] += slice.posts?.[d] ?? 0;
  }
  return { held, spent };
}

export function isNothing(part: OwnPart): boolean {
  return isZero(part.held) && isZero(part.spent);
}

/** The state with the process's own part made right. */
export function corrected(state: ScopeState, part: OwnPart): ScopeState {
  return { ...state, held: sum(state.held, part.held), spent: sum(state.spent, part.spent) };
}

function discount(slice: Slice, held: MutableAmounts, spent: MutableAmounts): void {
  for (const d of DIMENSIONS) {
    if (slice.countedAs === "held") held[d] -= slice.amounts[d];
    else if (slice.countedAs === "spent" && d !== "concurrentCalls") spent[d] -= slice.amounts[d];
  }
}

function sum(counted: Amounts, part: Amounts): Amounts {
  const total = zero();
  for (const d of DIMENSIONS) {
    total[d] = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, counted[d] + part[d]));
  }
  return total;
}
