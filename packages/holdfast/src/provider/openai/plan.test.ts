import { describe, expect, it } from "vitest";
import type { PriceOverride } from "@holdfast/prices";
import { createPriceSource } from "@holdfast/prices";
import { guardKit, type GuardKitOptions } from "../../../test/support/guard-kit.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import { HoldfastError } from "../../error/holdfast-error.ts";
import { inputTokensOf, outputTokensOf } from "../../usage/usage.ts";
import type { MeteredEndpoint } from "./endpoint.ts";
import { planRequest, type PlannedRequest } from "../plan-request.ts";
import { openaiAdapter } from "./adapter.ts";
import type { Body } from "../request/request-shape.ts";

const messages = [{ role: "user", content: "hello" }];

function plan(
  body: Body,
  options: GuardKitOptions = {},
  endpoint: MeteredEndpoint = "chat.completions",
  deployment?: string,
): PlannedRequest {
  return planRequest(guardKit(options).guard, openaiAdapter, "openai", endpoint, body, deployment);
}

const chat = (given: Body = {}, options: GuardKitOptions = {}): PlannedRequest =>
  plan({ model: "gpt-5-mini", messages, ...given }, options);
const responses = (given: Body = {}, options: GuardKitOptions = {}): PlannedRequest =>
  plan({ model: "gpt-5-mini", input: "hello", ...given }, options, "responses");

/** A model of our own: 1 and 2 USD per million. */
const withOverride = (more: Partial<PriceOverride> = {}): GuardKitOptions => ({
  prices: createPriceSource({
    overrides: [
      { provider: "openai", model: "own", inputUsdPerMillion: "1", outputUsdPerMillion: "2", ...more },
    ],
  }),
});

describe("the output that is held", () => {
  it.each<[string, Body, GuardKitOptions, number, string, object]>([
    ["the request's limit", { max_completion_tokens: 100 }, {}, 100, "request", {}],
    ["the request's older limit", { max_tokens: 100 }, {}, 100, "request", {}],
    ["the newer of both", { max_completion_tokens: 50, max_tokens: 100 }, {}, 50, "request", {}],
    ["at most the window", { max_completion_tokens: 9_999_999 }, {}, 400_000, "request", {}],
    ["the model's maximum without a limit", {}, {}, 128_000, "model-maximum", {}],
    [
      "the model's maximum for a limit that is none",
      { max_completion_tokens: null },
      {},
      128_000,
      "model-maximum",
      {},
    ],
    [
      "a limit that is sent along",
      {},
      { settings: { missingOutputLimit: { send: 500 } } },
      500,
      "injected",
      { max_completion_tokens: 500 },
    ],
    [
      "a limit that is sent along, at most the model's",
      {},
      { settings: { missingOutputLimit: { send: 999_999 } } },
      128_000,
      "injected",
      { max_completion_tokens: 128_000 },
    ],
    [
      "the request's limit before one that would be sent",
      { max_completion_tokens: 7 },
      { settings: { missingOutputLimit: { send: 500 } } },
      7,
      "request",
      {},
    ],
    ["for each choice", { n: 3, max_completion_tokens: 100 }, {}, 300, "request", {}],
  ])("%s", (_, body, options, tokens, bound, additions) => {
    const planned = chat(body, options);
    expect(outputTokensOf(planned.plan.estimate.usage)).toBe(tokens);
    expect(planned.plan.estimate.outputBound).toBe(bound);
    expect(planned.additions).toEqual(additions);
  });

  it("of a response is sent along in the field of the Responses API", () => {
    const { additions } = responses({}, { settings: { missingOutputLimit: { send: 500 } } });
    expect(additions).toEqual({ max_output_tokens: 500 });
  });

  it.each(["responses.compact", "decisions"] as const)(
    "is not sent along where the API knows no limit: %s",
    (endpoint) => {
      const body = { model: "gpt-5-mini", input: "hello" };
      const { additions } = plan(body, { settings: { missingOutputLimit: { send: 500 } } }, endpoint);
      expect(additions).toEqual({});
    },
  );

  it("is not bounded when no maximum is known: the call is refused and told what to do", () => {
    const refused = (): unknown => chat({ model: "own" }, withOverride());
    expect(refused).toThrow(CallNotBoundedError);
    expect(refused).toThrow(
      /Set max_completion_tokens in the request.*missingOutputLimit.*maxOutputTokens under prices.overrides/s,
    );
    expect(chat({ model: "own", max_tokens: 9 }, withOverride()).plan.estimate.outputTokensPerChoice).toBe(9);
    expect(
      chat({ model: "own" }, withOverride({ maxOutputTokens: 77 })).plan.estimate.outputTokensPerChoice,
    ).toBe(77);
    expect(
      chat({ model: "own" }, withOverride({ contextWindowTokens: 99 })).plan.estimate.outputTokensPerChoice,
    ).toBe(99);
  });

  it.each<[string, Body]>([
    ["n", { n: Number.MAX_SAFE_INTEGER, max_completion_tokens: 100 }],
    ["the limit", { model: "own", max_completion_tokens: Number.MAX_SAFE_INTEGER }],
  ])("that is absurd (%s) is refused as a Holdfast error, or held as far as the provider goes", (_, body) => {
    try {
      const { plan: planned } = chat(body, withOverride());
      expect(Number.isSafeInteger(planned.worstCaseNanoUsd)).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(HoldfastError);
    }
  });
});

