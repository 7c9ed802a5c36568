import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitText } from "../src/split.ts";
import { corpus } from "./corpus/index.ts";

const anyText = fc.string({ unit: "binary", maxLength: 700 });

describe("splitText", () => {
  it("gives back the whole text, in chunks that are not empty", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 200 }), (text, maxRunChars) => {
        const chunks = [...splitText(text, maxRunChars)];
        expect(chunks.map((chunk) => chunk.text).join("")).toBe(text);
        expect(chunks.every((chunk) => chunk.text.length > 0)).toBe(true);
      }),
    );
  });

  it("never cuts a surrogate pair", () => {
    const chunks = [...splitText("\u{1f600}".repeat(300), 65)];
    expect(chunks.length).toBeGreaterThan(5);
    expect(chunks.every((chunk) => !/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(chunk.text))).toBe(true);
  });

  it("bounds every unbroken stretch", () => {
    for (const text of ["a".repeat(1000), " ".repeat(1000), "(".repeat(1000), "\u4e2d".repeat(1000)]) {
      const chunks = [...splitText(text, 64)];
      expect(Math.max(...chunks.map((chunk) => chunk.text.length))).toBe(64);
      expect(chunks.slice(0, -1).every((chunk) => !chunk.endsExactly)).toBe(true);
    }
  });

  it("cuts ordinary text only where the count does not change", () => {
    for (const { text } of corpus.filter(({ kind }) => kind === "english" || kind === "typescript")) {
      expect([...splitText(text.repeat(3), 64)].every((chunk) => chunk.endsExactly)).toBe(true);
    }
  });
});
