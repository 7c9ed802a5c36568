import { describe, expect, it } from "vitest";
import { linearEstimator as estimator } from "../../estimate/text-estimate.ts";
import type { StreamReading } from "../response-reader.ts";
import { readInteractionStream } from "./read-interaction.ts";
import { readStream } from "./read-stream.ts";

const sse = (...events: object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join("");
const read = (...events: object[]): StreamReading =>
  readStream(sse(...events), estimator, "gemini-2.5-flash", "outputTextTokens");

const chunk = (text: string, more: object = {}): object => ({
  candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0, ...more }],
  modelVersion: "gemini-2.5-flash-001",
});
const usage = (promptTokenCount: number, candidatesTokenCount: number): object => ({
  usageMetadata: {
    promptTokenCount,
    candidatesTokenCount,
    totalTokenCount: promptTokenCount + candidatesTokenCount,
    trafficType: "ON_DEMAND_FLEX",
  },
});

describe("a stream of generateContent", () => {
  it("has its totals in the last chunk", () => {
    const reading = read(
      { ...chunk("one"), ...usage(10, 1) },
      { ...chunk("two"), ...usage(10, 2) },
      { ...chunk("three", { finishReason: "STOP" }), ...usage(10, 3) },
    );
    expect(reading).toMatchObject({
      usage: { kind: "usage", usage: { inputTextTokens: 10, outputTextTokens: 3 } },
      served: { model: "gemini-2.5-flash-001", serviceTier: "flex" },
      finished: true,
      failed: false,
    });
  });

  it("that was cut off says what the input took", () => {
    const reading = read({ ...chunk("one two three four"), ...usage(10, 1) }, chunk("five six"));
    expect(reading).toMatchObject({ finished: false, statedInput: { inputTextTokens: 10 } });
    expect(reading.statedInput).not.toHaveProperty("outputTextTokens");
    expect(reading.seenOutputTokens).toBeGreaterThanOrEqual(6);
  });

  it("whose totals are older than its end has none", () => {
    const reading = read({ ...chunk("one"), ...usage(10, 700) }, chunk("two", { finishReason: "STOP" }));
    expect(reading).toMatchObject({
      usage: { kind: "missing" },
      finished: true,
      statedInput: { inputTextTokens: 10 },
    });
    expect(reading.seenOutputTokens).toBe(700);
  });

  it("with totals behind its end is complete", () => {
    expect(read(chunk("one", { finishReason: "STOP" }), usage(10, 1))).toMatchObject({
      usage: { kind: "usage" },
      finished: true,
    });
  });

  it("is finished when every candidate is", () => {
    const first = {
      candidates: [
        { index: 0, finishReason: "STOP" },
        { index: 1, content: { parts: [{ text: "a" }] } },
      ],
      ...usage(5, 2),
    };
    expect(read(first).finished).toBe(false);
    expect(
      read(first, { candidates: [{ index: 1, finishReason: "MAX_TOKENS" }], ...usage(5, 4) }),
    ).toMatchObject({
      finished: true,
      usage: { usage: { outputTextTokens: 4 } },
    });
  });

  it("of a blocked prompt is finished", () => {
    expect(read({ promptFeedback: { blockReason: "SAFETY" }, ...usage(5, 0) })).toMatchObject({
      finished: true,
      usage: { usage: { inputTextTokens: 5 } },
    });
  });

  it("that carries an error has failed", () => {
    expect(read(chunk("one"), { error: { code: 500, message: "m", status: "INTERNAL" } })).toMatchObject({
      failed: true,
      finished: false,
    });
  });

  it("counts every kind of output", () => {
    const parts = [
      { text: "thinking", thought: true },
      { functionCall: { name: "weather", args: { city: "Paris" } } },
      { executableCode: { language: "PYTHON", code: "print(1)" } },
      { inlineData: { mimeType: "image/png", data: "A".repeat(100_000) } },
      { inlineData: { mimeType: "audio/L16;rate=24000", data: "A".repeat(2_560) } },
    ];
    const reading = read({ candidates: [{ content: { parts } }] });
    expect(reading.seenOutputTokens).toBeGreaterThan(2_520 + 2 + 5);
    expect(reading.seenOutputTokens).toBeLessThan(3_000);
  });

  it("has the fees of grounding", () => {
    expect(
      read({
        ...chunk("one", { finishReason: "STOP", groundingMetadata: { webSearchQueries: ["a"] } }),
        ...usage(5, 1),
      }),
    ).toMatchObject({
      usage: { usage: { webSearches: 1 } },
    });
  });

  it("may be anything", () => {
    const junk = 'data: {\n\ndata: 5\n\ndata: null\n\ndata: {"candidates":[5,null,{"content":5}]}\n\n: x\n\n';
    expect(readStream(junk, estimator, "m", "outputTextTokens")).toMatchObject({
      finished: false,
      seenOutputTokens: 0,
    });
  });
});

describe("a stream of an interaction", () => {
  const readEvents = (...events: object[]): ReturnType<typeof readInteractionStream> =>
    readInteractionStream(sse(...events), estimator, "gemini-3.8-flash", "outputTextTokens");
  const created = {
    event_type: "interaction.created",
    interaction: { id: "i1", model: "models/gemini-3.8-flash", status: "in_progress" },
  };
  const delta = { event_type: "step.delta", index: 0, delta: { type: "text", text: "hello there" } };
  const totals = { total_input_tokens: 10, total_output_tokens: 3, total_tokens: 13 };

  it("has its usage in the last event", () => {
    expect(
      readEvents(created, delta, {
        event_type: "interaction.completed",
        interaction: { id: "i1", status: "completed", service_tier: "priority", usage: totals },
      }),
    ).toMatchObject({
      interactionId: "i1",
      usage: { usage: { inputTextTokens: 10, outputTextTokens: 3 } },
      served: { model: "gemini-3.8-flash", serviceTier: "priority" },
      finished: true,
    });
  });

  it("that was cut off is not finished", () => {
    const reading = readEvents(created, delta);
    expect(reading).toMatchObject({ interactionId: "i1", usage: { kind: "missing" }, finished: false });
    expect(reading.seenOutputTokens).toBeGreaterThanOrEqual(2);
  });

  it("with an error has failed", () => {
    expect(readEvents(created, { event_type: "error", error: { code: "500" } })).toMatchObject({
      failed: true,
      finished: false,
    });
  });
});
