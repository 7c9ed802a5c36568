import { describe, expect, it } from "vitest";
import { readEmbeddingUsage, readImageUsage, readModelUsage, readNormalisedUsage } from "./model-usage.ts";

const normalised = (input: object, output: object, raw?: object): object => ({
  inputTokens: {
    total: undefined,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
    ...input,
  },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined, ...output },
  ...(raw === undefined ? {} : { raw }),
});

describe("the SDK's own usage", () => {
  it.each<[string, object, object]>([
    [
      "plain",
      normalised({ total: 10, noCache: 10 }, { total: 5, text: 5 }),
      { inputTextTokens: 10, outputTextTokens: 5 },
    ],
    [
      "totals include the cache and the reasoning",
      normalised(
        { total: 100, noCache: 55, cacheRead: 30, cacheWrite: 15 },
        { total: 50, text: 30, reasoning: 20 },
      ),
      {
        inputTextTokens: 55,
        cacheReadTextTokens: 30,
        cacheWriteTokens: 15,
        outputTextTokens: 30,
        reasoningTokens: 20,
      },
    ],
    // What is neither is input as well: nothing of the total is lost.
    [
      "parts that do not reach the total",
      normalised({ total: 100, noCache: 50, cacheRead: 30 }, { total: 5 }),
      { inputTextTokens: 70, cacheReadTextTokens: 30, outputTextTokens: 5 },
    ],
    [
      "an old model, whose total may exclude the cache",
      normalised({ total: 100, cacheRead: 30 }, { total: 5 }),
      { inputTextTokens: 100, cacheReadTextTokens: 30, outputTextTokens: 5 },
    ],
    ["no input", normalised({}, { total: 5 }), { outputTextTokens: 5 }],
    ["nothing at all was used", normalised({ total: 0 }, { total: 0 }), {}],
  ])("is read: %s", (_, usage, expected) => {
    expect(readNormalisedUsage(usage)).toEqual({ kind: "usage", usage: expected });
  });

  it.each<[string, unknown]>([
    ["none", undefined],
    ["null", null],
    ["nothing in it", {}],
    ["no totals", normalised({ cacheRead: 3 }, {})],
    ["a text", "12 tokens"],
  ])("is missing: %s", (_, usage) => {
    expect(readNormalisedUsage(usage)).toEqual({ kind: "missing" });
  });

  it.each<[string, object]>([
    ["more cached than there is", normalised({ total: 10, noCache: 0, cacheRead: 11 }, { total: 1 })],
    ["more without cache than there is", normalised({ total: 10, noCache: 11 }, { total: 1 })],
    ["more reasoning than output", normalised({ total: 10 }, { total: 1, reasoning: 2 })],
    ["a fraction", normalised({ total: 1.5 }, { total: 1 })],
    ["a negative", normalised({ total: -1 }, { total: 1 })],
    ["not a number", normalised({ total: "7" }, { total: 1 })],
    ["too large", normalised({ total: 2 ** 60 }, { total: 1 })],
  ])("is rejected: %s", (_, usage) => {
    expect(readNormalisedUsage(usage).kind).toBe("invalid");
  });
});

