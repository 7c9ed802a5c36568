import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { MatchLogic } from "@pydantic/genai-prices";
import { calcPrice, findProvider } from "@pydantic/genai-prices";
// The cost function lives in the package above this one; only this test reaches up, to compare whole costs.
import { costNanoUsd } from "../../holdfast/src/price/cost.ts";
import type { ModelPrice, UsageBucket } from "../src/index.ts";
import { INPUT_TOKEN_BUCKETS, OUTPUT_TOKEN_BUCKETS, createPriceSource } from "../src/index.ts";

type Counts = { [B in UsageBucket]?: number };

const source = createPriceSource();
const FROM = Date.UTC(2025, 0, 1);
const TO = Date.UTC(2027, 5, 1);

/** Names that may mean a pattern's model: the pattern itself, dated, versioned, and with its digits filled in. */
function namesOf(logic: MatchLogic): string[] {
  if ("or" in logic) return logic.or.flatMap(namesOf);
  if ("and" in logic) return logic.and.flatMap(namesOf);
  if ("regex" in logic) {
    const literal = logic.regex.replaceAll(/\\d(?:\{(\d+)\})?/g, (_, n?: string) =>
      "2026110911".slice(0, Number(n ?? 1)),
    );
    return [literal.replaceAll(/^\^|\$$|\\/g, "")];
  }
  const stem = Object.values(logic)[0] as string;
  return [
    stem,
    ...["-2025-08-07", "-20250807", "@20250807", "-001", "-latest", "-preview", "08-06:acme::x"].map(
      (s) => stem + s,
    ),
  ];
}

/** The library charges an hour-long cache write on Claude elsewhere than at Anthropic like one of five minutes. */
function isLongWriteCorrected(price: ModelPrice, libraryPrice: Readonly<Record<string, unknown>>): boolean {
  return (
    "cache_write_mtok" in libraryPrice &&
    (libraryPrice["cache_write_1h_mtok"] ?? null) === null &&
    /claude/.test(price.model)
  );
}

/** Models whose audio price we correct, see own-prices.ts: there we charge more than the library on purpose. */
const CORRECTED = new Set(["gpt-4o-audio-preview", "gpt-4o-mini-audio-preview"]);

function usageOf(price: ModelPrice, libraryPrice: Readonly<Record<string, unknown>>): fc.Arbitrary<Counts> {
  const tokens = fc.oneof(
    fc.nat(3_000),
    fc.nat(400_000),
    fc.constantFrom(127_999, 128_000, 128_001, 199_999, 200_000, 200_001, 271_999, 272_000, 272_001),
  );
  const free = Object.keys(libraryPrice).length === 0;
  const buckets: { [B in UsageBucket]?: fc.Arbitrary<number> } = {};
  for (const bucket of [...INPUT_TOKEN_BUCKETS, ...OUTPUT_TOKEN_BUCKETS]) {
    const isCorrected = CORRECTED.has(price.model) && bucket.includes("Audio");
    const isOurs = bucket === "cacheWriteLongTokens" && isLongWriteCorrected(price, libraryPrice);
    if (!free && !isCorrected && !isOurs) buckets[bucket] = tokens;
  }
  if ("web_searches_kcount" in libraryPrice) buckets.webSearches = fc.nat(20);
  if ("storage_searches_kcount" in libraryPrice) buckets.fileSearches = fc.nat(20);
  if ("audio_hours" in libraryPrice) buckets.audioMs = fc.nat(10_000_000);
  return fc.record(buckets, { requiredKeys: [] });
}

/** The same usage in the library's terms, where a total contains its parts. */
function libraryUsage(counts: Counts): Record<string, number> {
  const sum = (...buckets: UsageBucket[]): number =>
    buckets.reduce((total, bucket) => total + (counts[bucket] ?? 0), 0);
  const cacheRead = [
    "cacheReadTextTokens",
    "cacheReadAudioTokens",
    "cacheReadImageTokens",
    "cacheReadVideoTokens",
  ] as const;
  return {
    input_tokens: sum(...INPUT_TOKEN_BUCKETS),
    input_audio_tokens: sum("inputAudioTokens", "cacheReadAudioTokens"),
    input_image_tokens: sum("inputImageTokens", "cacheReadImageTokens"),
    input_video_tokens: sum("inputVideoTokens", "cacheReadVideoTokens"),
    cache_read_tokens: sum(...cacheRead),
    cache_audio_read_tokens: sum("cacheReadAudioTokens"),
    cache_image_read_tokens: sum("cacheReadImageTokens"),
    cache_video_read_tokens: sum("cacheReadVideoTokens"),
    cache_write_tokens: sum("cacheWriteTokens", "cacheWriteLongTokens"),
    cache_write_1h_tokens: sum("cacheWriteLongTokens"),
    output_tokens: sum(...OUTPUT_TOKEN_BUCKETS),
    output_reasoning_tokens: sum("reasoningTokens"),
    output_audio_tokens: sum("outputAudioTokens"),
    output_image_tokens: sum("outputImageTokens"),
    output_video_tokens: sum("outputVideoTokens"),
    web_searches: sum("webSearches"),
    storage_searches: sum("fileSearches"),
    audio_seconds: sum("audioMs") / 1_000,
    input_audio_seconds: sum("audioMs") / 1_000,
  };
}

