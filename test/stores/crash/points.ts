/** @module The points of a call at which a process is killed, and what its worker is told. */
import type { BudgetConfig } from "holdfast";
import type { Backend } from "../backends.ts";

export interface CrashArgs {
  readonly backend: Backend;
  readonly baseURL: string;
  readonly budget: BudgetConfig;
  /** Tells this process's requests apart in the provider's ledger. */
  readonly user: string;
  readonly undispatchedTtlMs: number;
  readonly dispatchedTtlMs: number;
}

export const POINTS = [
  "before reserve",
  "reserve reply lost",
  "before dispatch",
  "before send",
  "mid-stream",
  "after usage",
  "settle reply lost",
  "after settle",
] as const;

export type Point = (typeof POINTS)[number];
