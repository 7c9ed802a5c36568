/** @module What both processes and their parent have in common. */
import type { BudgetConfig } from "holdfast";

/** Of each process. Together they would cost three times the budget. */
export const CALLS = 60;

export const BUDGETS: readonly BudgetConfig[] = [
  { id: "team-month", limit: { usd: "0.0165" }, window: "month", timeZone: "Europe/Berlin" },
];

export interface WorkerReport {
  readonly name: string;
  readonly answered: number;
  readonly refused: number;
}
