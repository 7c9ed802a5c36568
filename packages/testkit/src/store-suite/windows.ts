/** @module Windows: a call is accounted in the window that admitted it, and a new window starts with nothing. */
import { windowAt } from "holdfast";
import type { CalendarUnit, CalendarWindow, Held, RollingWindow, Scope } from "holdfast";
import { expect } from "vitest";
import type { Capability, Case } from "./case.ts";
import { LONG_MS, type Rig } from "./rig.ts";
import { listBalances } from "./state-dump.ts";

const HOUR_MS = 3_600_000;
const DAY: CalendarWindow = { kind: "calendar", unit: "day", timeZone: "Europe/Berlin" };
/** Six slices of ten seconds. */
const MINUTE: RollingWindow = { kind: "rolling", durationMs: 60_000, segments: 6 };
const SLICE_MS = 10_000;

/** Moves the clock to just before the end of the window that it is in; `ms` may be negative, then it is just after. */
async function toEndOf(rig: Rig, spec: CalendarWindow, ms: number): Promise<void> {
  const now = rig.clock.now();
  await rig.clock.advance(windowAt(spec, now).endMs! - now - ms);
}

async function toNextSlice(rig: Rig): Promise<void> {
  await rig.clock.advance(SLICE_MS - (rig.clock.now() % SLICE_MS));
}

/** Moves the clock to the start of the next day in Berlin that has so many hours. */
async function toDayOf(rig: Rig, hours: number): Promise<void> {
  for (let day = 0; day < 400; day += 1) {
    await toEndOf(rig, DAY, 0);
    const { startMs, endMs } = windowAt(DAY, rig.clock.now());
    if (endMs! - startMs === hours * HOUR_MS) return;
  }
  throw new Error(`no day of ${hours} hours within a year`);
}

function entries(
  rig: Rig,
  scope: Scope,
): Promise<readonly { windowId: string; held: number; spent: number }[]> {
  return listBalances(rig.store).then((all) =>
    all
      .filter((state) => state.scope.key === scope.key)
      .map(({ window, held, spent }) => ({ windowId: window.id, held: held.nanoUsd, spent: spent.nanoUsd }))
      .filter(({ held, spent }) => held > 0 || spent > 0),
  );
}

const rollsOver: readonly Case[] = (
  ["hour", "day", "week", "month", "quarter", "year"] as CalendarUnit[]
).map((unit) => ({
  title: `a new ${unit} starts with nothing, at its first millisecond`,
  jumps: true,
  async run(rig) {
    const spec: CalendarWindow = { kind: "calendar", unit, timeZone: "America/New_York" };
    const scope = rig.scope("a", { nanoUsd: 100 }, { window: spec });
    await rig.settle(await rig.dispatchedHold([scope], { nanoUsd: 100 }), { nanoUsd: 100 });
    await toEndOf(rig, spec, 1);
    await rig.denied([scope], { nanoUsd: 1 });
    await rig.clock.advance(1);
    await rig.hold([scope], { nanoUsd: 100 });
    await rig.denied([scope], { nanoUsd: 1 });
  },
}));

const dstDays: readonly Case[] = [23, 25].map((hours) => ({
  title: `a day of ${hours} hours is one window, to its last millisecond`,
  jumps: true,
  async run(rig) {
    await toDayOf(rig, hours);
    const scope = rig.scope("a", { nanoUsd: 100 }, { window: DAY });
    await rig.settle(await rig.dispatchedHold([scope], { nanoUsd: 100 }), { nanoUsd: 100 });
    await rig.clock.advance(hours * HOUR_MS - 1);
    await rig.denied([scope], { nanoUsd: 1 });
    await rig.clock.advance(1);
    await rig.hold([scope], { nanoUsd: 100 });
  },
}));

