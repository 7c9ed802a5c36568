/** @module A price for models that have none: stated once, for any model. */
import type { ModelPrice } from "./model-price.ts";
import { recordOf } from "./override.ts";
import type { UsdPrices } from "./override.ts";
import { compilePrices } from "./price-record.ts";
import { serviceTiersOf } from "./service-tiers.ts";

/** What is assumed for any model without a price: at least one price, and better every kind that may be used. */
export type CeilingPrices = UsdPrices;

/**
 * Reads ceiling prices once and returns the price of any model under them, with its provider's service tiers.
 * @throws PriceOverrideError naming the field.
 */
export function ceilingPrice(prices: CeilingPrices): (provider: string, model: string) => ModelPrice {
  const compiled = compilePrices(recordOf(prices, "ceiling"));
  return (provider, model) => ({
    provider,
    model,
    source: "ceiling",
    version: "ceiling",
    ...compiled,
    serviceTiers: serviceTiersOf(provider, model),
  });
}
