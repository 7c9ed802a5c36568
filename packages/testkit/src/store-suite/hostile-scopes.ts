/** @module Hostile text: users choose the values in scope keys, so no text may throw, collide or pollute. */
import { amounts } from "holdfast";
import type { Scope } from "holdfast";
import { expect } from "vitest";
import type { Capability, Case } from "./case.ts";
import { LONG_MS, type Rig } from "./rig.ts";
import { listBalances } from "./state-dump.ts";

/** Texts that must all stay apart, each with a name that can be printed. */
export const HOSTILE_TEXTS: readonly (readonly [name: string, text: string])[] = [
  ["empty", ""],
  ["space", " "],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["prototype", "prototype"],
  ["hasOwnProperty", "hasOwnProperty"],
  ["toString", "toString"],
  ["a:b", "a:b"],
  ["a/b", "a/b"],
  ["a|b", "a|b"],
  ["NUL", "a\u0000b"],
  ["NUL at the end", "a\u0000"],
  ["without the NUL", "a"],
  ["newline", "a\nb"],
  ["carriage return", "a\r\nb"],
  ["hash tag", "{x}"],
  ["empty hash tag", "{}"],
  ["open brace", "{x"],
  ["glob", "*"],
  ["quote", `a'; DROP TABLE holds; --`],
  ["double quote", 'a"b'],
  ["backslash", "a\\b"],
  ["backslash u", "\\u0000"],
  ["percent", "a%00b"],
  ["lone high surrogate", "a\ud800b"],
  ["another lone high surrogate", "a\ud801b"],
  ["lone low surrogate", "a\udc00b"],
  ["replacement character", "a\ufffdb"],
  ["emoji", "a\u{1f4b8}b"],
  ["composed", "\u00e9"],
  ["decomposed", "e\u0301"],
  ["upper case", "A"],
  ["byte order mark", "\ufeffa"],
  ["window id at the end", "a:total"],
  ["window id after a NUL", "a\u0000total"],
  ["number", "1"],
  ["number with a sign", "+1"],
  ["null", "null"],
  ["undefined", "undefined"],
];

function hostileScope(rig: Rig, text: string): Scope {
  const values = Object.fromEntries([
    ["tenant", text],
    [text, "value"],
  ]);
  return rig.scope(text, { calls: 1 }, { budgetId: text, values });
}

const eachText: readonly Case[] = HOSTILE_TEXTS.map(([name, text]) => ({
  title: `${name} goes through a whole life`,
  async run(rig) {
    const scope = hostileScope(rig, text);
    const id = (verb: string): string => `${text}${verb}`;
    const operation = {
      operationId: text,
      scopes: [scope],
      amounts: amounts({ calls: 1 }),
      undispatchedTtlMs: LONG_MS,
    };
    expect(await rig.store.reserve(operation)).toMatchObject({ outcome: "held", holdId: text });
    const denial = await rig.denied([scope], { calls: 1 });
    expect(denial.limiting.scope.key).toBe(text);
    expect(await rig.store.dispatch({ operationId: id("d"), holdId: text, ttlMs: LONG_MS })).toMatchObject({
      outcome: "dispatched",
    });
    expect(await rig.store.renew({ operationId: id("n"), holdId: text, ttlMs: LONG_MS })).toMatchObject({
      outcome: "renewed",
    });
    expect(await rig.settle(text, { calls: 1 }, id("s"))).toMatchObject({ outcome: "settled" });
    expect(await rig.adjust(scope, { calls: 1 }, id("j"))).toMatchObject({ outcome: "adjusted" });
    expect(await rig.override(scope, { calls: 1 })).toMatchObject({ outcome: "overridden" });
    const listed = await listBalances(rig.store, { budgetIds: [text] });
    expect(listed.map((state) => state.scope.key === text)).toEqual([true]);
    expect(listed[0]!.scope.budgetId === text).toBe(true);
    expect(Object.entries(listed[0]!.scope.values).sort()).toEqual(Object.entries(scope.values).sort());
    expect(listed[0]!.spent.calls).toBe(2);
  },
}));

