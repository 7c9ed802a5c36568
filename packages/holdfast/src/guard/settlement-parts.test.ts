import { describe, expect, it } from "vitest";
import { planOf, PLAIN_PRICE, priceOf } from "../../test/support/guard-kit.ts";
import type { AttemptOutcome, BilledPart, Complete, PartialStream } from "./attempt-outcome.ts";
import type { CallPlan } from "./call-plan.ts";
import { settlementOf, type Settlement } from "./settlement.ts";

/** 100 in at 1,000 and 50 out at 2,000 nano-USD: 200,000 held. */
const plan = planOf();
const DEAR = priceOf({ inputTextTokens: 10_000_000, outputTextTokens: 20_000_000 });
const policy = {
  ambiguous: "charge",
  partial: "seen",
  unseenOutputTokens: 10,
  hiddenOutputTokensPerSecond: 0,
} as const;

function settle(outcome: AttemptOutcome, given: CallPlan = plan): Settlement {
  const known: Readonly<Record<string, typeof DEAR>> = { advisor: DEAR, other: PLAIN_PRICE };
  return settlementOf(outcome, given, policy, (model) => known[model], true);
}

function complete(also: readonly BilledPart[], given: Partial<Complete> = {}): AttemptOutcome {
  return {
    class: "complete",
    status: 200,
    providerRequestId: null,
    served: { model: null, serviceTier: null },
    usage: { inputTextTokens: 10, outputTextTokens: 5 },
    also,
    ...given,
  };
}

describe("an answer that bills several models", () => {
  it("is charged part by part, each at the price of its own model, and its usage is the sum", () => {
    const settled = settle(
      complete([
        { model: "advisor", serviceTier: null, usage: { inputTextTokens: 3, outputTextTokens: 2 } },
        { model: "other", serviceTier: null, usage: { outputTextTokens: 1 } },
      ]),
    );
    // 10 x 1,000 + 5 x 2,000, 3 x 10,000 + 2 x 20,000, and 1 x 2,000.
    expect(settled.costNanoUsd).toBe(20_000 + 70_000 + 2_000);
    expect(settled.usage).toEqual({ inputTextTokens: 13, outputTextTokens: 8 });
    expect(settled.amounts).toMatchObject({ nanoUsd: 92_000, inputTokens: 13, outputTokens: 8, calls: 1 });
    expect(settled.anomalies).toEqual([]);
  });

  it("of a model without a price is charged at the requested model's, and said so", () => {
    const settled = settle(complete([{ model: "who", serviceTier: null, usage: { inputTextTokens: 7 } }]));
    expect(settled.costNanoUsd).toBe(27_000);
    expect(settled.anomalies).toMatchObject([{ anomaly: "served-model-unpriced" }]);
  });

  it("is never charged at the application's own price of another model", () => {
    const own = { ...plan, price: { ...PLAIN_PRICE, source: "override" } };
    const part = { model: "advisor", serviceTier: null, usage: { inputTextTokens: 1 } };
    expect(settle(complete([part]), own).costNanoUsd).toBe(20_000 + 10_000);
  });

  it("that cannot be counted is charged what was held", () => {
    const part = { model: "advisor", serviceTier: null, usage: { inputTextTokens: Number.MAX_SAFE_INTEGER } };
    const settled = settle(complete([part]));
    expect([settled.costNanoUsd, settled.source]).toEqual([200_000, "estimated"]);
    expect(settled.anomalies).toMatchObject([{ anomaly: "usage-invalid" }]);
  });

  it("above the hold is charged in full, and said so", () => {
    const part = { model: "advisor", serviceTier: null, usage: { outputTextTokens: 10 } };
    const settled = settle(complete([part]));
    expect(settled.costNanoUsd).toBe(220_000);
    expect(settled.anomalies).toMatchObject([{ anomaly: "cost-above-hold" }]);
  });
});

describe("a stream that ended early", () => {
  const partial = (given: Partial<PartialStream>): AttemptOutcome => ({
    class: "partial",
    status: 200,
    providerRequestId: null,
    served: { model: null, serviceTier: null },
    seenOutputTokens: 5,
    finished: true,
    ...given,
  });

  it("is charged the input that the provider had stated by then, not the estimate", () => {
    const settled = settle(partial({ statedInput: { inputTextTokens: 12, cacheReadTextTokens: 8 } }));
    expect(settled.usage).toMatchObject({ inputTextTokens: 12, cacheReadTextTokens: 8, outputTextTokens: 5 });
    expect(settled.amounts.inputTokens).toBe(20);
    expect(settled.source).toBe("estimated");
  });

  it("keeps the fees that were held for", () => {
    const fees = {
      ...plan,
      estimate: { ...plan.estimate, usage: { ...plan.estimate.usage, webSearches: 3 } },
    };
    expect(settle(partial({ statedInput: { inputTextTokens: 12 } }), fees).usage).toMatchObject({
      webSearches: 3,
      inputTextTokens: 12,
    });
  });

  const stated = { inputTextTokens: 12 };

  it("may have read its input again: the dearer of what was held and what was stated", () => {
    const again = { ...plan, mayReadAgain: true };
    // 100 x 1,000 of input and 5 x 2,000 of output.
    expect(settle(partial({ statedInput: stated }), again).costNanoUsd).toBe(100_000 + 10_000);
    const more = settle(partial({ statedInput: { inputTextTokens: 130 } }), again);
    expect([more.costNanoUsd, more.amounts.inputTokens]).toEqual([130_000 + 10_000, 130]);
  });

  it("with other models besides is charged those as they were held", () => {
    const besides = { usage: { inputTextTokens: 30, outputTextTokens: 20 }, nanoUsd: 700_000 };
    const both = {
      ...plan,
      besides,
      worstCaseNanoUsd: plan.worstCaseNanoUsd + besides.nanoUsd,
      estimate: { ...plan.estimate, usage: { inputTextTokens: 130, outputTextTokens: 70 } },
    };
    const settled = settle(partial({ statedInput: stated }), both);
    expect(settled.costNanoUsd).toBe(100_000 + 10_000 + 700_000);
    expect(settled.amounts).toMatchObject({ inputTokens: 130, outputTokens: 5 + 20 });
    expect(settled.costNanoUsd).toBeLessThanOrEqual(both.worstCaseNanoUsd);
    expect(settle(partial({}), both).costNanoUsd).toBe(810_000);
  });

  it("served by a dearer model is charged at its price, and by a cheaper one at that of the plan", () => {
    const by = (model: string, given: CallPlan = plan): number =>
      settle(partial({ statedInput: stated, served: { model, serviceTier: null } }), given).costNanoUsd;
    expect(by("advisor")).toBe(120_000 + 100_000);
    expect(by("other", { ...plan, price: DEAR })).toBe(120_000 + 100_000);
    expect(by("who")).toBe(12_000 + 10_000);
    // A price of the application's own is for what it asked for, under whatever name that is served.
    expect(by("advisor", { ...plan, price: { ...PLAIN_PRICE, source: "override" } })).toBe(22_000);
  });

  it("that states more than can be counted is charged what was held", () => {
    const settled = settle(partial({ statedInput: { inputTextTokens: Number.MAX_SAFE_INTEGER } }));
    expect(settled.costNanoUsd).toBe(plan.worstCaseNanoUsd);
  });
});
