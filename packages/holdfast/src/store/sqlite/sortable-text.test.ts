import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromSortableText, sortableText } from "./sortable-text.ts";

/** Strings rich in what matters: the ends of the ranges, halves of pairs, and the characters used for writing out. */
const unit = fc.oneof(
  fc.constantFrom(
    0,
    1,
    2,
    0x2f,
    0x30,
    0x31,
    0x61,
    0xd7ff,
    0xd800,
    0xdbff,
    0xdc00,
    0xdfff,
    0xe000,
    0xf8ff,
    0xffff,
  ),
  fc.nat({ max: 0xffff }),
);
const text = fc.array(unit, { maxLength: 6 }).map((codes) => String.fromCharCode(...codes));
const bytes = (value: string): Buffer => Buffer.from(sortableText(value), "utf8");

describe("sortableText", () => {
  it("leaves ordinary text as it is", () => {
    for (const plain of ["", "a", "tenant/acme:total", "Grüße", "日本語", '"\\\n\t']) {
      expect(sortableText(plain)).toBe(plain);
    }
  });

  it("comes back as it was, and is well-formed without NUL", () => {
    fc.assert(
      fc.property(text, (value) => {
        const sortable = sortableText(value);
        expect(fromSortableText(sortable)).toBe(value);
        expect(Buffer.from(sortable, "utf8").toString("utf8")).toBe(sortable);
        expect(sortable).not.toContain("\0");
      }),
    );
  });

  it("sorts by bytes as strings do by code units", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const expected = a < b ? -1 : a > b ? 1 : 0;
        expect(Buffer.compare(bytes(a), bytes(b))).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
