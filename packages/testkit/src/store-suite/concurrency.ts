/** @module Concurrency: many callers at once get exactly what there is, no more and no less. */
import { amounts } from "holdfast";
import type { LedgerStore, ReserveResult, Scope } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { LONG_MS, SHORT_MS, type Given, type Rig } from "./rig.ts";

const ROUNDS = 200;

/** All at once, on both handles by turns. */
function together<T>(
  rig: Rig,
  count: number,
  act: (store: LedgerStore, index: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => act(n % 2 === 0 ? rig.store : rig.other, n)));
}

/** Always a promise, so that a store that throws at once does so inside it. */
async function reserveOn(
  rig: Rig,
  store: LedgerStore,
  scopes: readonly Scope[],
  given: Given,
): Promise<ReserveResult> {
  return store.reserve({
    operationId: rig.id(),
    scopes,
    amounts: amounts(given),
    undispatchedTtlMs: LONG_MS,
  });
}

function heldIds(results: readonly ReserveResult[]): string[] {
  return results.flatMap((result) => (result.outcome === "held" ? [result.holdId] : []));
}

export const concurrencyCapability: Capability = {
  name: "concurrency",
  cases: [
    {
      title: "of 100 callers at once with money for 7, exactly 7 are admitted",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 7 * 13 + 12 });
        const results = await together(rig, 100, (store) => reserveOn(rig, store, [scope], { nanoUsd: 13 }));
        expect(heldIds(results)).toHaveLength(7);
        expect(results.filter((result) => result.outcome === "denied")).toHaveLength(93);
        await rig.expectBalance(scope, { held: { nanoUsd: 7 * 13 } });
      },
    },
    {
      title: "of 60 callers at once with 5 slots, exactly 5 run",
      async run(rig) {
        const scope = rig.scope("a", { concurrentCalls: 5, calls: 1_000 });
        const given = { concurrentCalls: 1, calls: 1 };
        const results = await together(rig, 60, (store) => reserveOn(rig, store, [scope], given));
        expect(heldIds(results)).toHaveLength(5);
        await rig.expectBalance(scope, { held: { concurrentCalls: 5, calls: 5 } });
      },
    },
    {
      title: "callers of overlapping scopes in any order get exactly the shared remainder",
      async run(rig) {
        const shared = rig.scope("m-shared", { nanoUsd: 90 });
        const own = Array.from({ length: 6 }, (_, n) =>
          rig.scope(`${n % 2 === 0 ? "a" : "z"}-${n}`, { nanoUsd: 1_000 }),
        );
        const results = await together(rig, 60, (store, n) => {
          const scopes = [shared, own[n % 6]!, own[(n + 1) % 6]!];
          return reserveOn(rig, store, n % 3 === 0 ? scopes.toReversed() : scopes, { nanoUsd: 10 });
        });
        expect(heldIds(results)).toHaveLength(9);
        await rig.expectBalance(shared, { held: { nanoUsd: 90 } });
        const balances = await Promise.all(own.map((scope) => rig.balance(scope)));
        expect(balances.reduce((sum, { held }) => sum + held.nanoUsd, 0)).toBe(2 * 90);
      },
    },
    {
      title: `a call that fits is never refused because of an oversized one next to it (${ROUNDS} rounds)`,
      async run(rig) {
        for (let round = 0; round < ROUNDS; round += 1) {
          const scope = rig.scope(`pair-${round}`, { nanoUsd: 100 });
          const sizes = round % 2 === 0 ? [150, 30] : [30, 150];
          const results = await together(rig, 2, (store, n) =>
            reserveOn(rig, store, [scope], { nanoUsd: sizes[n]! }),
          );
          const outcomes = results.map((result) => result.outcome);
          expect(outcomes).toEqual(sizes.map((size) => (size === 30 ? "held" : "denied")));
        }
      },
    },
    {
      title: `a call denied by one scope never takes room in another, not for a moment (${ROUNDS} rounds)`,
      async run(rig) {
        const full = rig.scope("z-full", { nanoUsd: 0 });
        for (let round = 0; round < ROUNDS; round += 1) {
          const scope = rig.scope(`room-${round}`, { nanoUsd: 100 });
          const results = await together(rig, 2, (store, n) =>
            reserveOn(rig, store, n === round % 2 ? [scope, full] : [scope], { nanoUsd: 80 }),
          );
          expect(results[round % 2]).toMatchObject({ outcome: "denied" });
          expect(results[1 - (round % 2)]).toMatchObject({ outcome: "held" });
        }
      },
    },
    {
      title: "the same operation sent many times at once happens once",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const operation = {
          operationId: "r",
          scopes: [scope],
          amounts: amounts({ nanoUsd: 40 }),
          undispatchedTtlMs: LONG_MS,
        };
        const reserved = await together(rig, 20, async (store) => store.reserve(operation));
        expect(reserved.filter((result) => result.outcome === "held" && !result.replayed)).toHaveLength(1);
        expect(heldIds(reserved)).toHaveLength(20);
        await rig.expectBalance(scope, { held: { nanoUsd: 40 } });
        const settlement = { operationId: "s", holdId: "r", amounts: amounts({ nanoUsd: 25 }) };
        const settled = await together(rig, 20, async (store) => store.settle(settlement));
        expect(settled.filter((result) => result.outcome === "settled" && !result.replayed)).toHaveLength(1);
        expect(settled.filter((result) => result.outcome === "settled")).toHaveLength(20);
        await rig.expectBalance(scope, { spent: { nanoUsd: 25 } });
      },
    },
    {
      title: "of settlements and releases of one hold at once, exactly one wins",
      async run(rig) {
        for (let round = 0; round < 20; round += 1) {
          const scope = rig.scope(`race-${round}`, {});
          const holdId = await rig.dispatchedHold([scope], { nanoUsd: 40 });
          const results = await together(rig, 8, async (store, n) =>
            (n + round) % 3 === 0
              ? store.release({ operationId: rig.id(), holdId })
              : store.settle({ operationId: rig.id(), holdId, amounts: amounts({ nanoUsd: 25 }) }),
          );
          const winners = results.filter(
            (result) => result.outcome === "settled" || result.outcome === "released",
          );
          expect(winners).toHaveLength(1);
          await rig.expectBalance(scope, winners[0]!.outcome === "settled" ? { spent: { nanoUsd: 25 } } : {});
        }
      },
    },
    {
      title: "sweepers at once report each expiry once",
      async run(rig) {
        const scope = rig.scope("a", {});
        // All at once: with a running clock, a hold that falls due meanwhile would be reported in passing.
        const ids = await Promise.all(
          Array.from({ length: 40 }, async () =>
            rig.dispatchedHold([scope], { nanoUsd: 1 }, { ttlMs: SHORT_MS }),
          ),
        );
        await rig.outlive(SHORT_MS);
        const batches = await together(rig, 8, async (store) => store.expire({ limit: 7 }));
        const reported = [...batches.flatMap((batch) => batch.expired), ...(await rig.expireAll())];
        expect(reported.map((hold) => hold.holdId).sort()).toEqual(ids.sort());
        await rig.expectBalance(scope, { spent: { nanoUsd: 40 } });
      },
    },
    {
      title: "after a storm of calls everything is spent to the unit and nothing is held",
      async run(rig) {
        const org = rig.scope("org", { nanoUsd: 2_000, concurrentCalls: 6 });
        const teams = ["a", "b", "c"].map((key) => rig.scope(key, { nanoUsd: 900 }));
        const spent = await together(rig, 24, async (store, worker) => {
          let mine = 0;
          for (let call = 0; call < 10; call += 1) {
            const scopes = worker % 2 === 0 ? [org, teams[worker % 3]!] : [teams[worker % 3]!, org];
            const result = await reserveOn(rig, store, scopes, { nanoUsd: 30, concurrentCalls: 1 });
            if (result.outcome !== "held") continue;
            const { holdId } = result;
            if (call % 4 === 3) {
              await store.release({ operationId: rig.id(), holdId });
              continue;
            }
            const actual = 10 + ((worker + call) % 20);
            await store.settle({ operationId: rig.id(), holdId, amounts: amounts({ nanoUsd: actual }) });
            mine += actual;
          }
          return mine;
        });
        const total = spent.reduce((sum, each) => sum + each, 0);
        expect(total).toBeLessThanOrEqual(2_000);
        await rig.expectBalance(org, { spent: { nanoUsd: total } });
        const balances = await Promise.all(teams.map((scope) => rig.balance(scope)));
        expect(balances.reduce((sum, balance) => sum + balance.spent.nanoUsd, 0)).toBe(total);
        expect(balances.every((balance) => balance.held.nanoUsd === 0)).toBe(true);
      },
    },
  ],
};
