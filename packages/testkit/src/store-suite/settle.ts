/** @module Settling a live hold: the truth replaces it, once. */
import { amounts } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";

const HELD = {
  nanoUsd: 60,
  calls: 1,
  concurrentCalls: 1,
  inputTokens: 10,
  outputTokens: 20,
  totalTokens: 30,
};
const ACTUAL = { nanoUsd: 25, calls: 1, inputTokens: 9, outputTokens: 4, totalTokens: 13 };

export const settleCapability: Capability = {
  name: "settle",
  cases: [
    {
      title: "replaces the hold by what was really taken, in every scope",
      async run(rig) {
        const scopes = [rig.scope("a", { nanoUsd: 100 }), rig.scope("b", { calls: 3 })];
        const holdId = await rig.dispatchedHold(scopes, HELD);
        expect(await rig.settle(holdId, ACTUAL)).toEqual({
          outcome: "settled",
          replayed: false,
          corrected: false,
          charged: amounts(ACTUAL),
          held: amounts(HELD),
        });
        for (const scope of scopes) await rig.expectBalance(scope, { spent: ACTUAL });
      },
    },
    {
      title: "gives back at once what was not needed",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 100 });
        await rig.denied([scope], { nanoUsd: 1 });
        await rig.settle(holdId, { nanoUsd: 40 });
        await rig.hold([scope], { nanoUsd: 60 });
        await rig.denied([scope], { nanoUsd: 1 });
      },
    },
    {
      title: "frees the slot of a concurrent call",
      async run(rig) {
        const scope = rig.scope("a", { concurrentCalls: 1 });
        const holdId = await rig.dispatchedHold([scope], { concurrentCalls: 1, nanoUsd: 5 });
        await rig.denied([scope], { concurrentCalls: 1 });
        await rig.settle(holdId, { nanoUsd: 5 });
        await rig.hold([scope], { concurrentCalls: 1 });
      },
    },
    {
      title: "accepts a hold that was never dispatched",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], HELD);
        expect(await rig.settle(holdId, ACTUAL)).toMatchObject({ outcome: "settled", corrected: false });
        await rig.expectBalance(scope, { spent: ACTUAL });
      },
    },
    {
      title: "records nothing when nothing was taken",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 60 });
        await rig.settle(await rig.dispatchedHold([scope], HELD), {});
        await rig.expectBalance(scope, {});
        await rig.hold([scope], { nanoUsd: 60 });
      },
    },
    {
      title: "happens once: a second settlement changes nothing",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], HELD);
        await rig.settle(holdId, ACTUAL);
        expect(await rig.settle(holdId, { nanoUsd: 99 })).toEqual({
          outcome: "already-resolved",
          state: "settled",
        });
        await rig.expectBalance(scope, { spent: ACTUAL });
      },
    },
    {
      title: "after a release answers already-resolved and changes nothing",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], HELD);
        await rig.release(holdId);
        expect(await rig.settle(holdId, ACTUAL)).toEqual({ outcome: "already-resolved", state: "released" });
        await rig.expectBalance(scope, {});
      },
    },
    {
      title: "touches only its own hold",
      async run(rig) {
        const scope = rig.scope("a", {});
        const first = await rig.dispatchedHold([scope], { nanoUsd: 10 });
        await rig.dispatchedHold([scope], { nanoUsd: 20 });
        await rig.settle(first, { nanoUsd: 7 });
        await rig.expectBalance(scope, { spent: { nanoUsd: 7 }, held: { nanoUsd: 20 } });
      },
    },
    {
      title: "adds up over many calls to the last unit",
      async run(rig) {
        const scope = rig.scope("a", {});
        let sum = 0;
        for (let call = 1; call <= 50; call += 1) {
          await rig.settle(await rig.dispatchedHold([scope], { nanoUsd: 1_000 }), { nanoUsd: call * 7 });
          sum += call * 7;
        }
        await rig.expectBalance(scope, { spent: { nanoUsd: sum } });
      },
    },
  ],
};
