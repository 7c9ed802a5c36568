import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { USAGE_BUCKETS } from "@holdfast/prices";
import { inputTokensOf, outputTokensOf, type Usage } from "../../usage/usage.ts";
import type { UsageReading } from "../usage/usage-reading.ts";
import { Grounding } from "./grounding.ts";
import { readCount } from "./exact-count.ts";
import { tierOf } from "./served.ts";
import { readUsageMetadata } from "../usage/google-usage.ts";
import { readInteractionUsage } from "./usage-interaction.ts";

const count = (modality: string, tokenCount: number): object => ({ modality, tokenCount });

describe("usageMetadata", () => {
  it.each<[string, object, Usage]>([
    [
      "text",
      { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
      { inputTextTokens: 10, outputTextTokens: 5 },
    ],
    ["no output", { promptTokenCount: 10, totalTokenCount: 10 }, { inputTextTokens: 10 }],
    ["no total", { promptTokenCount: 10 }, { inputTextTokens: 10 }],
    [
      "thoughts beside the output",
      { promptTokenCount: 10, candidatesTokenCount: 5, thoughtsTokenCount: 7, totalTokenCount: 22 },
      { inputTextTokens: 10, outputTextTokens: 5, reasoningTokens: 7 },
    ],
    [
      "what tools put into the prompt",
      { promptTokenCount: 10, toolUsePromptTokenCount: 30, candidatesTokenCount: 5, totalTokenCount: 45 },
      { inputTextTokens: 40, outputTextTokens: 5 },
    ],
    [
      "tools' pictures",
      {
        promptTokenCount: 10,
        toolUsePromptTokenCount: 30,
        toolUsePromptTokensDetails: [count("IMAGE", 20)],
        totalTokenCount: 40,
      },
      { inputTextTokens: 20, inputImageTokens: 20 },
    ],
    [
      "the cache is part of the prompt",
      { promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 5, totalTokenCount: 105 },
      { inputTextTokens: 40, cacheReadTextTokens: 60, outputTextTokens: 5 },
    ],
    [
      "modalities of the prompt",
      {
        promptTokenCount: 100,
        promptTokensDetails: [
          count("TEXT", 10),
          count("IMAGE", 20),
          count("DOCUMENT", 5),
          count("VIDEO", 30),
          count("AUDIO", 35),
        ],
        totalTokenCount: 100,
      },
      { inputTextTokens: 10, inputImageTokens: 25, inputVideoTokens: 30, inputAudioTokens: 35 },
    ],
    [
      "what the details leave open is text",
      { promptTokenCount: 100, promptTokensDetails: [count("IMAGE", 20)], totalTokenCount: 100 },
      { inputTextTokens: 80, inputImageTokens: 20 },
    ],
    [
      "modalities of the cache",
      {
        promptTokenCount: 100,
        promptTokensDetails: [count("TEXT", 40), count("AUDIO", 60)],
        cachedContentTokenCount: 50,
        cacheTokensDetails: [count("AUDIO", 50)],
        totalTokenCount: 100,
      },
      { inputTextTokens: 40, inputAudioTokens: 10, cacheReadAudioTokens: 50 },
    ],
    [
      "a cache without modalities is text first",
      {
        promptTokenCount: 100,
        promptTokensDetails: [count("TEXT", 40), count("VIDEO", 60)],
        cachedContentTokenCount: 50,
        totalTokenCount: 100,
      },
      { inputVideoTokens: 50, cacheReadTextTokens: 40, cacheReadVideoTokens: 10 },
    ],
    [
      "modalities of the output",
      {
        promptTokenCount: 10,
        candidatesTokenCount: 100,
        candidatesTokensDetails: [count("IMAGE", 60), count("AUDIO", 30)],
        totalTokenCount: 110,
      },
      { inputTextTokens: 10, outputTextTokens: 10, outputImageTokens: 60, outputAudioTokens: 30 },
    ],
    [
      "a modality that is not known",
      { promptTokenCount: 10, promptTokensDetails: [count("SMELL", 10)], totalTokenCount: 10 },
      { inputTextTokens: 10 },
    ],
    [
      "the live API's name",
      { promptTokenCount: 10, responseTokenCount: 5, totalTokenCount: 15 },
      { inputTextTokens: 10, outputTextTokens: 5 },
    ],
    ["nothing", { promptTokenCount: 0, totalTokenCount: 0 }, {}],
    [
      "a sum of hops, which is the SDK's",
      { promptTokenCount: 10, initialPromptTokenCount: 3, totalTokenCount: 10 },
      { inputTextTokens: 10 },
    ],
  ])("%s", (_name, metadata, usage) => {
    expect(readUsageMetadata(metadata)).toEqual({ kind: "usage", usage });
  });

  it.each([undefined, null, {}, { trafficType: "ON_DEMAND" }, "usage", 5])("%j is none", (metadata) => {
    expect(readUsageMetadata(metadata).kind).toBe("missing");
  });

  it.each<[string, object]>([
    ["a total that is not the sum", { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 16 }],
    ["more cached than sent", { promptTokenCount: 10, cachedContentTokenCount: 11, totalTokenCount: 10 }],
    [
      "modalities above the total",
      { promptTokenCount: 10, promptTokensDetails: [count("TEXT", 11)], totalTokenCount: 10 },
    ],
    [
      "cached modalities above the cache",
      {
        promptTokenCount: 10,
        cachedContentTokenCount: 5,
        cacheTokensDetails: [count("TEXT", 6)],
        totalTokenCount: 10,
      },
    ],
    ["negative counts", { promptTokenCount: -1, totalTokenCount: 5 }],
    ["fractions", { promptTokenCount: 1.5, totalTokenCount: 1.5 }],
    ["text", { promptTokenCount: "10", totalTokenCount: 10 }],
    ["too large", { promptTokenCount: 2 ** 60, totalTokenCount: 2 ** 60 }],
    ["a total without parts", { totalTokenCount: 9 }],
    ["a detail that is none", { promptTokenCount: 1, promptTokensDetails: [5], totalTokenCount: 1 }],
  ])("%s is not believed", (_name, metadata) => {
    expect(readUsageMetadata(metadata).kind).toBe("invalid");
  });

  it("output whose kind is not stated is of the kind that was held for", () => {
    const metadata = { promptTokenCount: 1, candidatesTokenCount: 9, totalTokenCount: 10 };
    expect(readUsageMetadata(metadata, "outputImageTokens")).toMatchObject({
      usage: { outputImageTokens: 9 },
    });
    expect(readUsageMetadata(metadata, "outputAudioTokens")).toMatchObject({
      usage: { outputAudioTokens: 9 },
    });
  });
});

const tokens = fc.integer({ min: 0, max: 1_000_000 });
const kinds = fc.record({ TEXT: tokens, IMAGE: tokens, VIDEO: tokens, AUDIO: tokens, DOCUMENT: tokens });
type Kinds = { readonly [K in "TEXT" | "IMAGE" | "VIDEO" | "AUDIO" | "DOCUMENT"]: number };
const sum = (of: Kinds): number => Object.values(of).reduce((a, b) => a + b, 0);
const share = fc.double({ min: 0, max: 1, noNaN: true });
/** Consistent by construction: how much there is of everything, and how much of it was cached. */
const consistent = fc.record({
  prompt: kinds,
  cached: share,
  toolUse: kinds,
  output: kinds,
  thoughts: tokens,
  details: fc.boolean(),
  total: fc.boolean(),
});
const scaled = (of: Kinds, by: number): Kinds =>
  Object.fromEntries(Object.entries(of).map(([kind, n]) => [kind, Math.floor(n * by)])) as unknown as Kinds;

describe("any usage", () => {
  const list = (of: Kinds, name: string): object[] =>
    Object.entries(of).map(([modality, n]) => ({ modality, [name]: n }));

  it("sums to the provider's totals", () => {
    fc.assert(
      fc.property(consistent, ({ prompt, cached, toolUse, output, thoughts, details, total }) => {
        const cache = scaled(prompt, cached);
        const counts = [sum(prompt), sum(toolUse), sum(output), thoughts].reduce((a, b) => a + b, 0);
        const gemini = readUsageMetadata({
          promptTokenCount: sum(prompt),
          cachedContentTokenCount: sum(cache),
          toolUsePromptTokenCount: sum(toolUse),
          candidatesTokenCount: sum(output),
          thoughtsTokenCount: thoughts,
          ...(total ? { totalTokenCount: counts } : {}),
          ...(details
            ? {
                promptTokensDetails: list(prompt, "tokenCount"),
                cacheTokensDetails: list(cache, "tokenCount"),
                toolUsePromptTokensDetails: list(toolUse, "tokenCount"),
                candidatesTokensDetails: list(output, "tokenCount"),
              }
            : {}),
        });
        const interaction = readInteractionUsage(
          {
            total_input_tokens: sum(prompt),
            total_cached_tokens: sum(cache),
            total_tool_use_tokens: sum(toolUse),
            total_output_tokens: sum(output),
            total_thought_tokens: thoughts,
            ...(total ? { total_tokens: counts } : {}),
            ...(details
              ? {
                  input_tokens_by_modality: list(prompt, "tokens"),
                  cached_tokens_by_modality: list(cache, "tokens"),
                  tool_use_tokens_by_modality: list(toolUse, "tokens"),
                  output_tokens_by_modality: list(output, "tokens"),
                }
              : {}),
          },
          "gemini-3.8-flash",
          "outputTextTokens",
        );
        for (const reading of [gemini, interaction]) {
          if (reading.kind !== "usage") throw new Error(JSON.stringify(reading));
          expect(inputTokensOf(reading.usage)).toBe(sum(prompt) + sum(toolUse));
          expect(outputTokensOf(reading.usage)).toBe(sum(output) + thoughts);
          const {
            cacheReadTextTokens = 0,
            cacheReadImageTokens = 0,
            cacheReadVideoTokens = 0,
            cacheReadAudioTokens = 0,
          } = reading.usage;
          expect(
            cacheReadTextTokens + cacheReadImageTokens + cacheReadVideoTokens + cacheReadAudioTokens,
          ).toBe(sum(cache));
          if (details) {
            expect((reading.usage.inputAudioTokens ?? 0) + cacheReadAudioTokens).toBe(
              prompt.AUDIO + toolUse.AUDIO,
            );
            expect(cacheReadVideoTokens).toBe(cache.VIDEO);
          }
        }
        expect(gemini).toEqual(interaction);
      }),
    );
  });

  it("is made of whole numbers of known buckets, or rejected, whatever is sent", () => {
    const buckets: ReadonlySet<string> = new Set(USAGE_BUCKETS);
    const junk = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.constantFrom(
        null,
        "5",
        {},
        [],
        [{ modality: "TEXT", tokenCount: 5 }],
        [{ modality: "__proto__", tokens: -1 }],
      ),
    );
    const names = [
      "promptTokenCount",
      "candidatesTokenCount",
      "thoughtsTokenCount",
      "totalTokenCount",
      "cachedContentTokenCount",
      "promptTokensDetails",
      "cacheTokensDetails",
      "total_input_tokens",
      "total_output_tokens",
      "total_tokens",
      "total_cached_tokens",
      "input_tokens_by_modality",
      "grounding_tool_count",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), junk), (value) => {
        const readings: UsageReading[] = [
          readUsageMetadata(value),
          readInteractionUsage(value, "m", "outputTextTokens"),
        ];
        for (const reading of readings) {
          if (reading.kind !== "usage") continue;
          for (const [bucket, amount] of Object.entries(reading.usage)) {
            expect(buckets.has(bucket)).toBe(true);
            expect(Number.isSafeInteger(amount) && amount >= 0).toBe(true);
          }
        }
      }),
    );
  });
});

