/**
 * @module Budget windows: calendar periods in an IANA time zone, rolling periods, or the life of a thing.
 *
 * Pure functions of a specification and an instant. Calendar days follow the zone: 23 or 25 hours at a DST change.
 */
import { Temporal } from "temporal-polyfill";

export type CalendarUnit = "hour" | "day" | "week" | "month" | "quarter" | "year";

export interface CalendarWindow {
  readonly kind: "calendar";
  readonly unit: CalendarUnit;
  /** IANA name, such as "Europe/Berlin". */
  readonly timeZone: string;
}

/**
 * The last `durationMs`, counted in `segments` equal slices. A slice leaves the window only when all of it is older
 * than the duration, so what is counted is never less than the true rolling sum (and at most one slice more).
 */
export interface RollingWindow {
  readonly kind: "rolling";
  readonly durationMs: number;
  readonly segments: number;
}

/** One window that never ends. */
export interface TotalWindow {
  readonly kind: "total";
}

export type WindowSpec = CalendarWindow | RollingWindow | TotalWindow;

/** Names a specification, injectively, in [A-Za-z0-9_+:()-]. */
export function windowSpecId(spec: WindowSpec): string {
  switch (spec.kind) {
    case "total":
      return "total";
    case "rolling":
      return `rolling(${spec.durationMs}:${spec.segments})`;
    case "calendar":
      return `${spec.unit}(${spec.timeZone.replaceAll("/", ":")})`;
  }
}

/** One period of a specification. `endMs` is exclusive; a window that never ends has `endMs: null`. */
export interface Window {
  /** Stable and unique within the specification; part of the counter's name. */
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number | null;
}

const TOTAL: Window = Object.freeze({ id: "total", startMs: 0, endMs: null });
const ROLLING: Window = Object.freeze({ id: "rolling", startMs: 0, endMs: null });

/**
 * The window that contains `nowMs`. For a rolling specification this is one everlasting window whose content slides;
 * see {@link rollingSegmentAt}.
 */
export function windowAt(spec: WindowSpec, nowMs: number): Window {
  switch (spec.kind) {
    case "total":
      return TOTAL;
    case "rolling":
      return ROLLING;
    case "calendar":
      // Windows are shared by everybody who asks, listeners and errors included.
      return Object.freeze(calendarWindowAt(spec, nowMs));
  }
}

/** Index of the slice that contains `nowMs`; slices before `index - segments` have left the window. */
export function rollingSegmentAt(spec: RollingWindow, nowMs: number): number {
  return Math.floor(nowMs / (spec.durationMs / spec.segments));
}

function calendarWindowAt(spec: CalendarWindow, nowMs: number): Window {
  const now = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(spec.timeZone);
  if (spec.unit === "hour") return hourAt(now);
  const start = startOf(spec.unit, now);
  const end = startOf(spec.unit, start.add(stepOver(spec.unit)));
  return {
    id: windowId(spec.unit, start),
    startMs: start.epochMilliseconds,
    endMs: end.epochMilliseconds,
  };
}

const HOUR_MS = 3_600_000;

/**
 * An hour of the zone's clock, cut at a change of the clock: where the clock changes by half an hour, or at a quarter
 * to, there are shorter hours, but never an instant without one.
 */
function hourAt(now: Temporal.ZonedDateTime): Window {
  const offsetMs = now.offsetNanoseconds / 1e6;
  const local = Math.floor((now.epochMilliseconds + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
  const start =
    now.add({ milliseconds: 1 }).getTimeZoneTransition("previous")?.epochMilliseconds ?? -Infinity;
  const end = now.getTimeZoneTransition("next")?.epochMilliseconds ?? Infinity;
  const startMs = Math.max(local, start);
  const time = now.toPlainDateTime().round({ smallestUnit: "hour", roundingMode: "floor" });
  return {
    // The offset tells the two 02:00 hours of a change apart.
    id: `${time.toPlainDate().toString()}T${String(time.hour).padStart(2, "0")}${now.offset}`,
    startMs,
    endMs: Math.min(local + HOUR_MS, end),
  };
}

type LongUnit = Exclude<CalendarUnit, "hour">;

function startOf(unit: LongUnit, at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  switch (unit) {
    case "day":
      return at.startOfDay();
    case "week":
      // ISO weeks start on Monday.
      return at.subtract({ days: at.dayOfWeek - 1 }).startOfDay();
    case "month":
      return at.with({ day: 1 }).startOfDay();
    case "quarter":
      return at.with({ day: 1, month: Math.floor((at.month - 1) / 3) * 3 + 1 }).startOfDay();
    case "year":
      return at.with({ day: 1, month: 1 }).startOfDay();
  }
}

/** From the start of a period, a step that lands inside the next one. */
function stepOver(unit: LongUnit): Temporal.DurationLike {
  switch (unit) {
    case "day":
      return { days: 1 };
    case "week":
      return { days: 7 };
    case "month":
      return { months: 1 };
    case "quarter":
      return { months: 3 };
    case "year":
      return { years: 1 };
  }
}

function windowId(unit: LongUnit, start: Temporal.ZonedDateTime): string {
  const date = start.toPlainDate().toString();
  switch (unit) {
    case "day":
    case "week":
      return date;
    case "month":
      return date.slice(0, 7);
    case "quarter":
      return `${start.year}-Q${Math.floor((start.month - 1) / 3) + 1}`;
    case "year":
      return String(start.year);
  }
}

/** True for an IANA time zone name that this runtime knows; an offset or a time stamp is not one. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}
