/** @module Statements that Postgres asks to be repeated: a bounded number of times, with growing, random pauses. */
import pRetry from "p-retry";
import { sqlStateOf } from "./schema.ts";

/** Serialization failure, deadlock, and a row that somebody else has made first. The whole statement was rolled back. */
export const RETRIED_STATES: readonly string[] = ["40001", "40P01", "23505"];

/** The pauses together are about a second at most. */
const RETRIES = { retries: 12, minTimeout: 2, factor: 2, maxTimeout: 120, randomize: true };

/** Rejects with the last error when `act` still fails with one of these states. */
export async function withRetries<T>(states: readonly string[], act: () => Promise<T>): Promise<T> {
  const isRetried = (cause: unknown): boolean => states.includes(sqlStateOf(cause) ?? "");
  try {
    return await act();
  } catch (cause) {
    if (!isRetried(cause)) throw cause;
    return pRetry(act, { ...RETRIES, shouldRetry: ({ error }) => isRetried(error) });
  }
}
