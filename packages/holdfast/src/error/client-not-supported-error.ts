import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** The client has not the shape that this wrapper needs. It was not wrapped. */
export class ClientNotSupportedError extends HoldfastError {
  override readonly name: string = "ClientNotSupportedError";
  readonly code = "CLIENT_NOT_SUPPORTED" as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "CLIENT_NOT_SUPPORTED");
  }
}
