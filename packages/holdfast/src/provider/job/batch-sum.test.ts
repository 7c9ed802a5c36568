import type { ModelPrice, PriceSource } from "@holdfast/prices";
import { describe, expect, test } from "vitest";
import { guardKit, priceOf } from "../../../test/support/guard-kit.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import { PriceUnknownError } from "../../error/price-unknown-error.ts";
import type { Guard } from "../../guard/guard.ts";
import { openaiAdapter } from "../openai/adapter.ts";
import type { PlannedRequest } from "../plan-request.ts";
import { BatchSum, planBatch, planBatchRequest } from "./batch-sum.ts";

const HALF = { numerator: 1, denominator: 2 };
const ONE = { numerator: 1, denominator: 1 };

/** 1,000 nano-USD per input token, 4,000 per output token; ten times that on "dear". */
const CHEAP = priceOf(
  { inputTextTokens: 1_000_000, outputTextTokens: 4_000_000, webSearches: 25_000_000_000 },
  {
    model: "cheap",
    serviceTiers: { default: ONE, priority: { numerator: 2, denominator: 1 }, batch: HALF },
    contextWindowTokens: 10_000,
    maxOutputTokens: 1_000,
  },
);
const DEAR: ModelPrice = {
  ...CHEAP,
  model: "dear",
  rates: { ...CHEAP.rates, inputTextTokens: 10_000_000, outputTextTokens: 40_000_000 },
};
const LONG: ModelPrice = {
  ...CHEAP,
  model: "long",
  longContext: [{ fromInputTokens: 500, rates: { ...CHEAP.rates, inputTextTokens: 2_000_000 } }],
};
const UNTIERED: ModelPrice = { ...CHEAP, model: "untiered", serviceTiers: { default: ONE } };

const source: PriceSource = {
  version: "1",
  priceOf: (_, model) => [CHEAP, DEAR, LONG, UNTIERED].find((price) => price.model === model),
};

function guardOf(settings: object = {}): Guard {
  return guardKit({ prices: source, settings }).guard;
}

function line(guard: Guard, model: string, more: object = {}): PlannedRequest {
  const body = { model, messages: [{ role: "user", content: "Hi" }], max_tokens: 100, ...more };
  return planBatchRequest(guard, openaiAdapter, "openai", "chat.completions", body);
}

function sumOf(...lines: PlannedRequest[]): BatchSum {
  const sum = new BatchSum();
  for (const one of lines) sum.add(one);
  return sum;
}

const TERMS = { provider: "openai", endpoint: "batches" };

