/** @module Names and corrections of models that genai-prices has, each with its source; models it lacks are own-models. */
import { parseClaudeName } from "./claude-name.ts";
import type { Decimal } from "./decimal.ts";
import { OWN_MODELS } from "./own-models.ts";
import { parseProvider } from "./price-data.ts";
import type { ProviderData } from "./price-data.ts";
import type { PriceRecord, TieredDecimal } from "./price-record.ts";

/** The date these tables were last compared with their sources; the `version` of prices that come from them. */
export const OWN_PRICES_VERSION = "2026-11";

let parsedModels: ReadonlyMap<string, ProviderData> | undefined;

/** Models that the data does not have at all, by provider; read once. */
export function ownProviders(): ReadonlyMap<string, ProviderData> {
  parsedModels ??= new Map(
    OWN_MODELS.map((value) => parseProvider(value, "own prices")).map((provider) => [provider.id, provider]),
  );
  return parsedModels;
}

/**
 * Names in use that the data reaches only through an open pattern (`contains: "moderation"`), which exact matching
 * does not follow. Source: the moderation models of developers.openai.com/api/docs/models, 2026-11.
 */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ["openai omni-moderation-latest", "moderation"],
  ["openai omni-moderation-2024-09-26", "moderation"],
  ["openai text-moderation-latest", "moderation"],
  ["openai text-moderation-stable", "moderation"],
  ["openai text-moderation-007", "moderation"],
]);

/** The data's name for a model that is asked for by one of its other names. */
export function ownNameOf(provider: string, model: string): string {
  return OWN_NAMES.get(`${provider} ${model}`) ?? model;
}

/**
 * USD per million that the data omits although the provider charges them, where falling back to the text rate would
 * be too low by a factor of 16 and more: developers.openai.com/api/docs/models/gpt-4o-audio-preview (audio $40 in,
 * $80 out) and /gpt-4o-mini-audio-preview ($10, $20), 2026-11. The data wins where it has a price.
 */
const OMITTED_PRICES: ReadonlyMap<string, readonly (readonly [key: string, usdPerMillion: number])[]> =
  new Map([
    [
      "openai gpt-4o-audio-preview",
      [
        ["input_audio_mtok", 40],
        ["output_audio_mtok", 80],
      ],
    ],
    [
      "openai gpt-4o-mini-audio-preview",
      [
        ["input_audio_mtok", 10],
        ["output_audio_mtok", 20],
      ],
    ],
  ]);

export function omittedPricesOf(
  provider: string,
  modelId: string,
): readonly (readonly [key: string, usdPerMillion: number])[] {
  return OMITTED_PRICES.get(`${provider} ${modelId}`) ?? [];
}

/**
 * Cache writes of one hour on Claude where the data has only those of five minutes, as for most models on Bedrock and
 * Google Cloud: twice the input price on every platform (platform.claude.com/docs/en/build-with-claude/prompt-caching,
 * aws.amazon.com/bedrock/pricing and cloud.google.com/vertex-ai/generative-ai/pricing#claude-models, 2026-11).
 * Falling back to the price of five minutes would be 1.6 times too low.
 */
export function omittedLongCacheWrite(record: PriceRecord, modelId: string): TieredDecimal | undefined {
  const input = record.get("input_mtok");
  const isOmitted = record.has("cache_write_mtok") && !record.has("cache_write_1h_mtok");
  if (!isOmitted || input === undefined || parseClaudeName(modelId) === undefined) return undefined;
  const twice = ({ digits, scale }: Decimal): Decimal => ({ digits: 2n * digits, scale });
  return {
    base: twice(input.base),
    tiers: input.tiers.map(({ start, price }) => ({ start, price: twice(price) })),
  };
}
