import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amounts, DIMENSIONS, NO_AMOUNTS, type Amounts } from "../../ledger/amounts.ts";
import { sliceSize, type SliceWish } from "./slice-size.ts";

const call = amounts({ nanoUsd: 10, calls: 1 });
const times = (n: number): Amounts => amounts({ nanoUsd: 10 * n, calls: n });

const wish = (more: Partial<SliceWish>): SliceWish => ({
  need: NO_AMOUNTS,
  target: times(50),
  free: NO_AMOUNTS,
  average: call,
  available: { nanoUsd: 1_000_000 },
  parts: 8,
  ...more,
});

describe("the size of a slice", () => {
  it.each<[string, Partial<SliceWish>, Amounts, boolean]>([
    ["what is expected to be needed", {}, times(50), false],
    ["less what is free already", { free: times(20) }, times(30), false],
    ["nothing when there is enough", { free: times(60) }, NO_AMOUNTS, false],
    ["one call when nobody knows what is free", { need: call, available: undefined }, call, false],
    ["a part of what is free, in whole calls", { available: { nanoUsd: 1_000 } }, times(12), false],
    ["less of everything when there is less money", { available: { nanoUsd: 800 } }, times(10), false],
    [
      "no more than the part, with what it has",
      { available: { nanoUsd: 700 }, free: times(10) },
      NO_AMOUNTS,
      false,
    ],
    ["what a call needs, whatever the part", { need: times(3), available: { nanoUsd: 90 } }, times(3), false],
    ["nothing but that near the limit", { need: call, available: { nanoUsd: 79 } }, call, true],
    ["nothing ahead near the limit", { available: { nanoUsd: 79 } }, NO_AMOUNTS, true],
    ["by the scarcest dimension", { available: { nanoUsd: 1_000_000, calls: 40 } }, times(5), false],
    ["as much as is wanted where nothing is limited", { available: {} }, times(50), false],
    ["as if nothing were free after an overrun", { free: amounts({ nanoUsd: 5 }) }, times(49), false],
  ])("is %s", (_, more, expected, isScarce) => {
    expect(sliceSize(wish(more))).toEqual({ amounts: { ...expected }, isScarce });
  });

  it("is whole, never below the need, and beyond it never more than a part of what is free", () => {
    const amount = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const all = fc.record(Object.fromEntries(DIMENSIONS.map((d) => [d, amount]))) as fc.Arbitrary<Amounts>;
    const limits = fc.record({ nanoUsd: amount, outputTokens: amount });
    fc.assert(
      fc.property(
        all,
        all,
        all,
        all,
        limits,
        fc.integer({ min: 1, max: 64 }),
        (need, target, free, average, available, parts) => {
          const size = sliceSize({ need, target, free, average, available, parts }).amounts;
          for (const d of DIMENSIONS) {
            expect(Number.isSafeInteger(size[d])).toBe(true);
            expect(size[d]).toBeGreaterThanOrEqual(need[d]);
          }
          for (const d of ["nanoUsd", "outputTokens"] as const) {
            expect(size[d]).toBeLessThanOrEqual(Math.max(need[d], available[d]));
          }
        },
      ),
    );
  });
});
