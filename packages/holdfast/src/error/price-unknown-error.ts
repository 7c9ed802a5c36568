import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** No price is known for the model, and unknown models are refused. Nothing was sent and nothing is held. */
export class PriceUnknownError extends HoldfastError {
  override readonly name: string = "PriceUnknownError";
  readonly code = "PRICE_UNKNOWN" as const;
  readonly provider: string;
  readonly model: string;

  constructor(provider: string, model: string, detail?: string) {
    super(
      `No price is known for ${provider} model ${JSON.stringify(model.slice(0, 120))}${detail === undefined ? "" : ` (${detail})`}, ` +
        `so its cost cannot be held. Add it under prices.overrides or prices.aliases, or set unknownModel to a ceiling.`,
    );
    this.provider = provider;
    this.model = model;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "PRICE_UNKNOWN");
  }
}
