import { describe, expect, it } from "vitest";
import { PriceOverrideError, ceilingPrice, createPriceSource } from "../src/index.ts";

const NOW = Date.UTC(2026, 10, 20);

describe("overrides", () => {
  it("win over the data from their date on", () => {
    const custom = createPriceSource({
      overrides: [
        {
          provider: "openai",
          model: "gpt-5",
          inputUsdPerMillion: "1",
          outputUsdPerMillion: "8",
          from: "2026-01-01",
        },
        {
          provider: "openai",
          model: "gpt-5",
          inputUsdPerMillion: "0.9",
          outputUsdPerMillion: "7",
          from: "2026-06-01",
        },
      ],
    });
    const inputAt = (date: string): number | undefined =>
      custom.priceOf("openai", "gpt-5", Date.parse(date))?.rates.inputTextTokens;
    expect(inputAt("2025-12-31T23:59:59.999Z")).toBe(1_250_000);
    expect(inputAt("2026-01-01T00:00:00Z")).toBe(1_000_000);
    expect(inputAt("2026-06-01T00:00:00Z")).toBe(900_000);
    expect(custom.priceOf("openai", "gpt-5", NOW)).toMatchObject({
      source: "override",
      version: "overrides[1] from 2026-06-01",
      contextWindowTokens: 400_000,
      maxOutputTokens: 128_000,
      rates: { cacheReadTextTokens: 900_000, reasoningTokens: 7_000_000, webSearches: 10_000_000_000 },
    });
    expect(custom.priceOf("openai", "gpt-5-2025-08-07", NOW)?.source).toBe("genai-prices");
    expect(custom.priceOf("openai", "openai/gpt-5", NOW)?.source).toBe("override");
  });

  it("state every kind of price", () => {
    const custom = createPriceSource({
      overrides: [
        {
          provider: "acme",
          model: "m",
          inputUsdPerMillion: "1",
          inputAudioUsdPerMillion: "2",
          inputImageUsdPerMillion: "3",
          inputVideoUsdPerMillion: "3.5",
          cacheReadUsdPerMillion: "0.1",
          cacheReadAudioUsdPerMillion: "0.2",
          cacheReadImageUsdPerMillion: "0.3",
          cacheReadVideoUsdPerMillion: "0.35",
          cacheWriteUsdPerMillion: "1.25",
          cacheWriteLongUsdPerMillion: "2.5",
          outputUsdPerMillion: "4",
          reasoningUsdPerMillion: "5",
          outputAudioUsdPerMillion: "6",
          outputImageUsdPerMillion: "7",
          outputVideoUsdPerMillion: "7.5",
          webSearchUsdPerThousand: "10",
          mapGroundingUsdPerThousand: "25",
          fileSearchUsdPerThousand: "2.5",
          audioUsdPerHour: "1",
          charactersUsdPerMillion: "15",
          imageUsdEach: "0.04",
          longContext: [{ fromInputTokens: 1_000, inputUsdPerMillion: "9", outputUsdPerMillion: "12" }],
          contextWindowTokens: 10_000,
          maxOutputTokens: 1_000,
          serviceTiers: {
            cheap: { numerator: 1, denominator: 3 },
            batch: { numerator: 1, denominator: 2, cacheReadAtListPrice: true },
          },
        },
      ],
    });
    const rates = {
      inputTextTokens: 1_000_000,
      inputAudioTokens: 2_000_000,
      inputImageTokens: 3_000_000,
      inputVideoTokens: 3_500_000,
      cacheReadTextTokens: 100_000,
      cacheReadAudioTokens: 200_000,
      cacheReadImageTokens: 300_000,
      cacheReadVideoTokens: 350_000,
      cacheWriteTokens: 1_250_000,
      cacheWriteLongTokens: 2_500_000,
      outputTextTokens: 4_000_000,
      reasoningTokens: 5_000_000,
      outputAudioTokens: 6_000_000,
      outputImageTokens: 7_000_000,
      outputVideoTokens: 7_500_000,
      webSearches: 10_000_000_000,
      webSearchPreviews: 10_000_000_000,
      mapGroundings: 25_000_000_000,
      fileSearches: 2_500_000_000,
      // 1 USD per hour is 277,777.7... pico-USD per millisecond: rounded up.
      audioMs: 277_778,
      characters: 15_000_000,
      images: 40_000_000_000,
    };
    expect(custom.priceOf("acme", "m", NOW)).toEqual({
      provider: "acme",
      model: "m",
      source: "override",
      version: "overrides[0]",
      rates,
      longContext: [
        {
          fromInputTokens: 1_000,
          rates: { ...rates, inputTextTokens: 9_000_000, outputTextTokens: 12_000_000 },
        },
      ],
      serviceTiers: {
        default: { numerator: 1, denominator: 1 },
        cheap: { numerator: 1, denominator: 3 },
        batch: { numerator: 1, denominator: 2, cacheReadAtListPrice: true },
      },
      unpriced: [],
      contextWindowTokens: 10_000,
      maxOutputTokens: 1_000,
    });
  });

  it.each([
    [{ inputUsdPerMillion: 1.25 }, "overrides[0].inputUsdPerMillion"],
    [{ outputUsdPerMillion: "-1" }, "overrides[0].outputUsdPerMillion"],
    [{ inputUsdPerMilion: "1" }, "overrides[0].inputUsdPerMilion"],
    [{ inputUsdPerMillion: "1", from: "2026-02-30" }, "overrides[0].from"],
    [{ inputUsdPerMillion: "1", from: "yesterday" }, "overrides[0].from"],
    [{ inputUsdPerMillion: "1", maxOutputTokens: 0 }, "overrides[0].maxOutputTokens"],
    [{ inputUsdPerMillion: "1", model: "" }, "overrides[0].model"],
    [{}, "overrides[0]"],
    [
      { inputUsdPerMillion: "1", longContext: [{ fromInputTokens: 5, outputUsdPerMillion: "1" }] },
      "overrides[0].longContext[0].outputUsdPerMillion",
    ],
    [
      { inputUsdPerMillion: "1", serviceTiers: { flex: { numerator: 1, denominator: 0 } } },
      "overrides[0].serviceTiers.flex",
    ],
  ])("name the field that is wrong: %j", (fields, field) => {
    const override = { provider: "openai", model: "gpt-5", ...fields } as never;
    let thrown: unknown;
    try {
      createPriceSource({ overrides: [override] });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PriceOverrideError);
    expect((thrown as PriceOverrideError).field).toBe(field);
    expect((thrown as PriceOverrideError).message).toContain(field);
  });

  it("aliases give a deployment the price of its model, one step deep", () => {
    const custom = createPriceSource({
      aliases: { "my-azure-deployment": "gpt-5-mini", chain: "my-azure-deployment" },
      overrides: [{ provider: "acme", model: "gpt-5-mini", inputUsdPerMillion: "3" }],
    });
    expect(custom.priceOf("azure", "my-azure-deployment", NOW)?.model).toBe("gpt-5-mini");
    expect(custom.priceOf("acme", "my-azure-deployment", NOW)?.source).toBe("override");
    expect(custom.priceOf("azure", "chain", NOW)).toBeUndefined();
    expect(custom.priceOf("azure", "toString", NOW)).toBeUndefined();
  });
});

describe("a ceiling", () => {
  it("prices any model as stated", () => {
    const price = ceilingPrice({ inputUsdPerMillion: "20", outputUsdPerMillion: "100" })("openai", "gpt-99");
    expect(price).toMatchObject({
      provider: "openai",
      model: "gpt-99",
      source: "ceiling",
      rates: { inputAudioTokens: 20_000_000, outputImageTokens: 100_000_000 },
      serviceTiers: { priority: { numerator: 2, denominator: 1 } },
    });
    expect(price.unpriced).toContain("webSearches");
  });
});
