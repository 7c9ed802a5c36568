import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** The store did not answer. This is not a denial: whether the budget has room is unknown, and nothing was sent. */
export class StoreUnavailableError extends HoldfastError {
  override readonly name: string = "StoreUnavailableError";
  readonly code = "STORE_UNAVAILABLE" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "STORE_UNAVAILABLE");
  }
}