describe("the usage of an interaction", () => {
  const read = (usage: object, model = "gemini-3.8-flash"): UsageReading =>
    readInteractionUsage(usage, model, "outputTextTokens");

  it("tells by the total whether the output includes the thoughts", () => {
    const usage = { total_input_tokens: 10, total_output_tokens: 50, total_thought_tokens: 20 };
    expect(read({ ...usage, total_tokens: 80 })).toMatchObject({
      usage: { outputTextTokens: 50, reasoningTokens: 20 },
    });
    expect(read({ ...usage, total_tokens: 60 })).toMatchObject({
      usage: { outputTextTokens: 30, reasoningTokens: 20 },
    });
    expect(read(usage)).toMatchObject({ usage: { outputTextTokens: 50, reasoningTokens: 20 } });
    expect(read({ ...usage, total_tokens: 70 }).kind).toBe("invalid");
  });

  it("has the fees of grounding", () => {
    const usage = {
      total_input_tokens: 1,
      total_output_tokens: 1,
      grounding_tool_count: [
        { type: "google_search", count: 3 },
        { type: "google_maps", count: 2 },
        { type: "retrieval", count: 9 },
      ],
    };
    expect(read(usage)).toMatchObject({ usage: { webSearches: 3, mapGroundings: 2 } });
    expect(read(usage, "gemini-2.5-flash")).toMatchObject({ usage: { webSearches: 1, mapGroundings: 1 } });
    expect(read(usage)).not.toHaveProperty("usage.fileSearches");
  });

  it.each([{}, { total_tokens: 5 }, { initial_input_tokens: 5 }])("%j is none", (usage) => {
    expect(read(usage).kind).toBe("missing");
  });
});

