import { describe, expect, it } from "vitest";
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import type { StreamReading } from "../response-reader.ts";
import { readStream } from "./read-stream.ts";

/** One token per character: what was seen can be read off. */
const perCharacter: TokenEstimator = { name: "characters", estimate: (text) => text.length };

const sse = (...events: unknown[]): string =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("");
const read = (...events: unknown[]): StreamReading => readStream(sse(...events), perCharacter, "m");
const delta = (content: string, more: object = {}) => ({
  choices: [{ index: 0, delta: { content } }],
  ...more,
});

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const responseUsage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
const USED = { kind: "usage", usage: { inputTextTokens: 10, outputTextTokens: 5 } };
const MISSING = { kind: "missing" };

describe("a chat stream", () => {
  it.each<[string, unknown[], Partial<StreamReading>]>([
    ["nothing", [], { usage: MISSING as never, finished: false, failed: false, seenOutputTokens: 0 }],
    ["text", [delta("abc"), delta("de")], { finished: false, seenOutputTokens: 5 }],
    ["text and its end", [delta("abc"), "[DONE]"], { finished: true, failed: false, seenOutputTokens: 3 }],
    [
      "usage at the end",
      [delta("abc"), { choices: [], usage }, "[DONE]"],
      { usage: USED as never, finished: true },
    ],
    ["usage and no [DONE]", [delta("abc"), { choices: [], usage }], { usage: USED as never, finished: true }],
    ["usage: null", [delta("abc", { usage: null })], { usage: MISSING as never, finished: false }],
    [
      "totals so far with every chunk: the last one counts, and they are not the end",
      [delta("a", { usage: { ...usage, completion_tokens: 1, total_tokens: 11 } }), delta("b", { usage })],
      { usage: USED as never, finished: false },
    ],
    [
      "usage that cannot be trusted",
      [{ choices: [], usage: { ...usage, total_tokens: 99 } }],
      { finished: true },
    ],
    ["every piece is a token at least", [delta("é"), delta("")], { seenOutputTokens: 1 }],
    ["a refusal", [{ choices: [{ delta: { refusal: "no!" } }] }], { seenOutputTokens: 3 }],
    ["reasoning", [{ choices: [{ delta: { reasoning_content: "hmm" } }] }], { seenOutputTokens: 3 }],
    [
      "tool calls: name and arguments, not the labels",
      [
        {
          choices: [
            {
              delta: {
                role: "assistant",
                tool_calls: [
                  { index: 0, id: "call_1", type: "function", function: { name: "get", arguments: '{"a"' } },
                ],
              },
            },
          ],
        },
      ],
      { seenOutputTokens: 7 },
    ],
    [
      "several choices",
      [{ choices: [{ delta: { content: "ab" } }, { delta: { content: "cd" } }] }],
      { seenOutputTokens: 4 },
    ],
    ["legacy text", [{ choices: [{ text: "abc" }] }], { seenOutputTokens: 3 }],
    ["an error", [delta("a"), { error: { message: "overloaded" } }], { failed: true, finished: false }],
    ["an error and [DONE]", [{ error: { message: "x" } }, "[DONE]"], { failed: true, finished: true }],
    ["error: null", [delta("a", { error: null })], { failed: false }],
  ])("%s", (_, events, expected) => {
    expect(read(...events)).toMatchObject(expected);
  });

  it("says which model and tier served it: the last word counts", () => {
    const { served } = read(
      delta("a", { model: "m-1", service_tier: "default" }),
      delta("b", { model: "m-2" }),
      delta("c", { model: null }),
    );
    expect(served).toEqual({ model: "m-2", serviceTier: "default" });
  });

  it("has a lower bound of one token per piece, whatever the estimator says", () => {
    const zero: TokenEstimator = { name: "zero", estimate: () => 0 };
    expect(readStream(sse(delta("a"), delta("b"), delta("c")), zero, "m").seenOutputTokens).toBe(3);
  });
});

