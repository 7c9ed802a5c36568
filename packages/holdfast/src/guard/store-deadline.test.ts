import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { begin, guardKit, planOf, type GuardKit } from "../../test/support/guard-kit.ts";
import {
  denialOf,
  scriptedStore,
  type Script,
  type ScriptedStore,
} from "../../test/support/scripted-store.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import type { ReserveResult } from "../ledger/ledger-store.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function kit(script: Script): GuardKit & { store: ScriptedStore } {
  const store = scriptedStore(script);
  const budgets = [{ id: "b", limit: { usd: "1" }, window: "day" as const }];
  return { ...guardKit({ store, budgets, settings: { storeDeadlineMs: 2_000 } }), store };
}

/** What has become of it by now. */
function follow(work: Promise<unknown>): { readonly state: () => unknown } {
  let state: unknown = "waiting";
  work.then(
    () => (state = "done"),
    (error: unknown) => (state = error),
  );
  return { state: () => state };
}

describe("a store that does not answer", () => {
  it.each(["reserve", "dispatch"] as const)(
    "to %s: the call fails when the time is over, and not before",
    async (verb) => {
      const given = kit({ [verb]: () => new Promise(() => undefined) });
      const call = follow(begin(given.guard.startCall(planOf())));
      await vi.advanceTimersByTimeAsync(1_999);
      expect(call.state()).toBe("waiting");
      await vi.advanceTimersByTimeAsync(1);
      expect(call.state()).toBeInstanceOf(StoreUnavailableError);
      expect((call.state() as StoreUnavailableError).cause).toMatchObject({
        message: "no answer within 2000 ms",
      });
      expect(given.events()["call-denied"]).toEqual([]);
    },
  );

  it("in time leaves no timer behind", async () => {
    const given = kit({ dispatch: () => Promise.resolve({ outcome: "dispatched", replayed: false }) });
    await begin(given.guard.startCall(planOf()));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an answer that comes too late", () => {
  async function late(
    answer: (given: { operationId: string; scopes: readonly never[] }) => ReserveResult,
  ): Promise<ScriptedStore> {
    let deliver: (result: ReserveResult) => void = () => undefined;
    const given = kit({ reserve: () => new Promise<ReserveResult>((resolve) => (deliver = resolve)) });
    const call = follow(begin(given.guard.startCall(planOf())));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(call.state()).toBeInstanceOf(StoreUnavailableError);
    deliver(answer(given.store.operations("reserve")[0] as never));
    await vi.runAllTimersAsync();
    await given.guard.link.settled();
    expect(await given.guard.close(10)).toEqual({ inFlight: 0, unsent: 0 });
    return given.store;
  }

  it("gives back what was held: nobody will use it", async () => {
    const store = await late(({ operationId }) => ({
      outcome: "held",
      holdId: operationId,
      replayed: false,
      reservedAtMs: 0,
      windows: [],
    }));
    expect(store.operations("release")).toMatchObject([
      { holdId: store.operations("reserve")[0]?.operationId },
    ]);
  });

  it("and was a denial changes nothing", async () => {
    const store = await late(({ scopes }) => denialOf(scopes[0]!));
    expect(store.verbs()).toEqual(["reserve", "close"]);
  });
});
