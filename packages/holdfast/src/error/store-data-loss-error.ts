import { hasCode, HoldfastError } from "./holdfast-error.ts";

/**
 * The server has lost data that it had acknowledged (a restart without persistence, a stale replica promoted, a
 * flush). Nothing is admitted until the processes have told it again what they know, which takes `learningMs`.
 */
export class StoreDataLossError extends HoldfastError {
  override readonly name: string = "StoreDataLossError";
  readonly code = "STORE_DATA_LOSS" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "STORE_DATA_LOSS");
  }
}