const calendarCases: readonly Case[] = [
  {
    title: "a hold that crosses the boundary is settled in the window that admitted it",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 }, { window: DAY });
      await toEndOf(rig, DAY, 1_000);
      const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 });
      const admittedIn = windowAt(DAY, rig.clock.now()).id;
      await rig.clock.advance(2_000);
      expect(await entries(rig, scope)).toEqual([{ windowId: admittedIn, held: 60, spent: 0 }]);
      await rig.hold([scope], { nanoUsd: 100 });
      await rig.settle(holdId, { nanoUsd: 55 });
      await rig.expectBalance(scope, { held: { nanoUsd: 100 } });
      await rig.denied([scope], { nanoUsd: 1 });
    },
  },
  {
    title: "a hold of the old window is listed beside the new window until it is resolved",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", {}, { window: DAY });
      await toEndOf(rig, DAY, 1_000);
      const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 });
      const oldId = windowAt(DAY, rig.clock.now()).id;
      await rig.clock.advance(2_000);
      const newId = windowAt(DAY, rig.clock.now()).id;
      await rig.hold([scope], { nanoUsd: 7 });
      const both = await entries(rig, scope);
      expect(both).toHaveLength(2);
      expect(both).toContainEqual({ windowId: oldId, held: 60, spent: 0 });
      expect(both).toContainEqual({ windowId: newId, held: 7, spent: 0 });
      await rig.release(holdId);
      expect(await entries(rig, scope)).toEqual([{ windowId: newId, held: 7, spent: 0 }]);
    },
  },
  {
    title: "a hold that crosses the boundary is released, charged and corrected in the old window",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 }, { window: DAY });
      await toEndOf(rig, DAY, 1_000);
      const oldId = windowAt(DAY, rig.clock.now()).id;
      const released = await rig.dispatchedHold([scope], { nanoUsd: 30 });
      const charged = await rig.dispatchedHold([scope], { nanoUsd: 30 }, { ttlMs: 5_000 });
      await rig.clock.advance(10_000);
      await rig.release(released);
      expect(await rig.expireAll()).toMatchObject([
        { holdId: charged, effects: [{ scopeKey: "a", windowId: oldId, policy: "charge" }] },
      ]);
      await rig.expectBalance(scope, {});
      expect(await rig.settle(charged, { nanoUsd: 99 })).toMatchObject({
        outcome: "settled",
        corrected: true,
      });
      await rig.expectBalance(scope, {});
      await rig.hold([scope], { nanoUsd: 100 });
    },
  },
  {
    title: "a replay in the next window answers the window that admitted it",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 }, { window: DAY });
      await toEndOf(rig, DAY, 1_000);
      const first = (await rig.reserve([scope], { nanoUsd: 60 }, { operationId: "r" })) as Held;
      await rig.clock.advance(2_000);
      expect(await rig.reserve([scope], { nanoUsd: 60 }, { operationId: "r" })).toEqual({
        ...first,
        replayed: true,
      });
      await rig.expectBalance(scope, {});
    },
  },
  {
    title: "windows of one call roll over each in its own time",
    jumps: true,
    async run(rig) {
      const day = rig.scope("day", { nanoUsd: 100 }, { window: DAY });
      const total = rig.scope("total", { nanoUsd: 150 });
      await rig.settle(await rig.dispatchedHold([day, total], { nanoUsd: 100 }), { nanoUsd: 100 });
      await toEndOf(rig, DAY, 0);
      await rig.hold([day, total], { nanoUsd: 50 });
      const denial = await rig.denied([day, total], { nanoUsd: 1 });
      expect(denial.limiting.scope.key).toBe("total");
      await rig.expectBalance(day, { held: { nanoUsd: 50 } });
    },
  },
  {
    title: "the day begins by the time zone of the budget",
    jumps: true,
    async run(rig) {
      const auckland: CalendarWindow = { kind: "calendar", unit: "day", timeZone: "Pacific/Auckland" };
      const here = rig.scope("here", { calls: 1 }, { window: DAY });
      const there = rig.scope("there", { calls: 1 }, { window: auckland });
      await rig.settle(await rig.dispatchedHold([here, there], { calls: 1 }), { calls: 1 });
      await toEndOf(rig, auckland, 0);
      const sameDayHere = windowAt(DAY, rig.clock.now()).id === windowAt(DAY, rig.clock.now() - 1).id;
      expect(sameDayHere).toBe(true);
      await rig.hold([there], { calls: 1 });
    },
  },
  {
    title: "a total window never ends",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 });
      await rig.settle(await rig.dispatchedHold([scope], { nanoUsd: 60 }), { nanoUsd: 60 });
      await rig.clock.advance(400 * 24 * HOUR_MS);
      await rig.expectBalance(scope, { spent: { nanoUsd: 60 } });
      await rig.denied([scope], { nanoUsd: 41 });
    },
  },
];

