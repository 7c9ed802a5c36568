import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { begin as beginCall, guardKit, planOf, type GuardKit } from "../../test/support/guard-kit.ts";
import type { Guard } from "./guard.ts";
import {
  denialOf,
  scriptedStore,
  SOME_WINDOW,
  type Script,
  type ScriptedStore,
} from "../../test/support/scripted-store.ts";
import { mergeAttribution } from "../attribution/attribution.ts";
import { BudgetExceededError } from "../error/budget-exceeded-error.ts";
import { HoldfastClosedError } from "../error/holdfast-closed-error.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import { amounts } from "../ledger/amounts.ts";
import type { Denied, ExpiredHold } from "../ledger/ledger-store.ts";
import type { Attempt } from "./guarded-call.ts";

const MODES = ["sync", "async"] as const;
const budgets = [{ id: "b", per: ["tenant"], limit: { usd: "1" }, window: "day" as const }];
const attribution = mergeAttribution({ tenant: "acme" });
const lost = new Error("ECONNRESET redis://:secret@host");
const fail = (): never => {
  throw lost;
};

function kit(script: Script = {}, mode: "sync" | "async" = "sync"): GuardKit & { store: ScriptedStore } {
  const store = scriptedStore(script, mode);
  return { ...guardKit({ store, budgets }), store };
}

const begin = ({ guard }: GuardKit): Promise<Attempt> => beginCall(guard.startCall(planOf(), attribution));

