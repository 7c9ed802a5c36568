import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromKeyText, toKeyText } from "./key-text.ts";

/** Any UTF-16, lone surrogates and control characters included. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0x80 })), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));

describe("toKeyText", () => {
  it("leaves ordinary scope keys as they are", () => {
    const key = "org!month(Europe:Berlin)/tenant=acme/user={u}+1";
    expect(toKeyText(key)).toBe(key);
  });

  it("is undone by fromKeyText, for any text", () => {
    fc.assert(fc.property(anyText, (text) => fromKeyText(toKeyText(text)) === text));
  });

  it("is printable ASCII without tab or line feed, for any text", () => {
    fc.assert(fc.property(anyText, (text) => /^[ -~]*$/.test(toKeyText(text))));
  });

  it("keeps the order of texts, byte by byte, with what follows a text sorted after it", () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        fc.pre(a !== b);
        const [one, other] = [`${toKeyText(a)}\tx`, `${toKeyText(b)}\tx`];
        expect(Buffer.compare(Buffer.from(one), Buffer.from(other))).toBe(a < b ? -1 : 1);
      }),
    );
  });
});
