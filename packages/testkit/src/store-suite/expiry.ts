/** @module Expiry: what becomes of holds that nobody resolved, and of settlements that come too late. */
import { amounts } from "holdfast";
import type { ExpiryPolicy, Held } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { LONG_MS, SHORT_MS, type Rig } from "./rig.ts";

const HELD = { nanoUsd: 60, calls: 1, concurrentCalls: 1, outputTokens: 20 };
/** A charge is for what was held, except the slot: it is only ever held. */
const CHARGED = { nanoUsd: 60, calls: 1, outputTokens: 20 };

/** One scope per policy. */
function mixed(rig: Rig): Record<ExpiryPolicy, ReturnType<Rig["scope"]>> {
  return {
    charge: rig.scope("charged", {}, { onExpiry: "charge" }),
    release: rig.scope("released", {}, { onExpiry: "release" }),
    quarantine: rig.scope("quarantined", {}, { onExpiry: "quarantine" }),
  };
}

async function expiredMixedHold(rig: Rig): Promise<{ holdId: string; scopes: ReturnType<typeof mixed> }> {
  const scopes = mixed(rig);
  const holdId = await rig.dispatchedHold(Object.values(scopes), HELD, { ttlMs: SHORT_MS });
  await rig.outlive(SHORT_MS);
  return { holdId, scopes };
}