describe("the provider's own usage", () => {
  it("tells Anthropic's cache lives; its input excludes the cache, the SDK's total includes it", () => {
    const raw = {
      input_tokens: 55,
      cache_read_input_tokens: 30,
      cache_creation_input_tokens: 15,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 },
      output_tokens: 50,
      output_tokens_details: { thinking_tokens: 20 },
      server_tool_use: { web_search_requests: 2 },
    };
    const usage = normalised({ total: 100, noCache: 55, cacheRead: 30, cacheWrite: 15 }, { total: 50 }, raw);
    expect(readModelUsage(usage, undefined, "anthropic", "claude").usage).toEqual({
      kind: "usage",
      usage: {
        inputTextTokens: 55,
        cacheReadTextTokens: 30,
        cacheWriteTokens: 10,
        cacheWriteLongTokens: 5,
        outputTextTokens: 30,
        reasoningTokens: 20,
        webSearches: 2,
      },
    });
  });

  it("bills each of Anthropic's iterations once, at its own model", () => {
    const iterations = [
      { type: "message", input_tokens: 100, output_tokens: 10, cache_creation_input_tokens: 8 },
      { type: "advisor_message", model: "claude-advisor", input_tokens: 200, output_tokens: 20 },
      { type: "message", model: "claude", input_tokens: 120, output_tokens: 5 },
    ];
    const raw = {
      input_tokens: 220,
      output_tokens: 15,
      cache_creation_input_tokens: 8,
      cache_creation: { ephemeral_1h_input_tokens: 8 },
      iterations,
    };
    const usage = normalised({ total: 228, noCache: 220, cacheWrite: 8 }, { total: 15 }, raw);
    expect(readModelUsage(usage, undefined, "anthropic", "claude")).toEqual({
      usage: {
        kind: "usage",
        usage: { inputTextTokens: 220, cacheWriteLongTokens: 8, outputTextTokens: 15 },
      },
      also: [
        {
          model: "claude-advisor",
          serviceTier: null,
          usage: { inputTextTokens: 200, outputTextTokens: 20 },
        },
      ],
    });
  });

  it("tells the kinds of Gemini's tokens", () => {
    const raw = {
      promptTokenCount: 80,
      toolUsePromptTokenCount: 20,
      cachedContentTokenCount: 30,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 30 },
        { modality: "IMAGE", tokenCount: 40 },
        { modality: "AUDIO", tokenCount: 10 },
      ],
      cacheTokensDetails: [{ modality: "IMAGE", tokenCount: 25 }],
      candidatesTokenCount: 50,
      candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 45 }],
      thoughtsTokenCount: 7,
    };
    const usage = normalised({ total: 100, noCache: 70, cacheRead: 30 }, { total: 57, reasoning: 7 }, raw);
    expect(readModelUsage(usage, undefined, "google", null).usage).toEqual({
      kind: "usage",
      usage: {
        inputTextTokens: 45,
        inputImageTokens: 15,
        inputAudioTokens: 10,
        cacheReadTextTokens: 5,
        cacheReadImageTokens: 25,
        outputTextTokens: 5,
        outputImageTokens: 45,
        reasoningTokens: 7,
      },
    });
  });

  it("is taken from OpenAI's whole answer, since the SDK strips the usage of it", () => {
    const usage = normalised(
      { total: 100, noCache: 100, cacheRead: 0 },
      { total: 10, text: 10, reasoning: 0 },
      {
        prompt_tokens: 100,
        completion_tokens: 10,
      },
    );
    const body = {
      usage: {
        prompt_tokens: 100,
        completion_tokens: 10,
        total_tokens: 110,
        prompt_tokens_details: { audio_tokens: 60 },
      },
    };
    expect(readModelUsage(usage, body, "openai", null).usage).toEqual({
      kind: "usage",
      usage: { inputTextTokens: 40, inputAudioTokens: 60, outputTextTokens: 10 },
    });
  });

  it("is not believed when its totals are others", () => {
    const usage = normalised(
      { total: 210, noCache: 210 },
      { total: 30 },
      { promptTokenCount: 210, candidatesTokenCount: 30 },
    );
    // The last of several requests.
    const body = { usageMetadata: { promptTokenCount: 110, candidatesTokenCount: 20 } };
    expect(readModelUsage(usage, body, "google", null).usage).toEqual({
      kind: "usage",
      usage: { inputTextTokens: 210, outputTextTokens: 30 },
    });
  });

  it.each(["openai", "anthropic", "google", "other"] as const)(
    "does not matter when it is broken (%s)",
    (family) => {
      const usage = normalised(
        { total: 10, noCache: 10 },
        { total: 5 },
        {
          input_tokens: "many",
          output_tokens: -1,
          promptTokenCount: 1.5,
        },
      );
      expect(readModelUsage(usage, "<html>", family, null).usage).toEqual({
        kind: "usage",
        usage: { inputTextTokens: 10, outputTextTokens: 5 },
      });
    },
  );
});

