import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** An attribution value is not a string. Nothing was sent and nothing is held. */
export class AttributionError extends HoldfastError {
  override readonly name: string = "AttributionError";
  readonly code = "ATTRIBUTION_INVALID" as const;
  /** The tag at fault. */
  readonly tag: string;

  constructor(tag: string, problem: string) {
    super(`Attribution ${JSON.stringify(tag.slice(0, 80))} ${problem}`);
    this.tag = tag;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "ATTRIBUTION_INVALID");
  }
}
