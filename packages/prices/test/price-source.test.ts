import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ModelPrice } from "../src/index.ts";
import { GENAI_PRICES_VERSION, USAGE_BUCKETS, createPriceSource } from "../src/index.ts";

const NOW = Date.UTC(2026, 10, 20);
const source = createPriceSource();

function priceOf(provider: string, model: string, atMs: number = NOW): ModelPrice {
  const price = source.priceOf(provider, model, atMs);
  if (price === undefined) throw new Error(`${provider}/${model} has no price`);
  return price;
}

describe("rates of the bundled data", () => {
  it("are integer pico-USD per unit", () => {
    expect(priceOf("openai", "gpt-5")).toMatchObject({
      provider: "openai",
      model: "gpt-5",
      source: "genai-prices",
      version: "0.1.8",
      contextWindowTokens: 400_000,
      maxOutputTokens: 128_000,
      longContext: [],
      unpriced: ["mapGroundings", "audioMs", "characters", "images"],
      rates: {
        inputTextTokens: 1_250_000,
        cacheReadTextTokens: 125_000,
        cacheWriteTokens: 1_250_000,
        outputTextTokens: 10_000_000,
        reasoningTokens: 10_000_000,
        webSearches: 10_000_000_000,
        fileSearches: 2_500_000_000,
      },
    });
  });

  it("fall back to the kind a bucket belongs to", () => {
    const { rates } = priceOf("openai", "gpt-audio");
    expect(rates.inputAudioTokens).toBe(32_000_000);
    expect(rates.cacheReadAudioTokens).toBe(32_000_000);
    expect(rates.cacheReadTextTokens).toBe(2_500_000);
    expect(rates.outputAudioTokens).toBe(64_000_000);
    expect(priceOf("openai", "gpt-5").rates.cacheReadAudioTokens).toBe(125_000);
    expect(priceOf("openai", "gpt-image-1").rates).toMatchObject({
      inputImageTokens: 10_000_000,
      cacheReadImageTokens: 2_500_000,
      outputImageTokens: 40_000_000,
    });
    expect(priceOf("anthropic", "claude-sonnet-4-6").rates).toMatchObject({
      cacheWriteTokens: 3_750_000,
      cacheWriteLongTokens: 6_000_000,
    });
  });

  it("tell video from images where their prices differ", () => {
    expect(priceOf("google", "gemini-embedding-2").rates).toMatchObject({
      inputTextTokens: 200_000,
      inputImageTokens: 450_000,
      inputVideoTokens: 12_000_000,
    });
    expect(priceOf("google", "gemini-omni-flash-preview").rates.outputVideoTokens).toBe(17_500_000);
    const { rates } = priceOf("google", "gemini-2.5-flash");
    expect([rates.inputImageTokens, rates.inputVideoTokens, rates.cacheReadVideoTokens]).toEqual([
      300_000, 300_000, 30_000,
    ]);
  });

  it("charge an hour in the cache twice the input on every platform of Claude", () => {
    expect(priceOf("anthropic", "claude-opus-4-8").rates.cacheWriteLongTokens).toBe(10_000_000);
    expect(priceOf("google", "claude-opus-4-8").rates.cacheWriteLongTokens).toBe(10_000_000);
    expect(priceOf("aws", "us.anthropic.claude-opus-4-8").rates.cacheWriteLongTokens).toBe(11_000_000);
    expect(priceOf("aws", "us.anthropic.claude-haiku-5-5").rates).toMatchObject({
      inputTextTokens: 110_000,
      cacheReadTextTokens: 11_000,
      cacheWriteTokens: 137_500,
      cacheWriteLongTokens: 220_000,
      outputTextTokens: 550_000,
    });
    expect(priceOf("google", "claude-sonnet-4-5").longContext[0]?.rates.cacheWriteLongTokens).toBe(
      12_000_000,
    );
    expect(priceOf("aws", "us.amazon.nova-lite-v1:0").rates.cacheWriteLongTokens).toBe(60_000);
  });

  it("count audio by the millisecond and speech by the character", () => {
    expect(priceOf("openai", "whisper-1").rates.audioMs).toBe(100_000);
    expect(priceOf("openai", "gpt-transcribe").rates.audioMs).toBe(75_000);
    expect(priceOf("openai", "whisper-1").unpriced).toContain("outputTextTokens");
    expect(priceOf("openai", "tts-1")).toMatchObject({
      source: "holdfast",
      rates: { characters: 15_000_000 },
    });
    expect(priceOf("openai", "tts-1-hd").rates.characters).toBe(30_000_000);
  });

  it("are zero and known for a free model", () => {
    const price = priceOf("openai", "omni-moderation-latest");
    expect(Object.values(price.rates)).toEqual(USAGE_BUCKETS.map(() => 0));
    expect(price.unpriced).toEqual(USAGE_BUCKETS.filter((bucket) => !bucket.endsWith("Tokens")));
  });

  it("carry audio prices that the data omits", () => {
    expect(priceOf("openai", "gpt-4o-audio-preview").rates).toMatchObject({
      inputTextTokens: 2_500_000,
      inputAudioTokens: 40_000_000,
      outputAudioTokens: 80_000_000,
    });
    expect(priceOf("openai", "gpt-4o-mini-audio-preview").rates.outputAudioTokens).toBe(20_000_000);
  });

  it("carry tool fees that the data omits, and list the unknown ones", () => {
    expect(priceOf("openai", "gpt-4o-search-preview").rates.webSearches).toBe(10_000_000_000);
    expect(priceOf("openai", "gpt-4o").rates.webSearchPreviews).toBe(25_000_000_000);
    expect(priceOf("openai", "gpt-4o-search-preview").rates.webSearchPreviews).toBe(25_000_000_000);
    expect(priceOf("openai", "gpt-chat-latest").rates.webSearchPreviews).toBe(25_000_000_000);
    expect(priceOf("openai", "gpt-5-mini").rates.webSearchPreviews).toBe(10_000_000_000);
    expect(priceOf("openai", "o4-mini").rates.webSearchPreviews).toBe(10_000_000_000);
    expect(priceOf("openai", "o3-pro").rates.fileSearches).toBe(2_500_000_000);
    expect(priceOf("google", "gemini-3.8-flash").rates.webSearches).toBe(14_000_000_000);
    expect(priceOf("google", "gemini-2.5-pro").rates.webSearches).toBe(35_000_000_000);
    expect(priceOf("google", "gemini-2.5-pro").unpriced).toContain("fileSearches");
    expect(priceOf("google", "gemini-2.5-pro").rates.mapGroundings).toBe(25_000_000_000);
    expect(priceOf("google", "gemini-3.8-flash").rates.mapGroundings).toBe(14_000_000_000);
    expect(priceOf("google", "gemini-4-argon").rates.webSearches).toBe(14_000_000_000);
    expect(priceOf("google", "gemini-2.0-flash").unpriced).toContain("mapGroundings");
    expect(priceOf("google", "claude-opus-5").rates.webSearches).toBe(10_000_000_000);
    expect(priceOf("anthropic", "claude-haiku-5-5").rates.webSearches).toBe(10_000_000_000);
    expect(priceOf("aws", "us.anthropic.claude-opus-4-8").unpriced).toContain("webSearches");
    expect(priceOf("anthropic", "claude-3-opus-latest").unpriced).toContain("webSearches");
  });
});

