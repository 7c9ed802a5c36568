/**
 * @module What Anthropic and its resellers bill, worked out by hand: per row the usage, the tier, and the cost in
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
  readonly provider: string;
  readonly model: string;
  readonly usage: Usage;
  /** @default "default" */
  readonly tier?: string;
  readonly nanoUsd: number;
  readonly source: string;
  /** The day that the price is of. @default 2026-11-20 */
  readonly day?: string;
}

const PRICING = "platform.claude.com/docs/en/about-claude/pricing, 2026-11";
const HAIKU_5_5 = "platform.claude.com/docs/en/models/haiku-5-5/overview, 2026-10";
const SONNET_5_5 = "github.com/kurofune/claudit/releases/tag/v1.9.2 (the pricing page of 2026-10-24)";
const FAST = "platform.claude.com/docs/en/build-with-claude/fast-mode, 2026-11, and as in service-tiers.ts";
const GEOGRAPHY = "platform.claude.com/docs/en/build-with-claude/data-residency, 2026-11";
const BEDROCK = "aws.amazon.com/bedrock/pricing, by way of genai-prices 0.1.8, 2026-09";
const VERTEX = "cloud.google.com/vertex-ai/generative-ai/pricing#claude-models, 2026-11";

const rows: readonly Row[] = [
  {
    name: "input and output",
    provider: "anthropic",
    model: "claude-opus-5-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    // 1,000 x $4/M = 4,000,000; 500 x $20/M = 10,000,000
    nanoUsd: 14_000_000,
    source: PRICING,
  },
  {
    name: "every kind of cache",
    provider: "anthropic",
    model: "claude-opus-4-8",
    usage: {
      inputTextTokens: 1_000,
      cacheWriteTokens: 2_000,
      cacheWriteLongTokens: 3_000,
      cacheReadTextTokens: 10_000,
      outputTextTokens: 400,
    },
    // 1,000 x 5,000 = 5,000,000; 5 min: 2,000 x 6,250 = 12,500,000; 1 h: 3,000 x 10,000 = 30,000,000;
    // read: 10,000 x 500 = 5,000,000; 400 x 25,000 = 10,000,000
    nanoUsd: 62_500_000,
    source: PRICING,
  },
  {
    name: "caches and searches",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    usage: {
      inputTextTokens: 1_000,
      cacheWriteTokens: 3_000,
      cacheWriteLongTokens: 2_000,
      cacheReadTextTokens: 10_000,
      outputTextTokens: 800,
      webSearches: 3,
    },
    // 1,000 x 3,000 = 3,000,000; 3,000 x 3,750 = 11,250,000; 2,000 x 6,000 = 12,000,000;
    // 10,000 x 300 = 3,000,000; 800 x 15,000 = 12,000,000; 3 x $10/1,000 = 30,000,000
    nanoUsd: 71_250_000,
    source: PRICING,
  },
  {
    name: "thinking at the price of output",
    provider: "anthropic",
    model: "claude-sonnet-5-5",
    usage: { inputTextTokens: 200, outputTextTokens: 100, reasoningTokens: 4_000 },
    // 200 x 2,000 = 400,000; 100 x 10,000 = 1,000,000; 4,000 x 10,000 = 40,000,000
    nanoUsd: 41_400_000,
    source: PRICING,
  },
  {
    name: "a cache read on the day before its price cut",
    provider: "anthropic",
    model: "claude-sonnet-5-5",
    usage: { cacheReadTextTokens: 10_000 },
    // 10,000 x 200
    nanoUsd: 2_000_000,
    source: SONNET_5_5,
    day: "2026-10-06",
  },
  {
    name: "a cache read on the day of its price cut",
    provider: "anthropic",
    model: "claude-sonnet-5-5",
    usage: { cacheReadTextTokens: 10_000 },
    // 10,000 x 100
    nanoUsd: 1_000_000,
    source: SONNET_5_5,
    day: "2026-10-07",
  },
  {
    name: "a cache read at 1/40 of the input",
    provider: "anthropic",
    model: "claude-mythos-5-1",
    usage: { inputTextTokens: 100, cacheReadTextTokens: 10_000, outputTextTokens: 10 },
    // 100 x 10,000 = 1,000,000; 10,000 x 250 = 2,500,000; 10 x 50,000 = 500,000
    nanoUsd: 4_000_000,
    source: PRICING,
  },
  {
    name: "200,000 tokens, the short list",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    usage: { inputTextTokens: 200_000, outputTextTokens: 10 },
    // 200,000 x 3,000 = 600,000,000; 10 x 15,000 = 150,000
    nanoUsd: 600_150_000,
    source: PRICING,
  },
  {
    name: "200,001 tokens, the long list",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    usage: { inputTextTokens: 200_001, outputTextTokens: 10 },
    // 200,001 x 6,000 = 1,200,006,000; 10 x 22,500 = 225,000
    nanoUsd: 1_200_231_000,
    source: PRICING,
  },
  {
    name: "cached tokens count towards the long list",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    usage: { inputTextTokens: 1, cacheReadTextTokens: 200_000 },
    // 1 x 6,000; 200,000 x 600 = 120,000,000
    nanoUsd: 120_006_000,
    source: PRICING,
  },
  {
    name: "a long context before it was one price",
    provider: "anthropic",
    model: "claude-opus-4-6",
    usage: { inputTextTokens: 200_001 },
    // 200,001 x 10,000
    nanoUsd: 2_000_010_000,
    source: PRICING,
    day: "2026-03-12",
  },
  {
    name: "a long context since it is one price",
    provider: "anthropic",
    model: "claude-opus-4-6",
    usage: { inputTextTokens: 200_001 },
    // 200,001 x 5,000
    nanoUsd: 1_000_005_000,
    source: PRICING,
    day: "2026-03-13",
  },
  {
    name: "Haiku 5.5 up to 100,000 tokens",
    provider: "anthropic",
    model: "claude-haiku-5-5",
    usage: { inputTextTokens: 100_000, outputTextTokens: 100 },
    // 100,000 x 100 = 10,000,000; 100 x 500 = 50,000
    nanoUsd: 10_050_000,
    source: HAIKU_5_5,
  },
  {
    name: "Haiku 5.5 above 100,000 tokens",
    provider: "anthropic",
    model: "claude-haiku-5-5",
    usage: { inputTextTokens: 100_001, outputTextTokens: 100 },
    // 100,001 x 500 = 50,000,500; 100 x 2,500 = 250,000
    nanoUsd: 50_250_500,
    source: HAIKU_5_5,
  },
  {
    name: "Haiku 5.5 at 100,000 tokens of all kinds",
    provider: "anthropic",
    model: "claude-haiku-5-5",
    usage: {
      inputTextTokens: 50_000,
      cacheWriteTokens: 20_000,
      cacheWriteLongTokens: 10_000,
      cacheReadTextTokens: 20_000,
    },
    // 50,000 x 100 = 5,000,000; 20,000 x 125 = 2,500,000;
    // 10,000 x 200 = 2,000,000; 20,000 x 10 = 200,000
    nanoUsd: 9_700_000,
    source: HAIKU_5_5,
  },
  {
    name: "Haiku 5.5 at 100,001 tokens of all kinds",
    provider: "anthropic",
    model: "claude-haiku-5-5",
    usage: {
      inputTextTokens: 50_000,
      cacheWriteTokens: 20_000,
      cacheWriteLongTokens: 10_000,
      cacheReadTextTokens: 20_001,
    },
    // 50,000 x 500 = 25,000,000; 20,000 x 625 = 12,500,000;
    // 10,000 x 1,000 = 10,000,000; 20,001 x 50 = 1,000,050
    nanoUsd: 48_500_050,
    source: HAIKU_5_5,
  },
  {
    name: "a batch is half",
    provider: "anthropic",
    model: "claude-opus-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    tier: "batch",
    // (1,000 x 5,000 = 5,000,000 + 500 x 25,000 = 12,500,000) / 2
    nanoUsd: 8_750_000,
    source: PRICING,
  },
  {
    name: "a batch halves its caches too, not its search",
    provider: "anthropic",
    model: "claude-haiku-4-5",
    usage: {
      inputTextTokens: 1_000,
      cacheReadTextTokens: 4_000,
      cacheWriteLongTokens: 500,
      outputTextTokens: 200,
      webSearches: 1,
    },
    tier: "batch",
    // (1,000 x 1,000 + 4,000 x 100 + 500 x 2,000 + 200 x 5,000 = 3,400,000) / 2 = 1,700,000;
    // $10/1,000 = 10,000,000
    nanoUsd: 11_700_000,
    source: PRICING,
  },
  {
    name: "a long batch",
    provider: "anthropic",
    model: "claude-haiku-5-5",
    usage: { inputTextTokens: 200_000 },
    tier: "batch",
    // 200,000 x 500 / 2
    nanoUsd: 50_000_000,
    source: HAIKU_5_5,
  },
  {
    name: "fast on Opus 5.5 is twice, caches included",
    provider: "anthropic",
    model: "claude-opus-5-5",
    usage: { inputTextTokens: 1_000, cacheReadTextTokens: 2_000, outputTextTokens: 500 },
    tier: "fast",
    // (1,000 x 4,000 + 2,000 x 200 + 500 x 20,000 = 14,400,000) x 2
    nanoUsd: 28_800_000,
    source: FAST,
  },
  {
    name: "fast on Opus 4.7 is six times",
    provider: "anthropic",
    model: "claude-opus-4-7",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    tier: "fast",
    // (1,000 x 5,000 + 100 x 25,000 = 7,500,000) x 6
    nanoUsd: 45_000_000,
    source: FAST,
  },
  {
    name: "fast on Opus 4.8 is twice",
    provider: "anthropic",
    model: "claude-opus-4-8",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    tier: "fast",
    // 7,500,000 x 2
    nanoUsd: 15_000_000,
    source: FAST,
  },
  {
    name: "fast on Fable 5.2 is twice",
    provider: "anthropic",
    model: "claude-fable-5-2",
    usage: { inputTextTokens: 1_000, cacheWriteLongTokens: 1_000, outputTextTokens: 100 },
    tier: "fast",
    // (1,000 x 8,000 + 1,000 x 16,000 + 100 x 40,000 = 28,000,000) x 2
    nanoUsd: 56_000_000,
    source: FAST,
  },
  {
    name: "in the US",
    provider: "anthropic",
    model: "claude-opus-5-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    tier: "us",
    // 14,000,000 x 1.1
    nanoUsd: 15_400_000,
    source: GEOGRAPHY,
  },
  {
    name: "in the US, half a nano-USD is rounded up",
    provider: "anthropic",
    model: "claude-haiku-5-5",
    usage: { cacheWriteTokens: 1 },
    tier: "us",
    // 1 x 125 x 1.1 = 137.5
    nanoUsd: 138,
    source: GEOGRAPHY,
  },
  {
    name: "in the US, a model before 4.6 costs the same",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    usage: { inputTextTokens: 1_000 },
    tier: "us",
    // 1,000 x 3,000
    nanoUsd: 3_000_000,
    source: GEOGRAPHY,
  },
  {
    name: "a batch in the US",
    provider: "anthropic",
    model: "claude-opus-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    tier: "us+batch",
    // 17,500,000 x 1.1 / 2
    nanoUsd: 9_625_000,
    source: GEOGRAPHY,
  },
  {
    name: "fast in the US, searches at their price",
    provider: "anthropic",
    model: "claude-opus-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500, webSearches: 2 },
    tier: "us+fast",
    // 17,500,000 x 2 x 1.1 = 38,500,000; 2 x 10,000,000
    nanoUsd: 58_500_000,
    source: GEOGRAPHY,
  },
  {
    name: "priority at the list price",
    provider: "anthropic",
    model: "claude-sonnet-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    tier: "priority",
    // 1,000 x 2,000 + 100 x 10,000
    nanoUsd: 3_000_000,
    source: PRICING,
  },
  {
    name: "priority in the US",
    provider: "anthropic",
    model: "claude-sonnet-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    tier: "us+priority",
    // 3,000,000 x 1.1
    nanoUsd: 3_300_000,
    source: GEOGRAPHY,
  },
  {
    name: "Bedrock, a geography, an hour in the cache",
    provider: "aws",
    model: "us.anthropic.claude-opus-4-8",
    usage: { inputTextTokens: 1_000, cacheWriteLongTokens: 1_000, outputTextTokens: 100 },
    // 1,000 x 5,500 = 5,500,000; 1,000 x 11,000 = 11,000,000; 100 x 27,500 = 2,750,000
    nanoUsd: 19_250_000,
    source: BEDROCK,
  },
  {
    name: "Bedrock, global",
    provider: "aws",
    model: "global.anthropic.claude-haiku-5-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    // 1,000 x 100 + 100 x 500
    nanoUsd: 150_000,
    source: BEDROCK,
  },
  {
    name: "Google Cloud, a region",
    provider: "google",
    model: "claude-opus-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 500 },
    tier: "regional",
    // 17,500,000 x 1.1
    nanoUsd: 19_250_000,
    source: VERTEX,
  },
  {
    name: "Google Cloud, a search",
    provider: "google",
    model: "claude-opus-4-8",
    usage: { inputTextTokens: 1_000, webSearches: 1 },
    // 1,000 x 5,000; $10/1,000 = 10,000,000
    nanoUsd: 15_000_000,
    source: VERTEX,
  },
  {
    name: "Foundry",
    provider: "azure",
    model: "claude-sonnet-5-5",
    usage: { inputTextTokens: 1_000, outputTextTokens: 100 },
    // 1,000 x 2,000 + 100 x 10,000
    nanoUsd: 3_000_000,
    source: PRICING,
  },
];

const prices = createPriceSource();

describe("Claude, by hand", () => {
  it.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
    const { provider, model, usage, tier, nanoUsd, source, day = "2026-11-20" } = row;
    const price = prices.priceOf(provider, model, Date.parse(day));
    expect(price, `${model} has a price`).toBeDefined();
    expect(costNanoUsd(usage, price!, tier), source).toBe(nanoUsd);
  });
});
