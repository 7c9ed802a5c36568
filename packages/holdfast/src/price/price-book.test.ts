import { describe, expect, it } from "vitest";
import type { ModelPrice, PriceSource } from "@holdfast/prices";
import { createPriceSource } from "@holdfast/prices";
import { createPriceBook } from "./price-book.ts";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 10, 20, 12);

/** A source over one model that counts how often it was asked. */
function countingSource(version: string, changes: Partial<ModelPrice> = {}): PriceSource & { asked: number } {
  const known = createPriceSource().priceOf("openai", "gpt-5", NOON)!;
  return {
    version,
    asked: 0,
    priceOf(_, model) {
      this.asked++;
      return model === "gpt-5" ? { ...known, version, ...changes } : undefined;
    },
  };
}

describe("lookup", () => {
  it("asks the source once per model and UTC day", () => {
    let nowMs = NOON;
    const source = countingSource("1");
    const book = createPriceBook({ source, unknownModel: { policy: "refuse" }, clock: { now: () => nowMs } });
    const first = book.lookup("openai", "gpt-5");
    expect(first).toMatchObject({ kind: "priced", price: { model: "gpt-5" } });
    nowMs += DAY_MS / 2 - 1;
    expect(book.lookup("openai", "gpt-5")).toBe(first);
    expect(source.asked).toBe(1);
    nowMs += 1;
    book.lookup("openai", "gpt-5");
    expect(source.asked).toBe(2);
    // One day is remembered per model; going back to another asks again and answers the same.
    expect(book.lookup("openai", "gpt-5", NOON)).toEqual(first);
    expect(source.asked).toBe(3);
  });

  it("asks each time for a price that changes within the day", () => {
    const source = countingSource("1", { changesWithinDay: true });
    const book = createPriceBook({ source, unknownModel: { policy: "refuse" }, clock: { now: () => NOON } });
    book.lookup("openai", "gpt-5");
    book.lookup("openai", "gpt-5");
    expect(source.asked).toBe(2);
  });

  it("does not confuse names that concatenate to the same text", () => {
    const source: PriceSource = {
      version: "1",
      priceOf: (provider, model) => countingSource("1", { provider, model }).priceOf("openai", "gpt-5", NOON),
    };
    const book = createPriceBook({ source, unknownModel: { policy: "refuse" }, clock: { now: () => NOON } });
    expect(book.lookup("ab", "c")).toMatchObject({ price: { provider: "ab", model: "c" } });
    expect(book.lookup("a", "bc")).toMatchObject({ price: { provider: "a", model: "bc" } });
    expect(book.lookup("", "abc")).toMatchObject({ price: { provider: "", model: "abc" } });
  });

  it("forgets the oldest of too many names, and does not keep very long ones", () => {
    const source = countingSource("1");
    const book = createPriceBook({ source, unknownModel: { policy: "refuse" }, clock: { now: () => NOON } });
    book.lookup("openai", "gpt-5");
    for (let i = 0; i < 999; i++) book.lookup("openai", `flood-${i}`);
    book.lookup("openai", "gpt-5");
    expect(source.asked).toBe(1_000);
    book.lookup("openai", "one more");
    book.lookup("openai", "gpt-5");
    expect(source.asked).toBe(1_002);
    const long = "x".repeat(1_000);
    expect(book.lookup("openai", long)).toEqual({ kind: "unpriced", policy: "refuse" });
    book.lookup("openai", long);
    expect(source.asked).toBe(1_004);
  });
});

describe("a model without a price", () => {
  const clock = { now: () => NOON };
  const source = createPriceSource();

  it.each(["refuse", "unmetered"] as const)("is unpriced under the policy %s", (policy) => {
    const book = createPriceBook({ source, unknownModel: { policy }, clock });
    expect(book.lookup("openai", "gpt-99")).toEqual({ kind: "unpriced", policy });
    expect(book.lookup("openai", "gpt-5").kind).toBe("priced");
    expect(book.lookup("nobody", "__proto__").kind).toBe("unpriced");
  });

  it("is priced at the ceiling, which never replaces a known price", () => {
    const price = { inputUsdPerMillion: "20", outputUsdPerMillion: "100" };
    const book = createPriceBook({ source, unknownModel: { policy: "ceiling", price }, clock });
    expect(book.lookup("openai", "gpt-99")).toMatchObject({
      kind: "priced",
      price: {
        source: "ceiling",
        model: "gpt-99",
        rates: { inputTextTokens: 20_000_000, reasoningTokens: 100_000_000 },
      },
    });
    expect(book.lookup("openai", "gpt-5")).toMatchObject({ price: { source: "genai-prices" } });
  });

  it("needs a ceiling in decimal texts", () => {
    const price = { inputUsdPerMillion: 20 } as never;
    expect(() => createPriceBook({ source, unknownModel: { policy: "ceiling", price }, clock })).toThrow(
      "ceiling.inputUsdPerMillion",
    );
  });
});

it("a new source takes effect for the next lookup, and keeps no old answer", () => {
  const book = createPriceBook({
    source: countingSource("1"),
    unknownModel: { policy: "refuse" },
    clock: { now: () => NOON },
  });
  const before = book.lookup("openai", "gpt-5");
  book.replaceSource(countingSource("2"));
  expect(book.version).toBe("2");
  expect(book.lookup("openai", "gpt-5")).toMatchObject({ price: { version: "2" } });
  expect(before).toMatchObject({ price: { version: "1" } });
});
