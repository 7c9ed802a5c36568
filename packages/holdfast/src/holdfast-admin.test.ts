import { describe, expect, it, vi } from "vitest";
import {
  begin,
  beginNow,
  fakeClock,
  planOf,
  watchEvents,
  type FakeClock,
  type Seen,
} from "../test/support/guard-kit.ts";
import { scriptedStore } from "../test/support/scripted-store.ts";
import { mergeAttribution } from "./attribution/attribution.ts";
import { createHoldfast } from "./create-holdfast.ts";
import { AttributionError } from "./error/attribution-error.ts";
import { BudgetExceededError } from "./error/budget-exceeded-error.ts";
import { HoldfastClosedError } from "./error/holdfast-closed-error.ts";
import { OperationInvalidError } from "./error/operation-invalid-error.ts";
import type { Attempt } from "./guard/guarded-call.ts";
import type { AdjustRequest, Holdfast, OverrideRequest } from "./holdfast.ts";
import type { HoldfastConfig } from "./holdfast-config.ts";
import { guardOf } from "./provider/guard-access.ts";

/** 200,000 nano-USD a call: two calls a day and tenant. */
const budgets = [{ id: "b", per: ["tenant"], limit: { usd: "0.0004" }, window: "day" as const }];
const scope = { tenant: "acme" };

interface Kit {
  readonly holdfast: Holdfast;
  readonly clock: FakeClock;
  start(): Attempt;
  events(): Promise<Seen>;
}

function kit(config: Partial<HoldfastConfig> = {}): Kit {
  const clock = fakeClock("2026-11-20T12:00:00Z");
  const holdfast = createHoldfast({ budgets, clock, ...config });
  const seen = watchEvents(holdfast);
  return {
    holdfast,
    clock,
    start: () => beginNow(guardOf(holdfast).startCall(planOf(), mergeAttribution(scope))),
    events: async () => {
      await holdfast.flush();
      return seen;
    },
  };
}

const override = (given: Partial<OverrideRequest> = {}): OverrideRequest => ({
  budget: "b",
  scope,
  extra: { usd: "0.0002" },
  ttlMs: 60_000,
  actor: "ops@example.org",
  reason: "launch day",
  ...given,
});

describe("override", () => {
  it("lets one counter pass by what is stated, for as long as is stated", async () => {
    const { holdfast, clock, start } = kit();
    start();
    start();
    expect(() => start()).toThrow(BudgetExceededError);
    expect(await holdfast.override(override())).toBe(clock.now() + 60_000);
    start();
    expect(() => start()).toThrow(BudgetExceededError);
    const [balance] = await holdfast.balances();
    expect([balance?.limits.nanoUsd, balance?.left.nanoUsd]).toEqual([600_000, 0]);
    clock.advance(60_000);
    const [after] = await holdfast.balances();
    expect(after?.limits.nanoUsd).toBe(400_000);
    expect(() => start()).toThrow(BudgetExceededError);
  });

  it("is for one scope", async () => {
    const { holdfast, start } = kit();
    await holdfast.override(override({ scope: { tenant: "other" } }));
    start();
    start();
    expect(() => start()).toThrow(BudgetExceededError);
  });

  it("is audited: who, why, how much, until when", async () => {
    const { holdfast, clock, events } = kit();
    await holdfast.override(override({ operationId: "op-1" }));
    expect((await events())["budget-overridden"]).toMatchObject([
      {
        id: "op-1:overridden",
        budgetId: "b",
        extra: { nanoUsd: 200_000 },
        expiresAtMs: clock.now() + 60_000,
        actor: "ops@example.org",
        reason: "launch day",
      },
    ]);
  });

  it("that is repeated with its id is the same one, and never another", async () => {
    const { holdfast, start } = kit();
    const first = await holdfast.override(override({ operationId: "op-1" }));
    expect(await holdfast.override(override({ operationId: "op-1" }))).toBe(first);
    await expect(holdfast.override(override({ operationId: "op-1", ttlMs: 1 }))).rejects.toThrow(
      /op-1 was used before/,
    );
    for (let i = 0; i < 3; i++) start();
    expect(() => start()).toThrow(BudgetExceededError);
  });

  it.each<[string, Partial<OverrideRequest>]>([
    ["an unknown budget", { budget: "nobody" }],
    ["no actor", { actor: "" }],
    ["no reason", { reason: "" }],
    ["an actor that is no text", { actor: 7 as never }],
    ["money that is no decimal text", { extra: { usd: "1e3" } }],
    ["money as a number", { extra: { usd: 5 as never } }],
    ["a count below zero", { extra: { calls: -1 } }],
    ["a count that is not whole", { extra: { totalTokens: 0.5 } }],
    ["no time", { ttlMs: 0 }],
    ["time without end", { ttlMs: Infinity }],
    ["an amount with a typing error", { extra: { call: 5 } as never }],
  ])("refuses %s, and changes nothing", async (_, given) => {
    const { holdfast, start, events } = kit();
    await expect(holdfast.override(override(given))).rejects.toThrow(OperationInvalidError);
    start();
    start();
    expect(() => start()).toThrow(BudgetExceededError);
    expect((await events())["budget-overridden"]).toEqual([]);
  });

  it("refuses a scope that is not text", async () => {
    await expect(kit().holdfast.override(override({ scope: { tenant: 7 as never } }))).rejects.toThrow(
      AttributionError,
    );
  });
});

