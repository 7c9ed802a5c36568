/** @module What one model costs at one instant, as integers. */

/**
 * Disjoint quantities of one attempt. Every token of a response is in exactly one bucket, so that the buckets sum to
 * the provider's totals.
 */
export type UsageBucket =
  /** Text (or unspecified) input tokens that were neither read from nor written to a cache. */
  | "inputTextTokens"
  | "inputAudioTokens"
  /** Images, and the pages of documents where the provider reads them as images. */
  | "inputImageTokens"
  | "inputVideoTokens"
  /** Input tokens read from the provider's prompt cache. */
  | "cacheReadTextTokens"
  | "cacheReadAudioTokens"
  | "cacheReadImageTokens"
  | "cacheReadVideoTokens"
  /** Input tokens written to the provider's prompt cache with its short lifetime. */
  | "cacheWriteTokens"
  /** Input tokens written to the cache with the long lifetime (Anthropic: 1 hour). */
  | "cacheWriteLongTokens"
  /** Visible text output, accepted predictions included. */
  | "outputTextTokens"
  /** Output the caller does not see: reasoning, thoughts, rejected predictions. */
  | "reasoningTokens"
  | "outputAudioTokens"
  | "outputImageTokens"
  | "outputVideoTokens"
  /** Billable calls of the provider's own tools. */
  | "webSearches"
  /** Web searches by OpenAI's preview tool and by its search-preview models, which have a price of their own. */
  | "webSearchPreviews"
  | "mapGroundings"
  | "fileSearches"
  /** Audio input billed by time, in whole milliseconds. */
  | "audioMs"
  /** Text input billed by character (speech). */
  | "characters"
  /** Images billed each. */
  | "images";

export const USAGE_BUCKETS: readonly UsageBucket[] = [
  "inputTextTokens",
  "inputAudioTokens",
  "inputImageTokens",
  "inputVideoTokens",
  "cacheReadTextTokens",
  "cacheReadAudioTokens",
  "cacheReadImageTokens",
  "cacheReadVideoTokens",
  "cacheWriteTokens",
  "cacheWriteLongTokens",
  "outputTextTokens",
  "reasoningTokens",
  "outputAudioTokens",
  "outputImageTokens",
  "outputVideoTokens",
  "webSearches",
  "webSearchPreviews",
  "mapGroundings",
  "fileSearches",
  "audioMs",
  "characters",
  "images",
];

/** Input buckets that count towards a long-context threshold and towards `inputTokens` limits. */
export const INPUT_TOKEN_BUCKETS: readonly UsageBucket[] = USAGE_BUCKETS.slice(0, 10);

/** Output buckets, all billed and all counted towards `outputTokens` limits. */
export const OUTPUT_TOKEN_BUCKETS: readonly UsageBucket[] = USAGE_BUCKETS.slice(10, 15);

/**
 * Integer pico-USD (1e-12 USD) per unit of each bucket: a price of p USD per million tokens is `p * 1e6`.
 * A bucket without a price of its own carries the rate of the kind it belongs to.
 */
export type Rates = { readonly [B in UsageBucket]: number };

/** A ratio of integers, such as 1/2 for a flex tier. */
export interface Multiplier {
  readonly numerator: number;
  readonly denominator: number;
  /** True when the tier does not change what is read from the prompt cache: that stays at the list price. */
  readonly cacheReadAtListPrice?: boolean;
}

/** The buckets that {@link Multiplier.cacheReadAtListPrice} is about. */
export const CACHE_READ_BUCKETS: readonly UsageBucket[] = [
  "cacheReadTextTokens",
  "cacheReadAudioTokens",
  "cacheReadImageTokens",
  "cacheReadVideoTokens",
];

export interface ModelPrice {
  readonly provider: string;
  /** The canonical id of the priced model, which may differ from the name that was asked for. */
  readonly model: string;
  /** Where the price comes from: "genai-prices", "override", "ceiling". */
  readonly source: string;
  /** The version of that source: a package version, or the id of an override. */
  readonly version: string;
  readonly rates: Rates;
  /**
   * Long-context price lists, ascending. The last one whose `fromInputTokens` is reached by the request's total input
   * replaces `rates` for the whole request.
   */
  readonly longContext: readonly { readonly fromInputTokens: number; readonly rates: Rates }[];
  /** Multipliers on token costs (not on tool fees) by service tier. A tier that is not listed has no price. */
  readonly serviceTiers: Readonly<Record<string, Multiplier>>;
  /** Buckets for which no price is known: using them is priced at 0 and must be reported. */
  readonly unpriced: readonly UsageBucket[];
  /** The most tokens one request can carry, input and output together, as the provider enforces it. */
  readonly contextWindowTokens?: number;
  /** The most output tokens one choice can have, as the provider enforces it. */
  readonly maxOutputTokens?: number;
  /** True when the price depends on the time of day, so that it must not be remembered for the day. */
  readonly changesWithinDay?: boolean;
}

/** Looks prices up. Pure: the same arguments and data give the same answer. */
export interface PriceSource {
  readonly version: string;
  /** The price of exactly this model at this instant, or undefined. A prefix never prices another model. */
  priceOf(provider: string, model: string, atMs: number): ModelPrice | undefined;
}