describe("long-context price lists", () => {
  it.each([
    ["openai", "gpt-5.4", 272_000, 5_000_000],
    ["openai", "gpt-6-sol", 272_001, 4_000_000],
    ["anthropic", "claude-sonnet-4-5", 200_001, 6_000_000],
    ["google", "gemini-2.5-pro", 200_001, 2_500_000],
    ["google", "gemini-3.1-pro-preview", 200_001, 4_000_000],
    ["anthropic", "claude-haiku-5-5", 100_001, 500_000],
    ["aws", "eu.anthropic.claude-haiku-5-5", 100_001, 550_000],
  ])(
    "%s %s starts at %d tokens, as the library applies it above its start",
    (provider, model, from, rate) => {
      const { longContext } = priceOf(provider, model);
      expect(longContext).toHaveLength(1);
      expect(longContext[0]).toMatchObject({ fromInputTokens: from, rates: { inputTextTokens: rate } });
      expect(longContext[0]?.rates.webSearches).toBe(priceOf(provider, model).rates.webSearches);
    },
  );
});

describe("dates", () => {
  it.each([
    ["openai", "o3", "2025-06-09T23:59:59.999Z", 10_000_000],
    ["openai", "o3", "2025-06-10T00:00:00.000Z", 2_000_000],
    ["openai", "gpt-5.6-sol", "2026-08-20T23:59:59.999Z", 5_000_000],
    ["openai", "gpt-5.6-sol", "2026-08-21T00:00:00.000Z", 4_000_000],
    ["google", "gemini-4-carbon", "2026-11-30T23:59:59.999Z", 2_000_000],
    ["google", "gemini-4-carbon", "2026-12-01T00:00:00.000Z", 4_000_000],
    ["google", "gemini-3.8-flash-tts", "2027-01-01T00:00:00.000Z", 1_000_000],
    ["google", "gemini-3.8-flash", "2026-12-31T23:59:59.999Z", 750_000],
    ["google", "gemini-3.8-flash", "2027-01-01T00:00:00.000Z", 1_500_000],
  ])("%s %s at %s", (provider, model, at, rate) => {
    expect(priceOf(provider, model, Date.parse(at)).rates.inputTextTokens).toBe(rate);
  });

  it("change a cached price alone", () => {
    const readAt = (at: string): number =>
      priceOf("anthropic", "claude-sonnet-5-5", Date.parse(at)).rates.cacheReadTextTokens;
    expect([readAt("2026-10-06T23:59:59.999Z"), readAt("2026-10-07T00:00:00Z")]).toEqual([200_000, 100_000]);
  });

  it("follow the time of day where a price does, and say so", () => {
    const night = priceOf("deepseek", "deepseek-chat", Date.parse("2025-08-01T20:00:00Z"));
    const day = priceOf("deepseek", "deepseek-chat", Date.parse("2025-08-01T12:00:00Z"));
    expect(night.changesWithinDay).toBe(true);
    expect(day.rates.inputTextTokens).toBeGreaterThan(night.rates.inputTextTokens);
    expect(priceOf("openai", "o3").changesWithinDay).toBeUndefined();
  });
});

describe("the source", () => {
  it("states the version of the package whose data it carries", () => {
    const entry = createRequire(import.meta.url).resolve("@pydantic/genai-prices");
    const manifest = JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8")) as {
      version: string;
    };
    expect(GENAI_PRICES_VERSION).toBe(manifest.version);
    expect(source.version).toBe(manifest.version);
  });

  it("gives the same object for the same question, whatever was asked in between", () => {
    const first = source.priceOf("openai", "gpt-5", NOW);
    for (let i = 0; i < 2_000; i++) source.priceOf("openai", `flood-${i}`, NOW);
    expect(source.priceOf("openai", "gpt-5", NOW)).toEqual(first);
    expect(source.priceOf("openai", "gpt-5", NOW)).toBe(source.priceOf("openai", "gpt-5", NOW));
  });
});