describe("cache writes that only the SDK tells of", () => {
  const input = { total: 100, noCache: 10, cacheWrite: 90 };
  const read = (mayWriteLong: boolean, raw?: object): unknown =>
    readModelUsage(normalised(input, { total: 5 }, raw), undefined, "anthropic", null, {
      mayWriteLong,
      hasLongContextPrice: false,
    }).usage;
  const usage = (more: object): object => ({
    kind: "usage",
    usage: { inputTextTokens: 10, ...more, outputTextTokens: 5 },
  });

  it("live as long as the prompt asked for", () => {
    expect(read(true)).toEqual(usage({ cacheWriteLongTokens: 90 }));
    expect(read(false)).toEqual(usage({ cacheWriteTokens: 90 }));
  });

  it("live as long as Bedrock says", () => {
    const details = [
      { ttl: "1h", inputTokens: 60 },
      { ttl: "5m", inputTokens: 30 },
    ];
    const split = usage({ cacheWriteTokens: 30, cacheWriteLongTokens: 60 });
    expect(read(true, { inputTokens: 10, cacheDetails: details })).toEqual(split);
    expect(read(false, { inputTokens: 10, cacheDetails: details })).toEqual(split);
  });
});

describe("Google's interactions", () => {
  it("tell what tools have read, the kinds of tokens, and searches, which the SDK does not", () => {
    const raw = {
      total_input_tokens: 10,
      total_output_tokens: 1_290,
      total_tool_use_tokens: 5_000,
      total_tokens: 6_300,
      output_tokens_by_modality: [{ modality: "image", tokens: 1_290 }],
      grounding_tool_count: [{ type: "google_search", count: 3 }],
    };
    const read = (model: string): unknown =>
      readModelUsage(
        normalised({ total: 10, noCache: 10 }, { total: 1_290 }, raw),
        undefined,
        "google",
        null,
        {
          mayWriteLong: false,
          hasLongContextPrice: false,
          model,
        },
      ).usage;
    const usage = { inputTextTokens: 5_010, outputImageTokens: 1_290 };
    expect(read("gemini-2.5-flash")).toEqual({ kind: "usage", usage: { ...usage, webSearches: 1 } });
    expect(read("gemini-3.8-flash")).toEqual({ kind: "usage", usage: { ...usage, webSearches: 3 } });
  });

  it("that contradict themselves are rejected", () => {
    const raw = { total_input_tokens: 10, total_output_tokens: 5, total_tokens: 99 };
    const usage = normalised({ total: 10, noCache: 10 }, { total: 5 }, raw);
    expect(readModelUsage(usage, undefined, "google", null).usage.kind).toBe("invalid");
  });
});

it("searches are counted as the tool that is held for", () => {
  const usage = normalised({ total: 10, noCache: 10 }, { total: 5 });
  const body = { usage: { input_tokens: 10, output_tokens: 5 }, output: [{ type: "web_search_call" }] };
  const read = (held: object): unknown =>
    readModelUsage(usage, body, "openai", null, { mayWriteLong: false, hasLongContextPrice: false, held })
      .usage;
  expect(read({ webSearchPreviews: 10 })).toMatchObject({ usage: { webSearchPreviews: 1 } });
  expect(read({ webSearchPreviews: 10 })).not.toHaveProperty("usage.webSearches");
  expect(read({ webSearches: 10 })).toMatchObject({ usage: { webSearches: 1 } });
});

describe("other models", () => {
  it("report tokens, or nothing", () => {
    expect(readEmbeddingUsage({ tokens: 7 })).toEqual({ kind: "usage", usage: { inputTextTokens: 7 } });
    expect(readEmbeddingUsage(undefined)).toEqual({ kind: "missing" });
    expect(readEmbeddingUsage({ tokens: Number.NaN }).kind).toBe("invalid");
    expect(readImageUsage({ inputTokens: 10, outputTokens: 100 }, true)).toEqual({
      kind: "usage",
      usage: { inputImageTokens: 10, outputImageTokens: 100 },
    });
    expect(readImageUsage({ inputTokens: undefined, outputTokens: undefined }, false)).toEqual({
      kind: "missing",
    });
  });
});
