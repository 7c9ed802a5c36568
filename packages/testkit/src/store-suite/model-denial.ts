/** @module Whether an operation fits, in the reference model, and what a denial says. */
import { DIMENSIONS } from "holdfast";
import type { Amounts, Denied, Dimension, Limits, ReserveOperation, ScopeState } from "holdfast";

/** What a held operation that asked for it is told: what would still fit behind it. */
export function availableAfter(states: readonly ScopeState[], amounts: Amounts): Limits {
  const available: { [D in Dimension]?: number } = {};
  for (const { spent, held, limits } of states) {
    for (const dimension of DIMENSIONS) {
      const limit = limits[dimension];
      if (limit === undefined) continue;
      const free =
        BigInt(limit) - BigInt(spent[dimension]) - BigInt(held[dimension]) - BigInt(amounts[dimension]);
      const usable = Number(free < 0n ? 0n : free);
      available[dimension] = Math.min(available[dimension] ?? usable, usable);
    }
  }
  return available;
}

export function denialOf(
  operation: ReserveOperation,
  states: readonly ScopeState[],
  nowMs: number,
): Denied | undefined {
  let first: { readonly limiting: ScopeState; readonly dimension: Dimension } | undefined;
  let fitsWithoutHeld = true;
  const available: { [D in Dimension]?: number } = {};
  for (const state of states) {
    for (const dimension of DIMENSIONS) {
      const limit = state.limits[dimension];
      if (limit === undefined) continue;
      const held = BigInt(state.held[dimension]);
      const free = BigInt(limit) - BigInt(state.spent[dimension]) - held;
      const wanted = BigInt(operation.amounts[dimension]);
      if (wanted > free) first ??= { limiting: state, dimension };
      if (wanted > free + held) fitsWithoutHeld = false;
      const usable = Number(free < 0n ? 0n : free);
      available[dimension] = Math.min(available[dimension] ?? usable, usable);
    }
  }
  if (first === undefined) return undefined;
  return { outcome: "denied", replayed: false, ...first, available, fitsWithoutHeld, deniedAtMs: nowMs };
}
