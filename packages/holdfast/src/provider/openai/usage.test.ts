import { describe, expect, it } from "vitest";
import { inputTokensOf, outputTokensOf, type Usage } from "../../usage/usage.ts";
import type { UsageReading } from "../usage/usage-reading.ts";
import { readBareUsage, readUsage } from "../usage/openai-usage.ts";

const used = (usage: Usage): UsageReading => ({ kind: "usage", usage });

describe("every field of the SDK's types", () => {
  it.each<[string, object, Usage]>([
    [
      "chat",
      { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
      { inputTextTokens: 10, outputTextTokens: 5 },
    ],
    ["chat, explicit zeros", { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, {}],
    [
      "chat, nulls for details",
      {
        prompt_tokens: 1,
        completion_tokens: 1,
        total_tokens: 2,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      { inputTextTokens: 1, outputTextTokens: 1 },
    ],
    [
      "chat, cached",
      {
        prompt_tokens: 10,
        completion_tokens: 0,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 4 },
      },
      { inputTextTokens: 6, cacheReadTextTokens: 4 },
    ],
    [
      "chat, cache writes",
      {
        prompt_tokens: 10,
        completion_tokens: 0,
        prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 5 },
      },
      { inputTextTokens: 1, cacheReadTextTokens: 4, cacheWriteTokens: 5 },
    ],
    [
      "chat, audio and images in",
      {
        prompt_tokens: 10,
        completion_tokens: 0,
        prompt_tokens_details: { text_tokens: 4, audio_tokens: 3, image_tokens: 3 },
      },
      { inputTextTokens: 4, inputAudioTokens: 3, inputImageTokens: 3 },
    ],
    [
      "chat, reasoning and audio out",
      {
        prompt_tokens: 0,
        completion_tokens: 10,
        completion_tokens_details: { reasoning_tokens: 6, audio_tokens: 3, text_tokens: 1 },
      },
      { outputTextTokens: 1, reasoningTokens: 6, outputAudioTokens: 3 },
    ],
    [
      "chat, predictions: accepted ones are output, rejected ones are hidden output",
      {
        prompt_tokens: 0,
        completion_tokens: 10,
        completion_tokens_details: { accepted_prediction_tokens: 3, rejected_prediction_tokens: 4 },
      },
      { outputTextTokens: 6, reasoningTokens: 4 },
    ],
    [
      "responses",
      {
        input_tokens: 20,
        input_tokens_details: {
          cached_tokens: 5,
          cache_write_tokens: 8,
          cache_write_tokens_details: { ttl_12h_tokens: 3, ttl_30m_tokens: 5 },
        },
        output_tokens: 10,
        output_tokens_details: { reasoning_tokens: 7 },
        total_tokens: 30,
      },
      {
        inputTextTokens: 7,
        cacheReadTextTokens: 5,
        cacheWriteTokens: 5,
        cacheWriteLongTokens: 3,
        outputTextTokens: 3,
        reasoningTokens: 7,
      },
    ],
    ["embeddings", { prompt_tokens: 9, total_tokens: 9 }, { inputTextTokens: 9 }],
    [
      "images",
      {
        input_tokens: 50,
        input_tokens_details: { text_tokens: 10, image_tokens: 40 },
        output_tokens: 1_056,
        output_tokens_details: { image_tokens: 1_056, text_tokens: 0 },
        total_tokens: 1_106,
      },
      { inputTextTokens: 10, inputImageTokens: 40, outputImageTokens: 1_056 },
    ],
    [
      "transcription by tokens",
      {
        type: "tokens",
        input_tokens: 14,
        input_token_details: { audio_tokens: 14, text_tokens: 0 },
        output_tokens: 45,
        total_tokens: 59,
      },
      { inputAudioTokens: 14, outputTextTokens: 45 },
    ],
    ["transcription by time", { type: "duration", seconds: 9 }, { audioMs: 9_000 }],
    ["transcription by time, rounded up", { type: "duration", seconds: 0.0001 }, { audioMs: 1 }],
    ["time without its type", { seconds: 2 }, { audioMs: 2_000 }],
    [
      "cached audio of which the kind is stated (realtime)",
      {
        input_tokens: 10,
        output_tokens: 0,
        input_token_details: {
          audio_tokens: 6,
          cached_tokens: 5,
          cached_tokens_details: { audio_tokens: 4, text_tokens: 1 },
        },
      },
      { inputTextTokens: 3, inputAudioTokens: 2, cacheReadTextTokens: 1, cacheReadAudioTokens: 4 },
    ],
    [
      "cached tokens beyond the text are images, then audio",
      {
        input_tokens: 10,
        output_tokens: 0,
        input_tokens_details: { audio_tokens: 4, image_tokens: 4, cached_tokens: 7 },
      },
      { cacheReadTextTokens: 2, cacheReadImageTokens: 4, cacheReadAudioTokens: 1, inputAudioTokens: 3 },
    ],
    [
      "fields that are not known yet",
      { prompt_tokens: 1, completion_tokens: 2, surprise_tokens: 9 },
      { inputTextTokens: 1, outputTextTokens: 2 },
    ],
  ])("%s", (_, usage, expected) => {
    expect(readBareUsage(usage)).toEqual(used(expected));
    expect(readUsage({ usage })).toEqual(used(expected));
  });

  it.each<[string, object, Usage]>([
    ["searches by count", { tool_usage: { web_search: { num_requests: 3 } } }, { webSearches: 3 }],
    [
      "no searches, stated",
      { tool_usage: { web_search: { num_requests: 0 } }, output: [{ type: "web_search_call" }] },
      {},
    ],
    [
      "searches by their calls",
      { output: [{ type: "web_search_call" }, { type: "message" }, { type: "web_search_call" }] },
      { webSearches: 2 },
    ],
    ["file searches", { output: [{ type: "file_search_call" }, null, 7] }, { fileSearches: 1 }],
    [
      "image generation, apart from the usage",
      {
        tool_usage: {
          image_gen: {
            input_tokens: 5,
            input_tokens_details: { image_tokens: 5, text_tokens: 0 },
            output_tokens: 7,
            output_tokens_details: { image_tokens: 7, text_tokens: 0 },
            total_tokens: 12,
          },
        },
      },
      { inputImageTokens: 5, outputImageTokens: 7 },
    ],
  ])("the provider's own tools: %s", (_, body, fees) => {
    const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
    expect(readUsage({ usage, ...body })).toEqual(
      used({ inputTextTokens: 10, outputTextTokens: 5, ...fees }),
    );
  });

  it("SVG authoring, reported apart from the rendering, is not lost", () => {
    const reading = readUsage({
      usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
      svg_usage: {
        model: "gpt-5",
        input_tokens: 100,
        output_tokens: 60,
        reasoning_tokens: 20,
        total_tokens: 160,
      },
    });
    // It is another model's bill: either it is counted, or the usage is not the whole truth.
    const counted =
      reading.kind === "usage" &&
      inputTokensOf(reading.usage) === 110 &&
      outputTokensOf(reading.usage) === 65;
    expect(counted || reading.kind === "invalid").toBe(true);
  });
});
