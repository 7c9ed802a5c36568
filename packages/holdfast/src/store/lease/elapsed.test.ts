import { describe, expect, it } from "vitest";
import { fakeClock } from "../../../test/support/guard-kit.ts";
import { elapsedClock } from "./elapsed.ts";

describe("time that has passed in this process", () => {
  const clocks = () => {
    const steady = fakeClock(1_000);
    const wall = fakeClock("2026-11-20T12:00:00Z");
    const elapsed = elapsedClock(steady, wall);
    const startMs = elapsed.now();
    return { steady, wall, passed: () => elapsed.now() - startMs };
  };

  it("is that of the steady clock, however finely it is read", () => {
    const { steady, wall, passed } = clocks();
    for (let n = 0; n < 1_000; n += 1) {
      steady.advance(0.3);
      if (n % 3 === 0) wall.advance(1);
      passed();
    }
    expect(passed()).toBeCloseTo(300, 6);
  });

  it("counts the time that the machine slept, which a steady clock does not", () => {
    const { steady, wall, passed } = clocks();
    steady.advance(100);
    wall.advance(60_100);
    expect(passed()).toBe(60_100);
    steady.advance(5);
    wall.advance(5);
    expect(passed()).toBe(60_105);
  });

  it("does not go back, nor stand still, when the wall clock is set back", () => {
    const { steady, wall, passed } = clocks();
    steady.advance(100);
    wall.advance(-3_600_000);
    expect(passed()).toBe(100);
    steady.advance(1_000);
    wall.advance(1_000);
    expect(passed()).toBe(1_100);
    steady.advance(10);
    wall.advance(60_010);
    expect(passed()).toBe(61_110);
  });
});
