import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import { shapeOfChat, shapeOfCompletion } from "./chat.ts";
import type { Body, OutputShape } from "../../request/request-shape.ts";
import { serverToolsOf, shapeOfResponse } from "./responses.ts";

const estimator: TokenEstimator = {
  name: "sixths",
  estimate: (text) => Math.ceil(Buffer.byteLength(text) / 6),
};
const LONG = "word ".repeat(6_000);
const LONG_TOKENS = estimator.estimate(LONG, "m");
const chat = (body: Body) => shapeOfChat({ model: "m", messages: [], ...body }, estimator);
const response = (body: Body) => shapeOfResponse({ model: "m", ...body }, estimator, true);

describe("chat", () => {
  it.each(["messages", "tools", "functions", "response_format", "tool_choice", "function_call"])(
    "%s are input",
    (field) => {
      expect(chat({ [field]: [{ content: LONG }] }).textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
    },
  );

  it.each(["metadata", "user", "stop", "safety_identifier", "prompt_cache_key", "logit_bias"])(
    "%s is a setting",
    (field) => {
      expect(chat({ [field]: LONG }).textTokens).toBe(chat({}).textTokens);
    },
  );

  it.each<[string, Body, Partial<OutputShape>]>([
    [
      "no limit",
      {},
      { kind: "text", limit: null, choices: 1, extraTokens: 0, limitField: "max_completion_tokens" },
    ],
    ["a limit", { max_completion_tokens: 5 }, { limit: 5 }],
    ["the older limit", { max_tokens: 5 }, { limit: 5 }],
    ["null limits", { max_completion_tokens: null, max_tokens: null }, { limit: null }],
    ["nonsense limits", { max_completion_tokens: "5", max_tokens: -1 }, { limit: null }],
    ["choices", { n: 4 }, { choices: 4 }],
    ["null choices", { n: null }, { choices: 1 }],
    ["speech", { modalities: ["text", "audio"] }, { kind: "audio" }],
    ["text only", { modalities: ["text"] }, { kind: "text" }],
    ["a prediction", { prediction: { type: "content", content: LONG } }, { extraTokens: LONG_TOKENS }],
    [
      "a prediction for each choice",
      { n: 2, prediction: { content: LONG } },
      { extraTokens: 2 * LONG_TOKENS },
    ],
    ["no prediction", { prediction: null }, { extraTokens: 0 }],
  ])("output: %s", (_, body, expected) => {
    expect(chat(body).output).toMatchObject(expected);
  });

  it("a search is a fee that the response does not report, and content from outside", () => {
    expect(chat({ web_search_options: {} })).toMatchObject({
      refersTo: "web search results",
      toolFees: { webSearches: 1 },
      unreportedFees: { webSearches: 1 },
    });
    expect(chat({ web_search_options: null })).toMatchObject({
      refersTo: null,
      toolFees: {},
      unreportedFees: {},
    });
  });

  it.each<[unknown, string | null]>([
    [undefined, null],
    ["auto", null],
    [null, null],
    [7, null],
    ["flex", "flex"],
    ["anything", "anything"],
  ])("service tier %j", (tier, expected) => {
    expect(chat({ service_tier: tier }).serviceTier).toBe(expected);
  });

  it.each<[unknown, boolean]>([
    [true, true],
    [false, false],
    [undefined, false],
    ["true", false],
  ])("stream %j", (stream, expected) => {
    expect(chat({ stream }).stream).toBe(expected);
  });

  it("is never below what the documented format makes of it", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 80 });
    const message = fc.record({
      role: fc.constantFrom("system", "user", "assistant", "tool"),
      content: fc.oneof(
        text,
        fc.array(
          text.map((one) => ({ type: "text", text: one })),
          { maxLength: 3 },
        ),
      ),
      name: fc.option(text, { nil: undefined }),
    });
    const tool = fc.record({
      name: fc.string({ minLength: 1, maxLength: 20 }),
      description: text,
      fields: fc.dictionary(fc.string({ minLength: 1, maxLength: 10 }), text, { maxKeys: 4 }),
    });
    /** Every text in the request, 4 tokens around a message, 3 for the reply, 12 around a tool (OpenAI cookbook). */
    const worth = (value: string): number => Math.floor(Buffer.byteLength(value) / 6);
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(tool, { maxLength: 3 }),
        (messages, tools) => {
          let truth = 3;
          for (const { content, name } of messages) {
            truth += 4 + (name === undefined ? 0 : 1 + worth(name));
            truth +=
              typeof content === "string"
                ? worth(content)
                : content.reduce((sum, part) => sum + worth(part.text), 0);
          }
          for (const { name, description, fields } of tools) {
            truth += 12 + worth(name) + worth(description);
            for (const [field, about] of Object.entries(fields)) truth += 3 + worth(field) + worth(about);
          }
          const body = {
            messages,
            tools: tools.map(({ name, description, fields }) => ({
              type: "function",
              function: {
                name,
                description,
                parameters: {
                  type: "object",
                  properties: Object.fromEntries(
                    Object.entries(fields).map(([field, about]) => [
                      field,
                      { type: "string", description: about },
                    ]),
                  ),
                },
              },
            })),
          };
          expect(chat(body).textTokens).toBeGreaterThanOrEqual(truth);
        },
      ),
    );
  });
});

