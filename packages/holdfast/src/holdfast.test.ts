import { describe, expect, it } from "vitest";
import {
  begin,
  beginNow,
  fakeClock,
  planOf,
  watchEvents,
  type FakeClock,
  type Seen,
} from "../test/support/guard-kit.ts";
import { mergeAttribution, type Attribution } from "./attribution/attribution.ts";
import type { BudgetConfig } from "./budget/budget-config.ts";
import { createHoldfast } from "./create-holdfast.ts";
import { BudgetExceededError } from "./error/budget-exceeded-error.ts";
import { ConfigError } from "./error/config-error.ts";
import type { Attempt } from "./guard/guarded-call.ts";
import type { Balance, Holdfast } from "./holdfast.ts";
import type { HoldfastConfig } from "./holdfast-config.ts";
import { guardOf } from "./provider/guard-access.ts";

/** 200,000 nano-USD each: 100 in, 50 out. */
const CALL_USD = 0.0002;
const usd = (calls: number): string => (calls * CALL_USD).toFixed(4);
const day = (calls: number, more: Partial<BudgetConfig> = {}): BudgetConfig => ({
  id: "day",
  limit: { usd: usd(calls) },
  window: "day",
  ...more,
});

interface Kit {
  readonly holdfast: Holdfast;
  readonly clock: FakeClock;
  start(attribution?: Attribution): Attempt;
  /** Everything delivered so far. */
  events(): Promise<Seen>;
}

function kit(budgets: readonly BudgetConfig[], config: Partial<HoldfastConfig> = {}): Kit {
  const clock = fakeClock("2026-11-20T23:55:00Z");
  const holdfast = createHoldfast({ budgets, clock, ...config });
  const seen = watchEvents(holdfast);
  return {
    holdfast,
    clock,
    start: (attribution = {}) =>
      beginNow(guardOf(holdfast).startCall(planOf(), mergeAttribution(attribution))),
    events: async () => {
      await holdfast.flush();
      return seen;
    },
  };
}

/** Charges the whole hold. */
const charge = (attempt: Attempt): void =>
  attempt.end({ class: "ambiguous", status: null, providerRequestId: null });
const refuse = (attempt: Attempt): void =>
  attempt.end({ class: "refused", status: 500, providerRequestId: null });
const lineOf = ({ budgetId, scope, window, spent, held, left }: Balance): unknown[] => [
  budgetId,
  ...Object.values(scope),
  window.id,
  spent.nanoUsd / 200_000,
  held.nanoUsd / 200_000,
  left.nanoUsd === undefined ? undefined : left.nanoUsd / 200_000,
];
const linesOf = async (holdfast: Holdfast, ...ids: string[]): Promise<unknown[][]> =>
  (await holdfast.balances(...ids)).map(lineOf);

describe("balances", () => {
  it("list a budget without per before it was used", async () => {
    const { holdfast } = kit([day(3), { id: "total", limit: { calls: 5 }, window: "total" }]);
    expect(await linesOf(holdfast)).toEqual([
      ["day", "2026-11-20", 0, 0, 3],
      ["total", "total", 0, 0, undefined],
    ]);
  });

  it("say what is spent, held and left", async () => {
    const { holdfast, start } = kit([day(5)]);
    charge(start());
    charge(start());
    refuse(start());
    start();
    expect(await linesOf(holdfast)).toEqual([["day", "2026-11-20", 2, 1, 2]]);
    const [balance] = await holdfast.balances();
    expect(balance).toMatchObject({
      spent: { calls: 2, concurrentCalls: 0, inputTokens: 200, outputTokens: 100, totalTokens: 300 },
      held: { calls: 1, concurrentCalls: 1 },
      limits: { nanoUsd: 1_000_000 },
    });
  });

  it("list the counters of a per budget once they were used, each with its values", async () => {
    const { holdfast, start } = kit([day(5, { per: ["tenant"] })]);
    expect(await holdfast.balances()).toEqual([]);
    charge(start({ tenant: "b" }));
    charge(start({ tenant: "a" }));
    start({});
    const balances = await holdfast.balances();
    expect(balances.map(({ scope, spent, held }) => [scope["tenant"], spent.calls, held.calls])).toEqual(
      expect.arrayContaining([
        ["a", 1, 0],
        ["b", 1, 0],
        [undefined, 0, 1],
      ]),
    );
    expect(balances).toHaveLength(3);
  });

  it("of some budgets only", async () => {
    const { holdfast, start } = kit([day(5), day(9, { id: "other" })]);
    charge(start());
    expect((await holdfast.balances("other")).map(({ budgetId }) => budgetId)).toEqual(["other"]);
    expect(await holdfast.balances("nobody")).toEqual([]);
  });

  it("come in pages, all of them", async () => {
    const { holdfast, start } = kit([{ id: "user", per: ["user"], limit: { calls: 2 }, window: "day" }]);
    for (let user = 0; user < 2_500; user++) charge(start({ user: `u${user}` }));
    const balances = await holdfast.balances();
    expect(new Set(balances.map(({ scope }) => scope["user"])).size).toBe(2_500);
    expect(balances).toHaveLength(2_500);
  });

  it("never say that less than nothing is left", async () => {
    const { holdfast, start } = kit([day(3)]);
    charge(start());
    charge(start());
    holdfast.updateBudgets([day(1)]);
    expect(await linesOf(holdfast)).toEqual([["day", "2026-11-20", 2, 0, 0]]);
  });
});

