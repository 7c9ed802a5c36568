import { hasCode, HoldfastError } from "./holdfast-error.ts";

/**
 * The server behind a store is not fit for money as it is configured (an evicting memory policy, a missing or newer
 * schema, a missing permission, a client of an unknown kind). The message says what to change.
 */
export class StoreSetupError extends HoldfastError {
  override readonly name: string = "StoreSetupError";
  readonly code = "STORE_SETUP" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "STORE_SETUP");
  }
}
