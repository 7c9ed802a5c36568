/** @module Dispatching and renewing: the two moves that give a hold its life. */
import type { Renewed } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { LONG_MS, SHORT_MS } from "./rig.ts";

export const dispatchCapability: Capability = {
  name: "dispatch and renew",
  cases: [
    {
      title: "dispatch changes no balance",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const holdId = await rig.hold([scope], { nanoUsd: 60 });
        expect(await rig.dispatch(holdId)).toEqual({ outcome: "dispatched", replayed: false });
        await rig.expectBalance(scope, { held: { nanoUsd: 60 } });
      },
    },
    {
      title: "dispatch gives the hold its long life",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], { nanoUsd: 1 }, { ttlMs: SHORT_MS });
        await rig.dispatch(holdId, LONG_MS);
        await rig.outlive(SHORT_MS);
        expect(await rig.expireAll()).toEqual([]);
        await rig.expectBalance(scope, { held: { nanoUsd: 1 } });
      },
    },
    {
      title: "a second dispatch by another operation leaves the hold dispatched",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 1 });
        expect(await rig.dispatch(holdId)).toMatchObject({ outcome: "dispatched" });
        expect(await rig.settle(holdId, { nanoUsd: 1 })).toMatchObject({
          outcome: "settled",
          corrected: false,
        });
      },
    },
    {
      title: "nothing revives a hold that is over",
      async run(rig) {
        const scope = rig.scope("a", {});
        const settled = await rig.hold([scope], {});
        const released = await rig.hold([scope], {});
        const expired = await rig.hold([scope], {}, { ttlMs: SHORT_MS });
        await rig.settle(settled, {});
        await rig.release(released);
        await rig.outlive(SHORT_MS);
        for (const [holdId, state] of [
          [settled, "settled"],
          [released, "released"],
          [expired, "expired"],
        ] as const) {
          expect(await rig.dispatch(holdId)).toMatchObject({ outcome: "already-resolved", state });
          expect(await rig.renew(holdId, LONG_MS)).toMatchObject({ outcome: "already-resolved", state });
        }
      },
    },
    {
      title: "nothing is known of a hold that never was",
      async run(rig) {
        expect(await rig.dispatch("never")).toEqual({ outcome: "unknown-hold" });
        expect(await rig.renew("never", 1_000)).toEqual({ outcome: "unknown-hold" });
        expect(await rig.settle("never", { nanoUsd: 1 })).toEqual({ outcome: "unknown-hold" });
        expect(await rig.release("never")).toEqual({ outcome: "unknown-hold" });
      },
    },
    {
      title: "renew keeps a hold alive",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 1 }, { ttlMs: SHORT_MS });
        const before = rig.clock.now();
        const renewed = (await rig.renew(holdId, LONG_MS)) as Renewed;
        expect(renewed).toMatchObject({ outcome: "renewed", replayed: false });
        if (rig.clock.running !== true) expect(renewed.expiresAtMs).toBe(before + LONG_MS);
        await rig.outlive(SHORT_MS);
        expect(await rig.expireAll()).toEqual([]);
      },
    },
    {
      title: "renew never shortens a life",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 1 }, { ttlMs: LONG_MS });
        const before = rig.clock.now();
        const renewed = (await rig.renew(holdId, SHORT_MS)) as Renewed;
        expect(renewed.expiresAtMs).toBeGreaterThan(before + SHORT_MS);
        await rig.outlive(SHORT_MS);
        expect(await rig.expireAll()).toEqual([]);
      },
    },
    {
      title: "a renewed undispatched hold is still undispatched",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], { nanoUsd: 9 }, { ttlMs: 1 + SHORT_MS });
        await rig.renew(holdId, 2 * SHORT_MS);
        await rig.outlive(2 * SHORT_MS);
        expect(await rig.expireAll()).toMatchObject([{ holdId, dispatched: false }]);
        await rig.expectBalance(scope, {});
      },
    },
  ],
};
