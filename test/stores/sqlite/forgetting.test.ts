/** What is remembered, for how long, and that a file does not grow for ever. */
import { DatabaseSync } from "node:sqlite";
import { createFakeClock, type FakeClock } from "@holdfast/testkit";
import { dumpState } from "@holdfast/testkit/store-suite";
import { amounts, type LedgerStore, type Scope, type WindowSpec } from "holdfast";
import { sqliteStore } from "holdfast/sqlite";
import { describe, expect, it } from "vitest";
import { sqliteFile } from "./sqlite-file.ts";

const HOUR_MS = 3_600_000;
const REMEMBER_MS = 2 * HOUR_MS;
const TOTAL: WindowSpec = { kind: "total" };
const CALL = amounts({ nanoUsd: 5, calls: 1 });

function scope(key: string, window: WindowSpec = TOTAL, more: Partial<Scope> = {}): Scope {
  return { key, budgetId: "b", values: {}, window, limits: {}, onExpiry: "charge", ...more };
}

interface Rig extends Disposable {
  readonly store: LedgerStore;
  readonly clock: FakeClock;
  hold(id: string, ...scopes: Scope[]): void;
  /** Looks for what can be forgotten, more often than is needed. */
  sweep(): void;
  rows(table: string): number;
}

function rig(): Rig {
  const file = sqliteFile();
  const clock = createFakeClock(new Date("2026-05-05T05:30:00Z"));
  const store = sqliteStore(file.path, { clock, rememberMs: REMEMBER_MS, durability: "process-crash" });
  const database = new DatabaseSync(file.path);
  return {
    store,
    clock,
    hold(operationId, ...scopes) {
      const result = store.reserve({ operationId, scopes, amounts: CALL, undispatchedTtlMs: 60_000 });
      expect(result).toMatchObject({ outcome: "held", replayed: false });
    },
    sweep() {
      for (let i = 0; i < 30; i++) void store.expire({ limit: 100 });
    },
    rows: (table) => (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n,
    [Symbol.dispose]() {
      database.close();
      void store.close();
      file[Symbol.dispose]();
    },
  };
}

const settle = (store: LedgerStore, holdId: string): unknown =>
  store.settle({ operationId: `${holdId}-s`, holdId, amounts: CALL });

describe("a resolved hold", () => {
  it("is remembered to the last millisecond, and then it is unknown", () => {
    using test = rig();
    const { store, clock } = test;
    test.hold("h", scope("a"));
    settle(store, "h");
    clock.advance(REMEMBER_MS - 1);
    test.sweep();
    expect(settle(store, "h")).toMatchObject({ outcome: "settled", replayed: true });
    clock.advance(1);
    test.sweep();
    expect(settle(store, "h")).toEqual({ outcome: "unknown-hold" });
    expect(test.rows("hold")).toBe(0);
    // What it has spent stays.
    expect(store.balances({})).toMatchObject({ balances: [{ spent: { nanoUsd: 5 } }] });
  });

  it("is corrected late, after its window is long over, and then forgotten with its counter", async () => {
    using test = rig();
    const { store, clock } = test;
    const hour = scope("a", { kind: "calendar", unit: "hour", timeZone: "UTC" });
    test.hold("h", hour);
    void store.dispatch({ operationId: "d", holdId: "h", ttlMs: 1_000 });
    clock.advance(1_000);
    test.sweep();
    clock.advance(REMEMBER_MS - 1);
    test.sweep();
    expect(settle(store, "h")).toMatchObject({ outcome: "settled", corrected: true });
    clock.advance(REMEMBER_MS - 1);
    test.sweep();
    expect(test.rows("counter")).toBe(1);
    expect(settle(store, "h")).toMatchObject({ replayed: true });
    clock.advance(1);
    test.sweep();
    expect([test.rows("hold"), test.rows("counter")]).toEqual([0, 0]);
  });
});

describe("what still holds money", () => {
  it("is never forgotten, nor are its counters", async () => {
    using test = rig();
    const { store, clock } = test;
    const hour: WindowSpec = { kind: "calendar", unit: "hour", timeZone: "UTC" };
    test.hold("h", scope("q", hour, { onExpiry: "quarantine" }), scope("c", hour));
    void store.dispatch({ operationId: "d", holdId: "h", ttlMs: 1_000 });
    clock.advance(1_000);
    test.sweep();
    clock.advance(50 * REMEMBER_MS);
    test.sweep();
    expect(test.rows("hold")).toBe(1);
    expect(test.rows("counter")).toBe(2);
    expect(store.release({ operationId: "r", holdId: "h" })).toEqual({
      outcome: "released",
      replayed: false,
    });
    expect(await dumpState(store)).toBe("");
    clock.advance(REMEMBER_MS);
    test.sweep();
    expect([test.rows("hold"), test.rows("counter")]).toEqual([0, 0]);
  });
});

describe("counters", () => {
  it("of scopes seen once go, those with money in a running window stay", async () => {
    using test = rig();
    const { store, clock } = test;
    const rolling: WindowSpec = { kind: "rolling", durationMs: HOUR_MS, segments: 6 };
    const long: WindowSpec = { kind: "rolling", durationMs: 100 * HOUR_MS, segments: 10 };
    for (let i = 0; i < 300; i++) {
      test.hold(`t${i}`, scope(`released-${i}`), scope(`rolling-${i}`, rolling), scope("all"));
      if (i % 2 === 0) settle(store, `t${i}`);
      else void store.release({ operationId: `t${i}-r`, holdId: `t${i}` });
    }
    test.hold("l", scope("long", long));
    settle(store, "l");
    expect(test.rows("counter")).toBe(602);
    const before = await dumpState(store);
    test.sweep();
    expect(await dumpState(store)).toBe(before);
    clock.advance(REMEMBER_MS);
    test.sweep();
    // Half of the totals have spent something for ever; rolling ones have slid out, but for the long one.
    expect(test.rows("counter")).toBe(150 + 1 + 1);
    expect(test.rows("hold")).toBe(0);
  });

  it("go in passing as well, without anybody sweeping", () => {
    using test = rig();
    const { store, clock } = test;
    const minute = scope("m", { kind: "rolling", durationMs: 60_000, segments: 6 });
    for (let i = 0; i < 2_000; i++) {
      test.hold(`p${i}`, scope(`user-${i}`), minute);
      void store.release({ operationId: `p${i}-r`, holdId: `p${i}` });
      clock.advance(60_000);
    }
    // Two hours are 120 calls; the rest is what a batch leaves.
    expect(test.rows("hold")).toBeLessThan(120 + 64 + 1);
    expect(test.rows("counter")).toBeLessThan(120 + 64 + 2);
  });
});

describe("answers and overrides", () => {
  it("go after their time", () => {
    using test = rig();
    const { store, clock } = test;
    const shut = scope("a", TOTAL, { limits: { calls: 0 } });
    const denied = { operationId: "x", scopes: [shut], amounts: CALL, undispatchedTtlMs: 60_000 };
    expect(store.reserve(denied)).toMatchObject({ outcome: "denied" });
    void store.override({ operationId: "o", scope: shut, extra: { calls: 1 }, ttlMs: HOUR_MS });
    void store.adjust({ operationId: "j", scope: shut, delta: { calls: 1 } });
    expect([test.rows("answer"), test.rows("override")]).toEqual([3, 1]);
    clock.advance(HOUR_MS);
    test.sweep();
    expect([test.rows("answer"), test.rows("override")]).toEqual([3, 0]);
    expect(store.reserve(denied)).toMatchObject({ outcome: "denied", replayed: true });
    clock.advance(REMEMBER_MS - HOUR_MS);
    test.sweep();
    expect(test.rows("answer")).toBe(0);
    expect(store.reserve(denied)).toMatchObject({ outcome: "denied", replayed: false });
  });
});

describe("the clock", () => {
  it("never goes back, not even for another process whose own does", () => {
    using file = sqliteFile();
    const options = { rememberMs: REMEMBER_MS, durability: "process-crash" } as const;
    const ahead = createFakeClock(new Date("2026-05-06T00:00:01Z"));
    const behind = createFakeClock(new Date("2026-05-05T23:59:59Z"));
    const first = sqliteStore(file.path, { ...options, clock: ahead });
    const second = sqliteStore(file.path, { ...options, clock: behind });
    const day = scope("a", { kind: "calendar", unit: "day", timeZone: "UTC" }, { limits: { calls: 1 } });
    const reserve = (store: LedgerStore, operationId: string): unknown =>
      store.reserve({ operationId, scopes: [day], amounts: CALL, undispatchedTtlMs: 60_000 });
    expect(reserve(first, "h")).toMatchObject({ outcome: "held", windows: [{ id: "2026-05-06" }] });
    expect(reserve(second, "i")).toMatchObject({ outcome: "denied", deniedAtMs: ahead.now() });
    void first.close();
    const third = sqliteStore(file.path, { ...options, clock: behind });
    expect(reserve(third, "j")).toMatchObject({ outcome: "denied", deniedAtMs: ahead.now() });
    void second.close();
    void third.close();
  });
});