describe("grounding", () => {
  const fees = (model: string, ...responses: object[]): Usage => {
    const grounding = new Grounding();
    for (const response of responses) grounding.add(response);
    return grounding.fees(model);
  };
  const grounded = (groundingMetadata: object, index?: number): object => ({
    candidates: [{ ...(index === undefined ? {} : { index }), groundingMetadata }],
  });

  it.each<[string, object[], Usage, Usage]>([
    ["two queries", [grounded({ webSearchQueries: ["a", "b"] })], { webSearches: 2 }, { webSearches: 1 }],
    [
      "the same in every chunk",
      [grounded({ webSearchQueries: ["a"] }), grounded({ webSearchQueries: ["a", "b"] })],
      { webSearches: 2 },
      { webSearches: 1 },
    ],
    ["empty queries", [grounded({ webSearchQueries: ["", "a"] })], { webSearches: 1 }, { webSearches: 1 }],
    [
      "pictures",
      [grounded({ webSearchQueries: ["a"], imageSearchQueries: ["a"] })],
      { webSearches: 2 },
      { webSearches: 1 },
    ],
    [
      "candidates",
      [grounded({ webSearchQueries: ["a"] }, 0), grounded({ webSearchQueries: ["a"] }, 1)],
      { webSearches: 2 },
      { webSearches: 1 },
    ],
    [
      "sources without queries",
      [grounded({ groundingChunks: [{ web: { uri: "u" } }] })],
      { webSearches: 1 },
      { webSearches: 1 },
    ],
    [
      "maps",
      [grounded({ groundingChunks: [{ maps: { uri: "u" } }, { maps: { uri: "v" } }] })],
      { mapGroundings: 1 },
      { mapGroundings: 1 },
    ],
    [
      "the application's own stores",
      [grounded({ retrievalQueries: ["a"], groundingChunks: [{ retrievedContext: {} }] })],
      {},
      {},
    ],
    ["nothing", [grounded({}), {}, { candidates: [5, {}] }], {}, {}],
  ])("%s", (_name, responses, sinceGemini3, before) => {
    expect(fees("gemini-3.8-flash", ...responses)).toEqual(sinceGemini3);
    expect(fees("gemini-4-pro", ...responses)).toEqual(sinceGemini3);
    expect(fees("gemini-2.5-pro", ...responses)).toEqual(before);
  });
});

