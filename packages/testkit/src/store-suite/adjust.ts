/** @module Adjusting: an explicit, signed correction of what is spent. */
import { amounts, windowAt } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";

const MAX = Number.MAX_SAFE_INTEGER;

export const adjustCapability: Capability = {
  name: "adjust",
  cases: [
    {
      title: "adds to what is spent and answers the new state",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.hold([scope], { nanoUsd: 20 });
        expect(await rig.adjust(scope, { nanoUsd: 30, outputTokens: 5 })).toEqual({
          outcome: "adjusted",
          replayed: false,
          state: {
            scope,
            window: windowAt(scope.window, rig.clock.now()),
            spent: amounts({ nanoUsd: 30, outputTokens: 5 }),
            held: amounts({ nanoUsd: 20 }),
            limits: { nanoUsd: 100 },
          },
        });
        await rig.denied([scope], { nanoUsd: 51 });
        await rig.hold([scope], { nanoUsd: 50 });
      },
    },
    {
      title: "takes away, down to nothing",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.settle(await rig.hold([scope], { nanoUsd: 100 }), { nanoUsd: 100 });
        expect(await rig.adjust(scope, { nanoUsd: -100 })).toMatchObject({ outcome: "adjusted" });
        await rig.expectBalance(scope, {});
        await rig.hold([scope], { nanoUsd: 100 });
      },
    },
    {
      title: "takes from the oldest slices of a rolling window first, and leaves none owing",
      jumps: true,
      async run(rig) {
        const window = { kind: "rolling", durationMs: 60_000, segments: 6 } as const;
        const scope = rig.scope("a", {}, { window });
        await rig.settle(await rig.hold([scope], { nanoUsd: 50 }), { nanoUsd: 50 });
        await rig.clock.advance(10_000);
        await rig.settle(await rig.hold([scope], { nanoUsd: 50 }), { nanoUsd: 50 });
        await rig.clock.advance(10_000);
        await rig.adjust(scope, { nanoUsd: -80 });
        await rig.expectBalance(scope, { spent: { nanoUsd: 20 } });
        // The first slice has left the window, and the second still counts.
        await rig.clock.advance(50_000);
        await rig.expectBalance(scope, { spent: { nanoUsd: 20 } });
        await rig.clock.advance(10_000);
        await rig.expectBalance(scope, {});
      },
    },
    {
      title: "below zero is out of range, and changes no dimension",
      async run(rig) {
        const scope = rig.scope("a", {});
        await rig.adjust(scope, { nanoUsd: 10, calls: 1 });
        expect(await rig.adjust(scope, { nanoUsd: 5, calls: -2 })).toEqual({ outcome: "out-of-range" });
        expect(await rig.adjust(scope, { nanoUsd: -11 })).toEqual({ outcome: "out-of-range" });
        await rig.expectBalance(scope, { spent: { nanoUsd: 10, calls: 1 } });
      },
    },
    {
      title: "cannot take from what is only held",
      async run(rig) {
        const scope = rig.scope("a", {});
        await rig.hold([scope], { nanoUsd: 50 });
        expect(await rig.adjust(scope, { nanoUsd: -1 })).toEqual({ outcome: "out-of-range" });
        await rig.expectBalance(scope, { held: { nanoUsd: 50 } });
      },
    },
    {
      title: "beyond the largest exact number is out of range",
      async run(rig) {
        const scope = rig.scope("a", {});
        await rig.adjust(scope, { nanoUsd: MAX });
        expect(await rig.adjust(scope, { nanoUsd: 1 })).toEqual({ outcome: "out-of-range" });
        expect(await rig.adjust(scope, { nanoUsd: MAX })).toEqual({ outcome: "out-of-range" });
        await rig.expectBalance(scope, { spent: { nanoUsd: MAX } });
        await rig.adjust(scope, { nanoUsd: -MAX });
        await rig.expectBalance(scope, {});
      },
    },
    {
      title: "may pass the limit: it is a record, not a call",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        expect(await rig.adjust(scope, { nanoUsd: 150 })).toMatchObject({ outcome: "adjusted" });
        expect(await rig.denied([scope], { nanoUsd: 1 })).toMatchObject({ fitsWithoutHeld: false });
      },
    },
    {
      title: "works on a scope that was never used, and on no other",
      async run(rig) {
        const scope = rig.scope("a", {});
        const neighbour = rig.scope("b", {});
        await rig.adjust(scope, { calls: 3 });
        await rig.expectBalance(scope, { spent: { calls: 3 } });
        await rig.expectBalance(neighbour, {});
      },
    },
    {
      title: "counts in the current window",
      jumps: true,
      async run(rig) {
        const hour = { kind: "calendar", unit: "hour", timeZone: "UTC" } as const;
        const scope = rig.scope("a", { nanoUsd: 100 }, { window: hour });
        await rig.adjust(scope, { nanoUsd: 100 });
        await rig.clock.advance(3_600_000);
        await rig.expectBalance(scope, {});
        expect(await rig.adjust(scope, { nanoUsd: -1 })).toEqual({ outcome: "out-of-range" });
        await rig.adjust(scope, { nanoUsd: 7 });
        await rig.expectBalance(scope, { spent: { nanoUsd: 7 } });
      },
    },
  ],
};