const adjust = (nanoUsd: number, given: Partial<AdjustRequest> = {}): AdjustRequest => ({
  budget: "b",
  scope,
  delta: { nanoUsd },
  reason: "invoice",
  ...given,
});

describe("adjust", () => {
  it("corrects what is spent, up and down, and answers the balance", async () => {
    const { holdfast, start } = kit();
    const up = await holdfast.adjust(adjust(400_000));
    expect([up.spent.nanoUsd, up.left.nanoUsd]).toEqual([400_000, 0]);
    expect(() => start()).toThrow(BudgetExceededError);
    const down = await holdfast.adjust(adjust(-200_000));
    expect([down.spent.nanoUsd, down.left.nanoUsd]).toEqual([200_000, 200_000]);
    start();
  });

  it("is an event with its reason", async () => {
    const { holdfast, events } = kit();
    await holdfast.adjust(adjust(5, { operationId: "op-1" }));
    expect((await events())["budget-adjusted"]).toMatchObject([
      {
        id: "op-1:adjusted",
        budgetId: "b",
        windowId: "2026-11-20",
        delta: { nanoUsd: 5 },
        reason: "invoice",
      },
    ]);
  });

  it("that is repeated with its id counts once, and never as another", async () => {
    const { holdfast } = kit();
    await holdfast.adjust(adjust(5, { operationId: "op-1" }));
    expect((await holdfast.adjust(adjust(5, { operationId: "op-1" }))).spent.nanoUsd).toBe(5);
    await expect(holdfast.adjust(adjust(6, { operationId: "op-1" }))).rejects.toThrow(/op-1 was used before/);
  });

  it.each<[string, AdjustRequest]>([
    ["an unknown budget", adjust(5, { budget: "nobody" })],
    ["less than nothing", adjust(-1)],
    ["a part of a nano-USD", adjust(0.5)],
    ["what is no number", adjust(NaN)],
    ["more than can be counted", adjust(2 ** 53)],
  ])("refuses %s", async (_, request) => {
    const { holdfast, events } = kit();
    await expect(holdfast.adjust(request)).rejects.toThrow(OperationInvalidError);
    expect((await events())["budget-adjusted"]).toEqual([]);
  });
});

describe("flush", () => {
  it("waits for the store and delivers what is queued", async () => {
    const store = scriptedStore({}, "async");
    const { holdfast, events } = kit({ store });
    (await begin(guardOf(holdfast).startCall(planOf()))).end({ class: "not-sent" });
    expect((await events())["hold-released"]).toHaveLength(1);
    expect(store.verbs()).toEqual(["reserve", "dispatch", "release", "expire"]);
  });

  it("resolves holds whose time is over", async () => {
    const { clock, start, events } = kit();
    start();
    clock.advance(900_000);
    expect((await events())["hold-expired"]).toHaveLength(1);
  });
});

describe("close", () => {
  it("admits nothing more, delivers the last events, and may be said twice", async () => {
    const { holdfast, start } = kit();
    const heard: string[] = [];
    holdfast.on("usage", ({ outcome }) => heard.push(outcome));
    start().end({ class: "not-sent" });
    expect(await holdfast.close()).toEqual({ inFlight: 0, unsent: 0 });
    expect(heard).toEqual(["not-sent"]);
    expect(() => start()).toThrow(HoldfastClosedError);
    expect(await holdfast.close()).toEqual({ inFlight: 0, unsent: 0 });
  });

  it("says how many calls it did not wait for", async () => {
    vi.useFakeTimers();
    try {
      const { holdfast, start } = kit();
      start();
      const closing = holdfast.close({ drainMs: 50 });
      await vi.advanceTimersByTimeAsync(50);
      expect(await closing).toEqual({ inFlight: 1, unsent: 0 });
    } finally {
      vi.useRealTimers();
    }
  });

  it("is what `await using` does", async () => {
    const store = scriptedStore();
    await createHoldfast({ budgets: [], store })[Symbol.asyncDispose]();
    expect(store.verbs()).toEqual(["close"]);
  });
});