const rollingCases: readonly Case[] = [
  {
    title: "a rolling window forgets a slice when all of it is older than the duration, not before",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 }, { window: MINUTE });
      await toNextSlice(rig);
      await rig.clock.advance(SLICE_MS - 1);
      await rig.settle(await rig.dispatchedHold([scope], { nanoUsd: 100 }), { nanoUsd: 100 });
      await rig.clock.advance(MINUTE.durationMs);
      await rig.denied([scope], { nanoUsd: 1 });
      await rig.clock.advance(1);
      await rig.hold([scope], { nanoUsd: 100 });
    },
  },
  {
    title: "a rolling window gives back slice by slice",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 60 }, { window: MINUTE });
      await toNextSlice(rig);
      for (let slice = 0; slice < 6; slice += 1) {
        await rig.settle(await rig.dispatchedHold([scope], { nanoUsd: 10 }), { nanoUsd: 10 });
        await rig.clock.advance(SLICE_MS);
      }
      await rig.denied([scope], { nanoUsd: 1 });
      for (let slice = 1; slice <= 6; slice += 1) {
        await rig.clock.advance(SLICE_MS);
        await rig.expectBalance(scope, { spent: { nanoUsd: 60 - slice * 10 } });
      }
    },
  },
  {
    title: "a settlement counts in the slice of the reservation",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 }, { window: MINUTE });
      await toNextSlice(rig);
      const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 });
      await rig.clock.advance(3 * SLICE_MS);
      await rig.settle(holdId, { nanoUsd: 50 });
      await rig.expectBalance(scope, { spent: { nanoUsd: 50 } });
      await rig.clock.advance(3 * SLICE_MS);
      await rig.expectBalance(scope, { spent: { nanoUsd: 50 } });
      await rig.clock.advance(SLICE_MS);
      await rig.expectBalance(scope, {});
    },
  },
  {
    title: "a hold in a rolling window counts for as long as it is held",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 }, { window: MINUTE });
      const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 }, { ttlMs: LONG_MS });
      await rig.clock.advance(5 * MINUTE.durationMs);
      await rig.denied([scope], { nanoUsd: 41 });
      await rig.settle(holdId, { nanoUsd: 60 });
      await rig.expectBalance(scope, {});
      await rig.hold([scope], { nanoUsd: 100 });
    },
  },
  {
    title: "a reduced rolling window never owes anything once slices have left",
    jumps: true,
    async run(rig) {
      const scope = rig.scope("a", { nanoUsd: 100 }, { window: MINUTE });
      await toNextSlice(rig);
      await rig.settle(await rig.dispatchedHold([scope], { nanoUsd: 100 }), { nanoUsd: 100 });
      await rig.clock.advance(3 * SLICE_MS);
      expect(await rig.adjust(scope, { nanoUsd: -80 })).toMatchObject({ state: { spent: { nanoUsd: 20 } } });
      await rig.clock.advance(4 * SLICE_MS);
      await rig.expectBalance(scope, {});
      await rig.denied([scope], { nanoUsd: 101 });
      await rig.hold([scope], { nanoUsd: 100 });
    },
  },
];

export const windowsCapability: Capability = {
  name: "windows",
  cases: [...rollsOver, ...dstDays, ...calendarCases, ...rollingCases],
};
