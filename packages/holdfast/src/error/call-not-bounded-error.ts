import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** No worst case can be stated for this call, so it cannot be held. Nothing was sent and nothing is held. */
export class CallNotBoundedError extends HoldfastError {
  override readonly name: string = "CallNotBoundedError";
  readonly code = "CALL_NOT_BOUNDED" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "CALL_NOT_BOUNDED");
  }
}
