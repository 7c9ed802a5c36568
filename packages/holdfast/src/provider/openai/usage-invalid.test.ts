import { describe, expect, it } from "vitest";
import { readBareUsage, readUsage } from "../usage/openai-usage.ts";

describe("no usage", () => {
  it.each([
    undefined,
    null,
    7,
    "usage",
    [],
    {},
    { usage: null },
    { usage: undefined },
    { usage: {} },
    { usage: [] },
    { usage: "12" },
    { object: "list" },
    { output: [{ type: "web_search_call" }] },
  ])("%j is missing", (body) => expect(readUsage(body)).toEqual({ kind: "missing" }));
});

const chat = (given: object): object => ({ prompt_tokens: 10, completion_tokens: 10, ...given });

describe("usage that cannot be trusted", () => {
  it.each<[string, object]>([
    ...["12", -1, 1.5, 1e300, NaN, Infinity, 2 ** 53, null, {}, [], true].flatMap<[string, object]>(
      (value) => [
        [`prompt_tokens ${String(value)}`, chat({ prompt_tokens: value })],
        [`completion_tokens ${String(value)}`, chat({ completion_tokens: value })],
      ],
    ),
    ...["12", -1, 1.5, 1e300, {}, true].flatMap<[string, object]>((value) => [
      [`cached_tokens ${String(value)}`, chat({ prompt_tokens_details: { cached_tokens: value } })],
      [`cache_write_tokens ${String(value)}`, chat({ prompt_tokens_details: { cache_write_tokens: value } })],
      [`audio_tokens ${String(value)}`, chat({ prompt_tokens_details: { audio_tokens: value } })],
      [`image_tokens ${String(value)}`, chat({ prompt_tokens_details: { image_tokens: value } })],
      [`reasoning_tokens ${String(value)}`, chat({ completion_tokens_details: { reasoning_tokens: value } })],
      [
        `rejected ${String(value)}`,
        chat({ completion_tokens_details: { rejected_prediction_tokens: value } }),
      ],
      [`total_tokens ${String(value)}`, chat({ total_tokens: value })],
      [
        `seconds ${String(value)}`,
        { type: "duration", seconds: typeof value === "number" && value > 0 && value < 1e9 ? "x" : value },
      ],
    ]),
    ["an input without its output", { completion_tokens: 5 }],
    ["a response without its input", { output_tokens: 5 }],
    ["a total above the parts", chat({ total_tokens: 21 })],
    ["a total below the parts", chat({ total_tokens: 19 })],
    ["more cached than there is", chat({ prompt_tokens_details: { cached_tokens: 11 } })],
    [
      "more cached and written than there is",
      chat({ prompt_tokens_details: { cached_tokens: 6, cache_write_tokens: 5 } }),
    ],
    [
      "more audio and images than there is",
      chat({ prompt_tokens_details: { audio_tokens: 6, image_tokens: 5 } }),
    ],
    [
      "more cached audio than audio",
      chat({
        prompt_tokens_details: {
          audio_tokens: 2,
          cached_tokens: 5,
          cached_tokens_details: { audio_tokens: 3 },
        },
      }),
    ],
    [
      "more cached audio than cached",
      chat({
        prompt_tokens_details: {
          audio_tokens: 5,
          cached_tokens: 1,
          cached_tokens_details: { audio_tokens: 3 },
        },
      }),
    ],
    [
      "more written for long than written",
      chat({
        prompt_tokens_details: { cache_write_tokens: 1, cache_write_tokens_details: { ttl_12h_tokens: 2 } },
      }),
    ],
    ["more reasoning than output", chat({ completion_tokens_details: { reasoning_tokens: 11 } })],
    [
      "more kinds of output than output",
      chat({ completion_tokens_details: { reasoning_tokens: 6, audio_tokens: 5 } }),
    ],
    ["no seconds", { type: "duration" }],
  ])("%s is invalid", (_, usage) => {
    const reading = readUsage({ usage });
    expect(reading.kind).toBe("invalid");
    expect(reading.kind === "invalid" && reading.problem.length).toBeGreaterThan(5);
  });

  it.each<[string, object]>([
    ["more text than input", chat({ prompt_tokens_details: { text_tokens: 11 } })],
    [
      "more text, audio and images than input",
      chat({ prompt_tokens_details: { text_tokens: 6, audio_tokens: 5 } }),
    ],
    ["more text than output", chat({ completion_tokens_details: { text_tokens: 11 } })],
    [
      "more accepted predictions than output",
      chat({ completion_tokens_details: { accepted_prediction_tokens: 11 } }),
    ],
    [
      "more accepted and rejected than output",
      chat({ completion_tokens_details: { accepted_prediction_tokens: 6, rejected_prediction_tokens: 5 } }),
    ],
    [
      "more writes by lifetime than writes",
      chat({
        prompt_tokens_details: {
          cache_write_tokens: 2,
          cache_write_tokens_details: { ttl_12h_tokens: 1, ttl_30m_tokens: 2 },
        },
      }),
    ],
  ])("a stated part that does not fit contradicts: %s", (_, usage) => {
    expect(readBareUsage(usage).kind).toBe("invalid");
  });

  it.each([
    { tool_usage: { web_search: { num_requests: -1 } } },
    { tool_usage: { web_search: { num_requests: "3" } } },
    { tool_usage: { image_gen: { input_tokens: -1, output_tokens: 1 } } },
  ])("fees that cannot be trusted spoil the whole: %j", (body) => {
    expect(readUsage({ usage: { input_tokens: 1, output_tokens: 1 }, ...body }).kind).toBe("invalid");
  });

  it("is described without a word of the response", () => {
    const reading = readUsage({ usage: chat({ prompt_tokens: "the secret prompt" }) });
    expect(reading).toEqual({
      kind: "invalid",
      problem: "input tokens must be a whole number >= 0, not a string",
    });
  });
});
