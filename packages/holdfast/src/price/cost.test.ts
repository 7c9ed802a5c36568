import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { ModelPrice, Rates, UsageBucket } from "@holdfast/prices";
import { USAGE_BUCKETS, createPriceSource } from "@holdfast/prices";
import type { Usage } from "../usage/usage.ts";
import { costNanoUsd, dearestTier, ratesAt, serviceTierMultiplier, unpricedUsage } from "./cost.ts";

const source = createPriceSource();

function known(provider: string, model: string, date = "2026-11-20"): ModelPrice {
  const price = source.priceOf(provider, model, Date.parse(date));
  if (price === undefined) throw new Error(`${provider}/${model} has no price`);
  return price;
}

function ratesOf(given: Partial<Rates>): Rates {
  return Object.fromEntries(USAGE_BUCKETS.map((bucket) => [bucket, given[bucket] ?? 0])) as Rates;
}

function made(rates: Partial<Rates>, rest: Partial<ModelPrice> = {}): ModelPrice {
  return {
    provider: "p",
    model: "m",
    source: "test",
    version: "1",
    rates: ratesOf(rates),
    longContext: [],
    serviceTiers: { default: { numerator: 1, denominator: 1 } },
    unpriced: [],
    ...rest,
  };
}

describe("what providers bill, by hand", () => {
  const rows: [name: string, price: ModelPrice, usage: Usage, tier: string | undefined, usd: string][] = [
    [
      "S1 cached chat",
      known("openai", "gpt-5"),
      { inputTextTokens: 4_000, cacheReadTextTokens: 8_000, outputTextTokens: 1_500 },
      undefined,
      "0.021",
    ],
    [
      "S2 both cache writes, searches",
      known("anthropic", "claude-sonnet-4-5"),
      {
        inputTextTokens: 1_000,
        cacheWriteTokens: 3_000,
        cacheWriteLongTokens: 2_000,
        cacheReadTextTokens: 10_000,
        outputTextTokens: 800,
        webSearches: 3,
      },
      undefined,
      "0.07125",
    ],
    [
      "S3 long context, thoughts",
      known("google", "gemini-2.5-pro"),
      {
        inputTextTokens: 200_000,
        cacheReadTextTokens: 50_000,
        outputTextTokens: 2_000,
        reasoningTokens: 1_000,
      },
      undefined,
      "0.5575",
    ],
    [
      "S4 flex",
      known("openai", "gpt-5.4"),
      { inputTextTokens: 20_000, outputTextTokens: 2_000 },
      "flex",
      "0.04",
    ],
    [
      "S5 audio",
      known("openai", "gpt-audio"),
      { inputTextTokens: 500, inputAudioTokens: 3_000, outputTextTokens: 200, outputAudioTokens: 1_000 },
      undefined,
      "0.16325",
    ],
    [
      "S6a long context after a price cut",
      known("openai", "gpt-5.6-sol", "2026-09-15"),
      { inputTextTokens: 300_000, outputTextTokens: 1_000 },
      undefined,
      "2.43",
    ],
    [
      "S6b the same before the cut",
      known("openai", "gpt-5.6-sol", "2026-08-01"),
      { inputTextTokens: 300_000, outputTextTokens: 1_000 },
      undefined,
      "3.045",
    ],
    [
      "S7 grounding queries",
      known("google", "gemini-3.8-flash"),
      { inputTextTokens: 1_000, outputTextTokens: 500, webSearches: 2 },
      undefined,
      "0.030625",
    ],
    [
      "a tier multiplies tokens but not tool fees",
      known("openai", "gpt-5.4"),
      { inputTextTokens: 20_000, webSearches: 3, fileSearches: 2 },
      "flex",
      "0.060",
    ],
    ["priority", known("openai", "gpt-5.4"), { outputTextTokens: 1_000 }, "priority", "0.03"],
    [
      "a ratio with thirds",
      known("openai", "gpt-4o-mini"),
      { inputTextTokens: 1_000_000 },
      "priority",
      "0.25",
    ],
    ["speech", known("openai", "tts-1"), { characters: 4_096 }, undefined, "0.06144"],
    ["a minute of audio", known("openai", "whisper-1"), { audioMs: 60_000 }, undefined, "0.006"],
    [
      "moderation is free",
      known("openai", "omni-moderation-latest"),
      { inputTextTokens: 9_999 },
      undefined,
      "0",
    ],
    ["no usage", known("openai", "gpt-5"), {}, undefined, "0"],
  ];

  it.each(rows)("%s", (_, price, usage, tier, usd) => {
    expect(costNanoUsd(usage, price, tier)).toBe(Math.round(Number(usd) * 1e9));
  });
});