describe.each(MODES)("a %s store", (mode) => {
  it("is asked for the worst case in every scope, before the dispatch", async () => {
    const given = kit({}, mode);
    await begin(given);
    expect(given.store.verbs()).toEqual(["reserve", "dispatch"]);
    const [reserve] = given.store.operations("reserve");
    expect(reserve).toMatchObject({
      amounts: {
        nanoUsd: 200_000,
        calls: 1,
        concurrentCalls: 1,
        inputTokens: 100,
        outputTokens: 50,
        totalTokens: 150,
      },
      undispatchedTtlMs: 10_000,
    });
    expect(reserve?.scopes.map(({ key }) => key)).toHaveLength(1);
    expect(given.store.operations("dispatch")).toEqual([
      { operationId: `${reserve?.operationId}:dispatched`, holdId: reserve?.operationId, ttlMs: 900_000 },
    ]);
  });

  it.each(["reserve", "dispatch"] as const)(
    "that fails at %s: store error, and never a denial",
    async (verb) => {
      const given = kit({ [verb]: fail }, mode);
      const error: unknown = await begin(given).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).not.toBeInstanceOf(BudgetExceededError);
      expect((error as StoreUnavailableError).cause).toBeInstanceOf(Error);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("secret");
      expect((error as Error).message).toBe(
        'Store "scripted" did not answer, so nothing was sent. Check that it is reachable; this is not a denial.',
      );
      expect(given.events()["call-denied"]).toEqual([]);
    },
  );

  it("that rejects looks the same as one that throws", async () => {
    const given = kit({ reserve: () => Promise.reject(lost) }, mode);
    await expect(begin(given)).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("that knows a new id already is broken", async () => {
    const given = kit({ reserve: () => ({ outcome: "mismatch" }) }, mode);
    await expect(begin(given)).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("that fails to expire is reported to who asked", async () => {
    const given = kit({ expire: fail }, mode);
    await expect((async () => given.guard.expireDue())()).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("that has more to expire is asked again", async () => {
    let left = 3;
    const given = kit({ expire: () => ({ expired: [], more: --left > 0 }) }, mode);
    await given.guard.expireDue();
    expect(given.store.operations("expire")).toEqual([{ limit: 1_000 }, { limit: 1_000 }, { limit: 1_000 }]);
  });
});

describe("a denial", () => {
  function denied(given: Partial<Denied>): GuardKit {
    return kit({ reserve: ({ scopes }) => denialOf(scopes[0]!, given) });
  }

  async function errorOf(given: Partial<Denied>): Promise<BudgetExceededError> {
    const error: unknown = await begin(denied(given)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BudgetExceededError);
    return error as BudgetExceededError;
  }

  it("carries what the store said", async () => {
    const error = await errorOf({ available: { nanoUsd: 110_000 }, fitsWithoutHeld: true });
    expect(error).toMatchObject({
      budgetId: "b",
      window: SOME_WINDOW,
      dimension: "nanoUsd",
      limit: 1_000,
      spent: 600,
      held: 300,
      requested: 200_000,
      fitsAfterInFlight: true,
      maxOutputTokensThatFit: 5,
    });
    expect({ ...error.scope }).toEqual({ tenant: "acme" });
  });

  it("is one event, with the store's time", async () => {
    const given = denied({});
    await begin(given).catch(() => undefined);
    const [event, ...more] = given.events()["call-denied"];
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      atMs: 77,
      attempt: 1,
      budgetId: "b",
      requested: 200_000,
      provider: "p",
      model: "m",
    });
    expect(event?.id).toBe(`${event?.callId}:1:denied`);
  });

  const limiting = (limit: number, endMs: number | null, window: object): Partial<Denied> => ({
    limiting: {
      scope: { key: "b", budgetId: "b", values: {}, window: window as never, limits: {}, onExpiry: "charge" },
      window: { id: "w", startMs: 0, endMs },
      spent: amounts({ nanoUsd: limit }),
      held: amounts({}),
      limits: { nanoUsd: limit, concurrentCalls: 0 },
    },
  });
  const day = { kind: "calendar", unit: "day", timeZone: "UTC" };
  it.each<[string, Partial<Denied>, number | null]>([
    ["the end of the window", limiting(200_000, 86_400_000, day), 86_400_000],
    ["never, when the call is larger than the limit", limiting(199_999, 86_400_000, day), null],
    ["never, when the window does not end", limiting(200_000, null, { kind: "total" }), null],
    [
      "never, when a slot is missing",
      { ...limiting(200_000, 86_400_000, day), dimension: "concurrentCalls" },
      null,
    ],
    [
      "when all has left a rolling window",
      limiting(200_000, null, { kind: "rolling", durationMs: 6_000, segments: 60 }),
      77 + 6_000 + 100,
    ],
  ])("says when time makes room: %s", async (_, given, resetsAtMs) => {
    expect((await errorOf(given)).resetsAtMs).toBe(resetsAtMs);
  });
});

it("holds that a reservation resolved in passing are events, on a denial too", async () => {
  const expired: ExpiredHold = { holdId: "h", dispatched: true, amounts: amounts({}), effects: [] };
  for (const outcome of ["held", "denied"]) {
    const given = kit({
      reserve: ({ scopes, operationId }) =>
        outcome === "denied"
          ? denialOf(scopes[0]!, { expired: [expired] })
          : {
              outcome: "held",
              holdId: operationId,
              replayed: false,
              reservedAtMs: 5,
              windows: [SOME_WINDOW],
              expired: [expired],
            },
    });
    await begin(given).catch(() => undefined);
    expect(given.events()["hold-expired"]).toMatchObject([
      { id: "h:expired", holdId: "h", dispatched: true },
    ]);
  }
});

it("a reservation is an event with its scopes and windows", async () => {
  const given = kit();
  await begin(given);
  const {
    "hold-reserved": [reserved],
    "hold-dispatched": [dispatched],
  } = given.events();
  expect(reserved).toMatchObject({
    atMs: 1,
    attempt: 1,
    scopes: [{ budgetId: "b", windowId: SOME_WINDOW.id }],
  });
  expect(reserved?.id).toBe(`${reserved?.holdId}:reserved`);
  expect(dispatched).toMatchObject({ id: `${reserved?.holdId}:dispatched`, holdId: reserved?.holdId });
});

it("budgets that are replaced hold from the next reservation on", async () => {
  const given = kit();
  await begin(given);
  given.guard.replaceBudgets([]);
  await begin(given);
  expect(given.store.operations("reserve").map(({ scopes }) => scopes.length)).toEqual([1, 0]);
});

describe("close", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Whether it has resolved after so much (fake) time. */
  async function closedAfter(closing: ReturnType<Guard["close"]>, ms: number): Promise<unknown> {
    let state: unknown = "open";
    void closing.then((left) => (state = left));
    await vi.advanceTimersByTimeAsync(ms);
    return state;
  }

  it("admits nothing more, and closes the store", async () => {
    const given = kit();
    expect(await given.guard.close(1_000)).toEqual({ inFlight: 0, unsent: 0 });
    await expect(begin(given)).rejects.toBeInstanceOf(HoldfastClosedError);
    expect(given.store.verbs()).toEqual(["close"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits for what is in flight, and settles it before the store is closed", async () => {
    const given = kit({}, "async");
    const attempt = await begin(given);
    const closing = given.guard.close(10_000);
    expect(await closedAfter(closing, 9_999)).toBe("open");
    attempt.end({ class: "not-sent" });
    expect(await closedAfter(closing, 0)).toEqual({ inFlight: 0, unsent: 0 });
    expect(given.store.verbs()).toEqual(["reserve", "dispatch", "release", "close"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("gives up when the time is over, and says how many were in flight", async () => {
    const given = kit();
    await begin(given);
    await begin(given);
    const closing = given.guard.close(10_000);
    expect(await closedAfter(closing, 10_000)).toEqual({ inFlight: 2, unsent: 0 });
    expect(given.store.verbs().at(-1)).toBe("close");
  });

  it("gives up on a store that never answers a settlement", async () => {
    const given = kit({ settle: () => new Promise(() => undefined) });
    (await begin(given)).end({ class: "ambiguous", status: null, providerRequestId: null });
    expect(await closedAfter(given.guard.close(10_000), 60_000)).toEqual({ inFlight: 0, unsent: 1 });
  });
});
