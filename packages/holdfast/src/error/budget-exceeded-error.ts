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
  /** When the window ends, ms since the epoch; null when waiting for a new window does not help. */
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
  const amount = (value: number): string =>
    details.dimension === "nanoUsd" ? `${formatUsd(value)} USD` : `${value} ${UNIT[details.dimension]}`;
  const values = Object.entries(details.scope)
    .map(([tag, value]) => `${tag}=${value === undefined ? "(none)" : shorten(value)}`)
    .join(", ");
  const next = details.fitsAfterInFlight
    ? "It would fit once calls in flight have settled; try again shortly."
    : details.resetsAtMs === null
      ? "Raise the limit or make the call smaller."
      : `The window resets at ${new Date(details.resetsAtMs).toISOString()}.`;
  const smaller =
    details.maxOutputTokensThatFit !== null && details.maxOutputTokensThatFit > 0
      ? ` An output limit of ${details.maxOutputTokensThatFit} tokens would fit now.`
      : "";
  return (
    `Budget "${details.budgetId}"${values === "" ? "" : ` (${values})`} has no room for this call: it may need ` +
    `${amount(details.requested)}, and of ${amount(details.limit)} in window ${details.window.id} ` +
    `${amount(details.spent)} are spent and ${amount(details.held)} are held by calls in flight. ${next}${smaller}`
  );
}

const UNIT: Readonly<Record<Dimension, string>> = {
  nanoUsd: "nano-USD",
  calls: "calls",
  concurrentCalls: "concurrent calls",
  inputTokens: "input tokens",
  outputTokens: "output tokens",
  totalTokens: "tokens",
};

function shorten(value: string): string {
  const json = JSON.stringify(value);
  return json.length <= 60 ? json : `${json.slice(0, 56)}..."`;
}
