import { describe, expect, it } from "vitest";
import { beginNow, guardKit, planOf } from "../../test/support/guard-kit.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";

const complete = (inputTextTokens: number): AttemptOutcome => ({
  class: "complete",
  status: 200,
  providerRequestId: null,
  served: { model: null, serviceTier: null },
  usage: { inputTextTokens },
});

function settle(
  uncalibratedInputTokens: number | null,
  outcome: AttemptOutcome,
): { factor: number; samples: number } {
  const { guard } = guardKit();
  const call = guard.startCall(planOf({ estimate: { uncalibratedInputTokens } }));
  beginNow(call).end(outcome);
  return { factor: guard.calibration.factor("p/m"), samples: guard.holdRatio.snapshot().samples };
}

describe("what is learned from an attempt", () => {
  it("is how far the estimate was from the truth", () => {
    expect(settle(1_000, complete(2_000)).factor).toBeCloseTo(2.3);
  });

  it.each<[string, number | null, AttemptOutcome]>([
    ["nothing from what was estimated", 1_000, { class: "ambiguous", status: null, providerRequestId: null }],
    ["nothing from a refusal", 1_000, { class: "refused", status: 500, providerRequestId: null }],
    ["nothing where the request says nothing", null, complete(2_000)],
    ["nothing from a small request", 199, complete(2_000)],
  ])("is %s", (_, estimated, outcome) => {
    expect(settle(estimated, outcome).factor).toBe(1);
  });

  it("is the ratio of held to billed, only from what the provider reported", () => {
    expect(settle(null, complete(10)).samples).toBe(1);
    expect(settle(null, { class: "ambiguous", status: null, providerRequestId: null }).samples).toBe(0);
  });
});
