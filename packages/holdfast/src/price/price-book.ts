/** @module Answers what a model costs now, and what to do about a model without a price. */
import type { CeilingPrices, ModelPrice, PriceSource } from "@holdfast/prices";
import { ceilingPrice } from "@holdfast/prices";
import type { Clock } from "../kernel/clock.ts";

/** What a call on a model without a price means. Unknown is never zero: nothing of it is silent. */
export type UnknownModelPolicy =
  /** The call is rejected before it is dispatched. */
  | { readonly policy: "refuse" }
  /** It is priced as stated, in USD decimal texts, with source "ceiling". */
  | { readonly policy: "ceiling"; readonly price: CeilingPrices }
  /** It runs without a price, and is recorded as such. */
  | { readonly policy: "unmetered" };

export type PriceLookup =
  | { readonly kind: "priced"; readonly price: ModelPrice }
  | { readonly kind: "unpriced"; readonly policy: "refuse" | "unmetered" };

export interface PriceBookOptions {
  readonly source: PriceSource;
  readonly unknownModel: UnknownModelPolicy;
  readonly clock: Clock;
}

export interface PriceBook {
  /** The version of the current source. */
  readonly version: string;
  /** The price at an instant (epoch milliseconds). Does not throw for unknown names. @default now */
  lookup(provider: string, model: string, atMs?: number): PriceLookup;
  /** Takes effect for the next lookup; calls already priced keep their price. */
  replaceSource(source: PriceSource): void;
}

const DAY_MS = 86_400_000;
/** Remembered answers; names come from callers, so their number must be bounded. */
const REMEMBERED_MAX = 1_000;
/** A longer name is not worth remembering. */
const NAME_LENGTH_MAX = 512;

/**
 * Answers are remembered per provider, model and UTC day, because sources change prices at UTC midnight; those that
 * also change within the day say so and are asked each time.
 * @throws PriceOverrideError when a ceiling price cannot be read.
 */
export function createPriceBook({ source, unknownModel, clock }: PriceBookOptions): PriceBook {
  let current = source;
  const ceiling = unknownModel.policy === "ceiling" ? ceilingPrice(unknownModel.price) : undefined;
  const refusal: PriceLookup = {
    kind: "unpriced",
    policy: unknownModel.policy === "unmetered" ? "unmetered" : "refuse",
  };
  let remembered = new Map<string, Map<string, { readonly day: number; readonly answer: PriceLookup }>>();
  let rememberedCount = 0;

  function ask(provider: string, model: string, atMs: number): PriceLookup {
    const price = current.priceOf(provider, model, atMs) ?? ceiling?.(provider, model);
    return price === undefined ? refusal : { kind: "priced", price };
  }

  return {
    get version() {
      return current.version;
    },
    lookup(provider, model, atMs = clock.now()) {
      if (provider.length + model.length > NAME_LENGTH_MAX) return ask(provider, model, atMs);
      const day = Math.floor(atMs / DAY_MS);
      let ofProvider = remembered.get(provider);
      const known = ofProvider?.get(model);
      if (known?.day === day) return known.answer;
      const answer = ask(provider, model, atMs);
      if (answer.kind === "priced" && answer.price.changesWithinDay === true) return answer;
      if (known === undefined) rememberedCount += 1;
      if (rememberedCount > REMEMBERED_MAX) {
        remembered = new Map();
        rememberedCount = 1;
        ofProvider = undefined;
      }
      if (ofProvider === undefined) remembered.set(provider, (ofProvider = new Map()));
      ofProvider.set(model, { day, answer });
      return answer;
    },
    replaceSource(replacement) {
      current = replacement;
      remembered = new Map();
      rememberedCount = 0;
    },
  };
}