export const expiryCapability: Capability = {
  name: "expiry",
  cases: [
    {
      title: "an undispatched hold is released, whatever the policies",
      async run(rig) {
        const scopes = mixed(rig);
        const holdId = await rig.hold(Object.values(scopes), HELD, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        const effects = Object.values(scopes).map((scope) => ({
          scopeKey: scope.key,
          windowId: "total",
          policy: "release",
        }));
        expect(await rig.expireAll()).toEqual([
          { holdId, dispatched: false, amounts: amounts(HELD), effects },
        ]);
        for (const scope of Object.values(scopes)) await rig.expectBalance(scope, {});
      },
    },
    {
      title: "a dispatched hold expires in each scope by that scope's policy",
      async run(rig) {
        const { holdId, scopes } = await expiredMixedHold(rig);
        const effects = (["charge", "release", "quarantine"] as const).map((policy) => ({
          scopeKey: scopes[policy].key,
          windowId: "total",
          policy,
        }));
        expect(await rig.expireAll()).toEqual([
          { holdId, dispatched: true, amounts: amounts(HELD), effects },
        ]);
        await rig.expectBalance(scopes.charge, { spent: CHARGED });
        await rig.expectBalance(scopes.release, {});
        await rig.expectBalance(scopes.quarantine, { held: HELD });
      },
    },
    {
      title: "a charge frees the slot of a concurrent call",
      async run(rig) {
        const scope = rig.scope("a", { concurrentCalls: 1 });
        await rig.dispatchedHold([scope], { concurrentCalls: 1 }, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        await rig.hold([scope], { concurrentCalls: 1 });
      },
    },
    {
      title: "a hold lives until its time, not a moment longer",
      jumps: true,
      async run(rig) {
        const scope = rig.scope("a", {});
        const early = await rig.hold([scope], { nanoUsd: 1 }, { ttlMs: 1_000 });
        const late = await rig.hold([scope], { nanoUsd: 2 }, { ttlMs: 1_000 });
        await rig.clock.advance(999);
        expect(await rig.expireAll()).toEqual([]);
        expect(await rig.dispatch(early, LONG_MS)).toMatchObject({ outcome: "dispatched" });
        await rig.clock.advance(1);
        expect(await rig.dispatch(late, LONG_MS)).toMatchObject({
          outcome: "already-resolved",
          state: "expired",
        });
        await rig.expireAll();
        await rig.expectBalance(scope, { held: { nanoUsd: 1 } });
      },
    },
    {
      title: "expire goes in batches, oldest first, and says when there is more",
      async run(rig) {
        const scope = rig.scope("a", {});
        const ids: string[] = [];
        for (let n = 0; n < 5; n += 1) {
          ids.push(await rig.hold([scope], { nanoUsd: 1 }, { ttlMs: SHORT_MS }));
          await rig.clock.advance(5);
        }
        await rig.outlive(SHORT_MS);
        const batches = [];
        for (let n = 0; n < 3; n += 1) batches.push(await rig.store.expire({ limit: 2 }));
        expect(batches.map((batch) => batch.expired.map((hold) => hold.holdId))).toEqual([
          ids.slice(0, 2),
          ids.slice(2, 4),
          ids.slice(4),
        ]);
        expect(batches.map((batch) => batch.more)).toEqual([true, true, false]);
        expect(await rig.store.expire({ limit: 2 })).toEqual({ expired: [], more: false });
      },
    },
    {
      title: "expire has nothing to do in an empty store, nor with live holds",
      async run(rig) {
        expect(await rig.store.expire({ limit: 10 })).toEqual({ expired: [], more: false });
        await rig.hold([rig.scope("a", {})], HELD);
        expect(await rig.store.expire({ limit: 10 })).toEqual({ expired: [], more: false });
      },
    },
    {
      title: "a dead hold never causes a denial, even if nobody calls expire",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100, concurrentCalls: 1 });
        for (let n = 0; n < 3; n += 1) {
          await rig.hold([scope], { nanoUsd: 100, concurrentCalls: 1 }, { ttlMs: SHORT_MS });
          await rig.outlive(SHORT_MS);
        }
        await rig.hold([scope], { nanoUsd: 100, concurrentCalls: 1 });
      },
    },
    {
      title: "a hundred dead holds never cause a denial",
      async run(rig) {
        const scope = rig.scope("a", { calls: 100 });
        for (let n = 0; n < 100; n += 1) await rig.hold([scope], { calls: 1 }, { ttlMs: 2 * SHORT_MS });
        await rig.outlive(2 * SHORT_MS);
        await rig.hold([scope], { calls: 100 });
      },
    },
    {
      title: "a charged expiry still denies",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.dispatchedHold([scope], { nanoUsd: 60 }, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        expect(await rig.denied([scope], { nanoUsd: 41 })).toMatchObject({ fitsWithoutHeld: false });
      },
    },
    {
      title: "every expiry is reported exactly once, by the step that resolved it",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const ids = [await rig.hold([scope], { nanoUsd: 10 }, { ttlMs: SHORT_MS })];
        ids.push(await rig.dispatchedHold([scope], { nanoUsd: 20 }, { ttlMs: SHORT_MS }));
        await rig.outlive(SHORT_MS);
        const reserved = (await rig.reserve([scope], { nanoUsd: 80 }, { operationId: "next" })) as Held;
        expect(reserved).toMatchObject({ outcome: "held" });
        const swept = await rig.expireAll();
        const reported = [...(reserved.expired ?? []), ...swept].map((hold) => hold.holdId);
        expect(reported.sort()).toEqual(ids.sort());
        expect(reserved.expired).not.toEqual([]);
      },
    },
    {
      title: "a late settlement corrects each scope by what had become of it",
      async run(rig) {
        const { holdId, scopes } = await expiredMixedHold(rig);
        await rig.expireAll();
        const actual = { nanoUsd: 25, calls: 1, outputTokens: 33 };
        expect(await rig.settle(holdId, actual)).toEqual({
          outcome: "settled",
          replayed: false,
          corrected: true,
          charged: amounts(actual),
          held: amounts(HELD),
        });
        for (const scope of Object.values(scopes)) await rig.expectBalance(scope, { spent: actual });
        expect(await rig.settle(holdId, { nanoUsd: 1 })).toEqual({
          outcome: "already-resolved",
          state: "settled",
        });
        for (const scope of Object.values(scopes)) await rig.expectBalance(scope, { spent: actual });
      },
    },
    {
      title: "a late settlement corrects even when nobody has called expire",
      async run(rig) {
        const { holdId, scopes } = await expiredMixedHold(rig);
        expect(await rig.settle(holdId, { nanoUsd: 25 })).toMatchObject({
          outcome: "settled",
          corrected: true,
        });
        await rig.expireAll();
        for (const scope of Object.values(scopes)) await rig.expectBalance(scope, { spent: { nanoUsd: 25 } });
      },
    },
    {
      title: "a late settlement of an undispatched hold is still recorded",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], HELD, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        await rig.expireAll();
        // Sweeping again must not forget a counter that a late settlement still has to find.
        await rig.expireAll();
        expect(await rig.settle(holdId, { nanoUsd: 25 })).toMatchObject({
          outcome: "settled",
          corrected: true,
        });
        await rig.expectBalance(scope, { spent: { nanoUsd: 25 } });
      },
    },
    {
      title: "a correction takes back what is left of the charge, and records the truth",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 }, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        await rig.expireAll();
        await rig.adjust(scope, { nanoUsd: -50 });
        expect(await rig.settle(holdId, { nanoUsd: 5 })).toMatchObject({ outcome: "settled" });
        await rig.expectBalance(scope, { spent: { nanoUsd: 5 } });
      },
    },
    {
      title: "a quarantined hold stays held until it is released",
      async run(rig) {
        const { holdId, scopes } = await expiredMixedHold(rig);
        await rig.expireAll();
        expect(await rig.dispatch(holdId)).toMatchObject({ outcome: "already-resolved", state: "expired" });
        expect(await rig.renew(holdId, LONG_MS)).toMatchObject({
          outcome: "already-resolved",
          state: "expired",
        });
        expect(await rig.expireAll()).toEqual([]);
        expect(await rig.release(holdId)).toEqual({ outcome: "released", replayed: false });
        await rig.expectBalance(scopes.charge, { spent: CHARGED });
        await rig.expectBalance(scopes.release, {});
        await rig.expectBalance(scopes.quarantine, {});
        expect(await rig.settle(holdId, { nanoUsd: 1 })).toEqual({
          outcome: "already-resolved",
          state: "released",
        });
      },
    },
    {
      title: "a quarantined hold keeps denying",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 }, { onExpiry: "quarantine" });
        await rig.dispatchedHold([scope], { nanoUsd: 60 }, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        expect(await rig.denied([scope], { nanoUsd: 41 })).toMatchObject({ fitsWithoutHeld: true });
        await rig.hold([scope], { nanoUsd: 40 });
      },
    },
    {
      title: "an expired hold that is not quarantined cannot be released",
      async run(rig) {
        const scope = rig.scope("a", {}, { onExpiry: "charge" });
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 }, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        expect(await rig.release(holdId)).toMatchObject({ outcome: "already-resolved", state: "expired" });
        await rig.expireAll();
        expect(await rig.release(holdId)).toMatchObject({ outcome: "already-resolved", state: "expired" });
        await rig.expectBalance(scope, { spent: { nanoUsd: 60 } });
      },
    },
    {
      title: "a hold without scopes expires too",
      async run(rig) {
        const holdId = await rig.dispatchedHold([], HELD, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        expect(await rig.expireAll()).toEqual([
          { holdId, dispatched: true, amounts: amounts(HELD), effects: [] },
        ]);
      },
    },
  ],
};
