/**
 * @module When a store that fails is left alone for a while: a circuit breaker as a function of values.
 *
 *   closed --`failures` in a row--> open --`cooldownMs` later, one question--> probing --success--> closed
 *                                     ^                                           |
 *                                     +------------------failure------------------+
 *
 * A success always closes it, whoever had it.
 */

export interface BreakerSettings {
  /** Failures in a row after which the store is left alone. */
  readonly failures: number;
  /** For how long, ms. Then a single question goes through as a probe. */
  readonly cooldownMs: number;
}

export type BreakerState =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly untilMs: number }
  | { readonly kind: "probing" };

export const CLOSED: BreakerState = Object.freeze({ kind: "closed", failures: 0 });
const PROBING: BreakerState = Object.freeze({ kind: "probing" });

/** Whether a question may go to the store now, and the state from then on. */
export function askBreaker(
  state: BreakerState,
  nowMs: number,
): { readonly passes: boolean; readonly state: BreakerState } {
  switch (state.kind) {
    case "closed":
      return { passes: true, state };
    case "open":
      return nowMs < state.untilMs ? { passes: false, state } : { passes: true, state: PROBING };
    case "probing":
      return { passes: false, state };
  }
}

/** The state after a failure. One that comes in late, when it is open already, does not prolong it. */
export function afterFailure(state: BreakerState, settings: BreakerSettings, nowMs: number): BreakerState {
  if (state.kind === "open") return state;
  const failures = state.kind === "closed" ? state.failures + 1 : settings.failures;
  if (failures < settings.failures) return { kind: "closed", failures };
  return { kind: "open", untilMs: nowMs + settings.cooldownMs };
}
