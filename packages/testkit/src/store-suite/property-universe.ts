/** @module The small world that the property plays in: seven overlapping scopes, small amounts, telling moments. */
import { DIMENSIONS, windowAt } from "holdfast";
import type { Amounts, Dimension, ExpiryPolicy, Limits, Scope, WindowSpec } from "holdfast";
import fc from "fast-check";

const TOTAL: WindowSpec = { kind: "total" };

function scope(key: string, window: WindowSpec, limits: Limits, onExpiry: ExpiryPolicy): Scope {
  return {
    key,
    budgetId: `budget-${key}`,
    values: { tenant: key, user: undefined },
    window,
    limits,
    onExpiry,
  };
}

const calendar = (unit: "hour" | "day" | "month", timeZone: string): WindowSpec => ({
  kind: "calendar",
  unit,
  timeZone,
});
const rolling = (durationMs: number, segments: number): WindowSpec => ({
  kind: "rolling",
  durationMs,
  segments,
});

/** Every window kind, every expiry policy and every dimension occurs. */
export const MOVING_SCOPES: readonly Scope[] = [
  scope("org", TOTAL, { nanoUsd: 120 }, "charge"),
  scope("team", calendar("day", "Europe/Berlin"), { nanoUsd: 80, calls: 6 }, "release"),
  scope("user", calendar("hour", "UTC"), { calls: 4, concurrentCalls: 2 }, "quarantine"),
  scope("minute", rolling(60_000, 6), { nanoUsd: 70, totalTokens: 60 }, "charge"),
  scope("hour", rolling(3_600_000, 4), { concurrentCalls: 3, outputTokens: 50 }, "quarantine"),
  scope("month", calendar("month", "America/New_York"), { inputTokens: 80, outputTokens: 60 }, "charge"),
  scope("unlimited", TOTAL, {}, "release"),
];

/** The same scopes without moving windows, for stores whose time runs on. */
export const STANDING_SCOPES: readonly Scope[] = MOVING_SCOPES.map((each) => ({ ...each, window: TOTAL }));

const count = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });

export const amountsArbitrary: fc.Arbitrary<Amounts> = fc.record({
  nanoUsd: count(40),
  calls: fc.constantFrom(1, 1, 1, 0, 2),
  concurrentCalls: fc.constantFrom(1, 1, 0),
  inputTokens: count(25),
  outputTokens: count(20),
  totalTokens: count(25),
});

/** A settlement frees the slot. */
export const actualArbitrary: fc.Arbitrary<Amounts> = amountsArbitrary.map((a) => ({
  ...a,
  concurrentCalls: 0,
}));

/** Different scopes in any order, with limits as configured, or lowered, raised or shut. */
export function scopesArbitrary(universe: readonly Scope[]): fc.Arbitrary<readonly Scope[]> {
  const limitScale = fc.constantFrom(1, 1, 1, 1, 0.5, 2, 0);
  return fc
    .tuple(fc.shuffledSubarray([...universe], { maxLength: 4 }), limitScale)
    .map(([chosen, scale]) => chosen.map((each) => ({ ...each, limits: scaled(each.limits, scale) })));
}

function scaled(limits: Limits, factor: number): Limits {
  return Object.fromEntries(Object.entries(limits).map(([d, limit = 0]) => [d, Math.floor(limit * factor)]));
}

export const deltaArbitrary: fc.Arbitrary<Partial<Amounts>> = fc.record(
  {
    nanoUsd: fc.integer({ min: -30, max: 30 }),
    calls: fc.integer({ min: -2, max: 2 }),
    outputTokens: fc.integer({ min: -10, max: 10 }),
  },
  { requiredKeys: [] },
);

export const extraArbitrary: fc.Arbitrary<Limits> = fc.record(
  { nanoUsd: count(60), calls: count(3), concurrentCalls: count(2), outputTokens: count(30) },
  { requiredKeys: [] },
);

/** How far to move the clock: a length, or just before, at, or past something that is going to happen. */
export type Move =
  { readonly by: number } | { readonly to: "next-expiry" | "next-window"; readonly plus: -1 | 0 | 1 };

export const moveArbitrary: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(1, 999, 5_000, 10_000, 60_000, 70_000, 3_600_000, 86_400_000)
      .map((by) => ({ by })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      to: fc.constantFrom("next-expiry" as const, "next-expiry" as const, "next-window" as const),
      plus: fc.constantFrom(-1 as const, 0 as const, 1 as const),
    }),
  },
);

/** Milliseconds that the clock has to move, or `undefined` when there is nothing to move to. */
export function distance(move: Move, nowMs: number, expiriesMs: readonly number[]): number | undefined {
  if ("by" in move) return move.by;
  const ends = MOVING_SCOPES.map((each) => windowAt(each.window, nowMs).endMs).filter((end) => end !== null);
  const targets = (move.to === "next-expiry" ? expiriesMs : ends).map((at) => at + move.plus - nowMs);
  const ahead = targets.filter((ms) => ms > 0);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** True when nothing exceeds its limit. */
export function isWithin(spent: Amounts, held: Amounts, limits: Limits): boolean {
  return DIMENSIONS.every((d: Dimension) => spent[d] + held[d] <= (limits[d] ?? Number.MAX_SAFE_INTEGER));
}
