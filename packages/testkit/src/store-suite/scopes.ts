/** @module Many scopes and all dimensions: everything is held in each of them, or nothing anywhere. */
import { DIMENSIONS } from "holdfast";
import type { Dimension } from "holdfast";
import { expect } from "vitest";
import type { Capability, Case } from "./case.ts";
import { dumpState } from "./state-dump.ts";

const eachDimensionBinds: readonly Case[] = DIMENSIONS.map((dimension: Dimension) => ({
  title: `${dimension} binds`,
  async run(rig) {
    const scope = rig.scope("a", { [dimension]: 10 });
    const first = await rig.hold([scope], { [dimension]: 7 });
    expect(await rig.denied([scope], { [dimension]: 4 })).toMatchObject({
      dimension,
      available: { [dimension]: 3 },
    });
    await rig.hold([scope], { [dimension]: 3 });
    await rig.denied([scope], { [dimension]: 1 });
    await rig.release(first);
    await rig.hold([scope], { [dimension]: 7 });
  },
}));

const eachDimensionDeniesAll: readonly Case[] = DIMENSIONS.map((dimension: Dimension) => ({
  title: `${dimension} alone denies everything, everywhere`,
  async run(rig) {
    const everything = Object.fromEntries(DIMENSIONS.map((each) => [each, 2]));
    const wide = rig.scope("wide", {});
    const narrow = rig.scope("narrow", {
      ...Object.fromEntries(DIMENSIONS.map((d) => [d, 2])),
      [dimension]: 1,
    });
    expect(await rig.denied([wide, narrow], everything)).toMatchObject({ dimension });
    expect(await rig.denied([narrow, wide], everything)).toMatchObject({ dimension });
    await rig.expectBalance(wide, {});
    await rig.expectBalance(narrow, {});
  },
}));

export const scopesCapability: Capability = {
  name: "scopes",
  cases: [
    ...eachDimensionBinds,
    ...eachDimensionDeniesAll,
    {
      title: "a denial by any one scope, first or last, changes none",
      async run(rig) {
        const free = Array.from({ length: 4 }, (_, n) => rig.scope(`free-${n}`, { nanoUsd: 100 }));
        const full = rig.scope("full", { nanoUsd: 10 });
        await rig.hold([full], { nanoUsd: 10 });
        const before = await dumpState(rig.store, { zeros: true });
        for (let at = 0; at <= free.length; at += 1) {
          const denial = await rig.denied([...free.slice(0, at), full, ...free.slice(at)], { nanoUsd: 1 });
          expect(denial.limiting.scope.key).toBe("full");
        }
        expect(await dumpState(rig.store, { zeros: true })).toBe(before);
        await rig.hold(free, { nanoUsd: 100 });
      },
    },
    {
      title: "denials use up nothing, however many",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100, calls: 1 });
        for (let n = 0; n < 100; n += 1) await rig.denied([scope], { nanoUsd: 101, calls: 1 });
        await rig.hold([scope], { nanoUsd: 100, calls: 1 });
      },
    },
    {
      title: "overlapping scopes count each call in each of its own",
      async run(rig) {
        const org = rig.scope("org", { nanoUsd: 100 });
        const acme = rig.scope("acme", { nanoUsd: 60 });
        const umbrella = rig.scope("umbrella", { nanoUsd: 60 });
        await rig.hold([org, acme], { nanoUsd: 50 });
        const denial = await rig.denied([org, umbrella], { nanoUsd: 51 });
        expect(denial.limiting.scope.key).toBe("org");
        await rig.hold([umbrella, org], { nanoUsd: 50 });
        await rig.expectBalance(org, { held: { nanoUsd: 100 } });
        await rig.expectBalance(acme, { held: { nanoUsd: 50 } });
        await rig.expectBalance(umbrella, { held: { nanoUsd: 50 } });
        expect((await rig.denied([acme, org], { nanoUsd: 5 })).limiting.scope.key).toBe("org");
        await rig.hold([acme], { nanoUsd: 10 });
      },
    },
    {
      title: "the order of the scopes does not matter to what is counted",
      async run(rig) {
        const scopes = ["c", "a", "b"].map((key) => rig.scope(key, { nanoUsd: 100 }));
        const holds = [
          await rig.hold(scopes, { nanoUsd: 30 }),
          await rig.hold(scopes.toReversed(), { nanoUsd: 30 }),
        ];
        for (const holdId of holds) await rig.settle(holdId, { nanoUsd: 20 });
        for (const scope of scopes) await rig.expectBalance(scope, { spent: { nanoUsd: 40 } });
      },
    },
    {
      title: "the same values under another budget are another counter",
      async run(rig) {
        const values = { tenant: "acme" };
        const one = rig.scope("one/acme", { calls: 1 }, { budgetId: "one", values });
        const two = rig.scope("two/acme", { calls: 1 }, { budgetId: "two", values });
        await rig.hold([one], { calls: 1 });
        await rig.hold([two], { calls: 1 });
        await rig.denied([one], { calls: 1 });
      },
    },
    {
      title: "takes fifty scopes in one step",
      async run(rig) {
        const scopes = Array.from({ length: 50 }, (_, n) => rig.scope(`scope-${n}`, { calls: 1 }));
        const holdId = await rig.dispatchedHold(scopes, { calls: 1 });
        for (const scope of scopes) await rig.denied([scope], { calls: 1 });
        await rig.settle(holdId, {});
        await rig.hold(scopes, { calls: 1 });
      },
    },
    {
      title: "another handle sees what this one did",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const holdId = await rig.hold([scope], { nanoUsd: 60 });
        expect(await dumpState(rig.other)).toBe(await dumpState(rig.store));
        expect(await rig.other.release({ operationId: "x", holdId })).toMatchObject({ outcome: "released" });
        await rig.expectBalance(scope, {});
      },
    },
  ],
};
