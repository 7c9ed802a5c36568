/** @module Invalid input: refused by an error, before anything is written, and without using up the operation id. */
import { DIMENSIONS, amounts } from "holdfast";
import type { Amounts, Limits } from "holdfast";
import { expect } from "vitest";
import type { Capability, Case } from "./case.ts";
import { LONG_MS, expectThrow, type Rig } from "./rig.ts";
import { dumpState } from "./state-dump.ts";

/** No count of anything: not a non-negative safe integer. */
const BAD_COUNTS: readonly unknown[] = [-1, NaN, Infinity, -Infinity, 0.5, 2 ** 53, 1e300, "5", null, 5n, {}];

/** Like the above; signed numbers are fine here. */
const BAD_DELTAS: readonly unknown[] = [
  NaN,
  Infinity,
  -Infinity,
  0.5,
  -0.5,
  2 ** 53,
  -(2 ** 53),
  "5",
  null,
  5n,
];

function show(value: unknown): string {
  return typeof value === "bigint" ? `${value}n` : typeof value === "string" ? `"${value}"` : String(value);
}

/** Runs acts that must be refused, and sees that the store has not changed. */
async function refused(
  rig: Rig,
  acts: readonly (readonly [what: string, act: () => unknown])[],
): Promise<void> {
  const before = await dumpState(rig.store, { zeros: true });
  for (const [what, act] of acts) await expectThrow(what, act);
  expect(await rig.expireAll()).toEqual([]);
  expect(await dumpState(rig.store, { zeros: true })).toBe(before);
}

const perDimension: readonly Case[] = DIMENSIONS.map((dimension) => ({
  title: `${dimension} that is no count is refused by reserve and settle, and the ids stay unused`,
  async run(rig) {
    const scopes = [rig.scope("a", { nanoUsd: 100 }), rig.scope("b", {})];
    const holdId = await rig.dispatchedHold(scopes, { nanoUsd: 10 });
    const bad = (value: unknown): Amounts => ({ ...amounts({ nanoUsd: 1 }), [dimension]: value }) as Amounts;
    const reserve = { operationId: "r", scopes, undispatchedTtlMs: LONG_MS };
    const settle = { operationId: "s", holdId };
    await refused(
      rig,
      [...BAD_COUNTS, undefined].flatMap((value) => [
        [`reserve of ${show(value)}`, () => rig.store.reserve({ ...reserve, amounts: bad(value) })],
        [`settle of ${show(value)}`, () => rig.store.settle({ ...settle, amounts: bad(value) })],
      ]),
    );
    const good = amounts({ nanoUsd: 1 });
    expect(await rig.store.reserve({ ...reserve, amounts: good })).toMatchObject({
      outcome: "held",
      replayed: false,
    });
    expect(await rig.store.settle({ ...settle, amounts: good })).toMatchObject({
      outcome: "settled",
      replayed: false,
    });
  },
}));

export const invalidInputCapability: Capability = {
  name: "invalid input",
  cases: [
    ...perDimension,
    {
      title: "a limit that is no count is refused, in the last scope as in the first",
      async run(rig) {
        const good = rig.scope("a", { nanoUsd: 100 });
        const operation = { amounts: amounts({ nanoUsd: 1 }), undispatchedTtlMs: LONG_MS };
        await refused(
          rig,
          BAD_COUNTS.flatMap((value) => {
            const bad = rig.scope("b", { nanoUsd: value } as Limits);
            return [[good, bad], [bad, good], [bad]].map(
              (scopes) =>
                [
                  `limit ${show(value)}`,
                  () => rig.store.reserve({ ...operation, operationId: rig.id(), scopes }),
                ] as const,
            );
          }),
        );
      },
    },
    {
      title: "a life that is no count is refused",
      async run(rig) {
        const scope = rig.scope("a", {});
        const holdId = await rig.hold([scope], { nanoUsd: 1 });
        const reserve = { scopes: [scope], amounts: amounts({ nanoUsd: 1 }) };
        await refused(
          rig,
          BAD_COUNTS.filter((value) => typeof value === "number" && !(value > 2 ** 52)).flatMap((value) => {
            const ttlMs = value as number;
            return [
              [
                `life ${ttlMs}`,
                () => rig.store.reserve({ ...reserve, operationId: rig.id(), undispatchedTtlMs: ttlMs }),
              ],
              [
                `dispatched life ${ttlMs}`,
                () => rig.store.dispatch({ operationId: rig.id(), holdId, ttlMs }),
              ],
              [`renewed life ${ttlMs}`, () => rig.store.renew({ operationId: rig.id(), holdId, ttlMs })],
              [
                `override life ${ttlMs}`,
                () => rig.store.override({ operationId: rig.id(), scope, extra: {}, ttlMs }),
              ],
            ] as const;
          }),
        );
        expect(await rig.settle(holdId, {})).toMatchObject({ outcome: "settled", corrected: false });
      },
    },
    {
      title: "two scopes with one key are refused",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        const twin = rig.scope("a", { nanoUsd: 50 });
        await refused(rig, [
          ["the same scope twice", () => rig.reserve([scope, scope], { nanoUsd: 1 })],
          ["two scopes with one key", () => rig.reserve([scope, rig.scope("b", {}), twin], { nanoUsd: 1 })],
        ]);
      },
    },
    {
      title: "an adjustment that is no safe integer is refused in any dimension",
      async run(rig) {
        const scope = rig.scope("a", {});
        await rig.adjust(scope, { nanoUsd: 50, calls: 50 });
        await refused(
          rig,
          DIMENSIONS.flatMap((dimension) =>
            BAD_DELTAS.map((value) => {
              const delta = { calls: 1, [dimension]: value } as Partial<Amounts>;
              return [`adjust ${dimension} by ${show(value)}`, () => rig.adjust(scope, delta, "j")] as const;
            }),
          ),
        );
        expect(await rig.adjust(scope, { nanoUsd: 1 }, "j")).toMatchObject({
          outcome: "adjusted",
          replayed: false,
        });
      },
    },
    {
      title: "an override by what is no count is refused and opens nothing",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        await refused(
          rig,
          BAD_COUNTS.map((value) => [
            `override by ${show(value)}`,
            () => rig.override(scope, { nanoUsd: value } as Limits),
          ]),
        );
        expect(await rig.denied([scope], { nanoUsd: 101 })).toMatchObject({ available: { nanoUsd: 100 } });
      },
    },
  ],
};
