import { describe, expect, it, vi } from "vitest";
import {
  begin,
  guardKit,
  planOf,
  type GuardKit,
  type GuardKitOptions,
} from "../../test/support/guard-kit.ts";
import { scriptedStore, type Script, type ScriptedStore } from "../../test/support/scripted-store.ts";
import { mergeAttribution } from "../attribution/attribution.ts";
import type { Usage } from "../usage/usage.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { GuardedCall } from "./guarded-call.ts";

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
const callsCharged = ({ store }: Kit): number[] =>
  store.operations("settle").map(({ amounts }) => amounts.calls);

describe("the attempts of one request", () => {
  it.each<[string, readonly AttemptOutcome[], held: number[], charged: number[]]>([
    ["one", [complete()], [1], [1]],
    ["refused, then complete", [refused, refused, complete()], [1, 1, 1], [1]],
    ["ambiguous, then complete", [ambiguous, complete()], [1, 0], [1, 0]],
    [
      "refused, ambiguous, ambiguous, complete",
      [refused, ambiguous, ambiguous, complete()],
      [1, 1, 0, 0],
      [1, 0, 0],
    ],
    ["never more than refused", [refused, refused], [1, 1], []],
  ])("count as one call: %s", async (_, outcomes, held, charged) => {
    const given = kit();
    for (const outcome of outcomes) (await begin(given.call)).end(outcome);
    expect([callsHeld(given), callsCharged(given)]).toEqual([held, charged]);
  });

  it("each have a hold, a number and a usage record of their own", async () => {
    const given = kit();
    for (const outcome of [refused, ambiguous, complete()]) (await begin(given.call)).end(outcome);
    const holds = given.store.operations("reserve").map(({ operationId }) => operationId);
    expect(new Set(holds).size).toBe(3);
    const { usage, "hold-reserved": reserved } = given.events();
    const { callId } = given.call;
    expect(usage.map(({ id, attempt, holdId, outcome }) => [id, attempt, holdId, outcome])).toEqual([
      [`${callId}:1`, 1, holds[0], "refused"],
      [`${callId}:2`, 2, holds[1], "ambiguous"],
      [`${callId}:3`, 3, holds[2], "complete"],
    ]);
    expect(reserved.map(({ attempt, callId: of }) => [attempt, of])).toEqual(
      [1, 2, 3].map((n) => [n, callId]),
    );
  });
});

describe("a usage record", () => {
  it("says everything about its attempt", async () => {
    const given = kit();
    const attempt = await begin(given.call);
    given.clock.advance(1_234);
    attempt.end(complete());
    const [record] = given.events().usage;
    expect(record).toEqual({
      id: `${given.call.callId}:1`,
      atMs: given.clock.now(),
      callId: given.call.callId,
      requestId: "msg-1",
      attempt: 1,
      holdId: given.store.operations("reserve")[0]?.operationId,
      admittedBy: "store",
      attribution,
      provider: "p",
      endpoint: "chat.completions",
      stream: false,
      requestedModel: "m",
      servedModel: "m",
      requestedServiceTier: null,
      servedServiceTier: "default",
      outcome: "complete",
      status: 200,
      providerRequestId: "req_1",
      latencyMs: 1_234,
      usage: { inputTextTokens: 80, outputTextTokens: 20 },
      inputTokens: 80,
      outputTokens: 20,
      usageSource: "provider",
      costNanoUsd: 120_000,
      heldNanoUsd: 200_000,
      priceSource: "test",
      priceVersion: "1",
    });
  });

  it("is named by the call when the caller named no request", async () => {
    const { guard, events } = kit();
    const call = guard.startCall(planOf());
    (await begin(call)).end({ class: "not-sent" });
    expect(events().usage).toMatchObject([
      {
        requestId: call.callId,
        outcome: "not-sent",
        status: null,
        servedModel: null,
        providerRequestId: null,
        costNanoUsd: 0,
      },
    ]);
  });
});

describe("keeping a long attempt alive", () => {
  it("renews its hold after half of its life, and not before", async () => {
    const given = kit({}, "sync", { settings: { dispatchedTtlMs: 1_000 } });
    const attempt = await begin(given.call);
    const renewals = (): number => given.store.operations("renew").length;
    given.clock.advance(499);
    attempt.keepAlive();
    expect(renewals()).toBe(0);
    given.clock.advance(1);
    attempt.keepAlive();
    attempt.keepAlive();
    expect(renewals()).toBe(1);
    given.clock.advance(500);
    attempt.keepAlive();
    const operations = given.store.operations("renew");
    expect(operations).toMatchObject([{ ttlMs: 1_000 }, { ttlMs: 1_000 }]);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(2);
  });

  it("is over when the attempt is, and a store that fails is nobody's matter", async () => {
    vi.useFakeTimers();
    try {
      const fail = (): never => {
        throw new Error("lost");
      };
      const given = kit({ renew: fail }, "sync", { settings: { dispatchedTtlMs: 10 } });
      const attempt = await begin(given.call);
      given.clock.advance(100);
      attempt.keepAlive();
      await vi.runAllTimersAsync();
      await given.guard.link.settled();
      const renewals = given.store.operations("renew").length;
      expect(renewals).toBeGreaterThanOrEqual(1);
      attempt.end(complete());
      given.clock.advance(100);
      attempt.keepAlive();
      await vi.runAllTimersAsync();
      expect(given.store.operations("renew")).toHaveLength(renewals);
      expect(given.events()["meter-anomaly"]).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });
});
