import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** A store operation was malformed. Nothing was changed. It is a defect of the caller of the store, not of a budget. */
export class OperationInvalidError extends HoldfastError {
  override readonly name: string = "OperationInvalidError";
  readonly code = "OPERATION_INVALID" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "OPERATION_INVALID");
  }
}
