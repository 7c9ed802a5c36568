/** @module Usage times price: integers in, whole nano-USD out, rounded up once. */
import type { ModelPrice, Multiplier, Rates, UsageBucket } from "@holdfast/prices";
import {
  CACHE_READ_BUCKETS,
  INPUT_TOKEN_BUCKETS,
  OUTPUT_TOKEN_BUCKETS,
  USAGE_BUCKETS,
} from "@holdfast/prices";
import type { Usage } from "../usage/usage.ts";
import { inputTokensOf } from "../usage/usage.ts";

const PICO_PER_NANO = 1_000;
const ONE: Multiplier = { numerator: 1, denominator: 1 };

/** Service tiers multiply these. */
const TOKEN_BUCKETS: readonly UsageBucket[] = [...INPUT_TOKEN_BUCKETS, ...OUTPUT_TOKEN_BUCKETS];
/** Charged by the piece; no service tier changes them. */
const UNIT_BUCKETS: readonly UsageBucket[] = USAGE_BUCKETS.filter(
  (bucket) => !TOKEN_BUCKETS.includes(bucket),
);

/**
 * What this usage costs, in nano-USD (1 USD = 1e9), rounded up once. A long-context price list that the total input
 * reaches replaces the rates of the whole request. Buckets without a price cost 0: see {@link unpricedUsage}.
 *
 * @param serviceTier The tier that served the call (not the one asked for). @default "default"
 * @throws RangeError when the tier has no price (ask {@link serviceTierMultiplier} first), when the usage is not made of
 * non-negative safe integers, or when the cost exceeds Number.MAX_SAFE_INTEGER (about 9 million USD).
 */
export function costNanoUsd(usage: Usage, price: ModelPrice, serviceTier?: string): number {
  const multiplier = serviceTierMultiplier(price, serviceTier);
  if (multiplier === undefined) {
    const tier = JSON.stringify(serviceTier?.slice(0, 40));
    throw new RangeError(`Service tier ${tier} has no price for ${price.provider}/${price.model}.`);
  }
  const rates = price.longContext.length === 0 ? price.rates : ratesAt(price, inputTokensOf(usage));
  const cost = smallCost(usage, rates, multiplier) ?? bigCost(usage, rates, multiplier);
  if (cost === undefined) {
    throw new RangeError(
      `The cost on ${price.provider}/${price.model} exceeds Number.MAX_SAFE_INTEGER nano-USD.`,
    );
  }
  return cost;
}

/** The rates of a request with this much total input. */
export function ratesAt(price: ModelPrice, inputTokens: number): Rates {
  let rates = price.rates;
  for (const list of price.longContext) if (inputTokens >= list.fromInputTokens) rates = list.rates;
  return rates;
}

/** The multiplier of a tier; undefined when the tier has no price. Without a tier it is that of "default", else 1. */
export function serviceTierMultiplier(price: ModelPrice, serviceTier?: string): Multiplier | undefined {
  const tier = serviceTier ?? "default";
  // Tiers come from responses: "constructor" must not find what every object inherits.
  if (Object.hasOwn(price.serviceTiers, tier)) return price.serviceTiers[tier];
  return serviceTier === undefined ? ONE : undefined;
}

/**
 * The dearest of the tiers that a call may be served by (a request for `auto` may be served by `priority`), to hold
 * for the worst case. Undefined when one of them has no price, or when there is none.
 */
export function dearestTier(price: ModelPrice, serviceTiers: readonly string[]): string | undefined {
  let dearest: { tier: string; multiplier: Multiplier } | undefined;
  for (const tier of serviceTiers) {
    const multiplier = serviceTierMultiplier(price, tier);
    if (multiplier === undefined) return undefined;
    if (dearest === undefined || isDearer(multiplier, dearest.multiplier)) dearest = { tier, multiplier };
  }
  return dearest?.tier;
}

/**
 * The price in a region, where tiers go by their plain names: "default" is the tier of the region's own name, "flex" is
 * "<region>+flex". A tier that has no price there has none. The same price when the region adds nothing to it.
 */
