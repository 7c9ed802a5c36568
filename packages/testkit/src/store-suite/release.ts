/** @module Releasing: nothing was billed, everything goes back, once. */
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

export const releaseCapability: Capability = {
  name: "release",
  cases: [
    {
      title: "gives everything back in every scope and dimension",
      async run(rig) {
        const scopes = [rig.scope("a", { nanoUsd: 60 }), rig.scope("b", { concurrentCalls: 1 })];
        const holdId = await rig.hold(scopes, HELD);
        expect(await rig.release(holdId)).toEqual({ outcome: "released", replayed: false });
        for (const scope of scopes) await rig.expectBalance(scope, {});
        await rig.hold(scopes, HELD);
      },
    },
    {
      title: "gives back a dispatched hold",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 60 });
        const holdId = await rig.dispatchedHold([scope], HELD);
        expect(await rig.release(holdId)).toMatchObject({ outcome: "released" });
        await rig.expectBalance(scope, {});
      },
    },
    {
      title: "happens once: a second release gives nothing back",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], { nanoUsd: 60 });
        await rig.hold([scope], { nanoUsd: 5 });
        await rig.settle(await rig.hold([scope], { nanoUsd: 100 }), { nanoUsd: 100 });
        await rig.release(holdId);
        expect(await rig.release(holdId)).toEqual({ outcome: "already-resolved", state: "released" });
        await rig.expectBalance(scope, { spent: { nanoUsd: 100 }, held: { nanoUsd: 5 } });
      },
    },
    {
      title: "cannot undo a settlement",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], { nanoUsd: 60 });
        await rig.settle(holdId, { nanoUsd: 50 });
        expect(await rig.release(holdId)).toEqual({ outcome: "already-resolved", state: "settled" });
        await rig.expectBalance(scope, { spent: { nanoUsd: 50 } });
      },
    },
  ],
};