describe("long-context boundaries", () => {
  it.each([
    ["openai", "gpt-5.4", 271_999, 2_500_000],
    ["openai", "gpt-5.4", 272_000, 5_000_000],
    ["openai", "gpt-5.4", 272_001, 5_000_000],
    ["openai", "gpt-6-sol", 271_999, 2_000_000],
    ["openai", "gpt-6-sol", 272_000, 2_000_000],
    ["openai", "gpt-6-sol", 272_001, 4_000_000],
    ["anthropic", "claude-sonnet-4-5", 200_000, 3_000_000],
    ["anthropic", "claude-sonnet-4-5", 200_001, 6_000_000],
    ["google", "gemini-2.5-pro", 200_000, 1_250_000],
    ["google", "gemini-2.5-pro", 200_001, 2_500_000],
  ])("%s %s with %d tokens", (provider, model, inputTokens, rate) => {
    const price = known(provider, model);
    expect(ratesAt(price, inputTokens).inputTextTokens).toBe(rate);
    expect(costNanoUsd({ inputTextTokens: inputTokens }, price)).toBe((inputTokens * rate) / 1_000);
  });

  it("count all input, cached and audio included, and swap the whole request", () => {
    const price = known("openai", "gpt-5.4");
    const usage = { inputTextTokens: 1_000, cacheReadTextTokens: 271_000, outputTextTokens: 10 };
    expect(costNanoUsd(usage, price)).toBe(1_000 * 5_000 + 271_000 * 500 + 10 * 22_500);
    expect(costNanoUsd({ ...usage, inputTextTokens: 999 }, price)).toBe(
      999 * 2_500 + 271_000 * 250 + 10 * 15_000,
    );
  });

  it("use the last list that is reached", () => {
    const price = made(
      { inputTextTokens: 1_000 },
      {
        longContext: [
          { fromInputTokens: 10, rates: ratesOf({ inputTextTokens: 2_000 }) },
          { fromInputTokens: 20, rates: ratesOf({ inputTextTokens: 3_000 }) },
        ],
      },
    );
    expect([9, 10, 19, 20].map((inputTextTokens) => costNanoUsd({ inputTextTokens }, price))).toEqual([
      9, 20, 38, 60,
    ]);
  });
});

