import { describe, expect, it } from "vitest";
import { windowAt, type WindowSpec } from "../kernel/window.ts";
import { ServerClock } from "./server-clock.ts";

const DAY: WindowSpec = { kind: "calendar", unit: "day", timeZone: "UTC" };
const NOON = Date.parse("2026-03-01T12:00:00Z");
const MIDNIGHT = Date.parse("2026-03-02T00:00:00Z");

function clockAt(startMs: number): { clock: ServerClock; at: (ms: number) => void } {
  let nowMs = startMs;
  return { clock: new ServerClock({ now: () => nowMs }), at: (ms) => (nowMs = ms) };
}

describe("the windows that are sent along", () => {
  it.each([
    ["at noon", NOON, ["2026-03-01"]],
    ["two seconds before midnight", MIDNIGHT - 2_000, ["2026-03-01", "2026-03-02"]],
    ["more than that before it", MIDNIGHT - 2_001, ["2026-03-01"]],
    ["right after midnight", MIDNIGHT, ["2026-03-01", "2026-03-02"]],
    ["a little later", MIDNIGHT + 1_999, ["2026-03-01", "2026-03-02"]],
    ["two seconds later", MIDNIGHT + 2_000, ["2026-03-02"]],
  ])("%s", (_, nowMs, expected) => {
    expect(
      clockAt(nowMs)
        .clock.candidates(DAY)
        .map(({ id }) => id),
    ).toEqual(expected);
  });

  it.each<WindowSpec>([{ kind: "total" }, { kind: "rolling", durationMs: 60_000, segments: 6 }])(
    "an endless window is always the one: %j",
    (spec) => {
      expect(clockAt(NOON).clock.candidates(spec)).toEqual([windowAt(spec, NOON)]);
    },
  );

  it("follow the server's clock, however wrong this process's is", () => {
    const { clock, at } = clockAt(NOON);
    clock.learn(MIDNIGHT + 3_600_000);
    expect(clock.nowMs()).toBe(MIDNIGHT + 3_600_000);
    expect(clock.candidates(DAY).map(({ id }) => id)).toEqual(["2026-03-02"]);
    at(NOON + 60_000);
    expect(clock.nowMs()).toBe(MIDNIGHT + 3_660_000);
    clock.learn(NOON);
    expect(clock.candidates(DAY).map(({ id }) => id)).toEqual(["2026-03-01"]);
  });
});
