import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatUsd, parseUsd, saturatingAdd } from "./money.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const nano = fc.integer({ min: 0, max: MAX });

describe("parseUsd", () => {
  it.each([
    ["0", 0],
    ["0.0", 0],
    ["000", 0],
    ["250", 250_000_000_000],
    ["007", 7_000_000_000],
    ["0.0125", 12_500_000],
    ["12.50", 12_500_000_000],
    ["0.1", 100_000_000],
    ["0.3", 300_000_000],
    ["1.1", 1_100_000_000],
    ["0.000000001", 1],
    ["1.5000000000000000", 1_500_000_000],
    ["4503599.627370496", 4_503_599_627_370_496],
    ["9007199.254740990", MAX - 1],
    ["9007199.254740991", MAX],
  ])("reads %j exactly", (text, nanoUsd) => {
    expect(parseUsd(text)).toEqual({ ok: true, nanoUsd });
  });

  it.each([
    "",
    " ",
    " 1",
    "1 ",
    "1\n",
    "\n1",
    "+1",
    "-1",
    "-0",
    "1.",
    ".5",
    ".",
    "1e3",
    "1E3",
    "0x10",
    "0b1",
    "Infinity",
    "NaN",
    "1,000",
    "1,5",
    "25_000",
    "1.2.3",
    "$5",
    "5 USD",
    "\u0665",
    "\uff15",
    "1\u0000",
    "12345678901234567",
    "1.00000000000000000",
  ])("refuses %j and says what to write", (text) => {
    expect(parseUsd(text)).toEqual({
      ok: false,
      reason: `must be a decimal string such as "12.50", not ${JSON.stringify(text)}`,
    });
  });

  it.each([
    [5, "the number 5"],
    [NaN, "the number NaN"],
    [0, "the number 0"],
    [null, "null"],
    [undefined, "a value of type undefined"],
    [true, "a value of type boolean"],
    [5n, "a value of type bigint"],
    [["5"], "a value of type object"],
    [{ toString: () => "5" }, "a value of type object"],
    [Object("5"), "a value of type object"],
    [Symbol("5"), "a value of type symbol"],
    [Object.create(null), "a value of type object"],
  ])("refuses a value that is no string (%#)", (value, what) => {
    expect(parseUsd(value)).toEqual({
      ok: false,
      reason: `must be a decimal string such as "12.50", not ${what}`,
    });
  });

  it("quotes no more than the beginning of a long text", () => {
    const result = parseUsd(`x${"secret".repeat(1_000)}`);
    expect(result.ok === false && result.reason.length).toBeLessThan(120);
  });

  it.each(["1.0000000001", "0.0000000005", "9007199.2547409911"])(
    "refuses %j: finer than it counts",
    (text) => {
      expect(parseUsd(text)).toEqual({ ok: false, reason: "is finer than 1 nano-USD (9 decimal places)" });
    },
  );

  it.each(["9007199.254740992", "9007199.254740993", "9007200", "9999999999999999.999999999"])(
    "refuses %j: more than it counts exactly",
    (text) => {
      const result = parseUsd(text);
      expect(result).toEqual({
        ok: false,
        reason: "is more than 9007199.254740991 USD, the largest amount that is counted exactly",
      });
    },
  );

  it("agrees with exact arithmetic on every decimal", () => {
    const digits = (max: number) =>
      fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: max });
    fc.assert(
      fc.property(digits(9), digits(9), (whole, fraction) => {
        const exact = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
        const result = parseUsd(`${whole}.${fraction}`);
        if (exact > BigInt(MAX)) expect(result.ok).toBe(false);
        else expect(result).toEqual({ ok: true, nanoUsd: Number(exact) });
      }),
    );
  });

  it("answers whatever it is given, and accepts nothing but plain decimals", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.anything({ withBigInt: true, withNullPrototype: true })),
        (value) => {
          const result = parseUsd(value);
          if (!result.ok) {
            expect(result.reason.length).toBeGreaterThan(0);
            return;
          }
          expect(String(value)).toMatch(/^[0-9]+(\.[0-9]+)?$/);
          expect(Number.isSafeInteger(result.nanoUsd) && result.nanoUsd >= 0).toBe(true);
        },
      ),
    );
  });
});

describe("formatUsd", () => {
  it.each([
    [0, "0"],
    [1, "0.000000001"],
    [10, "0.00000001"],
    [999_999_999, "0.999999999"],
    [1_000_000_000, "1"],
    [12_500_000_000, "12.5"],
    [100_000_000_000, "100"],
    [MAX, "9007199.254740991"],
    [-1, "-0.000000001"],
    [-12_500_000_000, "-12.5"],
    [-0, "0"],
  ])("writes %d as %j", (nanoUsd, text) => {
    expect(formatUsd(nanoUsd)).toBe(text);
  });

  it("is read back as the same amount", () => {
    fc.assert(
      fc.property(nano, (amount) => {
        expect(parseUsd(formatUsd(amount))).toEqual({ ok: true, nanoUsd: amount });
      }),
    );
  });

  it("has one text per amount", () => {
    fc.assert(
      fc.property(nano, (amount) => {
        expect(formatUsd(amount)).toMatch(/^(0|[1-9]\d*)(\.\d{0,8}[1-9])?$/);
      }),
    );
  });
});

describe("saturatingAdd", () => {
  it.each([
    [0, 0, 0],
    [1, 2, 3],
    [MAX, 0, MAX],
    [MAX - 1, 1, MAX],
    [MAX, 1, MAX],
    [MAX, MAX, MAX],
  ])("%d + %d = %d", (a, b, sum) => {
    expect(saturatingAdd(a, b)).toBe(sum);
  });

  it("is the exact sum, or the largest safe integer", () => {
    fc.assert(
      fc.property(nano, nano, (a, b) => {
        const exact = BigInt(a) + BigInt(b);
        expect(saturatingAdd(a, b)).toBe(exact > BigInt(MAX) ? MAX : Number(exact));
      }),
    );
  });
});