describe("rounding and range", () => {
  it.each([
    [0, 0],
    [1, 1],
    [999, 1],
    [1_000, 1],
    [1_001, 2],
  ])("%d pico-USD are %d nano-USD: up, once per call", (pico, nano) => {
    expect(costNanoUsd({ inputTextTokens: 1, images: 0 }, made({ inputTextTokens: pico }))).toBe(nano);
  });

  it("rounds the sum, not its parts", () => {
    const price = made({ inputTextTokens: 400, outputTextTokens: 300, webSearches: 300 });
    expect(costNanoUsd({ inputTextTokens: 1, outputTextTokens: 1, webSearches: 1 }, price)).toBe(1);
  });

  it("is exact across the border of the safe integers", () => {
    const max = Number.MAX_SAFE_INTEGER;
    const price = made({ inputTextTokens: 1, outputTextTokens: 1_000_003 });
    expect(costNanoUsd({ inputTextTokens: max }, price)).toBe(9_007_199_254_741);
    expect(costNanoUsd({ inputTextTokens: max, cacheReadTextTokens: 0, outputTextTokens: 1 }, price)).toBe(
      9_007_199_255_741,
    );
    // The product is 9,007,027,021,007,000,021 pico-USD, which a float would round in its last digits.
    expect(costNanoUsd({ outputTextTokens: 9_007_000_000_007 }, price)).toBe(9_007_027_021_007_001);
  });

  it("reaches Number.MAX_SAFE_INTEGER and refuses to go beyond", () => {
    const price = made({ images: 1_000 });
    expect(costNanoUsd({ images: Number.MAX_SAFE_INTEGER }, price)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() =>
      costNanoUsd({ images: Number.MAX_SAFE_INTEGER, characters: 1 }, made({ images: 1_000, characters: 1 })),
    ).toThrow(RangeError);
  });

  it.each([-1, 0.5, Number.NaN, Infinity, 2 ** 53])("refuses a quantity of %d", (inputTextTokens) => {
    expect(() => costNanoUsd({ inputTextTokens }, known("openai", "gpt-5"))).toThrow("Usage inputTextTokens");
  });

  it("equals the exact ratio for any usage, rates and tier", () => {
    const quantity = fc.oneof(fc.nat(10), fc.nat(1_000_000), fc.nat(Number.MAX_SAFE_INTEGER));
    const integer = (min: number): fc.Arbitrary<number> =>
      fc.oneof(fc.integer({ min, max: 100 }), fc.integer({ min, max: 2 ** 40 }));
    const perBucket = (value: fc.Arbitrary<number>): fc.Arbitrary<Partial<Rates>> =>
      fc.record(Object.fromEntries(USAGE_BUCKETS.map((bucket) => [bucket, value])), { requiredKeys: [] });
    fc.assert(
      fc.property(
        perBucket(quantity),
        perBucket(integer(0)),
        integer(0),
        integer(1),
        fc.boolean(),
        (usage, rates, numerator, denominator, cacheReadAtListPrice) => {
          const price = made(rates, {
            serviceTiers: { t: { numerator, denominator, cacheReadAtListPrice } },
          });
          const isMultiplied = (b: UsageBucket): boolean =>
            b.endsWith("Tokens") && !(cacheReadAtListPrice && b.startsWith("cacheRead"));
          const picoOf = (bucket: UsageBucket): bigint =>
            BigInt(usage[bucket] ?? 0) * BigInt(rates[bucket] ?? 0);
          const sum = (isToken: boolean): bigint =>
            USAGE_BUCKETS.filter((b) => isMultiplied(b) === isToken).reduce(
              (total, b) => total + picoOf(b),
              0n,
            );
          const scaled = sum(true) * BigInt(numerator) + sum(false) * BigInt(denominator);
          const divisor = 1_000n * BigInt(denominator);
          const expected = scaled / divisor + (scaled % divisor > 0n ? 1n : 0n);
          if (expected > BigInt(Number.MAX_SAFE_INTEGER)) {
            expect(() => costNanoUsd(usage, price, "t")).toThrow(RangeError);
          } else {
            expect(BigInt(costNanoUsd(usage, price, "t"))).toBe(expected);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("service tiers", () => {
  const price = known("openai", "gpt-5.4");

  it("without a name are the default, and 1 where a price lists none", () => {
    expect(serviceTierMultiplier(price)).toEqual({ numerator: 1, denominator: 1 });
    expect(serviceTierMultiplier(made({}, { serviceTiers: {} }))).toEqual({ numerator: 1, denominator: 1 });
    expect(
      serviceTierMultiplier(made({}, { serviceTiers: { default: { numerator: 3, denominator: 2 } } })),
    ).toEqual({
      numerator: 3,
      denominator: 2,
    });
  });

  it.each(["ultrafast", "", "constructor", "__proto__"])(
    "without a price are said to have none: %j",
    (tier) => {
      expect(serviceTierMultiplier(price, tier)).toBeUndefined();
      expect(() => costNanoUsd({ inputTextTokens: 1 }, price, tier)).toThrow(
        `Service tier ${JSON.stringify(tier)} has no price for openai/gpt-5.4.`,
      );
    },
  );

  it("know the dearest of those that may serve a call", () => {
    expect(dearestTier(price, ["default", "flex"])).toBe("default");
    expect(dearestTier(price, ["flex", "priority", "default"])).toBe("priority");
    expect(dearestTier(price, ["flex", "ultrafast"])).toBeUndefined();
    expect(dearestTier(price, [])).toBeUndefined();
  });
});

it("names the buckets that were used without a price", () => {
  const price = known("google", "gemini-2.5-pro");
  expect(unpricedUsage({ inputTextTokens: 5, fileSearches: 1, images: 0 }, price)).toEqual(["fileSearches"]);
  expect(unpricedUsage({ inputTextTokens: 5 }, price)).toEqual([]);
});
