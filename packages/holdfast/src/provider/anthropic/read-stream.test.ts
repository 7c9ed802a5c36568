import { describe, expect, it } from "vitest";
import { guardKit } from "../../../test/support/guard-kit.ts";
import { linearEstimator } from "../../estimate/text-estimate.ts";
import { StreamTail } from "../observe/stream-tail.ts";
import { planRequest } from "../plan-request.ts";
import type { StreamReading } from "../response-reader.ts";
import { createAnthropicAdapter } from "./adapter.ts";
import { platformOf } from "./platform.ts";

const { reader } = createAnthropicAdapter(platformOf({}));
const MODEL = "claude-sonnet-4-6";
const { plan } = planRequest(
  guardKit().guard,
  createAnthropicAdapter(platformOf({})),
  "anthropic",
  "messages",
  {
    model: MODEL,
    max_tokens: 1_000,
    messages: [{ role: "user", content: "hi", cache_control: { ttl: "1h" } }],
  },
);

const sse = (...events: { type: string }[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

const START_USAGE = {
  input_tokens: 10,
  cache_creation_input_tokens: 30,
  cache_read_input_tokens: 5,
  cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
  output_tokens: 1,
  service_tier: "standard",
  speed: "fast",
  inference_geo: "us",
};
const start = (usage: object | undefined = START_USAGE) => ({
  type: "message_start",
  message: { id: "msg_1", model: MODEL, content: [], ...(usage === undefined ? {} : { usage }) },
});
const block = (content: object) => ({ type: "content_block_start", index: 0, content_block: content });
const delta = (part: object) => ({ type: "content_block_delta", index: 0, delta: part });
const text = (value: string) => delta({ type: "text_delta", text: value });
const end = (usage: object | undefined, reason: string | null = "end_turn") => ({
  type: "message_delta",
  delta: { stop_reason: reason },
  ...(usage === undefined ? {} : { usage }),
});
const stop = { type: "message_stop" };

const read = (...events: { type: string }[]): StreamReading =>
  reader.events(sse(...events), plan, linearEstimator);

const INPUT = { inputTextTokens: 10, cacheReadTextTokens: 5, cacheWriteTokens: 10, cacheWriteLongTokens: 20 };

describe("a stream", () => {
  it("that is whole", () => {
    expect(
      read(start(), block({ type: "text", text: "" }), text("hello"), end({ output_tokens: 7 }), stop),
    ).toEqual({
      usage: { kind: "usage", usage: { ...INPUT, outputTextTokens: 7 } },
      served: { model: MODEL, serviceTier: "us+fast" },
      finished: true,
      failed: false,
      seenOutputTokens: expect.any(Number) as number,
      statedInput: INPUT,
    });
  });

  it("replaces what was stated by what is stated later, and adds nothing", () => {
    const all = read(
      start(),
      text("a"),
      end({ output_tokens: 3, input_tokens: 12, cache_read_input_tokens: null }, null),
      end({ output_tokens: 9, input_tokens: 15, output_tokens_details: { thinking_tokens: 4 } }),
      stop,
    );
    expect(all.usage).toEqual({
      kind: "usage",
      usage: { ...INPUT, inputTextTokens: 15, outputTextTokens: 5, reasoningTokens: 4 },
    });
  });

  it("that wrote more to the cache than its start knew, takes the rest for the dearest that is allowed", () => {
    const { usage } = read(start(), end({ output_tokens: 1, cache_creation_input_tokens: 50 }), stop);
    expect(usage).toEqual({
      kind: "usage",
      usage: { ...INPUT, cacheWriteTokens: 10, cacheWriteLongTokens: 40, outputTextTokens: 1 },
    });
  });

  it("that says at its end that it wrote less than at its start, is not believed", () => {
    expect(read(start(), end({ output_tokens: 1, cache_creation_input_tokens: 20 }), stop).usage.kind).toBe(
      "invalid",
    );
  });

  it("takes searches and iterations from its end", () => {
    const iterations = [
      { type: "compaction", input_tokens: 100, output_tokens: 20 },
      { type: "message", input_tokens: 4, output_tokens: 2 },
    ];
    const usage = {
      input_tokens: 4,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 2,
      server_tool_use: { web_search_requests: 2 },
      iterations,
    };
    const reading = read(start({ input_tokens: 4, output_tokens: 1 }), end(usage), stop);
    expect(reading).toMatchObject({
      usage: { kind: "usage", usage: { inputTextTokens: 4, outputTextTokens: 2, webSearches: 2 } },
      also: [{ model: MODEL, usage: { inputTextTokens: 100, outputTextTokens: 20 } }],
    });
  });

  it("that is finished says so with its last delta, or with its stop", () => {
    expect(read(start(), text("a"), end({ output_tokens: 2 })).finished).toBe(true);
    expect(read(start(), text("a"), end({ output_tokens: 2 }, null)).finished).toBe(false);
    expect(read(start(), text("a"), stop).finished).toBe(true);
    expect(read(start(), text("a")).finished).toBe(false);
  });

  it("that was cut states the input that it began with", () => {
    const cut = read(start(), text("alpha beta"), text(" gamma"));
    expect(cut).toMatchObject({ finished: false, failed: false, statedInput: INPUT });
    expect(cut.seenOutputTokens).toBeGreaterThanOrEqual(3);
    expect(reader.events(sse(start()).slice(0, -60), plan, linearEstimator)).toMatchObject({
      usage: { kind: "missing" },
      finished: false,
    });
    expect(reader.events("", plan, linearEstimator)).not.toHaveProperty("statedInput");
  });

  it("with an error in its place has failed, whatever came before or behind it", () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    expect(read(start(), text("a"), error)).toMatchObject({
      finished: false,
      failed: true,
      statedInput: INPUT,
    });
    expect(read(start(), end({ output_tokens: 3 }), error, stop)).toMatchObject({
      finished: false,
      failed: true,
    });
  });

  it.each<[string, { type: string }]>([
    ["text", text("alpha beta gamma")],
    ["thinking", delta({ type: "thinking_delta", thinking: "alpha beta gamma" })],
    ["the input of a tool", delta({ type: "input_json_delta", partial_json: '{"alpha":"beta gamma"}' })],
    ["a compaction", delta({ type: "compaction_delta", content: "alpha beta gamma" })],
    ["a block that comes whole", block({ type: "redacted_thinking", data: "alpha beta gamma" })],
  ])("has %s among what was seen", (_name, event) => {
    expect(read(start(), event).seenOutputTokens).toBeGreaterThanOrEqual(3);
  });

  it.each<[string, { type: string }]>([
    ["a ping", { type: "ping" }],
    ["a tool's result", block({ type: "web_search_tool_result", content: [{ title: "alpha beta gamma" }] })],
    ["an event that is not known", { type: "content_block_later" }],
  ])("has nothing of %s among what was seen", (_name, event) => {
    expect(read(start(), event).seenOutputTokens).toBe(0);
  });

  it("counts every piece as a token at least", () => {
    expect(
      read(start(), ...Array.from({ length: 50 }, () => text("a"))).seenOutputTokens,
    ).toBeGreaterThanOrEqual(50);
  });

  it.each(["data: [1]\n\n", "data: null\n\n", "data: {\n\n", "garbage\n\n", "data: {}\n\n", ": comment\n\n"])(
    "may carry %j",
    (odd) => {
      const whole = sse(start(), text("a")) + odd + sse(end({ output_tokens: 7 }), stop);
      expect(reader.events(whole, plan, linearEstimator)).toMatchObject({
        finished: true,
        usage: { kind: "usage" },
      });
    },
  );

  it("of the legacy API has no usage and a last event", () => {
    const last = { type: "completion", completion: " b", stop_reason: "stop_sequence", model: "claude-2.1" };
    const reading = read(
      { type: "completion", completion: "a", stop_reason: null } as { type: string },
      last,
    );
    expect(reading).toMatchObject({
      usage: { kind: "missing" },
      finished: true,
      served: { model: "claude-2.1" },
    });
    expect(reading.seenOutputTokens).toBeGreaterThanOrEqual(2);
  });
});

describe("a long stream, of which only the beginning and the end are kept", () => {
  it.each([3_000, 200_000])("is read to the same usage: %i chunks", (chunks) => {
    const tail = new StreamTail(reader.headBytes);
    const push = (value: string): void => tail.push(Buffer.from(value));
    push(sse(start()));
    for (let n = 0; n < chunks; n++) push(sse(text(`word ${n}`)));
    push(sse(end({ output_tokens: 7 }), stop));
    const reading = tail.read(reader, plan, linearEstimator);
    expect(reading).toMatchObject({
      usage: { kind: "usage", usage: { ...INPUT, outputTextTokens: 7 } },
      served: { model: MODEL, serviceTier: "us+fast" },
      finished: true,
    });
  });

  it("that was cut is counted from what was kept", () => {
    const tail = new StreamTail(reader.headBytes);
    tail.push(Buffer.from(sse(start())));
    for (let n = 0; n < 60_000; n++) tail.push(Buffer.from(sse(text(`word ${n}`))));
    const reading = tail.read(reader, plan, linearEstimator);
    expect(reading).toMatchObject({ finished: false, statedInput: INPUT });
    expect(reading.seenOutputTokens).toBeGreaterThanOrEqual(120_000);
  });
});
