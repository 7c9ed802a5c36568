import { describe, expect, it } from "vitest";
import { windowAt, type CalendarUnit, type WindowSpec } from "./window.ts";

const HOUR = 3_600_000;

function calendar(unit: CalendarUnit, timeZone = "UTC"): WindowSpec {
  return { kind: "calendar", unit, timeZone };
}

function at(unit: CalendarUnit, timeZone: string, instant: string): [id: string, start: string, end: string] {
  const { id, startMs, endMs } = windowAt(calendar(unit, timeZone), Date.parse(instant));
  const iso = (ms: number | null): string => new Date(ms ?? NaN).toISOString().replace(":00.000Z", "Z");
  return [id, iso(startMs), iso(endMs)];
}

type Row = [unit: CalendarUnit, zone: string, instant: string, id: string, start: string, end: string];

describe("calendar windows", () => {
  const rows: Row[] = [
    [
      "hour",
      "UTC",
      "2026-03-15T10:59:59.999Z",
      "2026-03-15T10+00:00",
      "2026-03-15T10:00Z",
      "2026-03-15T11:00Z",
    ],
    ["hour", "UTC", "2026-03-15T10:00:00Z", "2026-03-15T10+00:00", "2026-03-15T10:00Z", "2026-03-15T11:00Z"],
    [
      "hour",
      "Asia/Kolkata",
      "2026-03-15T10:45Z",
      "2026-03-15T16+05:30",
      "2026-03-15T10:30Z",
      "2026-03-15T11:30Z",
    ],
    [
      "hour",
      "Asia/Kathmandu",
      "2026-03-15T10:10Z",
      "2026-03-15T15+05:45",
      "2026-03-15T09:15Z",
      "2026-03-15T10:15Z",
    ],
    ["day", "UTC", "2026-03-15T00:00Z", "2026-03-15", "2026-03-15T00:00Z", "2026-03-16T00:00Z"],
    ["day", "UTC", "2026-03-15T23:59:59.999Z", "2026-03-15", "2026-03-15T00:00Z", "2026-03-16T00:00Z"],
    ["day", "Asia/Tokyo", "2026-03-15T15:00Z", "2026-03-16", "2026-03-15T15:00Z", "2026-03-16T15:00Z"],
    [
      "day",
      "America/Los_Angeles",
      "2026-01-01T07:59Z",
      "2025-12-31",
      "2025-12-31T08:00Z",
      "2026-01-01T08:00Z",
    ],
    ["week", "UTC", "2026-03-15T12:00Z", "2026-03-09", "2026-03-09T00:00Z", "2026-03-16T00:00Z"],
    ["week", "UTC", "2026-03-16T00:00Z", "2026-03-16", "2026-03-16T00:00Z", "2026-03-23T00:00Z"],
    ["week", "UTC", "2027-01-01T12:00Z", "2026-12-28", "2026-12-28T00:00Z", "2027-01-04T00:00Z"],
    ["week", "UTC", "2024-12-31T12:00Z", "2024-12-30", "2024-12-30T00:00Z", "2025-01-06T00:00Z"],
    ["month", "UTC", "2026-03-31T23:59Z", "2026-03", "2026-03-01T00:00Z", "2026-04-01T00:00Z"],
    ["month", "UTC", "2026-12-31T23:59Z", "2026-12", "2026-12-01T00:00Z", "2027-01-01T00:00Z"],
    ["quarter", "UTC", "2026-03-31T23:59Z", "2026-Q1", "2026-01-01T00:00Z", "2026-04-01T00:00Z"],
    ["quarter", "UTC", "2026-05-31T00:00Z", "2026-Q2", "2026-04-01T00:00Z", "2026-07-01T00:00Z"],
    ["quarter", "UTC", "2026-08-31T00:00Z", "2026-Q3", "2026-07-01T00:00Z", "2026-10-01T00:00Z"],
    ["quarter", "UTC", "2026-12-31T00:00Z", "2026-Q4", "2026-10-01T00:00Z", "2027-01-01T00:00Z"],
    ["year", "UTC", "2026-12-31T23:59Z", "2026", "2026-01-01T00:00Z", "2027-01-01T00:00Z"],
    ["year", "Asia/Tokyo", "2026-12-31T15:00Z", "2027", "2026-12-31T15:00Z", "2027-12-31T15:00Z"],
  ];
  it.each(rows)("%s in %s at %s is %s", (unit, zone, instant, ...expected) => {
    expect(at(unit, zone, instant)).toEqual(expected);
  });
});

describe("leap years", () => {
  const rows: Row[] = [
    ["day", "UTC", "2028-02-29T12:00Z", "2028-02-29", "2028-02-29T00:00Z", "2028-03-01T00:00Z"],
    ["month", "UTC", "2028-02-29T12:00Z", "2028-02", "2028-02-01T00:00Z", "2028-03-01T00:00Z"],
    ["quarter", "UTC", "2028-02-29T12:00Z", "2028-Q1", "2028-01-01T00:00Z", "2028-04-01T00:00Z"],
    ["year", "UTC", "2028-02-29T12:00Z", "2028", "2028-01-01T00:00Z", "2029-01-01T00:00Z"],
    ["month", "UTC", "2100-02-28T12:00Z", "2100-02", "2100-02-01T00:00Z", "2100-03-01T00:00Z"],
  ];
  it.each(rows)("%s in %s at %s is %s", (unit, zone, instant, ...expected) => {
    expect(at(unit, zone, instant)).toEqual(expected);
  });
});

