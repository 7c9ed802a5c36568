import { readFileSync } from "node:fs";
import { linearEstimator } from "holdfast";
import { describe, expect, it } from "vitest";
import { createTokenizer, encodingFor, type Encoder } from "../src/index.ts";
import { corpus, windowsOf } from "./corpus/index.ts";
import { createGptTokenizer } from "./gpt-tokenizer-encoder.ts";
import { truthOf } from "./truth.ts";

const ordinary = new Set(["prose", "code", "json", "cjk", "script"]);
/** Counts however long it takes, so that a busy machine changes nothing. */
const tokenizer = createGptTokenizer({ now: () => 0 });

/** One token per character, and a record of what it was asked. */
function fakeEncoder(): Encoder & { asked: string[] } {
  const asked: string[] = [];
  return { asked, encode: (text) => (asked.push(text), { length: text.length }) };
}

describe("tokenizer over gpt-tokenizer", () => {
  it.each(corpus.map(({ kind, text }) => [kind, text] as const))(
    "is never below the truth: %s",
    async (kind, text) => {
      await tokenizer.ready;
      for (const window of [text, ...windowsOf(text, 60, text.length + 1)]) {
        const { o200k, cl100k } = truthOf(window);
        expect(tokenizer.estimate(window, "gpt-5-mini"), kind).toBeGreaterThanOrEqual(o200k);
        expect(tokenizer.estimate(window, "gpt-4-turbo"), kind).toBeGreaterThanOrEqual(cl100k);
      }
    },
    60_000,
  );

  it("is within 2 % of the truth on ordinary text", async () => {
    await tokenizer.ready;
    for (const { group, kind, text } of corpus) {
      if (!ordinary.has(group)) continue;
      const { o200k, cl100k } = truthOf(text);
      expect(tokenizer.estimate(text, "gpt-5-mini") / o200k, kind).toBeLessThanOrEqual(1.02);
      expect(tokenizer.estimate(text, "gpt-4-turbo") / cl100k, kind).toBeLessThanOrEqual(1.02);
    }
  });

  it("reads special tokens as plain text", async () => {
    await tokenizer.ready;
    expect(tokenizer.estimate("<|endoftext|>", "gpt-5")).toBe(truthOf("<|endoftext|>").o200k);
  });

  it("is the code in the README", () => {
    const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
    expect(read("../README.md")).toContain(read("./gpt-tokenizer-encoder.ts").trim());
  });
});

describe("tokenizer over js-tiktoken", () => {
  it("agrees with gpt-tokenizer on every ordinary text, special tokens included", async () => {
    const slow = createTokenizer({
      encodings: ["o200k_base", "cl100k_base"],
      maxMs: 60_000,
      maxRunChars: 128,
    });
    await Promise.all([slow.ready, tokenizer.ready]);
    const texts = corpus.filter(({ group, text }) => ordinary.has(group) && text.length < 8192);
    for (const { kind, text } of [...texts, { kind: "special", text: "a <|endoftext|> b" }]) {
      for (const model of ["gpt-5", "gpt-3.5-turbo"]) {
        expect(slow.estimate(text, model), kind).toBe(tokenizer.estimate(text, model));
      }
    }
  }, 120_000);

  it("survives pathological runs and gives up in favour of the linear estimate", async () => {
    const bounded = createTokenizer();
    await bounded.ready;
    for (const unit of ["a", " ", "\n", "(", "\u4e2d", "\u{1f600}", "\ud83d", "\0"]) {
      const text = unit.repeat(Math.floor(2000 / unit.length));
      expect(bounded.estimate(text, "gpt-5")).toBeGreaterThanOrEqual(truthOf(text).o200k);
      expect(bounded.estimate(unit.repeat(500_000), "gpt-5")).toBe(
        linearEstimator.estimate(unit.repeat(500_000), "gpt-5"),
      );
    }
  }, 120_000);
});

