/** @module Overrides: one scope may pass its limits by a stated amount for a stated time. */
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { LONG_MS, SHORT_MS } from "./rig.ts";

const MAX = Number.MAX_SAFE_INTEGER;

export const overridesCapability: Capability = {
  name: "overrides",
  cases: [
    {
      title: "admits beyond the limit by exactly the extra",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.hold([scope], { nanoUsd: 100 });
        await rig.denied([scope], { nanoUsd: 1 });
        const before = rig.clock.now();
        const result = await rig.override(scope, { nanoUsd: 50 }, LONG_MS);
        expect(result).toMatchObject({ outcome: "overridden", replayed: false });
        if (rig.clock.running !== true) expect(result).toMatchObject({ expiresAtMs: before + LONG_MS });
        expect(await rig.denied([scope], { nanoUsd: 51 })).toMatchObject({
          available: { nanoUsd: 50 },
          limiting: { limits: { nanoUsd: 150 } },
        });
        await rig.hold([scope], { nanoUsd: 50 });
        await rig.denied([scope], { nanoUsd: 1 });
      },
    },
    {
      title: "ends at its time, and cancels no hold",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.override(scope, { nanoUsd: 50 }, SHORT_MS);
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 120 });
        await rig.outlive(SHORT_MS);
        expect(await rig.denied([scope], { nanoUsd: 1 })).toMatchObject({
          limiting: { limits: { nanoUsd: 100 } },
        });
        await rig.expectBalance(scope, { held: { nanoUsd: 120 } });
        await rig.settle(holdId, { nanoUsd: 120 });
        await rig.expectBalance(scope, { spent: { nanoUsd: 120 } });
      },
    },
    {
      title: "is in force until its time, not a moment longer",
      jumps: true,
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.override(scope, { nanoUsd: 50 }, 1_000);
        await rig.clock.advance(999);
        await rig.hold([scope], { nanoUsd: 101 });
        await rig.clock.advance(1);
        await rig.denied([scope], { nanoUsd: 1 });
      },
    },
    {
      title: "several add up, and end each at its own time",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.override(scope, { nanoUsd: 10 }, SHORT_MS);
        await rig.override(scope, { nanoUsd: 20 }, LONG_MS);
        expect(await rig.denied([scope], { nanoUsd: 131 })).toMatchObject({ available: { nanoUsd: 130 } });
        await rig.outlive(SHORT_MS);
        expect(await rig.denied([scope], { nanoUsd: 121 })).toMatchObject({ available: { nanoUsd: 120 } });
      },
    },
    {
      title: "counts for its scope and its dimensions alone",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100, calls: 1 });
        const neighbour = rig.scope("b", { nanoUsd: 100 });
        await rig.override(scope, { nanoUsd: 50 });
        await rig.hold([scope], { nanoUsd: 150, calls: 1 });
        await rig.denied([scope], { calls: 1 });
        await rig.denied([neighbour], { nanoUsd: 101 });
        expect((await rig.denied([scope, neighbour], { nanoUsd: 101 })).limiting.scope.key).toBe("a");
      },
    },
    {
      title: "does not limit what was not limited",
      async run(rig) {
        const scope = rig.scope("a", { calls: 5 });
        await rig.override(scope, { nanoUsd: 10 });
        await rig.hold([scope], { nanoUsd: 1_000, calls: 5 });
        expect((await rig.denied([scope], { calls: 1 })).limiting.limits).toEqual({ calls: 5 });
      },
    },
    {
      title: "opens a limit of zero, before the scope was ever used",
      async run(rig) {
        const scope = rig.scope("a", { concurrentCalls: 0 });
        await rig.override(scope, { concurrentCalls: 2 });
        await rig.hold([scope], { concurrentCalls: 2 });
        await rig.denied([scope], { concurrentCalls: 1 });
      },
    },
    {
      title: "adds to the limit of the operation, also when that has changed",
      async run(rig) {
        await rig.override(rig.scope("a", { nanoUsd: 100 }), { nanoUsd: 50 });
        expect(await rig.denied([rig.scope("a", { nanoUsd: 10 })], { nanoUsd: 61 })).toMatchObject({
          available: { nanoUsd: 60 },
        });
      },
    },
    {
      title: "outlives the end of a window",
      jumps: true,
      async run(rig) {
        const hour = { kind: "calendar", unit: "hour", timeZone: "UTC" } as const;
        const scope = rig.scope("a", { nanoUsd: 100 }, { window: hour });
        await rig.override(scope, { nanoUsd: 50 }, 4 * 3_600_000);
        await rig.hold([scope], { nanoUsd: 150 });
        await rig.clock.advance(3_600_000);
        await rig.hold([scope], { nanoUsd: 150 });
        await rig.denied([scope], { nanoUsd: 1 });
      },
    },
    {
      title: "on the largest limit never admits an inexact sum",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: MAX });
        await rig.override(scope, { nanoUsd: MAX });
        await rig.hold([scope], { nanoUsd: MAX });
        const denial = await rig.denied([scope], { nanoUsd: 1 });
        expect(denial.available.nanoUsd).toBe(0);
        await rig.expectBalance(scope, { held: { nanoUsd: MAX } });
      },
    },
  ],
};