export function priceInRegion(price: ModelPrice, region: string | undefined): ModelPrice {
  const base = region === undefined ? undefined : serviceTierMultiplier(price, region);
  if (base === undefined) return price;
  const serviceTiers: Record<string, Multiplier> = { default: base, standard: base, auto: base };
  const prefix = `${region}+`;
  for (const [tier, multiplier] of Object.entries(price.serviceTiers)) {
    if (tier.startsWith(prefix)) serviceTiers[tier.slice(prefix.length)] = multiplier;
  }
  return { ...price, serviceTiers };
}

/** Buckets that were used although no price is known for them; their cost counts as 0 and must be reported. */
export function unpricedUsage(usage: Usage, price: ModelPrice): UsageBucket[] {
  return price.unpriced.filter((bucket) => (usage[bucket] ?? 0) > 0);
}

/** Whether a bucket is charged by the piece. */
export const IS_UNIT: Readonly<Record<UsageBucket, boolean>> = Object.fromEntries(
  USAGE_BUCKETS.map((bucket) => [bucket, UNIT_BUCKETS.includes(bucket)]),
) as Record<UsageBucket, boolean>;

/** The same, and what a tier with `cacheReadAtListPrice` leaves alone. */
const IS_UNIT_OR_CACHE_READ: Readonly<Record<UsageBucket, boolean>> = {
  ...IS_UNIT,
  ...(Object.fromEntries(CACHE_READ_BUCKETS.map((bucket) => [bucket, true])) as Partial<
    Record<UsageBucket, boolean>
  >),
};

function isDearer(a: Multiplier, b: Multiplier): boolean {
  return BigInt(a.numerator) * BigInt(b.denominator) > BigInt(b.numerator) * BigInt(a.denominator);
}

/**
 * The cost in Number arithmetic, or undefined when any step could leave the safe integers. A float product or sum of
 * integers that is not above MAX_SAFE_INTEGER is exact, so checking every step proves the result.
 */
function smallCost(usage: Usage, rates: Rates, multiplier: Multiplier): number | undefined {
  const { numerator, denominator } = multiplier;
  const isListPriced = multiplier.cacheReadAtListPrice === true ? IS_UNIT_OR_CACHE_READ : IS_UNIT;
  let tokens = 0;
  let units = 0;
  let largest = 0;
  // Only the buckets that are used: a call touches two or three of them.
  for (const key in usage) {
    const bucket = key as UsageBucket;
    const quantity = usage[bucket];
    if (quantity === undefined) continue;
    if (!Number.isSafeInteger(quantity) || quantity < 0) {
      throw new RangeError(`Usage ${bucket} must be an integer that is not negative.`);
    }
    const part = quantity * rates[bucket];
    if (isListPriced[bucket]) units += part;
    else tokens += part;
    if (part > largest) largest = part;
  }
  const scaledTokens = tokens * numerator;
  const scaledUnits = units * denominator;
  const total = scaledTokens + scaledUnits;
  const divisor = denominator * PICO_PER_NANO;
  // The sums are not smaller than their parts, so these are the largest numbers on the way.
  if (!(Math.max(largest, scaledTokens, scaledUnits, total, divisor) <= Number.MAX_SAFE_INTEGER))
    return undefined;
  const remainder = total % divisor;
  return (total - remainder) / divisor + (remainder > 0 ? 1 : 0);
}

/** The cost in BigInt arithmetic, or undefined when it exceeds the safe integers. */
function bigCost(usage: Usage, rates: Rates, multiplier: Multiplier): number | undefined {
  const denominator = BigInt(multiplier.denominator);
  const isListPriced = multiplier.cacheReadAtListPrice === true ? IS_UNIT_OR_CACHE_READ : IS_UNIT;
  const listPriced = USAGE_BUCKETS.filter((bucket) => isListPriced[bucket]);
  const multiplied = USAGE_BUCKETS.filter((bucket) => !isListPriced[bucket]);
  const total =
    bigSum(usage, rates, multiplied) * BigInt(multiplier.numerator) +
    bigSum(usage, rates, listPriced) * denominator;
  const divisor = denominator * BigInt(PICO_PER_NANO);
  const cost = (total + divisor - 1n) / divisor;
  return cost > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(cost);
}

function bigSum(usage: Usage, rates: Rates, buckets: readonly UsageBucket[]): bigint {
  let sum = 0n;
  for (const bucket of buckets) sum += BigInt(usage[bucket] ?? 0) * BigInt(rates[bucket]);
  return sum;
}
