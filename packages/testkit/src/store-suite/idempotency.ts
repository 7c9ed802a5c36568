/** @module Idempotency: any operation sent again, at any later time, answers as before and changes nothing. */
import { amounts } from "holdfast";
import type * as Port from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { LONG_MS, SHORT_MS } from "./rig.ts";
import { dumpState } from "./state-dump.ts";

/** An answer as it must be when the operation comes again; expiries are told only once. */
function again(first: Port.Held | Port.Denied): object {
  const { expired: _, ...rest } = first;
  return { ...rest, replayed: true };
}

export const idempotencyCapability: Capability = {
  name: "idempotency",
  cases: [
    {
      title: "a replayed reserve answers the first hold and holds nothing more",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const operation = {
          operationId: "r",
          scopes: [scope],
          amounts: amounts({ nanoUsd: 60 }),
          undispatchedTtlMs: LONG_MS,
        };
        const first = (await rig.store.reserve(operation)) as Port.Held;
        await rig.clock.advance(10);
        expect(await rig.other.reserve(operation)).toEqual(again(first));
        await rig.expectBalance(scope, { held: { nanoUsd: 60 } });
      },
    },
    {
      title: "a replayed reserve answers the first hold even when it is over",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const operation = {
          operationId: "r",
          scopes: [scope],
          amounts: amounts({ nanoUsd: 60 }),
          undispatchedTtlMs: LONG_MS,
        };
        const first = (await rig.store.reserve(operation)) as Port.Held;
        await rig.settle("r", { nanoUsd: 50 });
        expect(await rig.store.reserve(operation)).toEqual(again(first));
        await rig.expectBalance(scope, { spent: { nanoUsd: 50 } });
      },
    },
    {
      title: "a replayed reserve of an expired hold does not revive it",
      async run(rig) {
        const scope = rig.scope("a", {});
        const operation = {
          operationId: "r",
          scopes: [scope],
          amounts: amounts({ nanoUsd: 60 }),
          undispatchedTtlMs: SHORT_MS,
        };
        const first = (await rig.store.reserve(operation)) as Port.Held;
        await rig.outlive(SHORT_MS);
        expect(await rig.store.reserve(operation)).toEqual(again(first));
        await rig.expireAll();
        await rig.expectBalance(scope, {});
      },
    },
    {
      title: "a replayed denial is denied as the first time, even when it would fit by now",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const blocker = await rig.hold([scope], { nanoUsd: 100 });
        const operation = {
          operationId: "r",
          scopes: [scope],
          amounts: amounts({ nanoUsd: 60 }),
          undispatchedTtlMs: LONG_MS,
        };
        const first = (await rig.store.reserve(operation)) as Port.Denied;
        expect(first.outcome).toBe("denied");
        await rig.release(blocker);
        await rig.clock.advance(10);
        expect(await rig.other.reserve(operation)).toEqual(again(first));
        await rig.expectBalance(scope, {});
      },
    },
    {
      title: "an operation id with other amounts or scopes is a mismatch and changes nothing",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const operationId = await rig.hold([scope], { nanoUsd: 10 });
        const mismatch = { outcome: "mismatch" };
        expect(await rig.reserve([scope], { nanoUsd: 11 }, { operationId })).toEqual(mismatch);
        expect(await rig.reserve([scope], { nanoUsd: 10, calls: 1 }, { operationId })).toEqual(mismatch);
        expect(await rig.reserve([rig.scope("b", {})], { nanoUsd: 10 }, { operationId })).toEqual(mismatch);
        expect(await rig.reserve([scope, rig.scope("b", {})], { nanoUsd: 10 }, { operationId })).toEqual(
          mismatch,
        );
        expect(await rig.reserve([], { nanoUsd: 10 }, { operationId })).toEqual(mismatch);
        await rig.expectBalance(scope, { held: { nanoUsd: 10 } });
        await rig.expectBalance(rig.scope("b", {}), {});
      },
    },
    {
      title: "a denied operation id with other amounts is a mismatch too",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.reserve([scope], { nanoUsd: 101 }, { operationId: "r" });
        expect(await rig.reserve([scope], { nanoUsd: 1 }, { operationId: "r" })).toEqual({
          outcome: "mismatch",
        });
        await rig.expectBalance(scope, {});
      },
    },
    {
      title: "a replayed dispatch answers as before and gives no second life",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], { nanoUsd: 5 });
        const operation = { operationId: "d", holdId, ttlMs: 4 * SHORT_MS };
        expect(await rig.store.dispatch(operation)).toEqual({ outcome: "dispatched", replayed: false });
        await rig.clock.advance(2 * SHORT_MS);
        expect(await rig.other.dispatch(operation)).toEqual({ outcome: "dispatched", replayed: true });
        await rig.outlive(2 * SHORT_MS);
        expect(await rig.expireAll()).toMatchObject([{ holdId, dispatched: true }]);
      },
    },
    {
      title: "a replayed dispatch does not say that a hold which is over may be sent with",
      async run(rig) {
        const holdId = await rig.hold([rig.scope("a", {})], { nanoUsd: 5 });
        const operation = { operationId: "d", holdId, ttlMs: LONG_MS };
        await rig.store.dispatch(operation);
        await rig.release(holdId);
        expect(await rig.other.dispatch(operation)).toEqual({
          outcome: "already-resolved",
          state: "released",
        });
      },
    },
    {
      title: "a replayed settlement answers the same amounts and spends nothing more",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 });
        const first = await rig.settle(holdId, { nanoUsd: 25 }, "s");
        const operation = { operationId: "s", holdId, amounts: amounts({ nanoUsd: 25 }) };
        for (let n = 0; n < 3; n += 1)
          expect(await rig.other.settle(operation)).toEqual({ ...first, replayed: true });
        await rig.expectBalance(scope, { spent: { nanoUsd: 25 } });
      },
    },
    {
      title: "a replayed late settlement corrects once",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 }, { ttlMs: SHORT_MS });
        await rig.outlive(SHORT_MS);
        await rig.expireAll();
        const first = await rig.settle(holdId, { nanoUsd: 25 }, "s");
        expect(first).toMatchObject({ outcome: "settled", corrected: true });
        expect(await rig.settle(holdId, { nanoUsd: 25 }, "s")).toEqual({ ...first, replayed: true });
        await rig.expectBalance(scope, { spent: { nanoUsd: 25 } });
      },
    },
    {
      title: "a settlement sent again with other amounts is a mismatch and changes nothing",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.dispatchedHold([scope], { nanoUsd: 60 });
        await rig.settle(holdId, { nanoUsd: 25 }, "s");
        expect(await rig.settle(holdId, { nanoUsd: 26 }, "s")).toEqual({ outcome: "mismatch" });
        await rig.expectBalance(scope, { spent: { nanoUsd: 25 } });
      },
    },
    {
      title: "a settlement id used for another hold is not taken for a replay",
      async run(rig) {
        const scope = rig.scope("a", {});
        const one = await rig.dispatchedHold([scope], { nanoUsd: 60 });
        const two = await rig.dispatchedHold([scope], { nanoUsd: 40 });
        await rig.settle(one, { nanoUsd: 25 }, "s");
        // The port knows no other holds' ids in a mismatch: a store may refuse, or see another operation.
        const result = await rig.settle(two, { nanoUsd: 25 }, "s");
        if (result.outcome === "mismatch") {
          await rig.expectBalance(scope, { spent: { nanoUsd: 25 }, held: { nanoUsd: 40 } });
        } else {
          expect(result).toMatchObject({ outcome: "settled", replayed: false });
          await rig.expectBalance(scope, { spent: { nanoUsd: 50 } });
        }
      },
    },
    {
      title: "a replayed release answers as before and gives nothing more back",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], { nanoUsd: 60 });
        await rig.hold([scope], { nanoUsd: 60 });
        await rig.release(holdId, "x");
        expect(await rig.other.release({ operationId: "x", holdId })).toEqual({
          outcome: "released",
          replayed: true,
        });
        await rig.expectBalance(scope, { held: { nanoUsd: 60 } });
      },
    },
    {
      title: "a replayed renewal answers the same instant",
      async run(rig) {
        const holdId = await rig.dispatchedHold([rig.scope("a", {})], {}, { ttlMs: SHORT_MS });
        const operation = { operationId: "n", holdId, ttlMs: LONG_MS };
        const first = await rig.store.renew(operation);
        expect(first).toMatchObject({ outcome: "renewed", replayed: false });
        await rig.clock.advance(50);
        expect(await rig.other.renew(operation)).toEqual({ ...first, replayed: true });
      },
    },
    {
      title: "a replayed adjustment or override counts once, and another one under its id is a mismatch",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.adjust(scope, { nanoUsd: 30 }, "j");
        expect(await rig.adjust(scope, { nanoUsd: 30 }, "j")).toMatchObject({
          outcome: "adjusted",
          replayed: true,
        });
        expect(await rig.adjust(scope, { nanoUsd: 31 }, "j")).toEqual({ outcome: "mismatch" });
        await rig.expectBalance(scope, { spent: { nanoUsd: 30 } });
        const override = { operationId: "o", scope, extra: { nanoUsd: 20 }, ttlMs: LONG_MS };
        const first = await rig.store.override(override);
        await rig.clock.advance(10);
        expect(await rig.store.override(override)).toEqual({ ...first, replayed: true });
        expect(await rig.store.override({ ...override, extra: { nanoUsd: 21 } })).toEqual({
          outcome: "mismatch",
        });
        expect(await rig.denied([scope], { nanoUsd: 91 })).toMatchObject({ available: { nanoUsd: 90 } });
      },
    },
    {
      title: "a whole history sent again, in any order, changes nothing",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 500 });
        const sent: (() => unknown)[] = [];
        const send = async (act: () => unknown): Promise<void> => {
          sent.push(act);
          await act();
        };
        for (let n = 0; n < 8; n += 1) {
          const holdId = `hold-${n}`;
          await send(() => rig.reserve([scope], { nanoUsd: 100, calls: 1 }, { operationId: holdId }));
          await send(() => rig.store.dispatch({ operationId: `d-${n}`, holdId, ttlMs: LONG_MS }));
          if (n % 3 === 0) await send(() => rig.release(holdId, `x-${n}`));
          else await send(() => rig.settle(holdId, { nanoUsd: 70 + n, calls: 1 }, `s-${n}`));
          await send(() => rig.adjust(scope, { nanoUsd: 1 }, `j-${n}`));
        }
        const before = await dumpState(rig.store);
        for (const act of [...sent, ...sent.reverse()]) await act();
        expect(await dumpState(rig.store)).toBe(before);
      },
    },
  ],
};