describe("daylight saving", () => {
  const rows: [...Row, hours: number][] = [
    ["day", "Europe/Berlin", "2026-03-29T12:00Z", "2026-03-29", "2026-03-28T23:00Z", "2026-03-29T22:00Z", 23],
    ["day", "Europe/Berlin", "2026-10-25T12:00Z", "2026-10-25", "2026-10-24T22:00Z", "2026-10-25T23:00Z", 25],
    [
      "day",
      "America/New_York",
      "2026-03-08T12:00Z",
      "2026-03-08",
      "2026-03-08T05:00Z",
      "2026-03-09T04:00Z",
      23,
    ],
    [
      "day",
      "America/New_York",
      "2026-11-01T12:00Z",
      "2026-11-01",
      "2026-11-01T04:00Z",
      "2026-11-02T05:00Z",
      25,
    ],
    // Midnight does not exist: the day begins at 01:00.
    ["day", "Africa/Cairo", "2026-04-24T12:00Z", "2026-04-24", "2026-04-23T22:00Z", "2026-04-24T21:00Z", 23],
    ["day", "Africa/Cairo", "2026-04-23T21:59Z", "2026-04-23", "2026-04-22T22:00Z", "2026-04-23T22:00Z", 24],
    ["day", "Africa/Cairo", "2026-10-29T21:30Z", "2026-10-29", "2026-10-28T21:00Z", "2026-10-29T22:00Z", 25],
    [
      "day",
      "America/Santiago",
      "2026-09-06T12:00Z",
      "2026-09-06",
      "2026-09-06T04:00Z",
      "2026-09-07T03:00Z",
      23,
    ],
    // Midnight happens twice.
    [
      "day",
      "America/Havana",
      "2026-11-01T04:30Z",
      "2026-11-01",
      "2026-11-01T04:00Z",
      "2026-11-02T05:00Z",
      25,
    ],
    [
      "day",
      "Atlantic/Azores",
      "2026-10-25T00:30Z",
      "2026-10-25",
      "2026-10-25T00:00Z",
      "2026-10-26T01:00Z",
      25,
    ],
    // Half an hour.
    [
      "day",
      "Australia/Lord_Howe",
      "2026-04-05T02:00Z",
      "2026-04-05",
      "2026-04-04T13:00Z",
      "2026-04-05T13:30Z",
      24.5,
    ],
    [
      "day",
      "Australia/Lord_Howe",
      "2026-10-04T02:00Z",
      "2026-10-04",
      "2026-10-03T13:30Z",
      "2026-10-04T13:00Z",
      23.5,
    ],
    [
      "week",
      "Europe/Berlin",
      "2026-03-29T12:00Z",
      "2026-03-23",
      "2026-03-22T23:00Z",
      "2026-03-29T22:00Z",
      167,
    ],
    ["month", "Europe/Berlin", "2026-10-25T12:00Z", "2026-10", "2026-09-30T22:00Z", "2026-10-31T23:00Z", 745],
    ["month", "Europe/Berlin", "2026-03-29T12:00Z", "2026-03", "2026-02-28T23:00Z", "2026-03-31T22:00Z", 743],
    [
      "quarter",
      "Europe/Berlin",
      "2026-05-01T00:00Z",
      "2026-Q2",
      "2026-03-31T22:00Z",
      "2026-06-30T22:00Z",
      2_184,
    ],
    ["year", "Europe/Berlin", "2026-07-01T00:00Z", "2026", "2025-12-31T23:00Z", "2026-12-31T23:00Z", 8_760],
    // The hour that comes twice is two windows; the hour that is left out is none.
    [
      "hour",
      "Europe/Berlin",
      "2026-10-25T00:30Z",
      "2026-10-25T02+02:00",
      "2026-10-25T00:00Z",
      "2026-10-25T01:00Z",
      1,
    ],
    [
      "hour",
      "Europe/Berlin",
      "2026-10-25T01:30Z",
      "2026-10-25T02+01:00",
      "2026-10-25T01:00Z",
      "2026-10-25T02:00Z",
      1,
    ],
    [
      "hour",
      "Europe/Berlin",
      "2026-03-29T00:59Z",
      "2026-03-29T01+01:00",
      "2026-03-29T00:00Z",
      "2026-03-29T01:00Z",
      1,
    ],
    [
      "hour",
      "Europe/Berlin",
      "2026-03-29T01:00Z",
      "2026-03-29T03+02:00",
      "2026-03-29T01:00Z",
      "2026-03-29T02:00Z",
      1,
    ],
    [
      "hour",
      "America/New_York",
      "2026-11-01T05:30Z",
      "2026-11-01T01-04:00",
      "2026-11-01T05:00Z",
      "2026-11-01T06:00Z",
      1,
    ],
    [
      "hour",
      "America/New_York",
      "2026-11-01T06:30Z",
      "2026-11-01T01-05:00",
      "2026-11-01T06:00Z",
      "2026-11-01T07:00Z",
      1,
    ],
  ];
  it.each(rows)("%s in %s at %s is %s", (unit, zone, instant, id, start, end, hours) => {
    expect(at(unit, zone, instant)).toEqual([id, start, end]);
    expect((Date.parse(end) - Date.parse(start)) / HOUR).toBe(hours);
  });
});
