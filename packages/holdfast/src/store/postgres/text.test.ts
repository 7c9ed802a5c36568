import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText, encodeText, NO_TEXT, quoted, storedKey } from "./text.ts";

/** Any sequence of code units, with many of those that need care. */
const units = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.constantFrom(0, 1, 2, 0x30, 0xd7ff, 0xd800, 0xdc00, 0xf8ff, 0xffff),
    ),
    {
      maxLength: 12,
    },
  )
  .map((codes) => String.fromCharCode(...codes));

const bytes = (text: string): Buffer => Buffer.from(text, "utf8");

describe("texts in Postgres", () => {
  it("come back as they were, and can be stored", () => {
    fc.assert(
      fc.property(units, (text) => {
        const encoded = encodeText(text);
        expect(decodeText(encoded)).toBe(text);
        expect(encoded).not.toContain("\u0000");
        expect(bytes(encoded).toString("utf8")).toBe(encoded);
        expect(encoded).not.toBe(NO_TEXT);
      }),
      { numRuns: 2_000 },
    );
  });

  it("sort by their bytes as JavaScript sorts them", () => {
    fc.assert(
      fc.property(units, units, (a, b) => {
        const order = Buffer.compare(bytes(encodeText(a)), bytes(encodeText(b)));
        expect(order).toBe(a === b ? 0 : a < b ? -1 : 1);
      }),
      { numRuns: 5_000 },
    );
  });

  it("leaves ordinary text as it is", () => {
    for (const text of ["", "tenant-day/day(UTC)/tenant=acme", 'a b\n\t"\\', "Zürich", "日本語"]) {
      expect(encodeText(text)).toBe(text);
    }
  });
});

describe("keys", () => {
  it("are kept as they are up to a length that every index takes, and told apart beyond it", () => {
    const short = "é".repeat(512);
    expect(storedKey(short)).toBe(short);
    const long = "日".repeat(100_000);
    for (const key of [`${long}1`, `${long}2`, "\u0000".repeat(400), "\u{1f4b8}".repeat(60)]) {
      expect(bytes(storedKey(key)).length).toBeLessThan(2_700);
    }
    expect(storedKey(`${long}1`)).not.toBe(storedKey(`${long}2`));
    expect(storedKey(storedKey(`${long}1`))).not.toBe(storedKey(`${long}1`));
  });
});

describe("an element of an array literal", () => {
  it("is quoted, with quotes and backslashes escaped", () => {
    expect(quoted("a,{b} NULL")).toBe('"a,{b} NULL"');
    expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"');
    expect(quoted("")).toBe('""');
  });
});
