/** What is particular to this store; what every store does is proved by the store suite. */
import { describe, expect, it } from "vitest";
import { fakeClock } from "../../../test/support/guard-kit.ts";
import { amounts } from "../../ledger/amounts.ts";
import type { Scope } from "../../ledger/ledger-store.ts";
import { memoryStore } from "./memory-store.ts";

describe("counters that were forgotten because nothing was left in them", () => {
  it("come back for late settlements of several windows, the current one in front", () => {
    const clock = fakeClock("2026-03-28T22:30:00Z");
    const store = memoryStore({ clock });
    const scope: Scope = {
      key: "user",
      budgetId: "user",
      values: {},
      window: { kind: "calendar", unit: "hour", timeZone: "UTC" },
      limits: { calls: 1 },
      onExpiry: "charge",
    };
    const call = amounts({ calls: 1 });
    const reserve = (operationId: string) =>
      store.reserve({ operationId, scopes: [scope], amounts: call, undispatchedTtlMs: 1 });
    const forget = (): void => {
      for (let n = 0; n < 32; n += 1) void store.expire({ limit: 10 });
    };
    void reserve("old");
    clock.advance(3_600_000);
    forget();
    void reserve("new");
    clock.advance(1);
    forget();
    for (const holdId of ["old", "new"]) {
      expect(store.settle({ operationId: `${holdId}:s`, holdId, amounts: call })).toMatchObject({
        outcome: "settled",
        corrected: true,
      });
    }
    expect(store.balances({})).toMatchObject({
      balances: [{ window: { id: "2026-03-28T23+00:00" }, spent: call }],
    });
    expect(reserve("one too many")).toMatchObject({ outcome: "denied" });
  });
});

describe("a rolling window whose sum was cut off at the top", () => {
  it("counts what is left in it when the largest slice leaves", () => {
    const clock = fakeClock("2026-03-28T22:30:00Z");
    const store = memoryStore({ clock });
    const scope: Scope = {
      key: "minute",
      budgetId: "minute",
      values: {},
      window: { kind: "rolling", durationMs: 60_000, segments: 6 },
      limits: {},
      onExpiry: "charge",
    };
    const spend = (id: string, nanoUsd: number): void => {
      void store.reserve({
        operationId: id,
        scopes: [scope],
        amounts: amounts({}),
        undispatchedTtlMs: 1_000,
      });
      void store.settle({ operationId: `${id}:s`, holdId: id, amounts: amounts({ nanoUsd }) });
    };
    spend("all", Number.MAX_SAFE_INTEGER);
    clock.advance(10_000);
    spend("more", 70);
    clock.advance(60_000);
    expect(store.balances({})).toMatchObject({ balances: [{ spent: { nanoUsd: 70 } }] });
  });
});
