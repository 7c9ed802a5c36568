/** @module Whether an operation fits, and what a denial says: plain functions of balances and limits. */
import { DIMENSIONS, type Amounts, type Dimension, type Limits } from "./amounts.ts";
import type { Denied, ReserveOperation, ScopeState } from "./ledger-store.ts";

/** What is spent and held in one scope, and its limits with the overrides in force. */
export type Balance = Pick<ScopeState, "spent" | "held" | "limits">;

/**
 * Whether `requested` does not fit. Asking for nothing always fits. Even without a limit, what is held must stay
 * countable: it has to be given back to the unit.
 */
export function exceeds(limit: number | undefined, spent: number, held: number, requested: number): boolean {
  if (limit === undefined) return requested > Number.MAX_SAFE_INTEGER - held;
  // Subtracting from the limit stays exact wherever the result is not negative; adding up could pass 2^53.
  return requested > 0 && requested > limit - spent - held;
}

/** The first scope (by index) and dimension that does not fit; undefined when all do. */
export function firstLimit(
  balances: readonly Balance[],
  requested: Amounts,
): { readonly index: number; readonly dimension: Dimension } | undefined {
  for (let index = 0; index < balances.length; index++) {
    const { spent, held, limits } = balances[index]!;
    for (const dimension of DIMENSIONS) {
      if (exceeds(limits[dimension], spent[dimension], held[dimension], requested[dimension])) {
        return { index, dimension };
      }
    }
  }
  return undefined;
}

/** Per dimension, the least `limit - spent - held` over all scopes, never below 0; absent where none limits it. */
export function availableIn(balances: readonly Balance[]): Limits {
  const available: { [D in Dimension]?: number } = {};
  for (const { spent, held, limits } of balances) {
    for (const dimension of DIMENSIONS) {
      const limit = limits[dimension];
      if (limit === undefined) continue;
      const free = Math.max(0, limit - spent[dimension] - held[dimension]);
      available[dimension] = Math.min(available[dimension] ?? Infinity, free);
    }
  }
  return available;
}

/** The answer to an operation that does not fit. `states` are those of its scopes, in its order. */
export function denialOf(
  operation: ReserveOperation,
  states: readonly ScopeState[],
  limiting: { readonly index: number; readonly dimension: Dimension },
  nowMs: number,
): Denied {
  const { amounts } = operation;
  return {
    outcome: "denied",
    replayed: false,
    limiting: states[limiting.index]!,
    dimension: limiting.dimension,
    available: availableIn(states),
    fitsWithoutHeld: states.every(({ spent, limits }) =>
      DIMENSIONS.every((d) => limits[d] === undefined || !exceeds(limits[d], spent[d], 0, amounts[d])),
    ),
    deniedAtMs: nowMs,
  };
}
