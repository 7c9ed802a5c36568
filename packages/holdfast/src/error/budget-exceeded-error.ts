import { formatUsd } from "../kernel/money.ts";
import type { Window } from "../kernel/window.ts";
import type { Dimension } from "../ledger/amounts.ts";
import { hasCode, HoldfastError } from "./holdfast-error.ts";

export interface BudgetExceededDetails {
  readonly budgetId: string;
  /** The values that the budget is counted per, such as `{ tenant: "acme" }`. */
  readonly scope: Readonly<Record<string, string | undefined>>;
  readonly window: Window;
  readonly dimension: Dimension;
  /** In the dimension's unit: nano-USD, calls or tokens. */
  readonly limit: number;
  readonly spent: number;
  readonly held: number;
  readonly requested: number;
  /** When time alone will have made room, ms since the epoch; null when it never will. */
  readonly resetsAtMs: number | null;
  /** True when the call would fit if the calls in flight came back without cost: waiting a little may help. */
  readonly fitsAfterInFlight: boolean;
  /**
   * The largest output limit (tokens per choice) with which the same request would fit right now; 0 when not even the
   * input fits, null when output is not what is missing.
   */
  readonly maxOutputTokensThatFit: number | null;
}

/** A budget has no room for the worst case of this call. Nothing was sent and nothing is held. */
export class BudgetExceededError extends HoldfastError implements BudgetExceededDetails {
  override readonly name: string = "BudgetExceededError";
  readonly code = "BUDGET_EXCEEDED" as const;
  readonly budgetId: string;
  readonly scope: Readonly<Record<string, string | undefined>>;
  readonly window: Window;
  readonly dimension: Dimension;
  readonly limit: number;
  readonly spent: number;
  readonly held: number;
  readonly requested: number;
  readonly resetsAtMs: number | null;
  readonly fitsAfterInFlight: boolean;
  readonly maxOutputTokensThatFit: number | null;

  constructor(details: BudgetExceededDetails) {
    super(describe(details));
    this.budgetId = details.budgetId;
    this.scope = details.scope;
    this.window = details.window;
    this.dimension = details.dimension;
    this.limit = details.limit;
    this.spent = details.spent;
    this.held = details.held;
    this.requested = details.requested;
    this.resetsAtMs = details.resetsAtMs;
    this.fitsAfterInFlight = details.fitsAfterInFlight;
    this.maxOutputTokensThatFit = details.maxOutputTokensThatFit;
  }

  /** How much more the limit would have to be, in the dimension's unit. */
  get missing(): number {
    return this.spent + this.held + this.requested - this.limit;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "BUDGET_EXCEEDED");
  }
}

function describe(details: BudgetExceededDetails): string {
  const { dimension, spent, held, requested, limit, window } = details;
  const amount = (value: number): string =>
    dimension === "nanoUsd" ? `${formatUsd(value)} USD` : `${value} ${UNIT[dimension][value === 1 ? 0 : 1]}`;
  const values = Object.entries(details.scope)
    .map(([tag, value]) => `${tag}=${value === undefined ? "(none)" : shorten(value)}`)
    .join(", ");
  // A slot is only ever held.
  const used = `${dimension === "concurrentCalls" ? "" : `${amount(spent)} spent and `}${amount(held)} held by calls in flight`;
  return (
    `Budget "${details.budgetId}"${values === "" ? "" : ` (${values})`} has no room for this call: it may need ` +
    `${amount(requested)}, and the limit is ${amount(limit)} in window ${window.id}, with ${used}. ${nextStep(details)}`
  );
}

function nextStep({ fitsAfterInFlight, resetsAtMs, maxOutputTokensThatFit }: BudgetExceededDetails): string {
  const wait = fitsAfterInFlight
    ? "It would fit once calls in flight have settled; try again shortly."
    : resetsAtMs === null
      ? "Raise the limit or make the call smaller."
      : `There will be room at ${new Date(resetsAtMs).toISOString()}.`;
  const smaller =
    maxOutputTokensThatFit !== null && maxOutputTokensThatFit > 0
      ? ` An output limit of ${maxOutputTokensThatFit} tokens would fit now.`
      : "";
  return wait + smaller;
}

const UNIT: Readonly<Record<Exclude<Dimension, "nanoUsd">, readonly [one: string, many: string]>> = {
  calls: ["call", "calls"],
  concurrentCalls: ["concurrent call", "concurrent calls"],
  inputTokens: ["input token", "input tokens"],
  outputTokens: ["output token", "output tokens"],
  totalTokens: ["token", "tokens"],
};

function shorten(value: string): string {
  const json = JSON.stringify(value);
  return json.length <= 60 ? json : `${json.slice(0, 56)}..."`;
}
