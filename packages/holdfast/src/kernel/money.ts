/**
 * @module Money is whole nano-USD (1e-9 USD) in a safe integer.
 *
 * A `number` is exact up to 2^53 - 1 nano-USD (9,007,199.25 USD), which is the largest limit that can be configured;
 * no fraction, no float arithmetic. It serialises as it is, unlike a bigint.
 */

export const NANO_PER_USD = 1_000_000_000;

/** Parses a decimal string such as "250" or "0.0125" exactly. Returns a reason instead of a value when it cannot. */
export function parseUsd(text: unknown): { ok: true; nanoUsd: number } | { ok: false; reason: string } {
  if (typeof text !== "string") {
    return { ok: false, reason: `must be a decimal string such as "12.50", not ${describeType(text)}` };
  }
  const match = /^(\d{1,16})(?:\.(\d{1,16}))?$/.exec(text);
  if (match === null)
    return {
      ok: false,
      reason: `must be a decimal string such as "12.50", not ${JSON.stringify(text.slice(0, 40))}`,
    };
  const whole = match[1] ?? "0";
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > 9) return { ok: false, reason: "is finer than 1 nano-USD (9 decimal places)" };
  const nanoUsd = BigInt(whole) * BigInt(NANO_PER_USD) + BigInt(fraction.padEnd(9, "0"));
  if (nanoUsd > BigInt(Number.MAX_SAFE_INTEGER)) {
    return {
      ok: false,
      reason: "is more than 9007199.254740991 USD, the largest amount that is counted exactly",
    };
  }
  return { ok: true, nanoUsd: Number(nanoUsd) };
}

/** "12.5" for 12_500_000_000; exact, without trailing zeros. */
export function formatUsd(nanoUsd: number): string {
  const sign = nanoUsd < 0 ? "-" : "";
  const digits = String(Math.abs(nanoUsd)).padStart(10, "0");
  const whole = digits.slice(0, -9);
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return sign + whole + (fraction === "" ? "" : `.${fraction}`);
}

/** Adds safe integers and stops at the largest safe one: past any limit, and never a silently wrong number. */
export function saturatingAdd(a: number, b: number): number {
  const sum = a + b;
  return sum > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : sum;
}

function describeType(value: unknown): string {
  return value === null
    ? "null"
    : typeof value === "number"
      ? `the number ${value}`
      : `a value of type ${typeof value}`;
}
