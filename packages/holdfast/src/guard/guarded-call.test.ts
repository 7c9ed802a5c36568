import { describe, expect, it, vi } from "vitest";
import {
  begin,
  beginNow,
  guardKit,
  planOf,
  type GuardKit,
  type GuardKitOptions,
} from "../../test/support/guard-kit.ts";
import {
  denialOf,
  scriptedStore,
  SOME_WINDOW,
  type Script,
  type ScriptedStore,
} from "../../test/support/scripted-store.ts";
import { mergeAttribution } from "../attribution/attribution.ts";
import { BudgetExceededError } from "../error/budget-exceeded-error.ts";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import { NO_AMOUNTS } from "../ledger/amounts.ts";
import type { Usage } from "../usage/usage.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { GuardedCall } from "./guarded-call.ts";

const MODES = ["sync", "async"] as const;
const attribution = mergeAttribution({ tenant: "acme", requestId: "msg-1" });

const refused: AttemptOutcome = { class: "refused", status: 429, providerRequestId: null };
const ambiguous: AttemptOutcome = { class: "ambiguous", status: null, providerRequestId: null };
const complete = (usage: Usage = { inputTextTokens: 80, outputTextTokens: 20 }): AttemptOutcome => ({
  class: "complete",
  status: 200,
  providerRequestId: "req_1",
  served: { model: "m", serviceTier: "default" },
  usage,
});

interface Kit extends GuardKit {
  readonly store: ScriptedStore;
  readonly call: GuardedCall;
}

function kit(script: Script = {}, mode: "sync" | "async" = "sync", options: GuardKitOptions = {}): Kit {
  const store = scriptedStore(script, mode);
  const given = guardKit({ store, budgets: [{ id: "b", limit: { usd: "1" }, window: "day" }], ...options });
  return { ...given, store, call: given.guard.startCall(planOf(), attribution) };
}

const callsHeld = ({ store }: Kit): number[] =>
  store.operations("reserve").map(({ amounts }) => amounts.calls);

