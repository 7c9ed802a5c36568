/** @module Exact decimals: prices arrive as decimal text (or as floats that stand for it) and leave as integers. */

/** The exact value `digits / 10^scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

const DECIMAL_TEXT = /^(\d{1,30})(?:\.(\d{1,30}))?$/;
const NUMBER_TEXT = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/** Reads a non-negative decimal such as "1.25". No sign, no exponent, no separators; undefined for anything else. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = DECIMAL_TEXT.exec(text);
  if (match === null) return undefined;
  const fraction = match[2] ?? "";
  return { digits: BigInt(`${match[1]}${fraction}`), scale: fraction.length };
}

/**
 * Reads a float by its shortest decimal text, which is the literal that the price data was written with: 0.1 is one
 * tenth here, not 0.1000000000000000055. Undefined for a negative or non-finite number.
 */
export function decimalOfNumber(value: number): Decimal | undefined {
  if (!Number.isFinite(value) || value < 0) return undefined;
  const match = NUMBER_TEXT.exec(String(value));
  if (match === null) return undefined;
  const fraction = match[2] ?? "";
  const digits = BigInt(`${match[1]}${fraction}`);
  const scale = fraction.length - Number(match[3] ?? 0);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** `value * numerator / denominator` as an integer, rounded up so that a price is never too low. */
export function scaleUp(value: Decimal, numerator: bigint, denominator: bigint): bigint {
  const divisor = 10n ** BigInt(value.scale) * denominator;
  return (value.digits * numerator + divisor - 1n) / divisor;
}