describe("a responses stream", () => {
  it.each<[string, unknown[], Partial<StreamReading>]>([
    [
      "text",
      [{ type: "response.output_text.delta", delta: "abc" }],
      { seenOutputTokens: 3, finished: false },
    ],
    [
      "the text again in whole is not counted twice",
      [
        { type: "response.output_text.delta", delta: "abc" },
        { type: "response.output_text.done", text: "abc" },
      ],
      { seenOutputTokens: 3 },
    ],
    [
      "arguments",
      [{ type: "response.function_call_arguments.delta", delta: '{"a"' }],
      { seenOutputTokens: 4 },
    ],
    [
      "reasoning summaries",
      [{ type: "response.reasoning_summary_text.delta", delta: "hm" }],
      { seenOutputTokens: 2 },
    ],
    ["a refusal", [{ type: "response.refusal.delta", delta: "no" }], { seenOutputTokens: 2 }],
    [
      "created",
      [{ type: "response.created", response: { model: "m-1", usage: null } }],
      { usage: MISSING as never, finished: false },
    ],
    [
      "completed",
      [
        {
          type: "response.completed",
          response: { model: "m-1", service_tier: "flex", usage: responseUsage },
        },
      ],
      { usage: USED as never, finished: true, failed: false, served: { model: "m-1", serviceTier: "flex" } },
    ],
    [
      "incomplete",
      [{ type: "response.incomplete", response: { usage: responseUsage } }],
      { usage: USED as never, finished: true, failed: false },
    ],
    [
      "failed",
      [{ type: "response.failed", response: { usage: responseUsage } }],
      { usage: USED as never, finished: true, failed: true },
    ],
    [
      "failed without usage",
      [{ type: "response.failed", response: { usage: null } }],
      { usage: MISSING as never, finished: true, failed: true },
    ],
    [
      "an error event",
      [{ type: "error", code: "server_error", message: "x", param: null }],
      { failed: true, finished: false },
    ],
    [
      "searches",
      [
        {
          type: "response.completed",
          response: { usage: responseUsage, output: [{ type: "web_search_call" }] },
        },
      ],
      { usage: { kind: "usage", usage: { inputTextTokens: 10, outputTextTokens: 5, webSearches: 1 } } },
    ],
  ])("%s", (_, events, expected) => {
    expect(read(...events)).toMatchObject(expected);
  });
});

describe("other streams", () => {
  it.each<[string, unknown, Partial<StreamReading>]>([
    [
      "a picture",
      { type: "image_generation.completed", b64_json: "AAAA", usage: responseUsage },
      { usage: USED as never, finished: true },
    ],
    [
      "an edited picture",
      { type: "image_edit.completed", b64_json: "AAAA", usage: responseUsage },
      { usage: USED as never, finished: true },
    ],
    [
      "a part of a picture",
      { type: "image_generation.partial_image", b64_json: "AAAA" },
      { finished: false },
    ],
    [
      "a transcript",
      { type: "transcript.text.done", text: "abc", usage: { type: "duration", seconds: 2 } },
      { usage: { kind: "usage", usage: { audioMs: 2_000 } }, finished: true },
    ],
    [
      "a piece of a transcript",
      { type: "transcript.text.delta", delta: "abc" },
      { finished: false, seenOutputTokens: 3 },
    ],
    ["speech", { type: "speech.audio.done", usage: responseUsage }, { usage: USED as never, finished: true }],
  ])("%s", (_, event, expected) => {
    expect(read(event)).toMatchObject(expected);
  });
});

describe("the form of the events", () => {
  it.each<[string, string]>([
    ["CRLF", sse(delta("abc"), { choices: [], usage }).replaceAll("\n", "\r\n")],
    ["CR", sse(delta("abc"), { choices: [], usage }).replaceAll("\n", "\r")],
    ["no space after the colon", sse(delta("abc"), { choices: [], usage }).replaceAll("data: ", "data:")],
    [
      "comments, names and ids",
      `: ping\n\nevent: x\nid: 1\n${sse(delta("abc"))}retry: 5\n\n${sse({ choices: [], usage })}`,
    ],
    ["no blank line at the end", sse(delta("abc"), { choices: [], usage }).trimEnd()],
    ["a byte order mark", `\ufeff${sse(delta("x"))}${sse(delta("abc"), { choices: [], usage })}`],
    [
      "garbage between",
      `${sse(delta("abc"), "{nonsense", "7", "null", '"text"', "[1]")}<html>\n\n${sse({ choices: [], usage })}`,
    ],
  ])("%s", (_, text) => {
    const reading = readStream(text, perCharacter, "m");
    expect(reading).toMatchObject({ usage: USED, finished: true });
    expect(reading.seenOutputTokens).toBeGreaterThanOrEqual(3);
  });

  it("an event over several data lines is one", () => {
    const text = `data: {"choices":[],\ndata: "usage":${JSON.stringify(usage)}}\n\n`;
    expect(readStream(text, perCharacter, "m").usage).toEqual(USED);
  });
});
