/** @module Limits: they come with each operation, are inclusive, and may change while holds are open. */
import { DIMENSIONS, amounts } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { LONG_MS } from "./rig.ts";

const MAX = Number.MAX_SAFE_INTEGER;

export const limitsCapability: Capability = {
  name: "limits",
  cases: [
    {
      title: "an exact fit is held, one more is not",
      async run(rig) {
        for (const dimension of DIMENSIONS) {
          const scope = rig.scope(dimension, { [dimension]: 10 });
          await rig.denied([scope], { [dimension]: 11 });
          await rig.hold([scope], { [dimension]: 10 });
          await rig.denied([scope], { [dimension]: 1 });
        }
      },
    },
    {
      title: "a limit of zero admits nothing",
      async run(rig) {
        for (const dimension of DIMENSIONS) {
          const scope = rig.scope(dimension, { [dimension]: 0 });
          expect(await rig.denied([scope], { [dimension]: 1 })).toMatchObject({
            dimension,
            fitsWithoutHeld: false,
            available: { [dimension]: 0 },
          });
          await rig.hold([scope], {});
        }
      },
    },
    {
      title: "a missing or undefined limit admits everything",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: undefined, calls: 1 });
        await rig.hold([scope], { nanoUsd: 1e15, outputTokens: 1e15, calls: 1 });
        const denial = await rig.denied([scope], { calls: 1 });
        expect(denial.available).toEqual({ calls: 0 });
      },
    },
    {
      title: "a lowered limit cancels no hold, and admits nothing until it fits again",
      async run(rig) {
        const wide = rig.scope("a", { nanoUsd: 100 });
        const narrow = rig.scope("a", { nanoUsd: 50 });
        const holds = [
          await rig.dispatchedHold([wide], { nanoUsd: 40 }),
          await rig.dispatchedHold([wide], { nanoUsd: 40 }),
        ];
        expect(await rig.denied([narrow], { nanoUsd: 1 })).toMatchObject({
          fitsWithoutHeld: true,
          available: { nanoUsd: 0 },
          limiting: { limits: { nanoUsd: 50 }, held: { nanoUsd: 80 } },
        });
        await rig.expectBalance(wide, { held: { nanoUsd: 80 } });
        await rig.settle(holds[0]!, { nanoUsd: 30 });
        await rig.denied([narrow], { nanoUsd: 1 });
        await rig.settle(holds[1]!, { nanoUsd: 10 });
        await rig.denied([narrow], { nanoUsd: 11 });
        await rig.hold([narrow], { nanoUsd: 10 });
      },
    },
    {
      title: "a raised limit counts for the next operation",
      async run(rig) {
        await rig.hold([rig.scope("a", { nanoUsd: 100 })], { nanoUsd: 100 });
        await rig.denied([rig.scope("a", { nanoUsd: 100 })], { nanoUsd: 1 });
        await rig.hold([rig.scope("a", { nanoUsd: 150 })], { nanoUsd: 50 });
        await rig.denied([rig.scope("a", { nanoUsd: 150 })], { nanoUsd: 1 });
      },
    },
    {
      title: "a limit that appears counts what was there before",
      async run(rig) {
        await rig.hold([rig.scope("a", {})], { calls: 3, nanoUsd: 70 });
        await rig.denied([rig.scope("a", { calls: 3 })], { calls: 1 });
        await rig.denied([rig.scope("a", { nanoUsd: 100 })], { nanoUsd: 31 });
        await rig.hold([rig.scope("a", { nanoUsd: 100 })], { nanoUsd: 30 });
      },
    },
    {
      title: "holds are released in full though the limit was lowered meanwhile",
      async run(rig) {
        const holdId = await rig.hold([rig.scope("a", { calls: 5 })], { calls: 5 });
        await rig.denied([rig.scope("a", { calls: 1 })], { calls: 1 });
        await rig.release(holdId);
        await rig.expectBalance(rig.scope("a", {}), {});
        await rig.hold([rig.scope("a", { calls: 1 })], { calls: 1 });
      },
    },
    {
      title: "the largest exact number is counted to the unit",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: MAX });
        const holdId = await rig.hold([scope], { nanoUsd: MAX - 1 });
        expect(await rig.denied([scope], { nanoUsd: 2 })).toMatchObject({ available: { nanoUsd: 1 } });
        await rig.denied([scope], { nanoUsd: MAX });
        const last = await rig.hold([scope], { nanoUsd: 1 });
        await rig.expectBalance(scope, { held: { nanoUsd: MAX } });
        await rig.denied([scope], { nanoUsd: 1 });
        await rig.settle(holdId, { nanoUsd: MAX - 1 });
        await rig.release(last);
        await rig.expectBalance(scope, { spent: { nanoUsd: MAX - 1 } });
        await rig.hold([scope], { nanoUsd: 1 });
      },
    },
    {
      title: "a difference of one is seen just below the largest exact number",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: MAX - 1 });
        await rig.denied([scope], { nanoUsd: MAX });
        await rig.hold([scope], { nanoUsd: MAX - 1 });
        await rig.denied([scope], { nanoUsd: 1 });
      },
    },
    {
      title: "large amounts that a database might write as 1e+17 or round are kept exact",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: MAX });
        const parts = [100_000_000_000_000, 4_503_599_627_370_497, 123_456_789_012_347];
        for (const part of parts)
          await rig.settle(await rig.hold([scope], { nanoUsd: part }), { nanoUsd: part });
        await rig.expectBalance(scope, { spent: { nanoUsd: parts.reduce((sum, part) => sum + part) } });
      },
    },
    {
      title: "holds without a limit never add up to an inexact number, and go back to nothing",
      async run(rig) {
        const scope = rig.scope("a", {});
        const first = await rig.hold([scope], { nanoUsd: MAX, calls: 1 });
        // Beyond what can be counted, a store may deny or throw; it may not lose count.
        const operation = {
          operationId: "second",
          scopes: [scope],
          amounts: amounts({ nanoUsd: MAX, calls: 1 }),
        };
        const second = await Promise.resolve()
          .then(() => rig.store.reserve({ ...operation, undispatchedTtlMs: LONG_MS }))
          .catch(() => undefined);
        const { held } = await rig.balance(scope);
        expect(held.nanoUsd).toBe(MAX);
        if (second?.outcome === "held") {
          await rig.release(first);
          await rig.expectBalance(scope, { held: { nanoUsd: MAX, calls: 1 } });
          await rig.release("second");
        } else {
          await rig.expectBalance(scope, { held: { nanoUsd: MAX, calls: 1 } });
          await rig.release(first);
        }
        await rig.expectBalance(scope, {});
      },
    },
  ],
};
