import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { windowAt, type CalendarUnit, type WindowSpec } from "./window.ts";

const HOUR = 3_600_000;
const UNITS: readonly CalendarUnit[] = ["hour", "day", "week", "month", "quarter", "year"];

function calendar(unit: CalendarUnit, timeZone = "UTC"): WindowSpec {
  return { kind: "calendar", unit, timeZone };
}

/** Around changes of offset, where windows go wrong, and anywhere. */
const CHANGES = [
  ["Europe/Berlin", "2026-03-29T01:00Z"],
  ["Europe/Berlin", "2026-10-25T01:00Z"],
  ["America/New_York", "2026-03-08T07:00Z"],
  ["America/New_York", "2026-11-01T06:00Z"],
  ["Africa/Cairo", "2026-04-23T22:00Z"],
  ["Africa/Cairo", "2026-10-29T21:00Z"],
  ["America/Santiago", "2026-04-05T03:00Z"],
  ["America/Santiago", "2026-09-06T04:00Z"],
  ["America/Havana", "2026-11-01T05:00Z"],
  ["America/Nuuk", "2026-03-29T01:00Z"],
  ["America/Nuuk", "2026-10-25T01:00Z"],
  ["Antarctica/Troll", "2026-03-29T01:00Z"],
  ["Antarctica/Troll", "2026-10-25T01:00Z"],
  ["Asia/Beirut", "2026-10-24T21:00Z"],
  ["Pacific/Chatham", "2026-04-04T14:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
  ["Pacific/Apia", "2011-12-30T10:00Z"],
] as const;

const zones = ["UTC", ...Intl.supportedValuesOf("timeZone")];
/** Their clocks change within an hour of the day: by half an hour, or at a quarter to. Hours have a test of their own. */
const ODD_CHANGES: readonly string[] = ["Australia/Lord_Howe", "Pacific/Chatham"];
const anywhere = fc.record({
  zone: fc.constantFrom(...zones),
  ms: fc.integer({ min: Date.parse("2020-01-01T00:00Z"), max: Date.parse("2060-01-01T00:00Z") }),
});
const nearAChange = fc
  .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -50 * HOUR, max: 50 * HOUR }))
  .map(([[zone, instant], offset]) => ({ zone, ms: Date.parse(instant) + offset }));
const anyMoment = fc.oneof(anywhere, nearAChange);
const momentOf = (unit: CalendarUnit): typeof anyMoment =>
  unit === "hour" ? anyMoment.filter(({ zone }) => !ODD_CHANGES.includes(zone)) : anyMoment;

function expectTiles(spec: WindowSpec, ms: number): void {
  const window = windowAt(spec, ms);
  const endMs = window.endMs ?? NaN;
  expect(window.startMs).toBeLessThanOrEqual(ms);
  expect(endMs).toBeGreaterThan(ms);
  // The same window at each of its instants, and its neighbours touch it.
  expect(windowAt(spec, window.startMs)).toEqual(window);
  expect(windowAt(spec, endMs - 1)).toEqual(window);
  const next = windowAt(spec, endMs);
  const previous = windowAt(spec, window.startMs - 1);
  expect(next.startMs).toBe(endMs);
  expect(previous.endMs).toBe(window.startMs);
  expect(new Set([previous.id, window.id, next.id]).size).toBe(3);
}

describe("every calendar window", () => {
  it.each(UNITS)("%s: contains its instants, and windows tile time without gap or overlap", (unit) => {
    fc.assert(
      fc.property(momentOf(unit), ({ zone, ms }) => {
        expectTiles(calendar(unit, zone), ms);
      }),
      { numRuns: 300 },
    );
  });

  it.each(UNITS)("%s: two instants have the same id exactly when they are in the same window", (unit) => {
    fc.assert(
      fc.property(
        momentOf(unit),
        fc.integer({ min: -400 * 24 * HOUR, max: 400 * 24 * HOUR }),
        ({ zone, ms }, apart) => {
          const one = windowAt(calendar(unit, zone), ms);
          const other = windowAt(calendar(unit, zone), ms + apart);
          expect(one.id === other.id).toBe(one.startMs === other.startMs);
        },
      ),
    );
  });

  it.each([
    ["Australia/Lord_Howe", "2026-04-04T15:00Z"],
    ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
    ["Pacific/Chatham", "2026-04-04T14:00Z"],
    ["Pacific/Chatham", "2026-09-26T14:00Z"],
  ])("hours tile time in %s around %s, where the clocks change within an hour", (zone, change) => {
    for (let minutes = -180; minutes <= 180; minutes += 5)
      expectTiles(calendar("hour", zone), Date.parse(change) + minutes * 60_000);
  });
});
