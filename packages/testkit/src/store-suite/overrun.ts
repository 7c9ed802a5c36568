/** @module Overrun: what was taken beyond what was held is spent money, so it is recorded. */
import { amounts } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { SHORT_MS } from "./rig.ts";

const MAX = Number.MAX_SAFE_INTEGER;

export const overrunCapability: Capability = {
  name: "overrun",
  cases: [
    {
      title: "a settlement above the hold is recorded in full",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 1_000 });
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 10, calls: 1 });
        const actual = { nanoUsd: 500, calls: 1, outputTokens: 70 };
        expect(await rig.settle(holdId, actual)).toMatchObject({
          outcome: "settled",
          charged: amounts(actual),
        });
        await rig.expectBalance(scope, { spent: actual });
      },
    },
    {
      title: "a settlement above the limit is recorded in full, and then nothing fits",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 100 });
        await rig.settle(holdId, { nanoUsd: 250 });
        await rig.expectBalance(scope, { spent: { nanoUsd: 250 } });
        expect(await rig.denied([scope], { nanoUsd: 1 })).toMatchObject({
          available: { nanoUsd: 0 },
          fitsWithoutHeld: false,
          limiting: { spent: { nanoUsd: 250 } },
        });
      },
    },
    {
      title: "a late settlement above the charge is recorded in full",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 }, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        await rig.expireAll();
        await rig.settle(holdId, { nanoUsd: 333 });
        await rig.expectBalance(scope, { spent: { nanoUsd: 333 } });
      },
    },
    {
      title: "what is spent stops at the largest exact number, and keeps denying there",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: MAX });
        const holds = [
          await rig.dispatchedHold([scope], { nanoUsd: 1 }),
          await rig.dispatchedHold([scope], { nanoUsd: 1 }),
          await rig.dispatchedHold([scope], { nanoUsd: 1 }),
        ];
        await rig.settle(holds[0]!, { nanoUsd: MAX - 1 });
        await rig.expectBalance(scope, { spent: { nanoUsd: MAX - 1 }, held: { nanoUsd: 2 } });
        await rig.settle(holds[1]!, { nanoUsd: MAX });
        await rig.settle(holds[2]!, { nanoUsd: 3 });
        await rig.expectBalance(scope, { spent: { nanoUsd: MAX } });
        await rig.denied([scope], { nanoUsd: 1 });
        await rig.hold([scope], {});
      },
    },
  ],
};
