/** @module Prices, names and corrections that genai-prices lacks, each with its source. */
import { parseProvider } from "./price-data.ts";
import type { ProviderData } from "./price-data.ts";

/** The date these tables were last compared with their sources; the `version` of prices that come from them. */
export const OWN_PRICES_VERSION = "2026-11";

/** Speech by character: developers.openai.com/api/docs/models/tts-1 ($15 per 1M) and /tts-1-hd ($30), 2026-11. */
const OWN_MODELS: readonly unknown[] = [
  {
    id: "openai",
    models: [
      {
        id: "tts-1",
        match: { or: [{ equals: "tts-1" }, { equals: "tts-1-1106" }] },
        prices: { input_mchars: 15 },
      },
      {
        id: "tts-1-hd",
        match: { or: [{ equals: "tts-1-hd" }, { equals: "tts-1-hd-1106" }] },
        prices: { input_mchars: 30 },
      },
    ],
  },
];

/** Models that the data does not have at all, by provider. */
export function ownProviders(): ReadonlyMap<string, ProviderData> {
  return new Map(
    OWN_MODELS.map((value) => parseProvider(value, "own prices")).map((provider) => [provider.id, provider]),
  );
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
