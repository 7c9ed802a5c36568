/** @module Prices that a user states: exact decimal texts in, the same records as the price data out. */
import { parseDecimal } from "./decimal.ts";
import type { Decimal } from "./decimal.ts";
import type { Multiplier } from "./model-price.ts";
import { utcMidnightOf } from "./price-data.ts";
import type { PriceRecord, TieredDecimal } from "./price-record.ts";

/** USD as decimal texts such as "1.25", never numbers. What is left out falls back as in {@link UsdPrices} below. */
export interface UsdTokenPrices {
  /** Also the price of every input kind that is not given. */
  readonly inputUsdPerMillion?: string;
  readonly inputAudioUsdPerMillion?: string;
  readonly inputImageUsdPerMillion?: string;
  readonly inputVideoUsdPerMillion?: string;
  readonly cacheReadUsdPerMillion?: string;
  readonly cacheReadAudioUsdPerMillion?: string;
  readonly cacheReadImageUsdPerMillion?: string;
  readonly cacheReadVideoUsdPerMillion?: string;
  readonly cacheWriteUsdPerMillion?: string;
  /** Cache writes with the long lifetime. @default the price of other cache writes */
  readonly cacheWriteLongUsdPerMillion?: string;
  /** Also the price of every output kind that is not given. */
  readonly outputUsdPerMillion?: string;
  readonly reasoningUsdPerMillion?: string;
  readonly outputAudioUsdPerMillion?: string;
  readonly outputImageUsdPerMillion?: string;
  readonly outputVideoUsdPerMillion?: string;
}

export interface UsdPrices extends UsdTokenPrices {
  readonly webSearchUsdPerThousand?: string;
  readonly mapGroundingUsdPerThousand?: string;
  readonly fileSearchUsdPerThousand?: string;
  /** Audio input billed by time. */
  readonly audioUsdPerHour?: string;
  /** Text input billed by character. */
  readonly charactersUsdPerMillion?: string;
  readonly imageUsdEach?: string;
  /** Price lists for requests with at least `fromInputTokens` of total input; they apply to the whole request. */
  readonly longContext?: readonly (UsdTokenPrices & { readonly fromInputTokens: number })[];
}

/** The price of exactly one model name (a dated snapshot is another name). It wins over the price data. */
export interface PriceOverride extends UsdPrices {
  readonly provider: string;
  readonly model: string;
  /** First UTC day it applies, such as "2026-01-01". Before it the data applies. @default always */
  readonly from?: string;
  readonly contextWindowTokens?: number;
  readonly maxOutputTokens?: number;
  /** Replaces the provider's tiers. "default" is 1 unless given. */
  readonly serviceTiers?: Readonly<Record<string, Multiplier>>;
}

/** A stated price cannot be used. `field` is where, such as `overrides[0].inputUsdPerMillion`. */
export class PriceOverrideError extends Error {
  override readonly name = "PriceOverrideError";
  readonly code = "PRICE_OVERRIDE_INVALID";
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`${field} ${problem}`);
    this.field = field;
  }
}

const TOKEN_KEYS: ReadonlyMap<string, string> = new Map([
  ["inputUsdPerMillion", "input_mtok"],
  ["inputAudioUsdPerMillion", "input_audio_mtok"],
  ["inputImageUsdPerMillion", "input_image_mtok"],
  ["inputVideoUsdPerMillion", "input_video_mtok"],
  ["cacheReadUsdPerMillion", "cache_read_mtok"],
  ["cacheReadAudioUsdPerMillion", "cache_audio_read_mtok"],
  ["cacheReadImageUsdPerMillion", "cache_image_read_mtok"],
  ["cacheReadVideoUsdPerMillion", "cache_video_read_mtok"],
  ["cacheWriteUsdPerMillion", "cache_write_mtok"],
  ["cacheWriteLongUsdPerMillion", "cache_write_1h_mtok"],
  ["outputUsdPerMillion", "output_mtok"],
  ["reasoningUsdPerMillion", "output_reasoning_mtok"],
  ["outputAudioUsdPerMillion", "output_audio_mtok"],
  ["outputImageUsdPerMillion", "output_image_mtok"],
  ["outputVideoUsdPerMillion", "output_video_mtok"],
]);

const KEYS: ReadonlyMap<string, string> = new Map([
  ...TOKEN_KEYS,
  ["webSearchUsdPerThousand", "web_searches_kcount"],
  ["mapGroundingUsdPerThousand", "map_groundings_kcount"],
  ["fileSearchUsdPerThousand", "storage_searches_kcount"],
  ["audioUsdPerHour", "input_audio_hours"],
  ["charactersUsdPerMillion", "input_mchars"],
  ["imageUsdEach", "images_each"],
]);

const OVERRIDE_FIELDS: ReadonlySet<string> = new Set([
  "provider",
  "model",
  "from",
  "contextWindowTokens",
  "maxOutputTokens",
  "serviceTiers",
]);