describe("the plan of a batch", () => {
  test("is the sum of its requests at the price of batches", () => {
    const guard = guardOf({ serviceTiers: ["default", "priority"] });
    const one = line(guard, "cheap");
    const two = line(guard, "cheap", { n: 3 });
    const { plan } = planBatch(guard, sumOf(one, two), TERMS);
    const input = one.plan.estimate.usage.inputTextTokens! + two.plan.estimate.usage.inputTextTokens!;
    expect(plan.estimate.usage).toMatchObject({ inputTextTokens: input, outputTextTokens: 400 });
    expect(plan.worstCaseNanoUsd).toBe((input * 1_000 + 400 * 4_000) / 2);
    expect(plan).toMatchObject({
      ...TERMS,
      model: "cheap",
      serviceTier: "batch",
      heldServiceTier: "batch",
      stream: false,
      job: { requests: 2, hasOnlyShortContexts: true },
    });
  });

  test("holds at the list price where a model has no price for batches", () => {
    const guard = guardOf();
    const { plan } = planBatch(guard, sumOf(line(guard, "untiered")), TERMS);
    const { usage } = plan.estimate;
    expect(plan).toMatchObject({ serviceTier: null, heldServiceTier: "default" });
    expect(plan.worstCaseNanoUsd).toBe(usage.inputTextTokens! * 1_000 + 100 * 4_000);
  });

  test("of several models is billed at the price of each, and named after the dearest part", () => {
    const guard = guardOf();
    const { plan } = planBatch(
      guard,
      sumOf(line(guard, "cheap"), line(guard, "dear"), line(guard, "cheap")),
      TERMS,
    );
    expect(plan.model).toBe("dear");
    expect(plan.job).toMatchObject({
      requests: 3,
      otherPrices: [{ model: "cheap", price: { model: "cheap" } }],
    });
    const each = line(guard, "cheap").plan.estimate.usage.inputTextTokens! * 1_000 + 400_000;
    expect(plan.worstCaseNanoUsd).toBe((each * 12) / 2);
  });

  test("is not long because many short requests are, but is if one of them is", () => {
    const guard = guardOf();
    const short = Array.from({ length: 100 }, () => line(guard, "long"));
    const sum = planBatch(guard, sumOf(...short), TERMS).plan;
    expect(sum.estimate.usage.inputTextTokens).toBeGreaterThan(500);
    expect(sum.price.longContext).toEqual([]);
    expect(sum.job!.hasOnlyShortContexts).toBe(true);
    const long = line(guard, "long", { messages: [{ role: "user", content: "x y ".repeat(2_000) }] });
    const mixed = planBatch(guard, sumOf(...short, long), TERMS).plan;
    expect(mixed.price.longContext).toHaveLength(1);
    expect(mixed.job!.hasOnlyShortContexts).toBeUndefined();
    expect(mixed.worstCaseNanoUsd).toBeGreaterThan(
      sum.worstCaseNanoUsd + long.plan.estimate.usage.inputTextTokens! * 1_000,
    );
  });

  test("bounds what a request leaves open by the model, since nothing can be added to it any more", () => {
    const guard = guardOf({ missingOutputLimit: { send: 7 } });
    const open = line(guard, "cheap", { max_tokens: undefined });
    expect(open.plan.estimate.usage.outputTextTokens).toBe(1_000);
    expect(open.additions).toEqual({});
  });

  test("survives as text, with the prices of when it is used", () => {
    const guard = guardOf();
    const sum = sumOf(line(guard, "cheap"), line(guard, "dear"));
    const text = sum.toText();
    expect(text.length).toBeLessThan(400);
    expect(planBatch(guard, BatchSum.fromText(text)!, TERMS)).toEqual(planBatch(guard, sum, TERMS));
    guard.prices.replaceSource({ version: "2", priceOf: () => DEAR });
    expect(planBatch(guard, BatchSum.fromText(text)!, TERMS).plan.worstCaseNanoUsd).toBeGreaterThan(
      planBatch(guardOf(), sum, TERMS).plan.worstCaseNanoUsd,
    );
    for (const broken of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      '{"models":[{}],"fees":{}}',
      '{"models":1,"fees":{}}',
    ]) {
      expect(BatchSum.fromText(broken), broken).toBeUndefined();
    }
  });

  test("needs prices, requests, and sums that can be counted", () => {
    const guard = guardOf();
    expect(() => line(guard, "unknown")).toThrow(PriceUnknownError);
    expect(() => planBatch(guard, new BatchSum(), TERMS)).toThrow(CallNotBoundedError);
    const sum = sumOf(line(guard, "cheap"));
    guard.prices.replaceSource({ version: "2", priceOf: () => undefined });
    expect(() => planBatch(guard, sum, TERMS)).toThrow(PriceUnknownError);
    const huge = line(guardOf(), "cheap");
    const usage = { inputTextTokens: Number.MAX_SAFE_INTEGER - 1 };
    const large = { ...huge, plan: { ...huge.plan, estimate: { ...huge.plan.estimate, usage } } };
    expect(() => sumOf(large, large)).toThrow(CallNotBoundedError);
    expect(() => planBatch(guardOf(), sumOf(large), TERMS)).toThrow(CallNotBoundedError);
  });

  test("names no more models than can be kept", () => {
    const one = line(guardOf(), "cheap");
    const named = (model: string): PlannedRequest => ({ ...one, plan: { ...one.plan, model } });
    const sum = new BatchSum();
    for (let i = 0; i < 100; i += 1) sum.add(named(`m${i}`));
    expect(() => sum.add(named("m100"))).toThrow(CallNotBoundedError);
    expect(() => sum.add(named("__proto__"))).toThrow(CallNotBoundedError);
    expect(sum.toText().length).toBeLessThan(20_000);
  });
});
