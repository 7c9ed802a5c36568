import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** The call goes where Holdfast cannot meter it, and it has not been allowed. Nothing was sent and nothing is held. */
export class CallNotAllowedError extends HoldfastError {
  override readonly name: string = "CallNotAllowedError";
  readonly code = "CALL_NOT_ALLOWED" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "CALL_NOT_ALLOWED");
  }
}
