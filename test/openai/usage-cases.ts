/** @module One call per endpoint, what the provider bills for it, and the record that has to come of it. */
import { createPriceSource } from "@holdfast/prices";
import type { ProviderStep, Quantities } from "@holdfast/testkit/provider-server";
import type { Usage, UsageRecord } from "holdfast";
import { expect } from "vitest";
import { collect, MODEL } from "./harness.ts";
import type { OpenAI } from "./harness.ts";

type Call = (client: OpenAI) => PromiseLike<unknown>;

const overrides = [
  {
    provider: "openai",
    model: MODEL,
    inputUsdPerMillion: "1",
    outputUsdPerMillion: "4",
    maxOutputTokens: 100,
  },
  { provider: "openai", model: "speak-chars", charactersUsdPerMillion: "15" },
  { provider: "openai", model: "listen-time", audioUsdPerHour: "0.36" },
  {
    provider: "openai",
    model: "listen-tokens",
    inputUsdPerMillion: "2",
    inputAudioUsdPerMillion: "6",
    outputUsdPerMillion: "10",
    contextWindowTokens: 16_000,
    maxOutputTokens: 2_000,
  },
  {
    provider: "openai",
    model: "draw",
    inputUsdPerMillion: "5",
    inputImageUsdPerMillion: "10",
    outputUsdPerMillion: "40",
  },
  { provider: "openai", model: "embed", inputUsdPerMillion: "0.02", contextWindowTokens: 8_192 },
  {
    provider: "openai",
    model: "think",
    inputUsdPerMillion: "1",
    cacheReadUsdPerMillion: "0.1",
    cacheWriteUsdPerMillion: "1.25",
    outputUsdPerMillion: "8",
    reasoningUsdPerMillion: "9",
    webSearchUsdPerThousand: "10",
    contextWindowTokens: 128_000,
    maxOutputTokens: 16_000,
    serviceTiers: { flex: { numerator: 1, denominator: 2 }, priority: { numerator: 5, denominator: 3 } },
  },
  {
    provider: "openai",
    model: "think-2026-01-01",
    inputUsdPerMillion: "2",
    outputUsdPerMillion: "16",
    contextWindowTokens: 128_000,
    maxOutputTokens: 16_000,
  },
] as const;

/** Read once: it takes a while. */
export const config = { prices: { source: createPriceSource({ overrides }) } };

export interface Expected {
  readonly call: Call;
  readonly bills?: Quantities;
  readonly step?: ProviderStep;
  readonly record: Partial<Omit<UsageRecord, "usage">>;
  readonly usage: Usage;
}

export const file = (): File => new File([new Uint8Array(8_000)], "a.wav");
export const think = {
  model: "think",
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "Hi" }],
};
const thinkResponse = { model: "think", max_output_tokens: 100, input: "Hi" };

