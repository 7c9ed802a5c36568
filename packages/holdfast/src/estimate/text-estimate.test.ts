import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { START_STATE, STATE_COUNT, buildClasses, maxCost, nextState } from "./char-class.ts";
import { transitionShares } from "./cost-data.ts";
import { estimateTextTokens, linearEstimator, utf8ByteLength } from "./text-estimate.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 2000 }),
  fc.array(fc.nat(0xffff), { maxLength: 2000 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: "grapheme", maxLength: 500 }),
  fc.string({ maxLength: 2000 }),
);

describe("utf8ByteLength", () => {
  it.each([
    ["", 0],
    ["a", 1],
    ["\0", 1],
    ["\u00e9", 2],
    ["\u4e2d", 3],
    ["\u{1f600}", 4],
    ["\ud83d", 3],
    ["\ude00\ud83d", 6],
    ["\ud83d\ud83d\ude00", 7],
  ])("%j: %d", (text, bytes) => {
    expect(utf8ByteLength(text)).toBe(bytes);
  });

  it("agrees with the encoder on any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(utf8ByteLength(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });
});

describe("linearEstimator", () => {
  it.each([
    ["", 0],
    ["a", 1],
    ["\0", 1],
    ["\ud800", 3],
  ])("is bounded by the bytes: %j", (text, tokens) => {
    expect(linearEstimator.estimate(text, "any")).toBe(tokens);
  });

  it("is an integer between 0 and the bytes of any text, and at least 1 for any that is not empty", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const tokens = linearEstimator.estimate(text, "gpt-5");
        expect(Number.isSafeInteger(tokens)).toBe(true);
        expect(tokens).toBeGreaterThanOrEqual(Math.min(1, text.length));
        expect(tokens).toBeLessThanOrEqual(utf8ByteLength(text));
      }),
    );
  });

  it("counts the bytes of a pair that lies on the border of two lanes once", () => {
    const alike = Array.from({ length: 40 }, (_, more) => "\u{12000}".repeat(300) + "\u{12000}".repeat(more));
    for (const text of alike.flatMap((even) => [even, `a${even}`, `ab${even}`, `abc${even}`])) {
      expect(estimateTextTokens(text)).toBeLessThanOrEqual(utf8ByteLength(text));
    }
  });

  it("hardly falls when text is added (a lane restarts, or a byte bound becomes loose)", () => {
    fc.assert(
      fc.property(anyText, anyText, (text, more) => {
        expect(estimateTextTokens(text + more)).toBeGreaterThanOrEqual(estimateTextTokens(text) - 6);
      }),
    );
  });

  it("hardly exceeds the sum of its parts", () => {
    fc.assert(
      fc.property(anyText, anyText, (text, more) => {
        const parts = estimateTextTokens(text) + estimateTextTokens(more);
        expect(estimateTextTokens(text + more)).toBeLessThanOrEqual(parts + 12);
      }),
    );
  });

  it("is the same for the same text, whatever the model, but for Claude and Gemini", () => {
    expect(linearEstimator.name).toBe("linear");
    expect(linearEstimator.estimate("same text", "gpt-4")).toBe(estimateTextTokens("same text"));
    expect(linearEstimator.estimate("same text", "")).toBe(estimateTextTokens("same text"));
    expect(linearEstimator.estimate("same text 1", "claude-opus-5")).toBeGreaterThan(
      estimateTextTokens("same text 1"),
    );
  });

  it.each(["a", " ", "\n", "=", "7", "\u4e2d", "\u{1f600}", "\ud83d", "\0"])(
    "grows linearly on a run of %j",
    (unit) => {
      const small = estimateTextTokens(unit.repeat(10_000));
      const large = estimateTextTokens(unit.repeat(40_000));
      expect(large / small).toBeGreaterThan(3);
      expect(large / small).toBeLessThan(4.2);
    },
  );

  it("reads every character a fixed number of times", () => {
    const reads = (chars: number): number => {
      let count = 0;
      const text = {
        length: chars,
        charCodeAt: () => (count++, 0x4e2d),
      } as unknown as string;
      estimateTextTokens(text);
      return count;
    };
    expect(reads(10_000)).toBeLessThanOrEqual(10_008);
    expect(reads(40_000)).toBeLessThanOrEqual(40_008);
  });
});

describe("the tables", () => {
  const classes = buildClasses();

  it("keep every state and cost within its bits", () => {
    expect(transitionShares).toHaveLength(STATE_COUNT);
    expect(START_STATE).toBeLessThan(STATE_COUNT);
    for (let state = 0; state < STATE_COUNT; state++) {
      for (let charClass = 0; charClass < 256; charClass++) {
        expect(nextState(state, charClass)).toBeLessThan(STATE_COUNT);
      }
    }
    for (let charClass = 0; charClass < 256; charClass++) expect(maxCost(charClass) * 63).toBeLessThan(256);
  });

  it("write every row in the alphabet, with at most 256 columns", () => {
    for (const row of transitionShares) {
      expect(row).toMatch(/^([A-Za-z0-9+/]|\.[1-9a-z])*$/);
      const columns = row.replace(/\.(.)/g, (_, run: string) => "x".repeat(Number.parseInt(run, 36))).length;
      expect(columns).toBeLessThanOrEqual(256);
    }
  });

  it("price a whole code unit at no more than its UTF-8 bytes, and never at nothing", () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const bytes = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
      const most = maxCost(classes[unit]!);
      if (most < 1 || most > bytes) expect.fail(`U+${unit.toString(16)}: ${most}`);
    }
  });
});
