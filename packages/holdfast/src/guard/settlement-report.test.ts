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

const anomaliesOf = ({ anomalies }: Settlement): string[] => anomalies.map(({ anomaly }) => anomaly);

describe("what is reported", () => {
  const silent = "the response carries no usage";
  it.each<[string, AttemptOutcome, string[]]>([
    ["nothing unusual", complete({ inputTextTokens: 80, outputTextTokens: 20 }), []],
    ["no usage", complete(undefined), ["usage-missing"]],
    ["unusable usage", complete(undefined, { problem: "x" }), ["usage-invalid"]],
    ["an interrupted stream", partial(5), []],
    ["a finished stream without usage", partial(5, { finished: true }), ["usage-missing"]],
    ["an ambiguous attempt", ambiguous, []],
    ["a refusal", refused, []],
    ["more than was held", complete({ inputTextTokens: 201 }), ["cost-above-hold"]],
    ["nothing at all", complete({}), ["usage-zero"]],
    ["exactly what was held", complete({ inputTextTokens: 200 }), []],
    [
      "a model without a price",
      complete({ inputTextTokens: 1 }, { served: { model: "who", serviceTier: null } }),
      ["served-model-unpriced"],
    ],
    [
      "a tier without a price",
      complete({ inputTextTokens: 1 }, { served: { model: null, serviceTier: "x" } }),
      ["service-tier-unpriced"],
    ],
    [
      "the snapshot of the model",
      complete({ inputTextTokens: 1 }, { served: { model: "m-2026", serviceTier: null } }),
      [],
    ],
    [
      "the model itself",
      complete({ inputTextTokens: 1 }, { served: { model: "m", serviceTier: "default" } }),
      [],
    ],
  ])("%s", (_, outcome, anomalies) => {
    expect(anomaliesOf(settle(outcome))).toEqual(anomalies);
  });

  it("says why", () => {
    expect(settle(complete(undefined)).anomalies[0]?.detail).toBe(silent);
    expect(settle(complete(undefined, { problem: "total is 5" })).anomalies[0]?.detail).toBe("total is 5");
    expect(settle(complete({ inputTextTokens: 201 })).anomalies[0]?.detail).toBe(
      "201000 nano-USD were billed and 200000 were held",
    );
  });

  it("never quotes more than the beginning of a name from the response", () => {
    const long = "x".repeat(10_000);
    const { anomalies } = settle(
      complete({ inputTextTokens: 1 }, { served: { model: long, serviceTier: long } }),
    );
    for (const { detail } of anomalies) expect(detail.length).toBeLessThan(250);
    expect(anomalies).toHaveLength(2);
  });

  it("reports buckets that have no price and were used", () => {
    const price = priceOf({ inputTextTokens: 1_000_000 }, { unpriced: ["webSearches", "images"] });
    const settlement = settle(complete({ inputTextTokens: 1, webSearches: 2, images: 0 }), planOf({ price }));
    expect(settlement.anomalies).toEqual([
      { anomaly: "bucket-unpriced", detail: "webSearches has no price" },
    ]);
  });
});

describe("the price that is applied", () => {
  const usage: Usage = { inputTextTokens: 10 };
  const tiers = {
    default: { numerator: 1, denominator: 1 },
    priority: { numerator: 2, denominator: 1 },
    flex: { numerator: 1, denominator: 2 },
  };
  const tiered = priceOf(
    { inputTextTokens: 1_000_000, outputTextTokens: 2_000_000 },
    { serviceTiers: tiers },
  );
  type Row = [string, Partial<CallPlan>, { model: string | null; serviceTier: string | null }, cost: number];
  const rows: Row[] = [
    ["the served model's", {}, { model: "dear", serviceTier: null }, 100_000],
    ["the requested model's when the served one has none", {}, { model: "who", serviceTier: null }, 10_000],
    ["the served tier's", { price: tiered }, { model: null, serviceTier: "flex" }, 5_000],
    [
      "the served tier's, not the requested one's",
      { price: tiered, serviceTier: "flex" },
      { model: null, serviceTier: "default" },
      10_000,
    ],
    [
      "the requested tier's when the response names none",
      { price: tiered, serviceTier: "flex" },
      { model: null, serviceTier: null },
      5_000,
    ],
    [
      "the held tier's when nobody names one",
      { price: tiered, heldServiceTier: "priority" },
      { model: null, serviceTier: null },
      20_000,
    ],
    [
      "the held tier's when the served one has none",
      { price: tiered, heldServiceTier: "priority" },
      { model: null, serviceTier: "ultrafast" },
      20_000,
    ],
    [
      "never an inherited tier",
      { price: tiered, heldServiceTier: "priority" },
      { model: null, serviceTier: "constructor" },
      20_000,
    ],
    [
      "the served model's at the served tier",
      { price: tiered },
      { model: "tiered", serviceTier: "flex" },
      5_000,
    ],
  ];
  it.each(rows)("is %s", (_, given, answer, cost) => {
    expect(settle(complete(usage, { served: answer }), planOf(given)).costNanoUsd).toBe(cost);
  });

  it("is the held tier's for what is estimated", () => {
    const held = planOf({ price: tiered, heldServiceTier: "priority" });
    expect(settle(partial(5, { served: { model: null, serviceTier: "flex" } }), held).costNanoUsd).toBe(
      260_000,
    );
  });

  it("a held tier that the served model does not have never makes the settlement fail", () => {
    const held = planOf({ price: tiered, heldServiceTier: "priority", serviceTier: "priority" });
    const settlement = settle(complete(usage, { served: { model: "dear", serviceTier: "priority" } }), held);
    expect(settlement.costNanoUsd).toBeGreaterThanOrEqual(100_000);
    expect(anomaliesOf(settlement)).toContain("service-tier-unpriced");
  });
});

describe("absurd usage", () => {
  it.each<[string, Usage]>([
    ["input", { inputTextTokens: Number.MAX_SAFE_INTEGER }],
    ["output", { outputTextTokens: Number.MAX_SAFE_INTEGER }],
    ["both", { inputTextTokens: Number.MAX_SAFE_INTEGER, outputTextTokens: Number.MAX_SAFE_INTEGER }],
    [
      "several kinds of input",
      { inputTextTokens: 2 ** 52, cacheReadTextTokens: 2 ** 52, inputAudioTokens: 2 ** 52 },
    ],
  ])("%s is reported, charged as the hold at least, and never thrown", (_, usage) => {
    const settlement = settle(complete(usage));
    expect(settlement.verb).toBe("settle");
    expect(settlement.costNanoUsd).toBeGreaterThanOrEqual(plan.worstCaseNanoUsd);
    for (const amount of Object.values(settlement.amounts)) expect(Number.isSafeInteger(amount)).toBe(true);
    expect(settlement.anomalies.length).toBeGreaterThan(0);
  });
});