describe("tokenizer bounds", () => {
  const text = "one two three four";

  it("answers linearly until it is loaded, and exactly after", async () => {
    const lazy = createTokenizer({ encoder: async () => fakeEncoder() });
    expect(lazy.estimate(text, "gpt-5")).toBe(linearEstimator.estimate(text, "gpt-5"));
    await lazy.load();
    expect(lazy.estimate(text, "gpt-5")).toBe(text.length);
  });

  it("answers linearly for models of another or an unloaded vocabulary", async () => {
    const one = createTokenizer({ encoder: async () => fakeEncoder() });
    await one.ready;
    for (const model of ["claude-sonnet-4-6", "gemini-3-pro", "gpt-4", ""]) {
      expect(one.estimate(text, model)).toBe(linearEstimator.estimate(text, model));
    }
  });

  it("answers linearly when loading fails, and recovers by load()", async () => {
    let attempts = 0;
    const flaky = createTokenizer({
      encoder: async () => {
        if (attempts++ === 0) throw new Error("no such module");
        return fakeEncoder();
      },
    });
    await expect(flaky.ready).rejects.toThrow("no such module");
    expect(flaky.estimate(text, "gpt-5")).toBe(linearEstimator.estimate(text, "gpt-5"));
    await flaky.load();
    expect(flaky.estimate(text, "gpt-5")).toBe(text.length);
  });

  it("answers linearly when the encoder throws", async () => {
    const broken = createTokenizer({
      encoder: async () => ({
        encode: () => {
          throw new RangeError("stack");
        },
      }),
    });
    await broken.ready;
    expect(broken.estimate(text, "gpt-5")).toBe(linearEstimator.estimate(text, "gpt-5"));
  });

  it("estimates the rest linearly when the time is up", async () => {
    const encoder = fakeEncoder();
    let nowMs = 0;
    const slow = createTokenizer({ encoder: async () => encoder, maxMs: 25, now: () => (nowMs += 10) });
    await slow.ready;
    const long = "word ".repeat(1000);
    const tokens = slow.estimate(long, "gpt-5");
    expect(encoder.asked).toHaveLength(2);
    const counted = encoder.asked.join("").length;
    expect(tokens).toBe(counted + linearEstimator.estimate(long.slice(counted), "gpt-5") + 2);
  });

  it("asks the encoder once for a text that comes again, and forgets the oldest", async () => {
    const encoder = fakeEncoder();
    const memo = createTokenizer({ encoder: async () => encoder, memoEntries: 2 });
    await memo.ready;
    for (const asked of ["a", "b", "a", "b", "c", "b", "a"]) memo.estimate(asked, "gpt-5");
    expect(encoder.asked).toEqual(["a", "b", "c", "a"]);
  });

  it("never goes beyond the bytes of the text", async () => {
    const doubling = createTokenizer({ encoder: async () => fakeEncoder(), maxRunChars: 2 });
    await doubling.ready;
    expect(doubling.estimate("(".repeat(100), "gpt-5")).toBe(100);
  });
});

describe("encodingFor", () => {
  it.each([
    ["gpt-5.2-codex", "o200k_base"],
    ["gpt-4o-mini", "o200k_base"],
    ["gpt-4.1-nano", "o200k_base"],
    ["o3", "o200k_base"],
    ["openai/gpt-5-mini", "o200k_base"],
    ["ft:gpt-4o-mini:acme::id", "o200k_base"],
    ["gpt-4", "cl100k_base"],
    ["gpt-4-turbo-2024-04-09", "cl100k_base"],
    ["gpt-35-turbo", "cl100k_base"],
    ["text-embedding-3-small", "cl100k_base"],
    ["gpt-6", undefined],
    ["claude-opus-4-7", undefined],
    ["o365-assistant", undefined],
  ])("%s: %s", (model, encoding) => {
    expect(encodingFor(model)).toBe(encoding);
  });
});
