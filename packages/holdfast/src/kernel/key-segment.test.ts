import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keySegment, MAX_SEGMENT_LENGTH } from "./key-segment.ts";

/** Any UTF-16 text: lone surrogates, NUL, controls. */
const codeUnits = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd7fe, max: 0xe001 }),
      fc.integer({ min: 0, max: 127 }),
    ),
    {
      maxLength: 120,
    },
  )
  .map((units) => String.fromCharCode(...units));
const anyText = fc.oneof(
  codeUnits,
  fc.string({ maxLength: 200 }),
  fc.string({ unit: "binary", maxLength: 60 }),
);

const SHAPE = /^(?:[A-Za-z0-9._+@-]{1,96}|~{1,2}[A-Za-z0-9_-]{1,96})$/;

const ABUSE = [
  "",
  "~",
  "~~",
  "/",
  ":",
  "a:b",
  "a/b",
  "{x}",
  "}",
  "*",
  "?",
  "\n",
  "\r\nFLUSHALL\r\n",
  "\u0000",
  "a\u0000",
  "a\u0000b",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "acme",
  "acme ",
  " acme",
  "Acme",
  "e\u0301",
  "\u00e9",
  "\u202eacme",
  "\ufeffacme",
  "\ud800",
  "\udc00",
  "\ufffd",
  "\\ud800",
  "\ud83d\ude00",
  "\ud83d",
  '"',
  '""',
  "\\",
  "null",
  "undefined",
  "~IiI",
  "IiI",
  "x".repeat(96),
  "x".repeat(97),
  "x".repeat(1_000_000),
  `${"x".repeat(1_000_000)}y`,
  "é".repeat(48),
  "é".repeat(49),
];

describe("keySegment", () => {
  it.each(["a", "acme", "u-42", "user@example.org", "2026-01-01", "A.b_c+d", "x".repeat(96)])(
    "leaves %j readable",
    (value) => expect(keySegment(value)).toBe(value),
  );

  it("gives each of the names that are meant to collide a segment of its own", () => {
    expect(new Set(ABUSE.map(keySegment)).size).toBe(ABUSE.length);
  });

  it.each(ABUSE.map((value) => [value.slice(0, 40), value]))("%j becomes a harmless segment", (_, value) => {
    expect(keySegment(value)).toMatch(SHAPE);
  });

  it.each([
    ["", /^~[^~]/],
    ["a:b", /^~[^~]/],
    ["x".repeat(97), /^~~[A-Za-z0-9_-]{43}$/],
    ["é".repeat(500), /^~~[A-Za-z0-9_-]{43}$/],
  ])("tells encoded and hashed values apart by their beginning (%#)", (value, form) => {
    expect(keySegment(value)).toMatch(form);
  });

  it("is injective over arbitrary strings", () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText, { minLength: 2, maxLength: 12 }), (values) => {
        expect(new Set(values.map(keySegment)).size).toBe(values.length);
      }),
      { numRuns: 500 },
    );
  });

  it("is injective over strings that differ in one code unit", () => {
    fc.assert(
      fc.property(anyText, fc.nat(), fc.integer({ min: 0, max: 0xffff }), (value, position, unit) => {
        const at = value.length === 0 ? 0 : position % value.length;
        const other = value.slice(0, at) + String.fromCharCode(unit) + value.slice(at + 1);
        expect(keySegment(value) === keySegment(other)).toBe(value === other);
      }),
    );
  });

  it("never gives a text that is a segment of another text to that other text's segment", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const segment = keySegment(value);
        expect(keySegment(segment) === segment).toBe(segment === value);
      }),
    );
  });

  it("is bounded, deterministic and made of harmless characters", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const segment = keySegment(value);
        expect(segment).toMatch(SHAPE);
        expect(segment.length).toBeLessThanOrEqual(MAX_SEGMENT_LENGTH + 1);
        expect(keySegment(value)).toBe(segment);
        // Stands for "no value" in a scope's key.
        expect(segment).not.toBe("~");
      }),
    );
  });
});
