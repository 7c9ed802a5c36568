import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failingStore, type FailingStore, type Trouble } from "../../test/support/failing-store.ts";
import {
  begin,
  fakeClock,
  guardKit,
  planOf,
  type FakeClock,
  type GuardKit,
} from "../../test/support/guard-kit.ts";
import type { BudgetConfig } from "../budget/budget-config.ts";
import { BudgetExceededError } from "../error/budget-exceeded-error.ts";
import { StoreDataLossError } from "../error/store-data-loss-error.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import type { Amounts } from "../ledger/amounts.ts";
import type { LedgerStore } from "../ledger/ledger-store.ts";
import { memoryStore } from "../store/memory/memory-store.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A call holds 200,000 nano-USD and costs 120,000. */
const HELD = 200_000;
const COST = 120_000;
const complete: AttemptOutcome = {
  class: "complete",
  status: 200,
  providerRequestId: null,
  served: { model: "m", serviceTier: "default" },
  usage: { inputTextTokens: 80, outputTextTokens: 20 },
};

interface Kit extends GuardKit {
  readonly store: FailingStore;
  readonly base: LedgerStore;
  call(): Promise<void>;
  spent(): Promise<Amounts | undefined>;
  held(): Promise<number>;
  /** The store is back, and everything that waits gets its turn. */
  heal(): Promise<void>;
}

const budget = (
  onStoreFailure: BudgetConfig["onStoreFailure"],
  more: Partial<BudgetConfig> = {},
): BudgetConfig => ({
  id: "b",
  limit: { usd: "1" },
  window: "total",
  ...more,
  ...(onStoreFailure === undefined ? {} : { onStoreFailure }),
});

function kit(
  budgets: readonly BudgetConfig[],
  base?: LedgerStore,
  clock: FakeClock = fakeClock(),
  idPrefix = "t",
): Kit {
  const memory = base ?? memoryStore({ clock });
  const store = failingStore(memory);
  const given = guardKit({
    store,
    budgets,
    clock,
    idPrefix,
    settings: { storeDeadlineMs: 500, storeBreaker: { failures: 3, cooldownMs: 1_000 } },
  });
  const first = async () => (await memory.balances({})).balances[0];
  return {
    ...given,
    store,
    base: memory,
    call: async () => (await begin(given.guard.startCall(planOf()))).end(complete),
    spent: async () => (await first())?.spent,
    held: async () => (await first())?.held.nanoUsd ?? 0,
    heal: async () => {
      store.trouble = "none";
      for (let n = 0; n < 40; n += 1) {
        given.clock.advance(1_000);
        await vi.advanceTimersByTimeAsync(1_000);
      }
      await given.guard.link.settled();
    },
  };
}

