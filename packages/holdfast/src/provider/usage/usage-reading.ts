/**
 * @module Reading a provider's usage object without believing what cannot be true.
 *
 * What comes out sums to the provider's own totals; a usage object that contradicts itself is rejected, never bent into
 * shape.
 */
import type { Usage, UsageBucket } from "../../usage/usage.ts";

export type UsageReading =
  | { readonly kind: "usage"; readonly usage: Usage }
  /** There is no usage at all. */
  | { readonly kind: "missing" }
  /** There is one and it cannot be trusted. */
  | { readonly kind: "invalid"; readonly problem: string };

export const MISSING: UsageReading = { kind: "missing" };

export type Loose = Readonly<Record<string, unknown>>;

/** Thrown while reading; {@link readingOf} makes a value of it. */
export class UnusableUsage extends Error {}

/** Runs a reader; undefined means that there is no usage. */
export function readingOf(read: () => Usage | undefined): UsageReading {
  try {
    const usage = read();
    return usage === undefined ? MISSING : { kind: "usage", usage };
  } catch (error) {
    if (error instanceof UnusableUsage) return { kind: "invalid", problem: error.message };
    throw error;
  }
}

/** An absent field is 0. @throws {UnusableUsage} when it is not a whole number >= 0. */
export function optionalCount(detail: Loose, field: string): number {
  const value = detail[field];
  return value === undefined || value === null ? 0 : countOf(value, field);
}

/** @throws {UnusableUsage} when it is not a whole number >= 0. */
export function countOf(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new UnusableUsage(`${what} must be a whole number >= 0, not ${describeValue(value)}`);
  }
  return value as number;
}

export function detailsOf(value: unknown): Loose {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value from the response, cut short: only its kind or its digits may reach a log. */
export function describeValue(value: unknown): string {
  return typeof value === "number" ? String(value) : value === null ? "null" : `a ${typeof value}`;
}

export function addUsage(a: Usage, b: Usage): Usage {
  const sum: { [B in UsageBucket]?: number } = { ...a };
  for (const [bucket, amount] of Object.entries(b) as [UsageBucket, number][])
    sum[bucket] = (sum[bucket] ?? 0) + amount;
  return sum;
}

/** Without the buckets that are 0. */
export function withoutZeros(usage: Usage): Usage {
  const result: { [B in UsageBucket]?: number } = {};
  for (const bucket in usage) {
    const amount = usage[bucket as UsageBucket];
    if (amount !== undefined && amount !== 0) result[bucket as UsageBucket] = amount;
  }
  return result;
}