export const hostileScopesCapability: Capability = {
  name: "hostile scopes",
  cases: [
    ...eachText,
    {
      title: "no two texts collide, as keys or as ids",
      async run(rig) {
        for (const [, text] of HOSTILE_TEXTS) {
          const held = await rig.reserve(
            [hostileScope(rig, text)],
            { calls: 1 },
            { operationId: `id ${text}` },
          );
          expect(held).toMatchObject({ outcome: "held", replayed: false });
        }
        const listed = await listBalances(rig.store);
        expect(new Set(listed.map((state) => state.scope.key)).size).toBe(HOSTILE_TEXTS.length);
        for (const state of listed) expect(state.held.calls).toBe(1);
        for (const [, text] of HOSTILE_TEXTS) await rig.denied([hostileScope(rig, text)], { calls: 1 });
      },
    },
    {
      title: "the joint between key parts is not where a text may cut it",
      async run(rig) {
        const pairs = [
          ["a:b", "c"],
          ["a", "b:c"],
          ["a", "b", "c"],
        ].map((parts) =>
          rig.scope(
            JSON.stringify(parts),
            { calls: 1 },
            { budgetId: parts[0]!, values: { tenant: parts[1] } },
          ),
        );
        for (const scope of pairs) await rig.hold([scope], { calls: 1 });
        for (const scope of pairs) await rig.denied([scope], { calls: 1 });
      },
    },
    {
      title: "a key that ends like a window of another key is another counter",
      async run(rig) {
        const day = { kind: "calendar", unit: "day", timeZone: "UTC" } as const;
        for (const joint of ["", ":", "/", "|", "#", "@", "\u0000", " ", "."]) {
          await rig.hold([rig.scope(`k${joint}total`, { calls: 1 })], { calls: 1 });
        }
        await rig.hold([rig.scope("k", { calls: 1 })], { calls: 1 });
        await rig.hold([rig.scope("k2", { calls: 1 }, { window: day })], { calls: 1 });
        expect((await listBalances(rig.store)).every((state) => state.held.calls === 1)).toBe(true);
      },
    },
    {
      title: "texts of 1 MB that differ in the last character stay apart",
      async run(rig) {
        const long = "x".repeat(1_000_000);
        const one = rig.scope(`${long}1`, { calls: 1 }, { values: { tenant: `${long}1` } });
        const two = rig.scope(`${long}2`, { calls: 1 }, { values: { tenant: `${long}2` } });
        await rig.hold([one], { calls: 1 });
        await rig.hold([two], { calls: 1 });
        expect((await rig.reserve([one], { calls: 1 })).outcome).toBe("denied");
        expect((await rig.reserve([two], { calls: 1 })).outcome).toBe("denied");
      },
    },
    {
      title: "nothing is known of holds that are named like what every object has",
      async run(rig) {
        for (const holdId of ["__proto__", "constructor", "toString", "hasOwnProperty", ""]) {
          expect(await rig.dispatch(holdId)).toEqual({ outcome: "unknown-hold" });
          expect(await rig.renew(holdId, 1_000)).toEqual({ outcome: "unknown-hold" });
          expect(await rig.settle(holdId, {})).toEqual({ outcome: "unknown-hold" });
          expect(await rig.release(holdId)).toEqual({ outcome: "unknown-hold" });
        }
      },
    },
    {
      title: "an operation named like what every object has is not a replay",
      async run(rig) {
        const scope = rig.scope("a", {});
        for (const operationId of ["__proto__", "constructor", "toString"]) {
          const result = await rig.adjust(scope, { calls: 1 }, operationId);
          expect(result).toMatchObject({ outcome: "adjusted", replayed: false });
        }
        await rig.expectBalance(scope, { spent: { calls: 3 } });
      },
    },
    {
      title: "Object.prototype stays as it was",
      async run(rig) {
        const before = Reflect.ownKeys(Object.prototype);
        const values = Object.fromEntries([
          ["__proto__", "polluted"],
          ["constructor", "polluted"],
        ]);
        const scope = rig.scope("__proto__", { calls: 1 }, { budgetId: "__proto__", values });
        const holdId = await rig.hold([scope], { calls: 1 }, { operationId: "__proto__" });
        await rig.settle(holdId, { calls: 1 }, "constructor");
        await rig.override(scope, { calls: 1 });
        await listBalances(rig.store);
        expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
        expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
        expect(Object.keys({})).toEqual([]);
      },
    },
  ],
};
