/** @module Prices that are zero on purpose, and say so. */
import { USAGE_BUCKETS, type ModelPrice, type Rates } from "@holdfast/prices";

function zeroPrice(source: string): ModelPrice {
  return {
    provider: "",
    model: "",
    source,
    version: "1",
    rates: Object.fromEntries(USAGE_BUCKETS.map((bucket) => [bucket, 0])) as Rates,
    longContext: [],
    serviceTiers: { default: { numerator: 1, denominator: 1 } },
    unpriced: [],
  };
}

/** The model has no known price and is let through, loudly. */
export const UNMETERED_PRICE: ModelPrice = zeroPrice("unmetered");

/** The provider charges nothing for the endpoint. */
export const FREE_PRICE: ModelPrice = zeroPrice("free");
