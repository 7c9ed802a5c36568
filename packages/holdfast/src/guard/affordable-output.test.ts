import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planOf, priceOf } from "../../test/support/guard-kit.ts";
import type { Limits } from "../ledger/amounts.ts";
import { affordableOutputTokens } from "./affordable-output.ts";
import { heldAmounts, type CallPlan } from "./call-plan.ts";

/** 100 in at 1,000 and 50 out at 2,000 nano-USD. */
const plan = planOf();

describe("affordableOutputTokens", () => {
  it.each<[string, Limits, number | null]>([
    ["everything is free to use", {}, 50],
    ["exactly the worst case", { nanoUsd: 200_000 }, 50],
    ["one nano-USD less", { nanoUsd: 199_999 }, 49],
    ["one token", { nanoUsd: 102_000 }, 1],
    ["just below one token", { nanoUsd: 101_999 }, 0],
    ["only the input", { nanoUsd: 100_000 }, 0],
    ["not even the input", { nanoUsd: 99_999 }, 0],
    ["nothing", { nanoUsd: 0 }, 0],
    ["output tokens", { outputTokens: 20 }, 20],
    ["no output tokens", { outputTokens: 0 }, 0],
    ["total tokens", { totalTokens: 130 }, 30],
    ["total tokens below the input", { totalTokens: 99 }, 0],
    ["input tokens that suffice", { inputTokens: 100 }, 50],
    ["input tokens that do not", { inputTokens: 99 }, 0],
    ["the tightest of several", { nanoUsd: 180_000, outputTokens: 30, totalTokens: 120 }, 20],
    ["a call is missing", { calls: 0, nanoUsd: 1_000_000 }, null],
    ["a slot is missing", { concurrentCalls: 0, nanoUsd: 1_000_000 }, null],
    ["calls and slots are left", { calls: 1, concurrentCalls: 1 }, 50],
  ])("%s", (_, available, expected) => {
    expect(affordableOutputTokens(plan, available)).toBe(expected);
  });

  it("is null for a plan without output", () => {
    expect(affordableOutputTokens(planOf({ usage: { inputTextTokens: 5 } }), { nanoUsd: 0 })).toBeNull();
  });

  it("is per choice", () => {
    const three = planOf({
      usage: { inputTextTokens: 100, outputTextTokens: 150 },
      estimate: { choices: 3, outputTokensPerChoice: 50 },
    });
    expect(affordableOutputTokens(three, { outputTokens: 100 })).toBe(33);
    expect(affordableOutputTokens(three, { nanoUsd: 100_000 + 6_000 * 7 })).toBe(7);
  });

  it.each(["outputAudioTokens", "outputImageTokens"] as const)("counts %s at its own price", (bucket) => {
    const price = priceOf({ inputTextTokens: 1_000_000, outputTextTokens: 2_000_000, [bucket]: 10_000_000 });
    const spoken = planOf({
      price,
      usage: { inputTextTokens: 100, [bucket]: 50 },
      estimate: { outputTokensPerChoice: 50 },
    });
    expect(affordableOutputTokens(spoken, { nanoUsd: 300_000 })).toBe(20);
  });

  /** The same request with another output limit. */
  function withLimit(given: CallPlan, perChoice: number): CallPlan {
    return planOf({
      price: given.price,
      usage: { ...given.estimate.usage, outputTextTokens: perChoice * given.estimate.choices },
      estimate: { choices: given.estimate.choices, outputTokensPerChoice: perChoice },
    });
  }

  function fits(given: CallPlan, available: Limits): boolean {
    const held = heldAmounts(given, true);
    return (["nanoUsd", "inputTokens", "outputTokens", "totalTokens"] as const).every(
      (dimension) => held[dimension] <= (available[dimension] ?? Infinity),
    );
  }

  it("is the boundary: it fits at n and not at n + 1", () => {
    const rate = fc.integer({ min: 0, max: 5_000_000 });
    const limit = (max: number) => fc.option(fc.integer({ min: 0, max }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.record({ inputTextTokens: rate, outputTextTokens: rate }),
        fc.record({
          input: fc.integer({ min: 0, max: 10_000 }),
          perChoice: fc.integer({ min: 1, max: 10_000 }),
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.record({
          nanoUsd: limit(100_000_000),
          inputTokens: limit(20_000),
          outputTokens: limit(40_000),
          totalTokens: limit(50_000),
        }),
        fc.boolean(),
        (rates, { input, perChoice }, choices, available, longContext) => {
          const price = priceOf(
            rates,
            longContext
              ? {
                  longContext: [
                    { fromInputTokens: 5_000, rates: priceOf({ ...rates, outputTextTokens: 9_999 }).rates },
                  ],
                }
              : {},
          );
          const asked = planOf({
            price,
            usage: { inputTextTokens: input, outputTextTokens: perChoice * choices },
            estimate: { choices, outputTokensPerChoice: perChoice },
          });
          const n = affordableOutputTokens(asked, available) ?? NaN;
          expect(n).toBeGreaterThanOrEqual(0);
          expect(n).toBeLessThanOrEqual(perChoice);
          if (n > 0) expect(fits(withLimit(asked, n), available)).toBe(true);
          if (n < perChoice) expect(fits(withLimit(asked, n + 1), available)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });
});