describe("a window that ends while calls are in flight", () => {
  it("each call stays in the window that admitted it, and nothing is lost or counted twice", async () => {
    const { holdfast, clock, start, events } = kit([day(3)]);
    const first = start();
    const second = start();
    clock.set("2026-11-21T00:00:00Z");
    const third = start();
    charge(first);
    refuse(second);
    charge(third);
    expect(await linesOf(holdfast)).toEqual([["day", "2026-11-21", 1, 0, 2]]);
    const seen = await events();
    expect(seen["hold-reserved"].map(({ scopes }) => scopes[0]?.windowId)).toEqual([
      "2026-11-20",
      "2026-11-20",
      "2026-11-21",
    ]);
    expect(seen["hold-settled"]).toHaveLength(2);
  });

  it("the new window is whole", () => {
    const { clock, start } = kit([day(2)]);
    start();
    start();
    expect(() => start()).toThrow(BudgetExceededError);
    clock.set("2026-11-21T00:00:00Z");
    start();
    start();
    expect(() => start()).toThrow(BudgetExceededError);
  });

  it("the last instant belongs to the old window", () => {
    const { clock, start } = kit([day(1)]);
    start();
    clock.set(Date.parse("2026-11-21T00:00:00Z") - 1);
    expect(() => start()).toThrow(BudgetExceededError);
  });

  it("both windows are listed: the old one with what it still holds, and the new one", async () => {
    const { holdfast, clock, start } = kit([day(3)]);
    start();
    clock.set("2026-11-21T00:01:00Z");
    expect(await linesOf(holdfast)).toEqual([
      ["day", "2026-11-20", 0, 1, 2],
      ["day", "2026-11-21", 0, 0, 3],
    ]);
  });

  it("a hold that runs out after the end is charged to the old window", async () => {
    const { holdfast, clock, start, events } = kit([day(3)]);
    start();
    clock.set("2026-11-21T00:30:00Z");
    expect(await linesOf(holdfast)).toEqual([["day", "2026-11-21", 0, 0, 3]]);
    expect((await events())["hold-expired"]).toMatchObject([
      { dispatched: true, effects: [{ windowId: "2026-11-20", policy: "charge" }] },
    ]);
  });
});

describe("updateBudgets", () => {
  it("a lowered limit cancels nothing, and admits nothing until there is room", async () => {
    const { holdfast, start } = kit([day(3)]);
    const [first, second] = [start(), start()];
    holdfast.updateBudgets([day(2)]);
    expect(() => start()).toThrow(BudgetExceededError);
    refuse(first);
    charge(second);
    start();
    expect(await linesOf(holdfast)).toEqual([["day", "2026-11-20", 1, 1, 0]]);
  });

  it("a raised limit holds for the next call, on top of what is spent", () => {
    const { holdfast, start } = kit([day(1)]);
    charge(start());
    expect(() => start()).toThrow(BudgetExceededError);
    holdfast.updateBudgets([day(2)]);
    start();
    expect(() => start()).toThrow(BudgetExceededError);
  });

  it("is one event that names what was added, changed and removed", async () => {
    const { holdfast, events } = kit([day(1), day(1, { id: "same" }), day(1, { id: "gone" })]);
    holdfast.updateBudgets([day(2), day(1, { id: "same" }), day(1, { id: "new" })]);
    expect((await events())["budgets-changed"]).toMatchObject([
      { added: ["new"], changed: ["day"], removed: ["gone"] },
    ]);
  });

  it("that are wrong leave the old ones in force", () => {
    const { holdfast, start } = kit([day(1)]);
    expect(() => holdfast.updateBudgets([day(5), { id: "x", limit: {}, window: "day" }])).toThrow(
      ConfigError,
    );
    start();
    expect(() => start()).toThrow(BudgetExceededError);
  });

  it.each<[string, BudgetConfig["window"], BudgetConfig["window"]]>([
    ["total to day", "total", "day"],
    ["rolling to day", { rollingMs: 60_000 }, "day"],
    ["day to rolling", "day", { rollingMs: 60_000 }],
    ["month to day", "month", "day"],
  ])("another window starts anew, and ends as it should: %s", (_, before, after) => {
    const { holdfast, clock, start } = kit([day(1, { window: before })]);
    charge(start());
    holdfast.updateBudgets([day(1, { window: after })]);
    clock.advance(2 * 86_400_000);
    charge(start());
    expect(() => start()).toThrow(BudgetExceededError);
    clock.advance(2 * 86_400_000);
    start();
  });
});

it("a call that was denied holds nothing anywhere", async () => {
  const { holdfast } = kit([day(5), day(1, { id: "tight" })]);
  const guard = guardOf(holdfast);
  await begin(guard.startCall(planOf()));
  await expect(begin(guard.startCall(planOf()))).rejects.toBeInstanceOf(BudgetExceededError);
  expect(await linesOf(holdfast)).toEqual([
    ["day", "2026-11-20", 0, 1, 4],
    ["tight", "2026-11-20", 0, 1, 0],
  ]);
});
