/** @module What the processes of this example agree on: the budget, and what one question looks like. */
import type { BudgetConfig } from "holdfast";

export const LIMIT_USD = "0.05";

export const BUDGETS: readonly BudgetConfig[] = [
  { id: "support-bot", limit: { usd: LIMIT_USD }, window: "total" },
];

/** How long a hold outlives its process, once the request was sent. An application would leave the default: 15 minutes. */
export const DISPATCHED_TTL_MS = 1_500;

export const MODEL = "gpt-5-mini";

/** USD per million tokens is 1,000 nano-USD per token: what the provider of this example charges. */
export const NANO_USD_PER_TOKEN = { input: 250, output: 2_000 };

export interface WorkerArgs {
  readonly ledgerPath: string;
  readonly providerUrl: string;
}

/** What a worker says to its parent. */
export type WorkerMessage =
  | { readonly kind: "started"; readonly spentNanoUsd: number; readonly heldNanoUsd: number }
  | { readonly kind: "answered" }
  | { readonly kind: "refused"; readonly message: string };
