/** @module What a denial of the store says to the caller. Pure. */
import type { BudgetExceededDetails } from "../error/budget-exceeded-error.ts";
import type { Amounts } from "../ledger/amounts.ts";
import type { Denied } from "../ledger/ledger-store.ts";
import { affordableOutputTokens } from "./affordable-output.ts";
import type { CallPlan } from "./call-plan.ts";

/** @param amounts what the call asked for */
export function denialDetails(denied: Denied, plan: CallPlan, amounts: Amounts): BudgetExceededDetails {
  const { limiting, dimension } = denied;
  return {
    budgetId: limiting.scope.budgetId,
    scope: limiting.scope.values,
    window: limiting.window,
    dimension,
    limit: limiting.limits[dimension] ?? 0,
    spent: limiting.spent[dimension],
    held: limiting.held[dimension],
    requested: amounts[dimension],
    resetsAtMs: resetOf(denied, amounts[dimension]),
    fitsAfterInFlight: denied.fitsWithoutHeld,
    maxOutputTokensThatFit: affordableOutputTokens(plan, denied.available),
  };
}

/**
 * When time alone will have made room, ms since the epoch: the end of the window, or the moment at which everything
 * that is spent now has left a rolling one. Null when it never will: the call is larger than the limit, the window has
 * no end, or what is missing is a slot.
 */
function resetOf({ limiting, dimension, deniedAtMs }: Denied, requested: number): number | null {
  const limit = limiting.limits[dimension];
  if (dimension === "concurrentCalls" || (limit !== undefined && requested > limit)) return null;
  const { window } = limiting.scope;
  if (window.kind !== "rolling") return limiting.window.endMs;
  return Math.ceil(deniedAtMs + window.durationMs + window.durationMs / window.segments);
}
