import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearEstimator } from "../../estimate/text-estimate.ts";
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { StreamTail } from "../observe/stream-tail.ts";
import type { StreamReading } from "../response-reader.ts";
import { lastUsageObject, readStream } from "./read-stream.ts";
import { openaiReader } from "./reader.ts";

const encoder = new TextEncoder();
/** One token per character: what was seen can be read off. */
const perCharacter: TokenEstimator = { name: "characters", estimate: (text) => text.length };

const sse = (...events: unknown[]): string =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("");
const delta = (content: string, more: object = {}) => ({
  choices: [{ index: 0, delta: { content } }],
  ...more,
});

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const responseUsage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
const USED = { kind: "usage", usage: { inputTextTokens: 10, outputTextTokens: 5 } };
const MISSING = { kind: "missing" };

/** All that a reading of text asks of it. */
const plan = { model: "m", estimate: { usage: {} } } as CallPlan;

describe("StreamTail", () => {
  const whole = sse(
    delta("héllo"),
    delta("漢字😀"),
    { ...delta("", {}), model: "m-1" },
    { choices: [], usage },
    "[DONE]",
  );

  function readPieces(text: string, cuts: readonly number[]): StreamReading {
    const bytes = encoder.encode(text);
    const at = [...new Set(cuts.map((one) => one % (bytes.length + 1)))].toSorted((a, b) => a - b);
    const tail = new StreamTail();
    for (const [i, from] of [0, ...at].entries()) tail.push(bytes.subarray(from, at[i] ?? bytes.length));
    return tail.read(openaiReader, plan, linearEstimator);
  }

  it("reads the same, wherever the bytes are split", () => {
    const expected = readStream(whole, linearEstimator, "m");
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 20 }), (cuts) => {
        expect(readPieces(whole, cuts)).toEqual(expected);
      }),
    );
  });

  it("a stream that was cut off anywhere is read as far as it came, and never thrown", () => {
    const bytes = encoder.encode(whole);
    for (let length = 0; length <= bytes.length; length++) {
      const tail = new StreamTail();
      tail.push(bytes.subarray(0, length));
      const reading = tail.read(openaiReader, plan, linearEstimator);
      expect(["missing", "usage"]).toContain(reading.usage.kind);
      expect(reading.usage.kind === "usage").toBe(reading.finished && length > 0);
    }
  });

  it("whatever arrives is answered", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 80 }),
            fc.json().map((json) => encoder.encode(`data: ${json}\n\n`)),
          ),
          { maxLength: 8 },
        ),
        (pieces) => {
          const tail = new StreamTail();
          for (const piece of pieces) tail.push(piece);
          const { seenOutputTokens, usage: found } = tail.read(openaiReader, plan, linearEstimator);
          expect(Number.isSafeInteger(seenOutputTokens) && seenOutputTokens >= 0).toBe(true);
          expect(["missing", "usage", "invalid"]).toContain(found.kind);
        },
      ),
    );
  });

  const MIB = 1024 * 1024;

  it("lets go of the beginning of a long stream, and still finds the usage at its end", () => {
    const tail = new StreamTail();
    for (let i = 0; i < 6; i++) tail.push(encoder.encode(sse(delta("x".repeat(MIB)))));
    tail.push(encoder.encode(sse({ choices: [], usage }, "[DONE]")));
    expect(tail.read(openaiReader, plan, perCharacter)).toMatchObject({ usage: USED, finished: true });
  });

  it("counts what it let go of as seen", () => {
    const tail = new StreamTail();
    for (let i = 0; i < 12; i++) tail.push(encoder.encode(sse(delta("x".repeat(MIB)))));
    expect(tail.read(openaiReader, plan, perCharacter).seenOutputTokens).toBeGreaterThanOrEqual(12 * MIB);
  });

  it("finds the usage of a final event that is larger than what is kept", () => {
    const tail = new StreamTail();
    const final = encoder.encode(
      sse({ type: "response.completed", response: { output: "x".repeat(6 * MIB), usage: responseUsage } }),
    );
    for (let from = 0; from < final.length; from += MIB) tail.push(final.subarray(from, from + MIB));
    expect(tail.read(openaiReader, plan, perCharacter)).toMatchObject({ usage: USED, finished: true });
  });

  it("is empty before anything came", () => {
    expect(new StreamTail().read(openaiReader, plan, perCharacter)).toMatchObject({
      usage: MISSING,
      seenOutputTokens: 0,
    });
  });
});

describe("lastUsageObject", () => {
  it.each<[string, unknown]>([
    ['{"data":[1,2],"usage":{"a":1,"b":{"c":2}}}', { a: 1, b: { c: 2 } }],
    ['... "usage" : \n {"a":1}, "x":2}', { a: 1 }],
    ['{"usage":{"a":1},"later":{"usage":{"a":2}}}', { a: 2 }],
    ['{"text":"\\"usage\\":{\\"a\\":1}"}', undefined],
    ['{"usage":null}', undefined],
    ['{"usage":{"a":1', undefined],
    ["", undefined],
  ])("of %j", (text, expected) => {
    expect(lastUsageObject(text)).toEqual(expected);
  });
});
