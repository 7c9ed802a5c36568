/** @module Reserving: what is held, what is denied, and what a denial says. */
import { DIMENSIONS, amounts, windowAt } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { LONG_MS } from "./rig.ts";

const SAMPLE = { nanoUsd: 7, calls: 1, concurrentCalls: 1, inputTokens: 5, outputTokens: 3, totalTokens: 8 };

export const reserveCapability: Capability = {
  name: "reserve",
  cases: [
    {
      title: "holds the amounts and answers with the hold",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const before = rig.clock.now();
        const result = await rig.reserve([scope], SAMPLE, { operationId: "the-call" });
        const windows = [windowAt(scope.window, before)];
        expect(result).toMatchObject({ outcome: "held", holdId: "the-call", replayed: false, windows });
        if (rig.clock.running !== true) expect(result).toMatchObject({ reservedAtMs: before });
        await rig.expectBalance(scope, { held: SAMPLE });
      },
    },
    {
      title: "counts dimensions that are not limited",
      async run(rig) {
        const scope = rig.scope("a", {});
        await rig.hold([scope], SAMPLE);
        await rig.hold([scope], SAMPLE);
        await rig.expectBalance(scope, {
          held: Object.fromEntries(DIMENSIONS.map((d) => [d, SAMPLE[d] * 2])),
        });
      },
    },
    {
      title: "answers the windows in the order of the scopes",
      async run(rig) {
        const day = rig.scope(
          "z-day",
          {},
          { window: { kind: "calendar", unit: "day", timeZone: "Asia/Tokyo" } },
        );
        const total = rig.scope("a-total", {});
        const rolling = rig.scope(
          "m-rolling",
          {},
          { window: { kind: "rolling", durationMs: 60_000, segments: 6 } },
        );
        const result = await rig.reserve([day, total, rolling], SAMPLE);
        const now = rig.clock.now();
        expect(result).toMatchObject({
          windows: [day, total, rolling].map((scope) => windowAt(scope.window, now)),
        });
      },
    },
    {
      title: "says what is left behind the hold, over all scopes, when it is asked",
      async run(rig) {
        const tight = rig.scope("a", { nanoUsd: 100, calls: 9 });
        const wide = rig.scope("b", { nanoUsd: 500, calls: 3, outputTokens: 40 });
        await rig.hold([wide], { nanoUsd: 390, calls: 1 });
        const operation = {
          operationId: "asked",
          scopes: [tight, wide],
          amounts: amounts({ nanoUsd: 70, calls: 1, outputTokens: 40, inputTokens: 5 }),
          undispatchedTtlMs: LONG_MS,
        };
        const available = { nanoUsd: 30, calls: 1, outputTokens: 0 };
        expect(await rig.store.reserve({ ...operation, reportAvailable: true })).toMatchObject({ available });
        // What was left then is not what is left now.
        const replay = await rig.store.reserve({ ...operation, reportAvailable: true });
        expect(replay).toMatchObject({ outcome: "held", replayed: true });
        expect(replay).not.toHaveProperty("available");
        await rig.adjust(tight, { nanoUsd: 30 });
        const more = { ...operation, operationId: "free", amounts: amounts({}), reportAvailable: true };
        expect(await rig.store.reserve(more)).toMatchObject({ available: { ...available, nanoUsd: 0 } });
        expect(
          await rig.store.reserve({ ...more, operationId: "not-asked", reportAvailable: false }),
        ).not.toHaveProperty("available");
      },
    },
    {
      title: "holds an operation without scopes, and takes it through its life",
      async run(rig) {
        const holdId = await rig.hold([], SAMPLE);
        expect(await rig.dispatch(holdId)).toMatchObject({ outcome: "dispatched" });
        expect(await rig.settle(holdId, { nanoUsd: 3 })).toMatchObject({
          outcome: "settled",
          corrected: false,
        });
      },
    },
    {
      title: "holds nothing at all in a scope that is exactly full",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100, calls: 1 });
        await rig.hold([scope], { nanoUsd: 100, calls: 1 });
        await rig.hold([scope], {});
      },
    },
    {
      title: "denies what does not fit, and says why",
      async run(rig) {
        const scope = rig.scope(
          "a",
          { nanoUsd: 100, calls: 5 },
          { values: { tenant: "acme", user: undefined } },
        );
        await rig.hold([scope], { nanoUsd: 60, calls: 1 });
        const before = rig.clock.now();
        const denial = await rig.denied([scope], { nanoUsd: 41, calls: 1 });
        expect(denial).toMatchObject({ dimension: "nanoUsd", fitsWithoutHeld: true });
        expect(denial.limiting.scope).toEqual(scope);
        expect(denial.limiting.window).toEqual(windowAt(scope.window, before));
        expect(denial.limiting.spent).toEqual(amounts({}));
        expect(denial.limiting.held).toEqual(amounts({ nanoUsd: 60, calls: 1 }));
        expect(denial.limiting.limits).toEqual({ nanoUsd: 100, calls: 5 });
        expect(denial.available).toEqual({ nanoUsd: 40, calls: 4 });
        if (rig.clock.running !== true) expect(denial.deniedAtMs).toBe(before);
      },
    },
    {
      title: "says whether it would fit if all holds were released",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.settle(await rig.hold([scope], { nanoUsd: 50 }), { nanoUsd: 50 });
        await rig.hold([scope], { nanoUsd: 30 });
        expect(await rig.denied([scope], { nanoUsd: 50 })).toMatchObject({ fitsWithoutHeld: true });
        expect(await rig.denied([scope], { nanoUsd: 51 })).toMatchObject({ fitsWithoutHeld: false });
      },
    },
    {
      title: "would not fit without holds when any one scope is spent",
      async run(rig) {
        const held = rig.scope("a", { nanoUsd: 100 });
        const spent = rig.scope("b", { nanoUsd: 100 });
        await rig.hold([held], { nanoUsd: 100 });
        await rig.settle(await rig.hold([spent], { nanoUsd: 100 }), { nanoUsd: 100 });
        expect(await rig.denied([held, spent], { nanoUsd: 1 })).toMatchObject({ fitsWithoutHeld: false });
      },
    },
    {
      title: "names the first scope, in the operation's order, and dimension that does not fit",
      async run(rig) {
        const money = rig.scope("z", { nanoUsd: 10 });
        const tokens = rig.scope("a", { outputTokens: 10, nanoUsd: 10 });
        const wanted = { nanoUsd: 11, outputTokens: 11 };
        const first = await rig.denied([money, tokens], wanted);
        expect([first.limiting.scope.key, first.dimension]).toEqual(["z", "nanoUsd"]);
        const second = await rig.denied([tokens, money], { outputTokens: 11 });
        expect([second.limiting.scope.key, second.dimension]).toEqual(["a", "outputTokens"]);
        const third = await rig.denied([rig.scope("free", {}), tokens], wanted);
        expect([third.limiting.scope.key, third.dimension]).toEqual(["a", "nanoUsd"]);
      },
    },
    {
      title: "says what is still available: the least over all scopes, never below zero",
      async run(rig) {
        const wide = rig.scope("wide", { nanoUsd: 100, calls: 10 });
        const narrow = rig.scope("narrow", { nanoUsd: 50 });
        const overrun = rig.scope("overrun", { calls: 2 });
        await rig.hold([wide, narrow], { nanoUsd: 20 });
        await rig.settle(await rig.hold([overrun], { calls: 1 }), { calls: 5 });
        const denial = await rig.denied([wide, narrow, overrun], { nanoUsd: 31 });
        expect(denial.available).toEqual({ nanoUsd: 30, calls: 0 });
      },
    },
    {
      title: "leaves no hold behind a denial",
      async run(rig) {
        const scope = rig.scope("a", { calls: 0 });
        await rig.reserve([scope], { calls: 1 }, { operationId: "denied" });
        expect(await rig.dispatch("denied")).toEqual({ outcome: "unknown-hold" });
        expect(await rig.settle("denied", {})).toEqual({ outcome: "unknown-hold" });
        expect(await rig.release("denied")).toEqual({ outcome: "unknown-hold" });
        expect(await rig.renew("denied", 1_000)).toEqual({ outcome: "unknown-hold" });
      },
    },
  ],
};