it.each([
  [undefined, undefined, null],
  ["standard", undefined, "default"],
  ["flex", undefined, "flex"],
  ["SERVICE_TIER_PRIORITY", undefined, "priority"],
  [undefined, "ON_DEMAND", "default"],
  [undefined, "ON_DEMAND_PRIORITY", "priority"],
  [undefined, "PROVISIONED_THROUGHPUT", "provisioned"],
  [undefined, "TRAFFIC_TYPE_UNSPECIFIED", null],
  ["", "", null],
])("tier %s, traffic %s: %s", (tier, traffic, expected) => {
  expect(tierOf(tier, traffic)).toBe(expected);
});

describe("a count of tokens", () => {
  it("is the input by kind, with a margin on the text", () => {
    expect(
      readCount({ totalTokens: 100, promptTokensDetails: [count("TEXT", 40), count("AUDIO", 60)] }),
    ).toEqual({ inputTextTokens: 57, inputAudioTokens: 60 });
    expect(readCount({ totalTokens: 1_000 })).toEqual({ inputTextTokens: 1_036 });
  });

  it.each([
    undefined,
    {},
    { totalTokens: -1 },
    { totalTokens: "5" },
    { totalTokens: 1, promptTokensDetails: [count("TEXT", 2)] },
  ])("%j is none", (answer) => {
    expect(readCount(answer)).toBeUndefined();
  });
});
