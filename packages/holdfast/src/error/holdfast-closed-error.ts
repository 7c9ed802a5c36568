import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** A call was made after close(). */
export class HoldfastClosedError extends HoldfastError {
  override readonly name: string = "HoldfastClosedError";
  readonly code = "HOLDFAST_CLOSED" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "HOLDFAST_CLOSED");
  }
}