describe("legacy completions", () => {
  it.each<[string, Body, choices: number, limit: number]>([
    ["a prompt", { prompt: "hello" }, 1, 16],
    ["no prompt", {}, 1, 16],
    ["several prompts", { prompt: ["a", "b", "c"] }, 3, 16],
    ["tokens", { prompt: [1, 2, 3] }, 1, 16],
    ["several lists of tokens", { prompt: [[1, 2], [3]] }, 2, 16],
    ["n", { prompt: "a", n: 3, max_tokens: 7 }, 3, 7],
    ["best_of above n", { prompt: "a", n: 2, best_of: 5 }, 5, 16],
    ["n above best_of", { prompt: "a", n: 5, best_of: 2 }, 5, 16],
    ["several prompts and best_of", { prompt: ["a", "b"], best_of: 4 }, 8, 16],
  ])("%s", (_, body, choices, limit) => {
    expect(shapeOfCompletion({ model: "m", ...body }, estimator).output).toMatchObject({
      choices,
      limit,
      kind: "text",
    });
  });

  it.each<[string, Body, number]>([
    ["the prompt", { prompt: LONG }, LONG_TOKENS],
    ["each prompt", { prompt: [LONG, LONG] }, 2 * LONG_TOKENS],
    ["each token", { prompt: Array.from({ length: 777 }, () => 5) }, 777],
    ["each list of tokens", { prompt: [Array.from({ length: 500 }, () => 5), [1, 2]] }, 502],
    ["the suffix", { prompt: "", suffix: LONG }, LONG_TOKENS],
  ])("input: %s", (_, body, least) => {
    expect(shapeOfCompletion({ model: "m", ...body }, estimator).textTokens).toBeGreaterThanOrEqual(least);
  });
});

describe("responses", () => {
  it.each(["input", "instructions", "tools", "text", "tool_choice", "questions"])("%s is input", (field) => {
    expect(response({ [field]: [{ content: LONG }] }).textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
  });

  it.each<[Body, string | null]>([
    [{ previous_response_id: "r" }, "an earlier response"],
    [{ conversation: "c" }, "a conversation"],
    [{ conversation: { id: "c" } }, "a conversation"],
    [{ prompt: { id: "p" } }, "a stored prompt"],
    [{ previous_response_id: null, conversation: null, prompt: undefined }, null],
    [{ tools: [{ type: "mcp" }] }, "results of the provider's tools (mcp)"],
    [{ tools: [{ type: "function" }, { type: "custom" }, { type: "namespace" }] }, null],
  ])("%j refers to %s", (body, refersTo) => {
    expect(response(body).refersTo).toBe(refersTo);
  });

  it.each<[string, Body, object]>([
    ["no tools", {}, {}],
    ["a search", { tools: [{ type: "web_search" }] }, { webSearches: 10 }],
    [
      "a preview of a search",
      { tools: [{ type: "web_search_preview_2025_03_11" }] },
      { webSearchPreviews: 10 },
    ],
    ["files", { tools: [{ type: "file_search" }] }, { fileSearches: 10 }],
    [
      "both, bounded",
      { tools: [{ type: "web_search" }, { type: "file_search" }], max_tool_calls: 2 },
      { webSearches: 2, fileSearches: 2 },
    ],
  ])("fees: %s", (_, body, fees) => {
    expect(response(body).toolFees).toEqual(fees);
  });

  it.each<[unknown, readonly string[]]>([
    [undefined, []],
    ["x", []],
    [[null, 7, {}, { type: 7 }], []],
    [
      [{ type: "function" }, { type: "web_search" }, { type: "computer_use_preview" }],
      ["web_search", "computer_use_preview"],
    ],
  ])("the provider's own tools of %j", (tools, expected) => {
    expect(serverToolsOf({ tools })).toEqual(expected);
  });

  it("output is bounded by max_output_tokens", () => {
    expect(response({ max_output_tokens: 9 }).output).toMatchObject({
      limit: 9,
      limitField: "max_output_tokens",
      choices: 1,
    });
    expect(response({}).output.limit).toBeNull();
  });
});
