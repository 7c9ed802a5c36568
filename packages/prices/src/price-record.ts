/** @module Turns one price record (USD by unit) into integer rates by bucket, long-context lists included. */
import type { Decimal } from "./decimal.ts";
import { scaleUp } from "./decimal.ts";
import type { Rates, UsageBucket } from "./model-price.ts";
import { USAGE_BUCKETS } from "./model-price.ts";

/** A price that changes above some amounts of input. */
export interface TieredDecimal {
  readonly base: Decimal;
  /** Ascending. `price` applies to the whole request when its total input is more than `start` tokens. */
  readonly tiers: readonly { readonly start: number; readonly price: Decimal }[];
}

/** Prices in USD by the key that genai-prices gives to each unit, such as `input_mtok`. */
export type PriceRecord = ReadonlyMap<string, TieredDecimal>;

/** What a record says, in the terms of a ModelPrice. */
export interface CompiledPrices {
  readonly rates: Rates;
  readonly longContext: readonly { readonly fromInputTokens: number; readonly rates: Rates }[];
  readonly unpriced: readonly UsageBucket[];
}

/**
 * For each bucket the keys that can price it, the most specific kind first. Within one kind the dearest counts: the
 * library refuses records where two overlapping prices are given without their combination.
 */
const KEYS_OF_BUCKET: { readonly [B in UsageBucket]: readonly (readonly string[])[] } = {
  inputTextTokens: [["input_text_mtok"], ["input_mtok"]],
  inputAudioTokens: [["input_audio_mtok"], ["input_mtok"]],
  inputImageTokens: [["input_image_mtok"], ["input_mtok"]],
  inputVideoTokens: [["input_video_mtok"], ["input_mtok"]],
  cacheReadTextTokens: [["cache_text_read_mtok"], ["cache_read_mtok", "input_text_mtok"], ["input_mtok"]],
  cacheReadAudioTokens: [["cache_audio_read_mtok"], ["cache_read_mtok", "input_audio_mtok"], ["input_mtok"]],
  cacheReadImageTokens: [["cache_image_read_mtok"], ["cache_read_mtok", "input_image_mtok"], ["input_mtok"]],
  cacheReadVideoTokens: [["cache_video_read_mtok"], ["cache_read_mtok", "input_video_mtok"], ["input_mtok"]],
  cacheWriteTokens: [["cache_write_5m_mtok"], ["cache_write_mtok"], ["input_mtok"]],
  cacheWriteLongTokens: [["cache_write_1h_mtok"], ["cache_write_mtok"], ["input_mtok"]],
  outputTextTokens: [["output_text_mtok"], ["output_mtok"]],
  reasoningTokens: [
    ["output_text_reasoning_mtok"],
    ["output_reasoning_mtok", "output_text_mtok"],
    ["output_mtok"],
  ],
  outputAudioTokens: [["output_audio_mtok"], ["output_mtok"]],
  outputImageTokens: [["output_image_mtok"], ["output_mtok"]],
  outputVideoTokens: [["output_video_mtok"], ["output_mtok"]],
  webSearches: [["web_searches_kcount"]],
  webSearchPreviews: [["web_search_previews_kcount"], ["web_searches_kcount"]],
  mapGroundings: [["map_groundings_kcount"]],
  fileSearches: [["storage_searches_kcount"]],
  audioMs: [["input_audio_hours"], ["audio_hours"]],
  characters: [["input_mchars"]],
  images: [["images_each"]],
};

/** Kinds that no bucket counts and that are charged only when a caller asks for them. */
const OPTIONAL_KEYS =
  /video|_tool_mtok$|^code_executions_kcount$|^social_searches_kcount$|^output_audio_hours$|^cache_(?:text|audio|image)_write/;

const KNOWN_KEYS: ReadonlySet<string> = new Set(Object.values(KEYS_OF_BUCKET).flat(2));

/** Pico-USD per unit of a bucket are `usd * numerator / denominator`. */
const UNITS: readonly (readonly [suffix: string, numerator: bigint, denominator: bigint])[] = [
  ["_mtok", 1_000_000n, 1n],
  ["_mchars", 1_000_000n, 1n],
  ["_kcount", 1_000_000_000n, 1n],
  ["_hours", 1_000_000_000_000n, 3_600_000n],
  ["_each", 1_000_000_000_000n, 1n],
];

/**
 * False when a call can cost something that no bucket counts (per request, per page, per message, or of a kind that
 * this version does not know). Such a model counts as unpriced, because its cost would come out too low.
 */
export function isExpressible(record: PriceRecord): boolean {
  for (const key of record.keys()) {
    if (!KNOWN_KEYS.has(key) && !OPTIONAL_KEYS.test(key)) return false;
  }
  return true;
}

/** A record without any price is of a free model: all token rates are 0 and known. */
export function compilePrices(record: PriceRecord): CompiledPrices {
  const starts = new Set<number>();
  for (const price of record.values()) for (const tier of price.tiers) starts.add(tier.start);
  return {
    rates: ratesAbove(record, -1),
    longContext: [...starts]
      .toSorted((a, b) => a - b)
      .map((start) => ({ fromInputTokens: start + 1, rates: ratesAbove(record, start) })),
    unpriced: USAGE_BUCKETS.filter((bucket) => !isPriced(record, bucket)),
  };
}

function isPriced(record: PriceRecord, bucket: UsageBucket): boolean {
  if (record.size === 0) return bucket.endsWith("Tokens");
  return KEYS_OF_BUCKET[bucket].some((kind) => kind.some((key) => record.has(key)));
}

/** The rates of a request whose input is just above `start` tokens. */
function ratesAbove(record: PriceRecord, start: number): Rates {
  const rates: { [B in UsageBucket]?: number } = {};
  for (const bucket of USAGE_BUCKETS) rates[bucket] = rateOf(record, bucket, start);
  return rates as Rates;
}

function rateOf(record: PriceRecord, bucket: UsageBucket, start: number): number {
  for (const kind of KEYS_OF_BUCKET[bucket]) {
    const found = kind.flatMap((key) => {
      const price = record.get(key);
      return price === undefined ? [] : [picoUsdPerUnit(key, priceAbove(price, start))];
    });
    if (found.length > 0) return Math.max(...found);
  }
  return 0;
}

function priceAbove(price: TieredDecimal, start: number): Decimal {
  let applied = price.base;
  for (const tier of price.tiers) if (start >= tier.start) applied = tier.price;
  return applied;
}

function picoUsdPerUnit(key: string, usd: Decimal): number {
  for (const [suffix, numerator, denominator] of UNITS) {
    if (!key.endsWith(suffix)) continue;
    const pico = scaleUp(usd, numerator, denominator);
    if (pico > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`The price ${key} is out of range.`);
    return Number(pico);
  }
  throw new RangeError(`The price ${key} is in a unit that is not known.`);
}