export const cases: Readonly<Record<string, Expected>> = {
  "chat, with cache and reasoning": {
    call: (client) => client.chat.completions.create(think),
    bills: {
      inputTokens: 1_000,
      cachedInputTokens: 300,
      cacheWriteTokens: 200,
      outputTokens: 80,
      reasoningTokens: 30,
    },
    usage: {
      inputTextTokens: 500,
      cacheReadTextTokens: 300,
      cacheWriteTokens: 200,
      outputTextTokens: 50,
      reasoningTokens: 30,
    },
    record: {
      endpoint: "chat.completions",
      inputTokens: 1_000,
      outputTokens: 80,
      // 500 x 1,000 + 300 x 100 + 200 x 1,250 + 50 x 8,000 + 30 x 9,000
      costNanoUsd: 500_000 + 30_000 + 250_000 + 400_000 + 270_000,
    },
  },
  "chat, flex asked and served": {
    call: (client) => client.chat.completions.create({ ...think, service_tier: "flex" }),
    bills: { inputTokens: 11, outputTokens: 3 },
    usage: { inputTextTokens: 11, outputTextTokens: 3 },
    record: {
      requestedServiceTier: "flex",
      servedServiceTier: "flex",
      costNanoUsd: (11 * 1_000 + 3 * 8_000) / 2,
    },
  },
  "chat, flex asked and served at the default": {
    call: (client) => client.chat.completions.create({ ...think, service_tier: "flex" }),
    bills: { inputTokens: 11, outputTokens: 3 },
    step: { serviceTier: "default" },
    usage: { inputTextTokens: 11, outputTextTokens: 3 },
    record: { requestedServiceTier: "flex", servedServiceTier: "default", costNanoUsd: 35_000 },
  },
  "chat, priority by the account, rounded up once": {
    call: (client) => client.chat.completions.create({ ...think, service_tier: "auto" }),
    bills: { inputTokens: 11, outputTokens: 3 },
    step: { serviceTier: "priority" },
    usage: { inputTextTokens: 11, outputTextTokens: 3 },
    // 35,000 x 5 / 3
    record: { requestedServiceTier: null, servedServiceTier: "priority", costNanoUsd: 58_334 },
  },
  "chat stream, priority in the chunks": {
    call: async (client) => collect(await client.chat.completions.create({ ...think, stream: true })),
    bills: { inputTokens: 11, outputTokens: 3 },
    step: { serviceTier: "priority" },
    usage: { inputTextTokens: 11, outputTextTokens: 3 },
    record: { stream: true, servedServiceTier: "priority", costNanoUsd: 58_334 },
  },
  "responses, with cache and reasoning": {
    call: (client) => client.responses.create(thinkResponse),
    bills: { inputTokens: 1_000, cachedInputTokens: 300, outputTokens: 80, reasoningTokens: 30 },
    usage: { inputTextTokens: 700, cacheReadTextTokens: 300, outputTextTokens: 50, reasoningTokens: 30 },
    record: { endpoint: "responses", inputTokens: 1_000, costNanoUsd: 700_000 + 30_000 + 400_000 + 270_000 },
  },
  "responses, with billed searches": {
    call: (client) => client.responses.create({ ...thinkResponse, tools: [{ type: "web_search" }] } as never),
    bills: { inputTokens: 100, outputTokens: 10, webSearchRequests: 2 },
    usage: { inputTextTokens: 100, outputTextTokens: 10, webSearches: 2 },
    record: { costNanoUsd: 100_000 + 80_000 + 2 * 10_000_000 },
  },
  "legacy completions": {
    call: (client) => client.completions.create({ model: MODEL, prompt: "Say", max_tokens: 20 }),
    bills: { inputTokens: 2, outputTokens: 20 },
    usage: { inputTextTokens: 2, outputTextTokens: 20 },
    record: { endpoint: "completions", costNanoUsd: 2_000 + 80_000, servedModel: MODEL },
  },
  embeddings: {
    call: (client) => client.embeddings.create({ model: "embed", input: ["a", "b"] }),
    bills: { inputTokens: 7 },
    usage: { inputTextTokens: 7 },
    record: { endpoint: "embeddings", outputTokens: 0, costNanoUsd: 140 },
  },
  "images, text and image input": {
    call: (client) => client.images.generate({ model: "draw", prompt: "A cat" }),
    bills: { inputTokens: 60, inputTextTokens: 20, inputImageTokens: 40, outputTokens: 272 },
    usage: { inputTextTokens: 20, inputImageTokens: 40, outputImageTokens: 272 },
    record: { endpoint: "images.generations", costNanoUsd: 20 * 5_000 + 40 * 10_000 + 272 * 40_000 },
  },
  "transcription by tokens": {
    call: (client) => client.audio.transcriptions.create({ model: "listen-tokens", file: file() }),
    bills: { inputTokens: 110, inputTextTokens: 10, inputAudioTokens: 100, outputTokens: 8 },
    usage: { inputTextTokens: 10, inputAudioTokens: 100, outputTextTokens: 8 },
    record: { endpoint: "audio.transcriptions", costNanoUsd: 20_000 + 600_000 + 80_000 },
  },
  "transcription by tokens, streamed": {
    call: async (client) =>
      collect(
        await client.audio.transcriptions.create({ model: "listen-tokens", file: file(), stream: true }),
      ),
    bills: { inputTokens: 110, inputTextTokens: 10, inputAudioTokens: 100, outputTokens: 8 },
    usage: { inputTextTokens: 10, inputAudioTokens: 100, outputTextTokens: 8 },
    record: { endpoint: "audio.transcriptions", stream: true, costNanoUsd: 700_000 },
  },
  "transcription by duration": {
    call: (client) =>
      client.audio.transcriptions.create({
        model: "listen-time",
        file: file(),
        response_format: "verbose_json",
      }),
    bills: { audioSeconds: 12.5 },
    usage: { audioMs: 12_500 },
    // 0.36 USD an hour are 100 nano-USD a millisecond.
    record: { endpoint: "audio.transcriptions", costNanoUsd: 1_250_000 },
  },
  "moderations are free, and are recorded": {
    call: (client) => client.moderations.create({ input: "Hi" }),
    usage: {},
    record: { endpoint: "moderations", usageSource: "estimated", costNanoUsd: 0 },
  },
  "speech by characters": {
    call: async (client) =>
      (
        await client.audio.speech.create({ model: "speak-chars", voice: "alloy", input: "Grüße 😀" })
      ).arrayBuffer(),
    usage: expect.objectContaining({ characters: 7 }) as Usage,
    record: { endpoint: "audio.speech", usageSource: "estimated", costNanoUsd: 7 * 15_000 },
  },
};