describe.each(MODES)("an attempt on a %s store", (mode) => {
  it("holds once, whether it was reserved before or not", async () => {
    const given = kit({}, mode);
    await given.call.reserve();
    await given.call.reserve();
    await begin(given.call);
    expect(given.store.verbs()).toEqual(["reserve", "dispatch"]);
  });

  it("is settled with the truth, once, whatever is reported later", async () => {
    const given = kit({}, mode);
    const attempt = await begin(given.call);
    expect(attempt.ended).toBe(false);
    attempt.end(complete());
    attempt.end(ambiguous);
    attempt.end(refused);
    await given.guard.link.settled();
    expect(attempt.ended).toBe(true);
    expect(given.store.verbs()).toEqual(["reserve", "dispatch", "settle"]);
    const [settle] = given.store.operations("settle");
    expect(settle).toMatchObject({
      operationId: `${settle?.holdId}:settled`,
      amounts: { nanoUsd: 120_000, calls: 1, concurrentCalls: 0, inputTokens: 80, outputTokens: 20 },
    });
    expect(given.events().usage).toHaveLength(1);
  });

  it("that was refused gives its hold back", async () => {
    const given = kit({}, mode);
    (await begin(given.call)).end(refused);
    await given.guard.link.settled();
    expect(given.store.verbs()).toEqual(["reserve", "dispatch", "release"]);
    expect(given.events()["hold-released"]).toHaveLength(1);
  });

  it("whose hold expired before the dispatch is held for anew", async () => {
    let dispatches = 0;
    const given = kit(
      {
        dispatch: () =>
          ++dispatches <= 2
            ? { outcome: "already-resolved", state: "expired" }
            : { outcome: "dispatched", replayed: false },
      },
      mode,
    );
    const attempt = await begin(given.call);
    expect(given.store.verbs()).toEqual([
      "reserve",
      "dispatch",
      "reserve",
      "dispatch",
      "reserve",
      "dispatch",
    ]);
    const holds = given.store.operations("reserve").map(({ operationId }) => operationId);
    expect(new Set(holds).size).toBe(3);
    attempt.end(complete());
    await given.guard.link.settled();
    expect(given.store.operations("settle").map(({ holdId }) => holdId)).toEqual([holds[2]]);
    expect([attempt.number, callsHeld(given)]).toEqual([1, [1, 1, 1]]);
  });

  it("whose hold expired and cannot be had again is denied", async () => {
    let reserves = 0;
    const given = kit(
      {
        dispatch: () => ({ outcome: "unknown-hold" }),
        reserve: ({ operationId, scopes }) =>
          ++reserves > 1
            ? denialOf(scopes[0]!)
            : {
                outcome: "held",
                holdId: operationId,
                replayed: false,
                reservedAtMs: 0,
                windows: [SOME_WINDOW],
              },
      },
      mode,
    );
    await expect(begin(given.call)).rejects.toBeInstanceOf(BudgetExceededError);
  });

  it.each(["settle", "release"] as const)(
    "whose %s the store refuses breaks nothing and is reported",
    async (verb) => {
      const refuse = (): never => {
        throw new OperationInvalidError("amounts.calls must be x");
      };
      const given = kit({ [verb]: refuse }, mode);
      const attempt = await begin(given.call);
      attempt.end(verb === "settle" ? complete() : refused);
      await given.guard.link.settled();
      const events = given.events();
      expect(events["meter-anomaly"]).toMatchObject([
        {
          anomaly: "settlement-failed",
          detail: 'store "scripted" failed: amounts.calls must be x',
          attempt: 1,
        },
      ]);
      expect(events.usage).toHaveLength(1);
      expect(given.store.verbs().filter((one) => one === verb)).toHaveLength(1);
    },
  );

  it.each(["settle", "release"] as const)(
    "whose %s fails is told again, with the same id, until it is taken",
    async (verb) => {
      vi.useFakeTimers();
      try {
        let tries = 0;
        const given = kit(
          {
            [verb]: () => {
              tries += 1;
              if (tries < 3) throw new Error("ECONNRESET");
              return verb === "settle"
                ? {
                    outcome: "settled",
                    replayed: true,
                    corrected: false,
                    charged: NO_AMOUNTS,
                    held: NO_AMOUNTS,
                  }
                : { outcome: "released", replayed: true };
            },
          },
          mode,
        );
        (await begin(given.call)).end(verb === "settle" ? complete() : refused);
        await vi.runAllTimersAsync();
        await given.guard.link.settled();
        const told = given.store.operations(verb) as readonly { operationId: string }[];
        expect(told.map(({ operationId }) => operationId)).toEqual(
          Array.from({ length: 3 }, () => told[0]?.operationId),
        );
        expect(given.events()["meter-anomaly"]).toEqual([]);
        expect(given.events()[verb === "settle" ? "hold-settled" : "hold-released"]).toHaveLength(1);
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it("whose settlement fails for good is reported", async () => {
    vi.useFakeTimers();
    try {
      const given = kit({ settle: () => Promise.reject(new Error("ECONNRESET")) }, mode);
      (await begin(given.call)).end(complete());
      await vi.runAllTimersAsync();
      await given.guard.link.settled();
      expect(given.events()["meter-anomaly"]).toMatchObject([
        { anomaly: "settlement-failed", detail: 'store "scripted" failed: Error' },
      ]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("that was charged on expiry and turns out to be free is corrected to nothing", async () => {
    const given = kit({ release: () => ({ outcome: "already-resolved", state: "expired" }) }, mode);
    (await begin(given.call)).end(refused);
    await given.guard.link.settled();
    expect(given.store.operations("settle")).toMatchObject([{ amounts: NO_AMOUNTS }]);
  });

  it.each([
    { outcome: "unknown-hold" },
    { outcome: "mismatch" },
    { outcome: "already-resolved", state: "released" },
  ] as const)("whose settlement is answered with $outcome is reported", async (answer) => {
    const given = kit({ settle: () => answer }, mode);
    (await begin(given.call)).end(complete());
    await given.guard.link.settled();
    const [anomaly] = given.events()["meter-anomaly"];
    expect(anomaly).toMatchObject({ anomaly: "settlement-failed" });
    expect(anomaly?.detail).toContain(answer.outcome);
    expect(given.events()["hold-settled"]).toEqual([]);
  });

  it("that was dispatched and never sent gives its hold back", async () => {
    const given = kit({}, mode);
    await given.call.prepareAttempt();
    given.call.abandon();
    given.call.abandon();
    await given.guard.link.settled();
    expect(given.store.verbs()).toEqual(["reserve", "dispatch", "release"]);
  });

  it("that is abandoned before it began gives its hold back, once", async () => {
    const given = kit({}, mode);
    await given.call.reserve();
    given.call.abandon();
    given.call.abandon();
    await given.guard.link.settled();
    expect(given.store.verbs()).toEqual(["reserve", "release"]);
    await begin(given.call);
    expect(given.store.verbs()).toEqual(["reserve", "release", "reserve", "dispatch"]);
  });

  it("that has begun is not abandoned: its hold stays", async () => {
    const given = kit({}, mode);
    await begin(given.call);
    given.call.abandon();
    await given.guard.link.settled();
    expect(given.store.verbs()).toEqual(["reserve", "dispatch"]);
  });
});

/** A store that answers to reserve when it is told to. */
function slowKit(answer: "held" | "denied" | "fails"): Kit & { readonly answer: () => Promise<void> } {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const given = kit({
    reserve: async ({ operationId, scopes }) => {
      await gate;
      if (answer === "fails") throw new Error("gone");
      if (answer === "denied") return denialOf(scopes[0]!);
      const windows = scopes.map(() => SOME_WINDOW);
      return { outcome: "held", holdId: operationId, replayed: false, reservedAtMs: 1, windows };
    },
  });
  return {
    ...given,
    answer: async () => {
      open();
      await given.guard.link.settled();
    },
  };
}

it("a store that has not answered is not asked for the same attempt again", async () => {
  const given = slowKit("held");
  const first = given.call.reserve();
  const second = given.call.prepareAttempt();
  await given.answer();
  await first;
  await second;
  expect(given.store.verbs()).toEqual(["reserve", "dispatch"]);
  expect(given.call.takeAttempt()?.number).toBe(1);
});

it.each(["held", "denied", "fails"] as const)(
  "a call that is given up while the store is asked keeps nothing, and does not fail: %s",
  async (answer) => {
    const given = slowKit(answer);
    const reserved = given.call.reserve();
    given.call.abandon();
    const prepared = given.call.prepareAttempt();
    await given.answer();
    await Promise.all([reserved, prepared]);
    await given.guard.link.settled();
    expect(given.store.verbs()).toEqual(answer === "held" ? ["reserve", "release"] : ["reserve"]);
    expect(given.call.takeAttempt()).toBeUndefined();
    expect(await given.guard.close(0)).toMatchObject({ inFlight: 0 });
  },
);

it("a sync store is asked at once: nothing of an attempt waits", () => {
  const given = kit();
  beginNow(given.call).end(complete());
  expect(given.store.verbs()).toEqual(["reserve", "dispatch", "settle"]);
});

it("an attempt is held for and dispatched once, and taken once", async () => {
  const given = kit();
  await given.call.prepareAttempt();
  await given.call.prepareAttempt();
  await given.call.reserve();
  expect(given.store.verbs()).toEqual(["reserve", "dispatch"]);
  expect([given.call.takeAttempt()?.number, given.call.takeAttempt()]).toEqual([1, undefined]);
});

it("a settlement that hangs holds up neither the attempt nor the next one", async () => {
  const given = kit({ settle: () => new Promise(() => undefined) });
  const attempt = await begin(given.call);
  attempt.end(complete());
  expect(given.events().usage).toHaveLength(1);
  await begin(given.call);
  expect(given.store.verbs()).toEqual(["reserve", "dispatch", "settle", "reserve", "dispatch"]);
});

it("a store that forgets every hold is broken: the call fails instead of asking for ever", async () => {
  const given = kit({ dispatch: () => ({ outcome: "unknown-hold" }) });
  await expect(begin(given.call)).rejects.toBeInstanceOf(StoreUnavailableError);
});
