/**
 * @module What Google bills, worked out by hand: per row the usage, the tier, and the cost in
 * nano-USD with its arithmetic.
 *
 * A price of $1 per million tokens is 1,000 nano-USD per token; a fee of $14 per 1,000 is 14,000,000 each.
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

const PRICING = "ai.google.dev/gemini-api/docs/pricing, 2026-11";
const GEMINI_4 = "ai.google.dev/gemini-api/docs/generate-content/latest-model, 2026-11";
const BATCH = "ai.google.dev/gemini-api/docs/batch-api, from memory";
const OPTIMIZATION = "ai.google.dev/gemini-api/docs/optimization, 2026-11 (75% to 100% more than standard)";

const rows: readonly Row[] = [
  {
    name: "input and output",
    model: "gemini-2.5-flash",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    // 1,000 x $0.30/M = 300,000; 500 x $2.50/M = 1,250,000
    nanoUsd: 1_550_000,
    source: PRICING,
  },
  {
    name: "input of four kinds",
    model: "gemini-2.5-flash",
    usage: {
      inputTextTokens: 100,
      inputAudioTokens: 1_920,
      inputImageTokens: 258,
      inputVideoTokens: 2_580,
      outputTextTokens: 10,
    },
    // 100 x 300 = 30,000; 1,920 x 1,000 = 1,920,000; 258 x 300 = 77,400;
    // 2,580 x 300 = 774,000; 10 x 2,500 = 25,000
    nanoUsd: 2_826_400,
    source: PRICING,
  },
  {
    name: "cached input of four kinds",
    model: "gemini-2.5-flash",
    usage: {
      cacheReadTextTokens: 10_000,
      cacheReadAudioTokens: 1_000,
      cacheReadImageTokens: 500,
      cacheReadVideoTokens: 200,
    },
    // 10,000 x 30 = 300,000; 1,000 x 100 = 100,000; 500 x 30 = 15,000; 200 x 30 = 6,000
    nanoUsd: 421_000,
    source: PRICING,
  },
  {
    name: "sound on 2.0, fresh and cached",
    model: "gemini-2.0-flash",
    usage: { inputAudioTokens: 1_000, cacheReadAudioTokens: 1_000 },
    // 1,000 x 700 = 700,000; 1,000 x 175 = 175,000
    nanoUsd: 875_000,
    source: PRICING,
  },
  {
    name: "thoughts at the price of output",
    model: "gemini-2.5-flash",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100, reasoningTokens: 2_000 },
    // 1,000 x 300 = 300,000; 100 x 2,500 = 250,000; 2,000 x 2,500 = 5,000,000
    nanoUsd: 5_550_000,
    source: PRICING,
  },
  {
    name: "a prompt of 1,000 and 3,000 for tool use",
    model: "gemini-2.5-flash",
    usage: { inputTextTokens: 4_000 },
    // 4,000 x 300
    nanoUsd: 1_200_000,
    source: PRICING,
  },
  {
    name: "200,000 tokens, the short list",
    model: "gemini-2.5-pro",
    usage: { inputTextTokens: 200_000, outputTextTokens: 100 },
    // 200,000 x 1,250 = 250,000,000; 100 x 10,000 = 1,000,000
    nanoUsd: 251_000_000,
    source: PRICING,
  },
  {
    name: "200,001 tokens, the long list",
    model: "gemini-2.5-pro",
    usage: { inputTextTokens: 200_001, outputTextTokens: 100 },
    // 200,001 x 2,500 = 500,002,500; 100 x 15,000 = 1,500,000
    nanoUsd: 501_502_500,
    source: PRICING,
  },
  {
    name: "cached tokens count towards the long list",
    model: "gemini-2.5-pro",
    usage: { inputTextTokens: 150_000, cacheReadTextTokens: 50_001 },
    // 150,000 x 2,500 = 375,000,000; 50,001 x 250 = 12,500,250
    nanoUsd: 387_500_250,
    source: PRICING,
  },
  {
    name: "sound and pictures count towards the long list",
    model: "gemini-2.5-pro",
    usage: { inputTextTokens: 199_000, inputAudioTokens: 1_000, inputImageTokens: 1 },
    // 200,001 x 2,500
    nanoUsd: 500_002_500,
    source: PRICING,
  },
  {
    name: "3.1 Pro at 200,000",
    model: "gemini-3.1-pro-preview",
    usage: { inputTextTokens: 200_000 },
    // 200,000 x 2,000
    nanoUsd: 400_000_000,
    source: PRICING,
  },
  {
    name: "3.1 Pro at 200,001, with thoughts",
    model: "gemini-3.1-pro-preview",
    usage: { inputTextTokens: 200_001, reasoningTokens: 100 },
    // 200,001 x 4,000 = 800,004,000; 100 x 18,000 = 1,800,000
    nanoUsd: 801_804_000,
    source: PRICING,
  },
  {
    name: "a batch is half",
    model: "gemini-2.5-flash",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    tier: "batch",
    // 1,550,000 / 2
    nanoUsd: 775_000,
    source: PRICING,
  },
  {
    name: "a batch reads the cache at the list price",
    model: "gemini-2.5-flash",
    usage: { inputTextTokens: 1_000, cacheReadTextTokens: 10_000 },
    tier: "batch",
    // 1,000 x 300 / 2 = 150,000; 10,000 x 30 = 300,000
    nanoUsd: 450_000,
    source: BATCH,
  },
  {
    name: "flex is half, the cache included",
    model: "gemini-3.8-flash",
    usage: { inputTextTokens: 1_000, cacheReadTextTokens: 1_000, outputTextTokens: 100 },
    tier: "flex",
    // (1,000 x 750 + 1,000 x 75 + 100 x 3,750 = 1,200,000) / 2
    nanoUsd: 600_000,
    source: PRICING,
  },
  {
    name: "priority is 1.8 times",
    model: "gemini-3.8-flash",
    usage: { inputTextTokens: 1_000, cacheReadTextTokens: 1_000, outputTextTokens: 100 },
    tier: "priority",
    // 1,200,000 x 1.8
    nanoUsd: 2_160_000,
    source: PRICING,
  },
  {
    name: "priority on the long list",
    model: "gemini-2.5-pro",
    usage: { inputTextTokens: 200_001 },
    tier: "priority",
    // 200,001 x 2,500 x 1.8
    nanoUsd: 900_004_500,
    source: PRICING,
  },
  {
    name: "priority without a published price list is twice",
    model: "gemini-4-argon",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    tier: "priority",
    // (1,000 x 2,000 + 100 x 10,000 = 3,000,000) x 2
    nanoUsd: 6_000_000,
    source: OPTIMIZATION,
  },
  {
    name: "provisioned throughput at the list price",
    model: "gemini-3.8-flash",
    usage: { inputTextTokens: 1_000 },
    tier: "provisioned",
    // 1,000 x 750
    nanoUsd: 750_000,
    source: PRICING,
  },
  {
    name: "Gemini 4 on the last day of its introductory price",
    model: "gemini-4-argon",
    usage: { inputTextTokens: 1_000, cacheReadTextTokens: 1_000, outputTextTokens: 100 },
    // 1,000 x 2,000 + 1,000 x 100 + 100 x 10,000
    nanoUsd: 3_100_000,
    source: GEMINI_4,
    day: "2026-11-30",
  },
  {
    name: "Gemini 4 on the first day after it",
    model: "gemini-4-argon",
    usage: { inputTextTokens: 1_000, cacheReadTextTokens: 1_000, outputTextTokens: 100 },
    // 1,000 x 4,000 + 1,000 x 200 + 100 x 20,000
    nanoUsd: 6_200_000,
    source: GEMINI_4,
    day: "2026-12-01",
  },
  {
    name: "Gemini 4 Hydrogen",
    model: "gemini-4-hydrogen",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    // 1,000 x 1,500 + 100 x 7,500
    nanoUsd: 2_250_000,
    source: "github.com/BerriAI/litellm/discussions/51436, 2026-11",
  },
  {
    name: "3.8 Flash on the last day of its introductory price",
    model: "gemini-3.8-flash",
    usage: { inputTextTokens: 1_000 },
    // 1,000 x 750
    nanoUsd: 750_000,
    source: PRICING,
    day: "2026-12-31",
  },
  {
    name: "3.8 Flash on the first day after it",
    model: "gemini-3.8-flash",
    usage: { inputTextTokens: 1_000 },
    // 1,000 x 1,500
    nanoUsd: 1_500_000,
    source: PRICING,
    day: "2027-01-01",
  },
  {
    name: "a picture made by 2.5",
    model: "gemini-2.5-flash-image",
    usage: { inputTextTokens: 20, outputImageTokens: 1_290, outputTextTokens: 10 },
    // 20 x 300 = 6,000; 1,290 x 30,000 = 38,700,000; 10 x 2,500 = 25,000
    nanoUsd: 38_731_000,
    source: PRICING,
  },
  {
    name: "a picture made by 3 Pro, with thoughts",
    model: "gemini-3-pro-image-preview",
    usage: { inputTextTokens: 50, outputImageTokens: 1_120, reasoningTokens: 100 },
    // 50 x 2,000 = 100,000; 1,120 x 120,000 = 134,400,000; 100 x 12,000 = 1,200,000
    nanoUsd: 135_700_000,
    source: PRICING,
  },
  {
    name: "the same picture in a batch",
    model: "gemini-3-pro-image-preview",
    usage: { outputImageTokens: 1_120 },
    tier: "batch",
    // 134,400,000 / 2
    nanoUsd: 67_200_000,
    source: PRICING,
  },
  {
    name: "a picture made by Nano Banana 2.1",
    model: "gemini-nano-banana-2.1",
    usage: { inputTextTokens: 30, outputImageTokens: 1_120 },
    // 30 x 1,500 = 45,000; 1,120 x 30,000 = 33,600,000
    nanoUsd: 33_645_000,
    source: "github.com/BerriAI/litellm/discussions/44983, 2026-10",
  },
  {
    name: "a video made",
    model: "gemini-omni-flash-preview",
    usage: { inputTextTokens: 100, outputVideoTokens: 1_000 },
    // 100 x 1,500 = 150,000; 1,000 x 17,500 = 17,500,000
    nanoUsd: 17_650_000,
    source: PRICING,
  },
  {
    name: "speech",
    model: "gemini-3.8-flash-tts",
    usage: { inputTextTokens: 100, outputAudioTokens: 750 },
    // 100 x 500 = 50,000; 750 x 9,000 = 6,750,000
    nanoUsd: 6_800_000,
    source: "github.com/BerriAI/litellm/discussions/42776, 2026-10",
  },
  {
    name: "a grounded answer on 2.5",
    model: "gemini-2.5-flash",
    usage: { inputTextTokens: 1_000, webSearches: 1 },
    // 1,000 x 300 = 300,000; $35/1,000 = 35,000,000
    nanoUsd: 35_300_000,
    source: PRICING,
  },
  {
    name: "three search queries on 3.8",
    model: "gemini-3.8-flash",
    usage: { inputTextTokens: 1_000, webSearches: 3 },
    // 1,000 x 750 = 750,000; 3 x $14/1,000 = 42,000,000
    nanoUsd: 42_750_000,
    source: PRICING,
  },
  {
    name: "flex does not halve a search",
    model: "gemini-3.8-flash",
    usage: { inputTextTokens: 1_000, webSearches: 1 },
    tier: "flex",
    // 1,000 x 750 / 2 = 375,000; 14,000,000
    nanoUsd: 14_375_000,
    source: PRICING,
  },
  {
    name: "a map on 2.5",
    model: "gemini-2.5-pro",
    usage: { inputTextTokens: 1_000, mapGroundings: 1 },
    // 1,000 x 1,250 = 1,250,000; $25/1,000 = 25,000,000
    nanoUsd: 26_250_000,
    source: PRICING,
  },
  {
    name: "maps and searches on 3.5",
    model: "gemini-3.5-flash",
    usage: { inputTextTokens: 100, mapGroundings: 2, webSearches: 1 },
    // 100 x 1,500 = 150,000; 2 x 14,000,000 + 14,000,000
    nanoUsd: 42_150_000,
    source: PRICING,
  },
  {
    name: "an embedding",
    model: "gemini-embedding-001",
    usage: { inputTextTokens: 8_000 },
    // 8,000 x 150
    nanoUsd: 1_200_000,
    source: PRICING,
  },
  {
    name: "embeddings in a batch",
    model: "gemini-embedding-001",
    usage: { inputTextTokens: 8_000 },
    tier: "batch",
    // 1,200,000 / 2
    nanoUsd: 600_000,
    source: PRICING,
  },
  {
    name: "an embedding of four kinds",
    model: "gemini-embedding-2",
    usage: { inputTextTokens: 100, inputImageTokens: 258, inputAudioTokens: 320, inputVideoTokens: 66 },
    // 100 x 200 = 20,000; 258 x 450 = 116,100; 320 x 6,500 = 2,080,000; 66 x 12,000 = 792,000
    nanoUsd: 3_008_100,
    source: PRICING,
  },
  {
    name: "pictures by the piece",
    model: "imagen-4.0-generate-001",
    usage: { images: 4 },
    // 4 x $0.04
    nanoUsd: 160_000_000,
    source: PRICING,
  },
  {
    name: "a batch does not halve what is paid by the piece",
    model: "imagen-4.0-ultra-generate-001",
    usage: { images: 1 },
    tier: "batch",
    // 1 x $0.06
    nanoUsd: 60_000_000,
    source: PRICING,
  },
];

const prices = createPriceSource();

describe("Gemini, by hand", () => {
  it.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
    const { model, usage, tier, nanoUsd, source, day = "2026-11-20" } = row;
    const price = prices.priceOf("google", model, Date.parse(day));
    expect(price, `${model} has a price`).toBeDefined();
    expect(costNanoUsd(usage, price!, tier), source).toBe(nanoUsd);
  });
});
