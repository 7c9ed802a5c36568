/** @module Balances: what the listing shows, in which order, page by page. */
import { amounts } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import type { Rig } from "./rig.ts";
import { dumpState, listBalances } from "./state-dump.ts";

/** Seven scopes in two budgets, made in no order. */
async function sevenScopes(rig: Rig): Promise<string[]> {
  const keys = ["d", "a", "g", "c", "f", "b", "e"];
  for (const key of keys) {
    const scope = rig.scope(key, { nanoUsd: 100 }, { budgetId: key < "d" ? "early" : "late" });
    await rig.hold([scope], { nanoUsd: 1 });
  }
  return keys.sort();
}

export const balancesCapability: Capability = {
  name: "balances",
  cases: [
    {
      title: "an empty store lists nothing",
      async run(rig) {
        expect(await rig.store.balances({})).toEqual({ balances: [] });
      },
    },
    {
      title: "lists scope, window, spent, held and limits",
      async run(rig) {
        const values = { tenant: "acme", user: "u-42" };
        const scope = rig.scope("a", { nanoUsd: 100, calls: 9 }, { values, onExpiry: "quarantine" });
        await rig.settle(await rig.hold([scope], { nanoUsd: 10 }), { nanoUsd: 7, calls: 1 });
        await rig.hold([scope], { nanoUsd: 20, concurrentCalls: 1 });
        await rig.override(scope, { nanoUsd: 5 });
        expect(await rig.store.balances({})).toEqual({
          balances: [
            {
              scope,
              window: { id: "total", startMs: 0, endMs: null },
              spent: amounts({ nanoUsd: 7, calls: 1 }),
              held: amounts({ nanoUsd: 20, concurrentCalls: 1 }),
              limits: { nanoUsd: 105, calls: 9 },
            },
          ],
        });
      },
    },
    {
      title: "lists in the order of the keys",
      async run(rig) {
        const keys = await sevenScopes(rig);
        const { balances, next } = await rig.store.balances({});
        expect(balances.map((state) => state.scope.key)).toEqual(keys);
        expect(next).toBeUndefined();
      },
    },
    {
      title: "pages through everything once, for every page size",
      async run(rig) {
        const keys = await sevenScopes(rig);
        for (let pageSize = 1; pageSize <= 8; pageSize += 1) {
          const all = await listBalances(rig.store, { pageSize });
          expect(all.map((state) => state.scope.key)).toEqual(keys);
        }
        const first = await rig.store.balances({ limit: 3 });
        expect(first.balances).toHaveLength(3);
        expect(first.next).toBeDefined();
        const second = await rig.store.balances({ limit: 3, after: first.next! });
        expect(second.balances.map((state) => state.scope.key)).toEqual(["d", "e", "f"]);
      },
    },
    {
      title: "goes on after a key that is not there",
      async run(rig) {
        await sevenScopes(rig);
        const { balances } = await rig.store.balances({ after: "bb" });
        expect(balances.map((state) => state.scope.key)).toEqual(["c", "d", "e", "f", "g"]);
        expect(await rig.store.balances({ after: "z" })).toEqual({ balances: [] });
      },
    },
    {
      title: "lists only the budgets that were asked for, paged too",
      async run(rig) {
        await sevenScopes(rig);
        const early = await rig.store.balances({ budgetIds: ["early"] });
        expect(early.balances.map((state) => state.scope.key)).toEqual(["a", "b", "c"]);
        const late = await listBalances(rig.store, { budgetIds: ["late"], pageSize: 2 });
        expect(late.map((state) => state.scope.key)).toEqual(["d", "e", "f", "g"]);
        const both = await rig.store.balances({ budgetIds: ["late", "early"] });
        expect(both.balances).toHaveLength(7);
        expect(await rig.store.balances({ budgetIds: ["never"] })).toEqual({ balances: [] });
      },
    },
    {
      title: "does not list a scope that has only been denied",
      async run(rig) {
        await rig.denied([rig.scope("used", {}), rig.scope("shut", { calls: 0 })], { calls: 1 });
        expect(await rig.store.balances({})).toEqual({ balances: [] });
      },
    },
    {
      title: "does not list what a past window has spent",
      jumps: true,
      async run(rig) {
        const hour = { kind: "calendar", unit: "hour", timeZone: "UTC" } as const;
        const scope = rig.scope("a", {}, { window: hour });
        await rig.settle(await rig.hold([scope], { nanoUsd: 1 }), { nanoUsd: 1 });
        await rig.clock.advance(3_600_000);
        expect(await rig.store.balances({})).toEqual({ balances: [] });
      },
    },
    {
      title: "reading changes nothing",
      async run(rig) {
        await sevenScopes(rig);
        const first = await dumpState(rig.store, { zeros: true, limits: true });
        expect(await dumpState(rig.store, { zeros: true, limits: true, pageSize: 2 })).toBe(first);
        expect(await dumpState(rig.other, { zeros: true, limits: true })).toBe(first);
      },
    },
    {
      title: "what the caller does to an answer does not reach the store",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await rig.hold([scope], { nanoUsd: 60 });
        const { balances } = await rig.store.balances({});
        try {
          (balances[0]!.held as { nanoUsd: number }).nanoUsd = 0;
        } catch {
          // A frozen answer is as good as a copy.
        }
        await rig.expectBalance(scope, { held: { nanoUsd: 60 } });
        await rig.denied([scope], { nanoUsd: 41 });
      },
    },
  ],
};