describe("the input that is held", () => {
  const file = [{ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }];
  it.each<[string, () => PlannedRequest]>([
    ["an earlier response", () => responses({ previous_response_id: "r1", max_output_tokens: 100 })],
    ["a conversation", () => responses({ conversation: "c1", max_output_tokens: 100 })],
    ["a stored prompt", () => responses({ prompt: { id: "p1" }, max_output_tokens: 100 })],
    [
      "a tool of the provider's",
      () => responses({ tools: [{ type: "web_search" }], max_output_tokens: 100 }),
    ],
    ["a file", () => chat({ messages: file, max_completion_tokens: 100 })],
    ["a search", () => chat({ web_search_options: {}, max_completion_tokens: 100 })],
    [
      "an earlier spoken answer",
      () => chat({ messages: [{ role: "assistant", audio: { id: "a1" } }], max_completion_tokens: 100 }),
    ],
  ])("is the context window when the request refers to %s", (_, planned) => {
    const { estimate } = planned().plan;
    expect(estimate.inputBound).toBe("context-window");
    expect(inputTokensOf(estimate.usage) + outputTokensOf(estimate.usage)).toBeGreaterThanOrEqual(400_000);
    expect(estimate.uncalibratedInputTokens).toBeNull();
  });

  it("is a configured figure on top of the request, by configuration", () => {
    const given = { settings: { serverContext: { tokens: 5_000 } } };
    const alone = inputTokensOf(responses({}).plan.estimate.usage);
    const { estimate } = responses({ previous_response_id: "r1" }, given).plan;
    expect([estimate.inputBound, inputTokensOf(estimate.usage)]).toEqual(["configured", alone + 5_000]);
  });

  it("counts what a stored prompt is filled with: it is in the request", () => {
    const given = { settings: { serverContext: { tokens: 5_000 } } };
    const filled = (text: string): number =>
      inputTokensOf(responses({ prompt: { id: "p1", variables: { text } } }, given).plan.estimate.usage);
    expect(filled("word ".repeat(10_000))).toBeGreaterThanOrEqual(filled("") + 10_000);
  });

  it("is refused, by configuration, and said what for", () => {
    const refused = (): unknown =>
      responses({ conversation: "c1" }, { settings: { serverContext: "refuse" } });
    expect(refused).toThrow(CallNotBoundedError);
    expect(refused).toThrow(/refers to a conversation/);
  });

  it("is not bounded when no window is known", () => {
    const body = { model: "own", input: "x", conversation: "c", max_output_tokens: 5 };
    expect(() => plan(body, withOverride(), "responses")).toThrow(
      /no context window is known for own.*prices\.overrides.*serverContext/s,
    );
  });

  it("is never more than the window for a request that only generates once", () => {
    const long = [{ role: "user", content: "word ".repeat(200_000) }];
    const { usage } = chat({ model: "gpt-4o-mini", messages: long, max_tokens: 5 }).plan.estimate;
    expect(inputTokensOf(usage)).toBe(128_000);
  });

  it("of several prompts may be several windows", () => {
    const given = withOverride({ contextWindowTokens: 1_000 });
    const prompt = Array.from({ length: 10 }, () => "word ".repeat(900));
    const { usage } = plan({ model: "own", prompt, max_tokens: 5 }, given, "completions").plan.estimate;
    expect(inputTokensOf(usage)).toBeGreaterThanOrEqual(9_000);
  });

  it("of embeddings is not bounded by the window: many inputs go in one request", () => {
    const input = Array.from({ length: 50 }, () => "word ".repeat(1_000));
    const { usage, outputBound } = plan({ model: "text-embedding-3-small", input }, {}, "embeddings").plan
      .estimate;
    expect(inputTokensOf(usage)).toBeGreaterThanOrEqual(50_000);
    expect([outputBound, outputTokensOf(usage)]).toEqual(["none", 0]);
  });
});
