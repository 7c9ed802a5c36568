import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHoldRatio } from "./hold-ratio.ts";

describe("hold ratio", () => {
  it("starts empty", () => {
    expect(createHoldRatio().snapshot()).toEqual({ samples: 0, mean: 0, max: 0, underestimates: 0 });
  });

  it("reports mean, maximum and underestimates", () => {
    const ratio = createHoldRatio();
    ratio.observeRatio(200, 100);
    ratio.observeRatio(100, 100);
    ratio.observeRatio(50, 100);
    ratio.observeRatio(0, 100);
    expect(ratio.snapshot()).toEqual({ samples: 4, mean: 0.875, max: 2, underestimates: 2 });
  });

  it.each([
    [NaN, 1],
    [1, NaN],
    [1, 0],
    [0, 0],
    [-1, 1],
    [1, -1],
    [Infinity, 1],
    [1, Infinity],
    [1e308, 1e-308],
  ])("ignores %d / %d", (held, actual) => {
    const ratio = createHoldRatio();
    ratio.observeRatio(held, actual);
    expect(ratio.snapshot().samples).toBe(0);
  });

  it("answers with finite numbers, whatever it is told", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.double(), fc.double())), (pairs) => {
        const ratio = createHoldRatio();
        for (const [held, actual] of pairs) ratio.observeRatio(held, actual);
        const { samples, mean, max, underestimates } = ratio.snapshot();
        expect([samples, mean, max, underestimates].every(Number.isFinite)).toBe(true);
        expect(mean).toBeLessThanOrEqual(max * (1 + 1e-9));
        expect(underestimates).toBeLessThanOrEqual(samples);
      }),
    );
  });
});
