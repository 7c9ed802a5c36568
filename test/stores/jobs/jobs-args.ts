/** @module What the test tells its processes, and hears from them. */
import type { Backend } from "../backends.ts";

export const LINES = 3;
export const MODEL = "gpt-4o-mini";

export interface JobsArgs {
  readonly backend: Backend;
  readonly baseURL: string;
  /** What to retrieve; nothing for the process that creates them. */
  readonly jobs?: JobIds;
}

export interface JobIds {
  readonly batch: string;
  readonly response: string;
}

export interface JobsResult {
  readonly created?: JobIds;
  /** What the usage records of this process say. */
  readonly costs: readonly number[];
  readonly settled: number;
  readonly failures: number;
}
