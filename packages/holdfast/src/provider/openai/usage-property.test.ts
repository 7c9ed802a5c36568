import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { INPUT_TOKEN_BUCKETS, OUTPUT_TOKEN_BUCKETS, USAGE_BUCKETS } from "@holdfast/prices";
import { inputTokensOf, outputTokensOf } from "../../usage/usage.ts";
import type { UsageReading } from "../usage/usage-reading.ts";
import { readBareUsage, readUsage } from "../usage/openai-usage.ts";

const BUCKETS: ReadonlySet<string> = new Set(USAGE_BUCKETS);

function expectSound(reading: UsageReading): void {
  if (reading.kind !== "usage") return;
  for (const [bucket, amount] of Object.entries(reading.usage)) {
    expect(BUCKETS.has(bucket)).toBe(true);
    expect(Number.isSafeInteger(amount) && amount >= 0).toBe(true);
  }
}

describe("any usage", () => {
  const tokens = fc.integer({ min: 0, max: 1_000_000 });
  /** Parts of a total, and how much of each part was cached or written: consistent by construction. */
  const consistent = fc
    .record({
      text: tokens,
      audio: tokens,
      image: tokens,
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      rest: fc.double({ min: 0, max: 1, noNaN: true }),
      long: fc.double({ min: 0, max: 1, noNaN: true }),
      out: fc.tuple(tokens, tokens, tokens, tokens, tokens),
      kinds: fc.boolean(),
      total: fc.boolean(),
    })
    .map(({ text, audio, image, share, rest, long, out, kinds, total }) => {
      const input = text + audio + image;
      const cachedAudio = Math.floor(audio * share);
      const cachedImage = Math.floor(image * share);
      const cached = cachedAudio + cachedImage + Math.floor(text * share);
      const write = Math.floor((input - cached) * rest);
      const [visible, reasoning, rejected, speech, picture] = out;
      const output = visible + reasoning + rejected + speech + picture;
      return {
        input,
        output,
        total: total ? { total_tokens: input + output } : {},
        inputDetails: {
          audio_tokens: audio,
          image_tokens: image,
          cached_tokens: cached,
          cache_write_tokens: write,
          cache_write_tokens_details: { ttl_12h_tokens: Math.floor(write * long) },
          ...(kinds
            ? {
                text_tokens: text,
                cached_tokens_details: { audio_tokens: cachedAudio, image_tokens: cachedImage },
              }
            : {}),
        },
        outputDetails: {
          reasoning_tokens: reasoning,
          rejected_prediction_tokens: rejected,
          audio_tokens: speech,
          image_tokens: picture,
        },
      };
    });

  it.each([
    ["chat", "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"],
    ["responses", "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"],
    ["transcription", "input_tokens", "output_tokens", "input_token_details", "output_token_details"],
  ])(
    "%s: the buckets are disjoint and sum to the provider's totals",
    (_, input, output, inputDetails, outputDetails) => {
      fc.assert(
        fc.property(consistent, (given) => {
          const reading = readBareUsage({
            [input]: given.input,
            [output]: given.output,
            [inputDetails]: given.inputDetails,
            [outputDetails]: given.outputDetails,
            ...given.total,
          });
          expect(reading.kind).toBe("usage");
          const usage = reading.kind === "usage" ? reading.usage : {};
          expectSound(reading);
          expect([inputTokensOf(usage), outputTokensOf(usage)]).toEqual([given.input, given.output]);
          const tokenBuckets = [...INPUT_TOKEN_BUCKETS, ...OUTPUT_TOKEN_BUCKETS];
          expect(Object.keys(usage).every((bucket) => tokenBuckets.includes(bucket as never))).toBe(true);
          const read =
            (usage.cacheReadTextTokens ?? 0) +
            (usage.cacheReadAudioTokens ?? 0) +
            (usage.cacheReadImageTokens ?? 0);
          expect(read).toBe(given.inputDetails.cached_tokens);
          expect((usage.cacheWriteTokens ?? 0) + (usage.cacheWriteLongTokens ?? 0)).toBe(
            given.inputDetails.cache_write_tokens,
          );
        }),
        { numRuns: 300 },
      );
    },
  );

  it("made of arbitrary counts is consistent or invalid, never thrown, never negative", () => {
    const field = fc.constantFrom(
      "prompt_tokens",
      "completion_tokens",
      "input_tokens",
      "output_tokens",
      "total_tokens",
      "seconds",
      "type",
      "prompt_tokens_details",
      "input_tokens_details",
      "input_token_details",
      "completion_tokens_details",
      "output_tokens_details",
    );
    const detail = fc.dictionary(
      fc.constantFrom(
        "cached_tokens",
        "cache_write_tokens",
        "audio_tokens",
        "image_tokens",
        "text_tokens",
        "reasoning_tokens",
        "rejected_prediction_tokens",
      ),
      fc.oneof(fc.integer({ min: -2, max: 20 }), fc.constantFrom(null, "5", 1.5, 2 ** 60)),
    );
    fc.assert(
      fc.property(
        fc.dictionary(
          field,
          fc.oneof(fc.integer({ min: -2, max: 20 }), detail, fc.constantFrom("duration", "tokens")),
        ),
        (usage) => {
          const reading = readUsage({ usage });
          expectSound(reading);
          if (reading.kind !== "usage" || reading.usage.audioMs !== undefined) return;
          const chatLike = usage["prompt_tokens"] !== undefined || usage["completion_tokens"] !== undefined;
          expect(inputTokensOf(reading.usage)).toBe(usage[chatLike ? "prompt_tokens" : "input_tokens"]);
          expect(outputTokensOf(reading.usage)).toBe(
            usage[chatLike ? "completion_tokens" : "output_tokens"] ?? 0,
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("made of arbitrary JSON is answered", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.dictionary(fc.constantFrom("usage", "tool_usage", "output"), fc.jsonValue()),
        (json, body) => {
          for (const reading of [readUsage(json), readUsage(body), readBareUsage(json)]) expectSound(reading);
        },
      ),
    );
  });
});
