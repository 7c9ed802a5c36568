/**
 * @module What OpenAI bills, worked out by hand: per row the usage, the tier, and the cost in
 * nano-USD with its arithmetic.
 *
 * A price of $1 per million tokens is 1,000 nano-USD per token; a fee of $10 per 1,000 is 10,000,000 each.
 */
import { describe, expect, it } from "vitest";
import { createPriceSource } from "@holdfast/prices";
import type { Usage } from "../usage/usage.ts";
import { costNanoUsd } from "./cost.ts";

interface Row {
  readonly name: string;
  readonly model: string;
  readonly usage: Usage;
  /** @default "default" */
  readonly tier?: string;
  readonly nanoUsd: number;
  readonly source: string;
  /** The day that the price is of. @default 2026-11-20 */
  readonly day?: string;
}

const PRICING = "developers.openai.com/api/docs/pricing, 2026-11";

const rows: readonly Row[] = [
  {
    name: "input and output",
    model: "gpt-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    // 1,000 x $1.25/M = 1,250,000; 500 x $10/M = 5,000,000
    nanoUsd: 6_250_000,
    source: PRICING,
  },
  {
    name: "cached input",
    model: "gpt-5",
    usage: { inputTextTokens: 4_000, cacheReadTextTokens: 8_000, outputTextTokens: 1_500 },
    // 4,000 x 1,250 = 5,000,000; 8,000 x 125 = 1,000,000; 1,500 x 10,000 = 15,000,000
    nanoUsd: 21_000_000,
    source: PRICING,
  },
  {
    name: "reasoning at the price of output",
    model: "gpt-5",
    usage: { inputTextTokens: 100, outputTextTokens: 20, reasoningTokens: 3_000 },
    // 100 x 1,250 = 125,000; 20 x 10,000 = 200,000; 3,000 x 10,000 = 30,000,000
    nanoUsd: 30_325_000,
    source: PRICING,
  },
  {
    name: "gpt-5.4 just below its long context",
    model: "gpt-5.4",
    usage: { inputTextTokens: 271_999, outputTextTokens: 100 },
    // 271,999 x 2,500 = 679,997,500; 100 x 15,000 = 1,500,000
    nanoUsd: 681_497_500,
    source: PRICING,
  },
  {
    name: "gpt-5.4 where its long context begins",
    model: "gpt-5.4",
    usage: { inputTextTokens: 272_000, outputTextTokens: 100 },
    // 272,000 x 5,000 = 1,360,000,000; 100 x 22,500 = 2,250,000
    nanoUsd: 1_362_250_000,
    source: PRICING,
  },
  {
    name: "gpt-6-sol at 272,000, which is still the short list",
    model: "gpt-6-sol",
    usage: { inputTextTokens: 272_000, outputTextTokens: 10 },
    // 272,000 x 2,000 = 544,000,000; 10 x 10,000 = 100,000
    nanoUsd: 544_100_000,
    source: PRICING,
  },
  {
    name: "gpt-6-sol above 272,000",
    model: "gpt-6-sol",
    usage: { inputTextTokens: 272_001, outputTextTokens: 10 },
    // 272,001 x 4,000 = 1,088,004,000; 10 x 15,000 = 150,000
    nanoUsd: 1_088_154_000,
    source: PRICING,
  },
  {
    name: "cache writes",
    model: "gpt-5.6-sol",
    usage: {
      inputTextTokens: 1_000,
      cacheWriteTokens: 2_000,
      cacheReadTextTokens: 5_000,
      outputTextTokens: 300,
    },
    // 1,000 x 4,000 = 4,000,000; 2,000 x 5,000 = 10,000,000;
    // 5,000 x 400 = 2,000,000; 300 x 20,000 = 6,000,000
    nanoUsd: 22_000_000,
    source: PRICING,
  },
  {
    name: "the same on the day before the price cut",
    model: "gpt-5.6-sol",
    usage: {
      inputTextTokens: 1_000,
      cacheWriteTokens: 2_000,
      cacheReadTextTokens: 5_000,
      outputTextTokens: 300,
    },
    // 1,000 x 5,000 = 5,000,000; 2,000 x 6,250 = 12,500,000;
    // 5,000 x 500 = 2,500,000; 300 x 30,000 = 9,000,000
    nanoUsd: 29_000_000,
    source: PRICING,
    day: "2026-08-20",
  },
  {
    name: "a long context that is all in the cache",
    model: "gpt-5.6-sol",
    usage: { cacheReadTextTokens: 272_000, cacheWriteTokens: 1_000, outputTextTokens: 10 },
    // 272,000 x 800 = 217,600,000; 1,000 x 10,000 = 10,000,000; 10 x 30,000 = 300,000
    nanoUsd: 227_900_000,
    source: PRICING,
  },
  {
    name: "flex is half",
    model: "gpt-5.4",
    usage: { inputTextTokens: 20_000, outputTextTokens: 2_000 },
    tier: "flex",
    // (20,000 x 2,500 = 50,000,000 + 2,000 x 15,000 = 30,000,000) / 2
    nanoUsd: 40_000_000,
    source: PRICING,
  },
  {
    name: "a batch is half, a search in it is not",
    model: "gpt-5.4",
    usage: { inputTextTokens: 20_000, webSearches: 3 },
    tier: "batch",
    // 50,000,000 / 2 = 25,000,000; 3 x $10/1,000 = 30,000,000
    nanoUsd: 55_000_000,
    source: PRICING,
  },
  {
    name: "priority is twice",
    model: "gpt-5.4",
    usage: { outputTextTokens: 1_000 },
    tier: "priority",
    // 1,000 x 15,000 x 2
    nanoUsd: 30_000_000,
    source: PRICING,
  },
  {
    name: "priority of 5/3",
    model: "gpt-4o-mini",
    usage: { inputTextTokens: 1_000 },
    tier: "priority",
    // 1,000 x 150 x 5/3
    nanoUsd: 250_000,
    source: PRICING,
  },
  {
    name: "fast is priority: 17/10 on gpt-4o",
    model: "gpt-4o",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    tier: "fast",
    // (1,000 x 2,500 + 100 x 10,000 = 3,500,000) x 1.7
    nanoUsd: 5_950_000,
    source: PRICING,
  },
  {
    name: "half a nano-USD is rounded up",
    model: "gpt-5-mini",
    usage: { cacheReadTextTokens: 1 },
    tier: "batch",
    // 1 x 25 / 2 = 12.5
    nanoUsd: 13,
    source: PRICING,
  },
  {
    name: "sound in and out",
    model: "gpt-audio",
    usage: { inputTextTokens: 500, inputAudioTokens: 3_000, outputTextTokens: 200, outputAudioTokens: 1_000 },
    // 500 x 2,500 = 1,250,000; 3,000 x 32,000 = 96,000,000;
    // 200 x 10,000 = 2,000,000; 1,000 x 64,000 = 64,000,000
    nanoUsd: 163_250_000,
    source: "developers.openai.com/api/docs/models/gpt-audio, 2026-11",
  },
  {
    name: "pictures in and out",
    model: "gpt-image-1",
    usage: {
      inputTextTokens: 50,
      inputImageTokens: 323,
      cacheReadImageTokens: 100,
      outputImageTokens: 1_056,
    },
    // 50 x 5,000 = 250,000; 323 x 10,000 = 3,230,000;
    // 100 x 2,500 = 250,000; 1,056 x 40,000 = 42,240,000
    nanoUsd: 45_970_000,
    source: "developers.openai.com/api/docs/models/gpt-image-1, 2026-11",
  },
  {
    name: "file searches",
    model: "gpt-4.1",
    usage: { inputTextTokens: 2_000, outputTextTokens: 500, fileSearches: 2 },
    // 2,000 x 2,000 = 4,000,000; 500 x 8,000 = 4,000,000; 2 x $2.50/1,000 = 5,000,000
    nanoUsd: 13_000_000,
    source: PRICING,
  },
  {
    name: "a minute and a half of speech heard",
    model: "whisper-1",
    usage: { audioMs: 90_000 },
    // 90 s x $0.006 / 60 s = $0.009
    nanoUsd: 9_000_000,
    source: "developers.openai.com/api/docs/models/whisper-1, 2026-11",
  },
  {
    name: "speech by character",
    model: "tts-1",
    usage: { characters: 4_096 },
    // 4,096 x 15,000
    nanoUsd: 61_440_000,
    source: "developers.openai.com/api/docs/models/tts-1, 2026-11",
  },
  {
    name: "speech in high definition",
    model: "tts-1-hd",
    usage: { characters: 100 },
    // 100 x 30,000
    nanoUsd: 3_000_000,
    source: "developers.openai.com/api/docs/models/tts-1-hd, 2026-11",
  },
  {
    name: "an embedding",
    model: "text-embedding-3-small",
    usage: { inputTextTokens: 8_192 },
    // 8,192 x 20
    nanoUsd: 163_840,
    source: PRICING,
  },
  {
    name: "o3 on the day before its price cut",
    model: "o3",
    usage: { inputTextTokens: 1_000, outputTextTokens: 1_000 },
    // 1,000 x 10,000 + 1,000 x 40,000
    nanoUsd: 50_000_000,
    source: PRICING,
    day: "2025-06-09",
  },
  {
    name: "o3 on the day of its price cut",
    model: "o3",
    usage: { inputTextTokens: 1_000, outputTextTokens: 1_000 },
    // 1,000 x 2,000 + 1,000 x 8,000
    nanoUsd: 10_000_000,
    source: PRICING,
    day: "2025-06-10",
  },
];

const prices = createPriceSource();

describe("OpenAI, by hand", () => {
  it.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
    const { model, usage, tier, nanoUsd, source, day = "2026-11-20" } = row;
    const price = prices.priceOf("openai", model, Date.parse(day));
    expect(price, `${model} has a price`).toBeDefined();
    expect(costNanoUsd(usage, price!, tier), source).toBe(nanoUsd);
  });
});