/**
 * A snapshot of a model that has an entry of its own, where the library takes an open pattern of another entry:
 * `gemini-2.5-flash-lite-preview-tts@20250807` is the TTS model for us, the text model for the library.
 */
function isRefined(provider: string, name: string): boolean {
  const stem = name.replace(/[-@]2025-?08-?07$/, "");
  const idOf = (model: string): string | undefined =>
    calcPrice({}, model, { providerId: provider, timestamp: new Date(TO) })?.model.id;
  const ours = source.priceOf(provider, name, TO)?.model;
  return stem !== name && idOf(name) !== undefined && idOf(name) !== ours && idOf(stem) === ours;
}

describe.each(["openai", "anthropic", "google"])(
  "every %s model costs what the library says",
  (providerId) => {
    const models = findProvider({ providerId })?.models ?? [];

    it.each(models.map((model) => [model.id, model] as const))("%s", (id, model) => {
      const names = [...new Set([id, ...namesOf(model.match)])].filter(
        (name) => source.priceOf(providerId, name, TO)?.model === id && !isRefined(providerId, name),
      );
      expect(names, "at least one name reaches the model").not.toEqual([]);
      for (const name of names) {
        const timestamps = fc.integer({ min: FROM, max: TO });
        fc.assert(
          fc.property(
            timestamps.chain((atMs) => {
              const timestamp = new Date(atMs);
              const prices = calcPrice({}, name, { providerId, timestamp })?.model_price ?? {};
              const price = source.priceOf(providerId, name, atMs);
              return fc.tuple(
                fc.constant(timestamp),
                price === undefined ? fc.constant({}) : usageOf(price, prices),
              );
            }),
            ([timestamp, counts]) => {
              const price = source.priceOf(providerId, name, timestamp.getTime());
              const library = calcPrice(libraryUsage(counts), name, { providerId, timestamp });
              // A date behind a known id is our extension; the library does not know such a name.
              if (library === null) {
                expect(name).toMatch(/[-@]2025-?08-?07$/);
                return;
              }
              expect(library.model.id).toBe(id);
              expectToAgree(costNanoUsd(counts, price!), library.total_price);
            },
          ),
          { numRuns: 25 },
        );
      }
    });

    it("and no name that we price is another model to the library", () => {
      const names = models.flatMap((model) => [model.id, ...namesOf(model.match)]);
      for (const name of names) {
        const ours = source.priceOf(providerId, name, TO);
        const theirs = calcPrice({}, name, { providerId, timestamp: new Date(TO) });
        if (ours !== undefined && theirs !== null && !isRefined(providerId, name)) {
          expect([name, theirs.model.id]).toEqual([name, ours.model]);
        }
      }
    });
  },
);

describe("the other providers of the data", () => {
  it.each([
    "aws",
    "azure",
    "deepseek",
    "groq",
    "mistral",
    "x-ai",
    "openrouter",
    "perplexity",
    "cohere",
    "together",
  ])("%s is read whole, and every price of it is an integer", (providerId) => {
    for (const model of findProvider({ providerId })?.models ?? []) {
      const price = source.priceOf(providerId, model.id, TO);
      const rates = Object.values(price?.rates ?? {});
      expect(rates.every((rate) => Number.isSafeInteger(rate) && rate >= 0)).toBe(true);
    }
  });
});

/** Ours is the exact cost rounded up to a whole nano-USD; the library's is a float with an error in the 16th digit. */
function expectToAgree(nanoUsd: number, libraryUsd: number): void {
  const exact = libraryUsd * 1e9;
  const floatError = exact * 1e-13 + 1e-6;
  expect(nanoUsd).toBeGreaterThanOrEqual(exact - floatError);
  expect(nanoUsd).toBeLessThan(exact + 1 + floatError);
}
