import { describe, expect, it } from "vitest";
import { planOf, PLAIN_PRICE, priceOf } from "../../test/support/guard-kit.ts";
import type { Usage } from "../usage/usage.ts";
import type { AttemptOutcome, Complete, PartialStream } from "./attempt-outcome.ts";
import type { CallPlan } from "./call-plan.ts";
import { settlementOf, type Settlement, type SettlementPolicy } from "./settlement.ts";

const policy: SettlementPolicy = {
  ambiguous: "charge",
  partial: "seen",
  unseenOutputTokens: 10,
  hiddenOutputTokensPerSecond: 0,
};
/** 100 in at 1,000 and 50 out at 2,000 nano-USD: 200,000 held. */
const plan = planOf();
const answered = { status: 200, providerRequestId: "req_1" };

const notSent: AttemptOutcome = { class: "not-sent" };
const refused: AttemptOutcome = { class: "refused", status: 429, providerRequestId: null };
const ambiguous: AttemptOutcome = { class: "ambiguous", status: null, providerRequestId: null };
const complete = (usage: Usage | undefined, given: Partial<Complete> = {}): AttemptOutcome => ({
  class: "complete",
  ...answered,
  served: { model: null, serviceTier: null },
  usage,
  ...given,
});
const partial = (seenOutputTokens: number, given: Partial<PartialStream> = {}): AttemptOutcome => ({
  class: "partial",
  ...answered,
  served: { model: null, serviceTier: null },
  seenOutputTokens,
  finished: false,
  ...given,
});

const served: Readonly<Record<string, typeof PLAIN_PRICE>> = {
  "m-2026": PLAIN_PRICE,
  dear: priceOf({ inputTextTokens: 10_000_000, outputTextTokens: 20_000_000 }),
  tiered: priceOf(
    { inputTextTokens: 1_000_000, outputTextTokens: 2_000_000 },
    { serviceTiers: { default: { numerator: 1, denominator: 1 }, flex: { numerator: 1, denominator: 2 } } },
  ),
};

function settle(
  outcome: AttemptOutcome,
  given: CallPlan = plan,
  rules: Partial<SettlementPolicy> = {},
): Settlement {
  return settlementOf(outcome, given, { ...policy, ...rules }, (model) => served[model], true);
}

describe("what is charged", () => {
  type Row = [
    what: string,
    AttemptOutcome,
    Partial<SettlementPolicy>,
    verb: string,
    cost: number,
    source: string,
  ];
  const rows: Row[] = [
    ["not sent: nothing", notSent, {}, "release", 0, "provider"],
    [
      "not sent, whatever the policy",
      notSent,
      { ambiguous: "charge", partial: "hold" },
      "release",
      0,
      "provider",
    ],
    ["refused: nothing", refused, {}, "release", 0, "provider"],
    ["ambiguous: the hold", ambiguous, {}, "settle", 200_000, "estimated"],
    ["ambiguous, by configuration nothing", ambiguous, { ambiguous: "release" }, "release", 0, "provider"],
    ["ambiguous with a status: the hold", { ...ambiguous, status: 504 }, {}, "settle", 200_000, "estimated"],
    [
      "complete: the provider's usage",
      complete({ inputTextTokens: 80, outputTextTokens: 20 }),
      {},
      "settle",
      120_000,
      "provider",
    ],
    ["complete with an explicit zero: zero", complete({}), {}, "settle", 0, "provider"],
    ["complete without usage: the hold", complete(undefined), {}, "settle", 200_000, "estimated"],
    [
      "complete with unusable usage: the hold",
      complete(undefined, { problem: "negative" }),
      {},
      "settle",
      200_000,
      "estimated",
    ],
    [
      "partial: the input, what was seen and what may be unseen",
      partial(5),
      {},
      "settle",
      130_000,
      "estimated",
    ],
    ["partial with nothing seen", partial(0), {}, "settle", 120_000, "estimated"],
    ["partial, never more than the hold", partial(1_000_000), {}, "settle", 200_000, "estimated"],
    ["partial, by configuration the hold", partial(5), { partial: "hold" }, "settle", 200_000, "estimated"],
    [
      "partial and finished: nothing unseen",
      partial(5, { finished: true }),
      {},
      "settle",
      110_000,
      "estimated",
    ],
    [
      "partial and finished, by configuration the hold",
      partial(5, { finished: true }),
      { partial: "hold" },
      "settle",
      200_000,
      "estimated",
    ],
    ["partial, with no allowance", partial(5), { unseenOutputTokens: 0 }, "settle", 110_000, "estimated"],
  ];
  it.each(rows)("%s", (_, outcome, rules, verb, cost, source) => {
    const settlement = settle(outcome, plan, rules);
    expect([settlement.verb, settlement.costNanoUsd, settlement.source]).toEqual([verb, cost, source]);
    expect(settlement.amounts.nanoUsd).toBe(cost);
    expect(settlement.amounts.concurrentCalls).toBe(0);
    expect(settlement.amounts.calls).toBe(verb === "settle" ? 1 : 0);
    expect(settlement.price).toBe(PLAIN_PRICE);
  });

  it.each([
    ["a settlement that counts as the call", complete({}), true, 1],
    ["a settlement of a later attempt", complete({}), false, 0],
    ["an ambiguous attempt", ambiguous, true, 1],
    ["a later ambiguous attempt", ambiguous, false, 0],
    ["a release", refused, true, 0],
  ])("calls: %s", (_, outcome, countsAsCall, calls) => {
    expect(settlementOf(outcome, plan, policy, () => undefined, countsAsCall).amounts.calls).toBe(calls);
  });

  it("counts the tokens of every bucket", () => {
    const usage: Usage = {
      inputTextTokens: 1,
      inputAudioTokens: 2,
      cacheReadTextTokens: 4,
      cacheWriteTokens: 8,
      outputTextTokens: 16,
      reasoningTokens: 32,
      outputAudioTokens: 64,
      webSearches: 100,
    };
    expect(settle(complete(usage)).amounts).toMatchObject({
      inputTokens: 15,
      outputTokens: 112,
      totalTokens: 127,
    });
  });

  it("what an endpoint is known to consume is charged when it is silent, and only then", () => {
    const speech = planOf({ estimate: { usageWhenSilent: { inputTextTokens: 7 } } });
    expect(settle(complete(undefined), speech)).toMatchObject({
      costNanoUsd: 7_000,
      source: "estimated",
      anomalies: [],
    });
    expect(settle(complete(undefined, { problem: "x" }), speech)).toMatchObject({ costNanoUsd: 200_000 });
    expect(settle(complete({ inputTextTokens: 9 }), speech)).toMatchObject({
      costNanoUsd: 9_000,
      source: "provider",
    });
  });

  it("a partial answer keeps the dearer kinds of output first", () => {
    const usage: Usage = {
      inputTextTokens: 10,
      outputAudioTokens: 30,
      outputTextTokens: 30,
      reasoningTokens: 30,
    };
    const audio = planOf({ usage });
    expect(settle(partial(30), audio).usage).toEqual({
      inputTextTokens: 10,
      outputAudioTokens: 30,
      outputImageTokens: 0,
      outputTextTokens: 10,
      reasoningTokens: 0,
    });
  });
});
