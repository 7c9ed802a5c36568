import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { decimalOfNumber, parseDecimal, scaleUp } from "../src/decimal.ts";

describe("decimals", () => {
  it.each([
    ["0", 0n],
    ["1.25", 1_250_000n],
    ["0.000001", 1n],
    ["0.0000001", 1n],
    ["12345678.9", 12_345_678_900_000n],
  ])("scales %s by a million, rounding up", (text, expected) => {
    expect(scaleUp(parseDecimal(text)!, 1_000_000n, 1n)).toBe(expected);
  });

  it.each(["", "-1", "+1", "1,5", "1.", ".5", "1e3", " 1", "1 ", "0x1", "NaN", "Infinity", "1".repeat(31)])(
    "refuses %j",
    (text) => {
      expect(parseDecimal(text)).toBeUndefined();
    },
  );

  it.each([
    [0.1, 1n, 1],
    [0.30000000000000004, 30000000000000004n, 17],
    [1e-7, 1n, 7],
    [1.5e-9, 15n, 10],
    [1e21, 10n ** 21n, 0],
    [1.25e22, 125n * 10n ** 20n, 0],
  ])("reads the float %d by its shortest text", (value, digits, scale) => {
    expect(decimalOfNumber(value)).toEqual({ digits, scale });
  });

  it.each([Number.NaN, Infinity, -0.5])("refuses the float %d", (value) => {
    expect(decimalOfNumber(value)).toBeUndefined();
  });

  it("gives back the very price that a literal was written with", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), fc.integer({ min: 0, max: 6 }), (digits, scale) => {
        const literal = Number(`${digits}e-${scale}`);
        expect(scaleUp(decimalOfNumber(literal)!, 10n ** BigInt(scale), 1n)).toBe(BigInt(digits));
      }),
    );
  });
});
