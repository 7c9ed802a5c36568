import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCalibration } from "./calibration.ts";

const count = fc.integer({ min: 1, max: 1_000_000 });

const times = (samples: number, estimated: number, actual: number): [number, number][] =>
  Array.from({ length: samples }, () => [estimated, actual]);

describe("calibration", () => {
  it.each([
    { name: "nothing observed", pairs: [], factor: 1 },
    { name: "too few samples", pairs: times(19, 100, 50), factor: 1 },
    { name: "enough samples", pairs: times(20, 100, 50), factor: 0.575 },
    { name: "the floor", pairs: times(20, 1000, 10), factor: 0.25 },
    { name: "an underestimate counts at once", pairs: [[100, 140]] as [number, number][], factor: 1.61 },
    { name: "an exact estimate changes nothing early", pairs: [[100, 100]] as [number, number][], factor: 1 },
  ])("$name: $factor", ({ pairs, factor }) => {
    const calibration = createCalibration();
    for (const [estimated, actual] of pairs) calibration.observe("m", estimated, actual);
    expect(calibration.factor("m")).toBeCloseTo(factor, 10);
  });

  it("forgets half of an old maximum after `memory` samples", () => {
    const calibration = createCalibration({ memory: 100 });
    calibration.observe("m", 100, 200);
    for (let sample = 0; sample < 100; sample++) calibration.observe("m", 100, 100);
    expect(calibration.factor("m")).toBeCloseTo(1.5 * 1.15, 10);
  });

  it("keeps keys apart, and evicts the one unused for longest", () => {
    const calibration = createCalibration({ maxKeys: 2 });
    calibration.observe("a", 100, 200);
    calibration.observe("b", 100, 300);
    calibration.observe("a", 100, 100);
    calibration.observe("c", 100, 400);
    expect(calibration.factor("a")).toBeGreaterThan(2);
    expect(calibration.factor("b")).toBe(1);
    expect(calibration.factor("c")).toBeCloseTo(4.6, 10);
  });

  it("takes any string as a key", () => {
    const calibration = createCalibration();
    expect(calibration.factor("__proto__")).toBe(1);
    calibration.observe("__proto__", 100, 200);
    expect(calibration.factor("__proto__")).toBeCloseTo(2.3, 10);
    expect(calibration.factor("constructor")).toBe(1);
  });

  it.each([NaN, Infinity, -Infinity, -1, 0])("ignores %d", (bad) => {
    const calibration = createCalibration({ minSamples: 1 });
    calibration.observe("m", bad, 100);
    calibration.observe("m", 100, bad);
    calibration.observe("m", bad, bad);
    expect(calibration.factor("m")).toBe(1);
  });

  it.each([{ floor: 0 }, { floor: NaN }, { margin: 0.9 }, { minSamples: 0 }, { memory: 0 }, { maxKeys: 0 }])(
    "refuses %o",
    (options) => {
      expect(() => createCalibration(options)).toThrow(RangeError);
    },
  );

  it("never answers below the floor, above the worst ratio with margin, or anything but a number", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(count, count), { maxLength: 300 }), (pairs) => {
        const calibration = createCalibration();
        let worst = 0;
        for (const [estimated, actual] of pairs) {
          calibration.observe("m", estimated, actual);
          worst = Math.max(worst, actual / estimated);
          const factor = calibration.factor("m");
          expect(factor).toBeGreaterThanOrEqual(0.25);
          expect(factor).toBeLessThanOrEqual(Math.max(1, worst * 1.15 + 1e-9));
          expect(estimated * factor).toBeGreaterThanOrEqual(Math.min(actual, estimated * factor));
        }
      }),
    );
  });

  it("covers the worst of the recent calls on a mixed stream", () => {
    const ratios = fc.array(fc.double({ min: 0.3, max: 1.2, noNaN: true }), {
      minLength: 30,
      maxLength: 300,
    });
    fc.assert(
      fc.property(ratios, (stream) => {
        const calibration = createCalibration({ memory: 200 });
        for (const ratio of stream) calibration.observe("m", 1000, 1000 * ratio);
        const recentWorst = Math.max(...stream.slice(-30));
        expect(calibration.factor("m")).toBeGreaterThanOrEqual(Math.min(1, recentWorst));
      }),
    );
  });
});
