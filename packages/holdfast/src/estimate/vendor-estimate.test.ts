import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCalibration } from "./calibration.ts";
import { estimateTextTokens, linearEstimator, utf8ByteLength } from "./text-estimate.ts";
import { tokensForModel } from "./vendor-estimate.ts";

const OLD_CLAUDE = "claude-opus-4-6";
const NEW_CLAUDE = "claude-opus-4-7";
const GEMINI = "gemini-2.5-pro";

describe("the vendor of a model", () => {
  const text = "x".repeat(40);
  const factorOf = (model: string): number => tokensForModel(text, model, 100) / 100;

  it.each([
    ["gpt-5", 1],
    ["llama-4", 1],
    ["", 1],
    ["claude-3-5-haiku-latest", 1.3],
    ["claude-haiku-4-5-20251001", 1.3],
    ["claude-opus-4-6", 1.3],
    ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", 1.3],
    ["claude-opus-4-7", 1.8],
    ["claude-opus-4-8@20260528", 1.8],
    ["claude-sonnet-5", 1.8],
    ["claude-haiku-5-5", 1.8],
    ["global.anthropic.claude-fable-5-2", 1.8],
    ["claude-mythos-preview", 1.8],
    ["claude-of-a-name-yet-to-come", 1.8],
  ])("%s has the factor %d", (model, factor) => {
    expect(factorOf(model)).toBe(factor);
  });

  it.each([
    "gemini-2.5-pro",
    "models/gemini-3.8-flash",
    "publishers/google/models/gemini-4-argon",
    "gemma-3-27b-it",
  ])("%s is bounded by the bytes", (model) => {
    expect(tokensForModel("x".repeat(200), model, 100)).toBe(110);
    expect(factorOf(model)).toBe(0.4);
  });
});

describe("what counts more elsewhere", () => {
  it.each([
    // Text, what OpenAI's come to, and what is added for Gemini beyond 1.1 times that.
    ["a digit of its own token", "1 2 3 ".repeat(50), 100, 110],
    ["two of three joined digits", "123 ".repeat(50), 80, 88 + 100],
    ["the same at the end of a long number", "1234567 ".repeat(50), 100, 110 + 200],
    ["half of each change of white space", "\n ".repeat(50), 40, 44 + 50],
    ["an eighth of a run", "=".repeat(800), 100, 110 + 100],
    ["nothing for letters", "a".repeat(800), 100, 110],
    ["one for a surrogate pair", "\u{1f600}".repeat(50), 100, 110 + 50],
    ["three for half of one", "\ud83d".repeat(50) + "a".repeat(400), 100, 110 + 150 + 6],
  ])("%s", (_, text, openAi, tokens) => {
    expect(tokensForModel(text, GEMINI, openAi)).toBe(tokens);
  });

  it("other scripts do on Claude up to 4.6, as far as they have bytes", () => {
    expect(tokensForModel("ไทย".repeat(100), OLD_CLAUDE, 300)).toBe(510);
    expect(tokensForModel(`${"word ".repeat(100)}ไทย`, OLD_CLAUDE, 200)).toBe(Math.ceil(260 + 0.4 * 9));
    expect(tokensForModel("ไทย".repeat(100), NEW_CLAUDE, 300)).toBe(540);
    expect(tokensForModel("éa".repeat(50), OLD_CLAUDE, 100)).toBe(130);
    expect(tokensForModel("\u{1f600}".repeat(10), OLD_CLAUDE, 30)).toBe(51);
  });
});

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 2_000 }),
  fc.array(fc.nat(0xffff), { maxLength: 2_000 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: "grapheme", maxLength: 500 }),
  fc.stringMatching(/^[0-9 \n\t=-]{0,400}$/),
);

describe("the estimate of any text", () => {
  it("is an integer, at least 1 unless empty, and 0 for nothing", () => {
    for (const model of [OLD_CLAUDE, NEW_CLAUDE, GEMINI]) {
      expect(linearEstimator.estimate("", model)).toBe(0);
      fc.assert(
        fc.property(anyText, (text) => {
          const tokens = linearEstimator.estimate(text, model);
          expect(Number.isSafeInteger(tokens)).toBe(true);
          expect(tokens).toBeGreaterThanOrEqual(Math.min(1, text.length));
        }),
      );
    }
  });

  it("is never below the one for OpenAI on Claude, and never above the bytes on Gemini", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const openAi = estimateTextTokens(text);
        expect(linearEstimator.estimate(text, OLD_CLAUDE)).toBeGreaterThanOrEqual(openAi);
        expect(linearEstimator.estimate(text, NEW_CLAUDE)).toBeGreaterThanOrEqual(1.8 * openAi);
        expect(linearEstimator.estimate(text, GEMINI)).toBeLessThanOrEqual(utf8ByteLength(text));
        expect(linearEstimator.estimate(text, GEMINI)).toBeGreaterThanOrEqual(
          Math.min(openAi, utf8ByteLength(text)),
        );
      }),
    );
  });
});

it("settled calls raise it when a vocabulary turns out to make more tokens than is stated", () => {
  const calibration = createCalibration();
  const key = "google/gemini-9";
  const texts = [
    "The quick brown fox.",
    "Meldung 4711: Der Vorgang ist beendet.",
    "日本語のテキストです。",
    '{"a": [1, 22, 333]}',
  ];
  const estimate = (text: string): number => linearEstimator.estimate(text, "gemini-9");
  const held = (text: string): number => Math.ceil(estimate(text) * calibration.factor(key));
  const truth = (text: string): number => 3 * estimate(text);
  expect(held(texts[0]!)).toBeLessThan(truth(texts[0]!));
  calibration.observe(key, estimate(texts[0]!), truth(texts[0]!));
  for (const text of texts) expect(held(text)).toBeGreaterThanOrEqual(truth(text));
});
