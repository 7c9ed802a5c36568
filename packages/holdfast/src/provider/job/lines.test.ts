import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineReader } from "./lines.ts";

/** The lines of a file that comes in pieces of so many bytes. */
function linesOf(
  bytes: Uint8Array,
  pieceSize: number,
  longest = 1_000,
): { lines: string[]; reader: LineReader } {
  const lines: string[] = [];
  const reader = new LineReader((line) => lines.push(line), longest);
  for (let from = 0; from < bytes.length; from += pieceSize) {
    const piece = bytes.slice(from, from + pieceSize);
    reader.push(piece);
    // Whoever hands over a piece may use it again.
    piece.fill(0);
  }
  reader.end();
  return { lines, reader };
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("the lines of a file", () => {
  test("are the same in pieces of any size", () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, ""));
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 9 }), fc.boolean(), (texts, size, hasEnd) => {
        const file = texts.join("\n") + (hasEnd ? "\n" : "");
        const expected = texts
          .filter((text) => text.trim() !== "")
          .map((text) => text.replace(/^\ufeff/, ""));
        expect(linesOf(utf8(file), size).lines).toEqual(expected);
      }),
    );
  });

  test("may end in a carriage return, as JSON does not mind", () => {
    expect(
      linesOf(utf8('{"a":1}\r\n\r\n{"a":2}\r\n'), 3).lines.map((line) => JSON.parse(line) as unknown),
    ).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test("that are longer than is kept are known of, and the others are heard", () => {
    const { lines, reader } = linesOf(utf8(`a\n${"b".repeat(20)}\nc\n${"d".repeat(10)}`), 7, 10);
    expect(lines).toEqual(["a", "c", "d".repeat(10)]);
    expect(reader.isTooLong).toBe(true);
    expect(linesOf(utf8("abc"), 1, 3).reader.isTooLong).toBe(false);
  });
});
