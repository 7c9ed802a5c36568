import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTimeZone, rollingSegmentAt, windowAt } from "./window.ts";

const HOUR = 3_600_000;

describe("windows that never end", () => {
  it.each([
    [{ kind: "total" } as const, "total"],
    [{ kind: "rolling", durationMs: HOUR, segments: 60 } as const, "rolling"],
  ])("%j is one window", (spec, id) => {
    for (const ms of [0, 1, Date.parse("2026-03-15T00:00Z"), 8.64e15])
      expect(windowAt(spec, ms)).toEqual({ id, startMs: 0, endMs: null });
  });
});

describe("rolling segments", () => {
  it.each([
    [0, 0],
    [59_999, 0],
    [60_000, 1],
    [HOUR - 1, 59],
    [HOUR, 60],
  ])("at %d ms of an hour in 60 slices: slice %d", (ms, index) => {
    expect(rollingSegmentAt({ kind: "rolling", durationMs: HOUR, segments: 60 }, ms)).toBe(index);
  });

  it("keep everything that is younger than the duration, and at most one slice more", () => {
    const instant = fc.integer({ min: 0, max: 4e12 });
    const slice = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(instant, instant, slice, fc.integer({ min: 1, max: 1_000 }), (a, b, sliceMs, segments) => {
        const spec = { kind: "rolling", durationMs: sliceMs * segments, segments } as const;
        const [thenMs, nowMs] = a < b ? [a, b] : [b, a];
        const kept = rollingSegmentAt(spec, thenMs) >= rollingSegmentAt(spec, nowMs) - segments;
        const age = nowMs - thenMs;
        if (age <= spec.durationMs) expect(kept).toBe(true);
        if (age >= spec.durationMs + sliceMs) expect(kept).toBe(false);
        expect(rollingSegmentAt(spec, thenMs)).toBeLessThanOrEqual(rollingSegmentAt(spec, nowMs));
      }),
    );
  });
});

describe("isTimeZone", () => {
  it.each(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "Africa/Cairo"])(
    "knows %s",
    (name) => expect(isTimeZone(name)).toBe(true),
  );

  it.each([
    "",
    " ",
    "Mars/Olympus",
    "Europe",
    "Berlin",
    " Europe/Berlin",
    "Europe/Berlin ",
    "Europe/Berlin\u0000",
    "Z",
  ])("does not know %j", (name) => expect(isTimeZone(name)).toBe(false));

  it.each(["2020-01-01T00:00Z", "2020-01-01T00:00[Europe/Berlin]", "+02:00"])(
    "%j is no IANA name",
    (name) => {
      expect(isTimeZone(name)).toBe(false);
    },
  );
});
