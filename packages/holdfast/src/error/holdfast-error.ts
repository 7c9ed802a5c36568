/**
 * @module The base of every error that Holdfast throws.
 *
 * An error is recognised by a registered symbol and its `code`, not by class identity: `instanceof` and the static
 * guards work across two copies of the package in one process, and for an error that also extends a provider SDK's
 * own error class.
 */

export type ErrorCode =
  | "BUDGET_EXCEEDED"
  | "CONFIG_INVALID"
  | "ATTRIBUTION_INVALID"
  | "PRICE_UNKNOWN"
  | "CALL_NOT_BOUNDED"
  | "CALL_NOT_ALLOWED"
  | "CLIENT_NOT_SUPPORTED"
  | "STORE_UNAVAILABLE"
  | "STORE_SETUP"
  | "STORE_DATA_LOSS"
  | "OPERATION_INVALID"
  | "HOLDFAST_CLOSED";

const MARK = Symbol.for("holdfast.error");

export interface HoldfastErrorOptions {
  readonly cause?: unknown;
}

export abstract class HoldfastError extends Error {
  /** Stable; safe to switch on. */
  abstract readonly code: ErrorCode;

  constructor(message: string, options?: HoldfastErrorOptions) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    Object.defineProperty(this, MARK, { value: true });
  }

  /** True for every Holdfast error, whichever copy of the package made it. */
  static isHoldfastError(value: unknown): value is HoldfastError {
    return typeof value === "object" && value !== null && (value as { [MARK]?: unknown })[MARK] === true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return HoldfastError.isHoldfastError(value);
  }
}

/** The guard of one class: marked as ours, and carrying its code. */
export function hasCode(value: unknown, code: ErrorCode): boolean {
  return HoldfastError.isHoldfastError(value) && value.code === code;
}