/** The call ends, one way or the other, when its deadlines are over. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  const seen = call.then(
    () => "admitted",
    (error: unknown) => error,
  );
  await vi.advanceTimersByTimeAsync(1_100);
  return seen;
}

describe("a budget that is closed", () => {
  it.each<Trouble>(["refuses", "loses-replies", "hangs"])(
    "admits nothing while the store %s, within the deadline, and it is no denial",
    async (trouble) => {
      const given = kit([budget(undefined)]);
      given.store.trouble = trouble;
      for (let n = 0; n < 5; n += 1) {
        const error = await outcomeOf(given.call());
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(error).not.toBeInstanceOf(BudgetExceededError);
      }
      expect(given.events()["call-denied"]).toEqual([]);
      expect(given.events()["call-admitted-in-outage"]).toEqual([]);
      await given.heal();
      given.clock.advance(60_000);
      await given.guard.expireDue();
      expect(await given.held()).toBe(0);
      expect((await given.spent())?.nanoUsd ?? 0).toBe(0);
    },
  );

  it("never quotes the store's own message", async () => {
    const given = kit([budget("closed")]);
    given.store.trouble = "refuses";
    const error = (await outcomeOf(given.call())) as Error;
    expect(`${error.message} ${String(error.cause)}`).not.toContain("secret");
  });
});

describe("the breaker", () => {
  it("leaves a failing store alone, lets one probe through, and says when it is back", async () => {
    const given = kit([budget("closed")]);
    given.store.trouble = "refuses";
    for (let n = 0; n < 10; n += 1) await outcomeOf(given.call());
    expect(given.store.asked).toBe(3);
    expect(given.events()["store-unreachable"]).toMatchObject([{ store: "failing", cause: "Error" }]);

    given.clock.advance(1_000);
    await outcomeOf(given.call());
    await outcomeOf(given.call());
    expect(given.store.asked).toBe(4);

    given.store.trouble = "none";
    given.clock.advance(1_000);
    expect(await outcomeOf(given.call())).toBe("admitted");
    expect(given.events()["store-reachable"]).toMatchObject([{ store: "failing", downMs: 2_000 }]);
    expect(given.events()["store-unreachable"]).toHaveLength(1);
  });

  it("does not count a store that answers why it admits nothing, and passes its reason on", async () => {
    const given = kit([budget("closed")]);
    given.store.trouble = "refuses";
    given.store.error = new StoreDataLossError("The server has lost data.");
    for (let n = 0; n < 10; n += 1) {
      const error = (await outcomeOf(given.call())) as StoreUnavailableError;
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error.message).toContain("The server has lost data.");
      expect(error.cause).toBe(given.store.error);
    }
    expect(given.store.asked).toBe(10);
    expect(given.events()["store-unreachable"]).toEqual([]);
  });
});

describe("a budget with a local allowance", () => {
  const local = budget({ local: { usd: "0.0008" } });

  it.each<Trouble>(["refuses", "loses-replies", "hangs"])(
    "admits what fits the allowance while the store %s, and posts what it cost",
    async (trouble) => {
      const given = kit([local]);
      await given.call();
      await given.guard.link.settled();
      given.store.trouble = trouble;
      const outcomes: unknown[] = [];
      for (let n = 0; n < 10; n += 1) outcomes.push(await outcomeOf(given.call()));
      // 800,000 = 5 x 120,000 + 200,000: the sixth still fits what the fifth leaves, the seventh does not.
      expect(outcomes.filter((one) => one === "admitted")).toHaveLength(6);
      expect(outcomes.at(-1)).toBeInstanceOf(StoreUnavailableError);
      expect((outcomes.at(-1) as Error).message).toContain("onStoreFailure.local");
      expect(given.events()["call-admitted-in-outage"]).toHaveLength(6);
      expect(given.events()["call-admitted-in-outage"][0]).toMatchObject({
        admittedBy: "local",
        scopes: [{ budgetId: "b" }],
        amounts: { nanoUsd: HELD },
      });
      expect(given.events().usage.map((record) => record.admittedBy)).toEqual([
        "store",
        ...Array.from({ length: 6 }, () => "local"),
      ]);
      await given.heal();
      given.clock.advance(60_000);
      await given.guard.expireDue();
      expect(await given.spent()).toMatchObject({ nanoUsd: 7 * COST, calls: 7, inputTokens: 7 * 80 });
      expect(await given.held()).toBe(0);
      expect(given.events()["budget-adjusted"]).toHaveLength(6);
      expect(given.events()["outage-spend-lost"]).toEqual([]);
    },
  );

  it("has one allowance per window, however often the store goes away", async () => {
    const given = kit([local]);
    let admitted = 0;
    for (let outage = 0; outage < 4; outage += 1) {
      given.store.trouble = "refuses";
      for (let n = 0; n < 4; n += 1) if ((await outcomeOf(given.call())) === "admitted") admitted += 1;
      await given.heal();
    }
    expect(admitted).toBe(6);
  });

  it("is used for a call whose hold was taken before the store went away, and the hold is given back", async () => {
    const given = kit([local]);
    const call = given.guard.startCall(planOf());
    await call.reserve();
    expect(await given.held()).toBe(HELD);
    given.store.trouble = "loses-replies";
    const attempt = begin(call);
    await vi.advanceTimersByTimeAsync(1_000);
    (await attempt).end(complete);
    await given.heal();
    expect(await given.held()).toBe(0);
    expect(await given.spent()).toMatchObject({ nanoUsd: COST, calls: 1 });
  });

  it("charges a call that never ended, and corrects that when it ends after all", async () => {
    const given = kit([local]);
    given.store.trouble = "refuses";
    const attempt = await begin(given.guard.startCall(planOf()));
    await given.heal();
    given.clock.advance(given.guard.settings.dispatchedTtlMs);
    await given.guard.expireDue();
    await given.heal();
    expect(await given.spent()).toMatchObject({ nanoUsd: HELD, calls: 1 });
    attempt.end(complete);
    await given.heal();
    expect(await given.spent()).toMatchObject({ nanoUsd: COST, calls: 1, inputTokens: 80 });
  });

  it("charges a call that never ends as soon as the store is back and its time is over, without being asked", async () => {
    const given = kit([local]);
    given.store.trouble = "refuses";
    await begin(given.guard.startCall(planOf()));
    await given.heal();
    given.clock.advance(given.guard.settings.dispatchedTtlMs);
    await given.call();
    await given.heal();
    expect(await given.spent()).toMatchObject({ nanoUsd: HELD + COST, calls: 2 });
  });

  it("posts what is still open when Holdfast is closed, and gives back what was never sent", async () => {
    const given = kit([local]);
    given.store.trouble = "refuses";
    const attempt = await begin(given.guard.startCall(planOf()));
    await given.guard.startCall(planOf()).reserve();
    given.store.trouble = "none";
    given.clock.advance(1_000);
    const closing = given.guard.close(100);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await closing).toEqual({ inFlight: 2, unsent: 0 });
    expect(await given.spent()).toMatchObject({ nanoUsd: HELD, calls: 1 });
    // Its own end comes too late to be told.
    attempt.end(complete);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await given.spent()).toMatchObject({ nanoUsd: HELD, calls: 1 });
  });

  it("takes a charge back when it turns out after its expiry that nothing was billed", async () => {
    const given = kit([local]);
    given.store.trouble = "refuses";
    const attempt = await begin(given.guard.startCall(planOf()));
    await given.heal();
    given.clock.advance(given.guard.settings.dispatchedTtlMs);
    await given.guard.expireDue();
    await given.heal();
    expect(await given.spent()).toMatchObject({ nanoUsd: HELD });
    attempt.end({ class: "refused", status: 429, providerRequestId: null });
    await given.heal();
    expect((await given.spent())?.nanoUsd ?? 0).toBe(0);
  });

  it("costs nothing when the provider refused", async () => {
    const given = kit([local]);
    given.store.trouble = "refuses";
    (await begin(given.guard.startCall(planOf()))).end({
      class: "refused",
      status: 429,
      providerRequestId: null,
    });
    await given.heal();
    expect(await given.spent()).toBeUndefined();
    expect(given.events()["budget-adjusted"]).toEqual([]);
  });
});

describe("the strictest budget of a call decides", () => {
  it.each([
    [["open", "open"], "open"],
    [["open", { local: { usd: "1" } }], "local"],
    [["open", "closed"], undefined],
    [[{ local: { usd: "1" } }, undefined], undefined],
  ] as const)("%j: %s", async (modes, admittedBy) => {
    const given = kit(modes.map((mode, i) => budget(mode, { id: `b${i}` })));
    given.store.trouble = "refuses";
    const outcome = await outcomeOf(given.call());
    expect(outcome === "admitted").toBe(admittedBy !== undefined);
    expect(given.events()["call-admitted-in-outage"].map((event) => event.admittedBy)).toEqual(
      admittedBy === undefined ? [] : [admittedBy],
    );
    await given.heal();
    const { balances } = await given.base.balances({});
    expect(balances.map((state) => state.spent.nanoUsd)).toEqual(
      admittedBy === undefined ? [] : [COST, COST],
    );
  });

  it("a call that no budget counts needs no store", async () => {
    const given = kit([]);
    given.store.trouble = "refuses";
    expect(await outcomeOf(given.call())).toBe("admitted");
    expect(given.events()["call-admitted-in-outage"]).toMatchObject([{ admittedBy: "open", scopes: [] }]);
    await given.heal();
    expect(given.guard.link.unsent).toBe(0);
  });
});

describe("what a settlement says", () => {
  it("is repeated until the store is back, however long that takes, and counts once", async () => {
    const given = kit([budget("closed")]);
    const attempt = await begin(given.guard.startCall(planOf()));
    given.store.trouble = "loses-replies";
    attempt.end(complete);
    for (let n = 0; n < 600; n += 1) {
      given.clock.advance(1_000);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(given.guard.link.unsent).toBe(1);
    await given.heal();
    expect(given.guard.link.unsent).toBe(0);
    expect(await given.spent()).toMatchObject({ nanoUsd: COST, calls: 1 });
    expect(await given.held()).toBe(0);
    expect(given.events()["hold-settled"]).toHaveLength(1);
    expect(given.events()["meter-anomaly"]).toEqual([]);
  });
});

describe("close", () => {
  it("waits for a call whose reserve is under way, which then ends as any other", async () => {
    const clock = fakeClock();
    let answer: () => void = () => undefined;
    const memory = memoryStore({ clock });
    const slow: LedgerStore = Object.create(memory, {
      reserve: {
        value: async (operation: Parameters<LedgerStore["reserve"]>[0]) => {
          await new Promise<void>((resolve) => (answer = resolve));
          return memory.reserve(operation);
        },
      },
    }) as LedgerStore;
    for (const verb of ["dispatch", "settle", "release", "expire", "balances", "close"] as const) {
      Object.defineProperty(slow, verb, { value: memory[verb].bind(memory) });
    }
    const given = guardKit({ store: slow, budgets: [budget(undefined)], clock });
    const call = begin(given.guard.startCall(planOf()));
    let closed: unknown = "open";
    void given.guard.close(10_000).then((left) => (closed = left));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(closed).toBe("open");
    answer();
    (await call).end(complete);
    await vi.advanceTimersByTimeAsync(0);
    expect(closed).toEqual({ inFlight: 0, unsent: 0 });
    expect((await memory.balances({})).balances).toMatchObject([
      { spent: { nanoUsd: COST }, held: { nanoUsd: 0 } },
    ]);
  });

  it("stops a call that has waited for longer than it did, before anything is sent", async () => {
    const given = kit([budget(undefined)]);
    const call = given.guard.startCall(planOf());
    await call.reserve();
    const closing = given.guard.close(100);
    await vi.advanceTimersByTimeAsync(200);
    expect(await closing).toEqual({ inFlight: 1, unsent: 0 });
    await expect(begin(call)).rejects.toMatchObject({ code: "HOLDFAST_CLOSED" });
  });
});

describe("several processes on one store", () => {
  it("pass the limit in an outage by their allowances at most, and every cent is posted", async () => {
    const clock = fakeClock();
    const base = memoryStore({ clock });
    const limit = 10 * HELD;
    const budgets = [budget({ local: { usd: "0.0004" } }, { limit: { usd: "0.002" } })];
    const kits = Array.from({ length: 4 }, (_, n) => kit(budgets, base, clock, `p${n}`));
    let cost = 0;
    const round = async (): Promise<void> => {
      for (const one of kits) if ((await outcomeOf(one.call())) === "admitted") cost += COST;
    };
    await round();
    for (const one of kits) one.store.trouble = "refuses";
    for (let n = 0; n < 6; n += 1) await round();
    for (const one of kits) await one.heal();
    for (let n = 0; n < 20; n += 1) await round();
    for (const one of kits) await one.guard.link.settled();
    const [state] = (await base.balances({})).balances;
    expect(state?.spent.nanoUsd).toBe(cost);
    expect(cost).toBeLessThanOrEqual(limit + 4 * 400_000);
  });
});