/** An override that has been checked and read. */
export interface ParsedOverride {
  readonly provider: string;
  readonly model: string;
  /** The id that prices made from it carry as their version. */
  readonly version: string;
  readonly fromMs: number;
  readonly record: PriceRecord;
  readonly contextWindowTokens?: number;
  readonly maxOutputTokens?: number;
  readonly serviceTiers?: Readonly<Record<string, Multiplier>>;
}

/** @throws PriceOverrideError naming the field. */
export function parseOverride(override: PriceOverride, path: string): ParsedOverride {
  const provider = nameAt(override.provider, `${path}.provider`);
  const model = nameAt(override.model, `${path}.model`);
  const { from, contextWindowTokens, maxOutputTokens, serviceTiers } = override;
  const fromMs = from === undefined ? Number.NEGATIVE_INFINITY : utcMidnightOf(from);
  if (fromMs === undefined)
    throw new PriceOverrideError(`${path}.from`, 'must be a date such as "2026-01-31".');
  return {
    provider,
    model,
    version: `${path}${from === undefined ? "" : ` from ${from}`}`,
    fromMs,
    record: recordOf(override, path, OVERRIDE_FIELDS),
    ...(contextWindowTokens !== undefined && {
      contextWindowTokens: countAt(contextWindowTokens, `${path}.contextWindowTokens`),
    }),
    ...(maxOutputTokens !== undefined && {
      maxOutputTokens: countAt(maxOutputTokens, `${path}.maxOutputTokens`),
    }),
    ...(serviceTiers !== undefined && {
      serviceTiers: parseServiceTiers(serviceTiers, `${path}.serviceTiers`),
    }),
  };
}

/**
 * Reads stated prices. `path` names them in errors; `otherFields` are the fields that are not prices.
 * @throws PriceOverrideError naming the field.
 */
export function recordOf(
  prices: UsdPrices,
  path: string,
  otherFields: ReadonlySet<string> = new Set(),
): PriceRecord {
  const record = new Map<string, TieredDecimal>();
  for (const [field, value] of Object.entries(prices)) {
    if (value === undefined || field === "longContext" || otherFields.has(field)) continue;
    const key = KEYS.get(field);
    if (key === undefined) throw new PriceOverrideError(`${path}.${field}`, "is not a known field.");
    record.set(key, { base: usdAt(value, `${path}.${field}`), tiers: [] });
  }
  if (record.size === 0)
    throw new PriceOverrideError(path, 'must state at least one price ("0" if it is free).');
  return addLongContext(record, prices.longContext ?? [], path);
}

function addLongContext(
  record: ReadonlyMap<string, TieredDecimal>,
  lists: NonNullable<UsdPrices["longContext"]>,
  path: string,
): PriceRecord {
  const result = new Map(record);
  lists.forEach((list, index) => {
    const listPath = `${path}.longContext[${index}]`;
    const start = countAt(list.fromInputTokens, `${listPath}.fromInputTokens`) - 1;
    for (const [field, value] of Object.entries(list)) {
      if (value === undefined || field === "fromInputTokens") continue;
      const key = TOKEN_KEYS.get(field);
      if (key === undefined) throw new PriceOverrideError(`${listPath}.${field}`, "is not a known field.");
      const existing = result.get(key);
      if (existing === undefined) {
        throw new PriceOverrideError(`${listPath}.${field}`, "needs the same field outside longContext.");
      }
      const tier = { start, price: usdAt(value, `${listPath}.${field}`) };
      const tiers = [...existing.tiers, tier].toSorted((a, b) => a.start - b.start);
      result.set(key, { base: existing.base, tiers });
    }
  });
  return result;
}

/** @throws PriceOverrideError naming the tier. */
export function parseServiceTiers(
  tiers: Readonly<Record<string, Multiplier>>,
  path: string,
): Readonly<Record<string, Multiplier>> {
  const parsed: [string, Multiplier][] = [["default", { numerator: 1, denominator: 1 }]];
  for (const [tier, { numerator, denominator, cacheReadAtListPrice }] of Object.entries(tiers)) {
    const isRatio = Number.isSafeInteger(numerator) && Number.isSafeInteger(denominator);
    if (!isRatio || numerator < 0 || denominator < 1) {
      throw new PriceOverrideError(`${path}.${tier}`, "must be a ratio of integers that is not negative.");
    }
    parsed.push([
      tier,
      { numerator, denominator, ...(cacheReadAtListPrice === true && { cacheReadAtListPrice }) },
    ]);
  }
  return Object.fromEntries(parsed);
}

function usdAt(value: unknown, field: string): Decimal {
  const usd = typeof value === "string" ? parseDecimal(value) : undefined;
  if (usd === undefined)
    throw new PriceOverrideError(field, 'must be a decimal text such as "1.25", not a number.');
  return usd;
}

function countAt(value: unknown, field: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw new PriceOverrideError(field, "must be a positive integer.");
  }
  return value as number;
}

function nameAt(value: unknown, field: string): string {
  if (typeof value !== "string" || value === "") throw new PriceOverrideError(field, "must be a name.");
  return value;
}
