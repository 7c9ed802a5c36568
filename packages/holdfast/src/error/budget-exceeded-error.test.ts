import { describe, expect, it } from "vitest";
import { BudgetExceededError, type BudgetExceededDetails } from "./budget-exceeded-error.ts";

const base: BudgetExceededDetails = {
  budgetId: "tenant-day",
  scope: { tenant: "acme" },
  window: { id: "2026-11-20", startMs: Date.parse("2026-11-20"), endMs: Date.parse("2026-11-21") },
  dimension: "nanoUsd",
  limit: 5_000_000_000,
  spent: 4_000_000_000,
  held: 500_000_000,
  requested: 750_000_000,
  resetsAtMs: Date.parse("2026-11-21"),
  fitsAfterInFlight: false,
  maxOutputTokensThatFit: null,
};
const textOf = (given: Partial<BudgetExceededDetails>): string =>
  new BudgetExceededError({ ...base, ...given }).message;

const MONEY =
  'Budget "tenant-day" (tenant="acme") has no room for this call: it may need 0.75 USD, and the limit is 5 USD in ' +
  "window 2026-11-20, with 4 USD spent and 0.5 USD held by calls in flight.";

describe("what a denial says", () => {
  it.each<[string, Partial<BudgetExceededDetails>, string]>([
    ["money, with a reset", {}, `${MONEY} There will be room at 2026-11-21T00:00:00.000Z.`],
    ["money, without a reset", { resetsAtMs: null }, `${MONEY} Raise the limit or make the call smaller.`],
    [
      "calls in flight in the way",
      { fitsAfterInFlight: true },
      `${MONEY} It would fit once calls in flight have settled; try again shortly.`,
    ],
    [
      "calls in flight in the way, without a reset",
      { fitsAfterInFlight: true, resetsAtMs: null },
      `${MONEY} It would fit once calls in flight have settled; try again shortly.`,
    ],
    [
      "a smaller output would fit",
      { maxOutputTokensThatFit: 120 },
      `${MONEY} There will be room at 2026-11-21T00:00:00.000Z. An output limit of 120 tokens would fit now.`,
    ],
    [
      "no output would fit",
      { maxOutputTokensThatFit: 0, resetsAtMs: null },
      `${MONEY} Raise the limit or make the call smaller.`,
    ],
    [
      "calls",
      {
        dimension: "calls",
        limit: 200,
        spent: 199,
        held: 1,
        requested: 1,
        budgetId: "user-calls",
        scope: {},
      },
      'Budget "user-calls" has no room for this call: it may need 1 call, and the limit is 200 calls in window ' +
        "2026-11-20, with 199 calls spent and 1 call held by calls in flight. There will be room at 2026-11-21T00:00:00.000Z.",
    ],
  ])("%s", (_, given, text) => {
    expect(textOf(given)).toBe(text);
  });

  it.each([
    ["concurrentCalls", "the limit is 10 concurrent calls"],
    ["inputTokens", "the limit is 10 input tokens"],
    ["outputTokens", "the limit is 10 output tokens"],
    ["totalTokens", "the limit is 10 tokens"],
    ["nanoUsd", "the limit is 0.00000001 USD"],
  ] as const)("%s in its unit", (dimension, text) => {
    expect(textOf({ dimension, limit: 10 })).toContain(text);
  });

  it.each([
    ["calls", "may need 1 call, and"],
    ["concurrentCalls", "may need 1 concurrent call, and"],
    ["inputTokens", "may need 1 input token, and"],
    ["outputTokens", "may need 1 output token, and"],
    ["totalTokens", "may need 1 token, and"],
  ] as const)("one of %s in the singular", (dimension, text) => {
    expect(textOf({ dimension, requested: 1 })).toContain(text);
  });

  it("says of slots only how many are held: they are never spent", () => {
    const text = textOf({ dimension: "concurrentCalls", limit: 2, spent: 0, held: 2, requested: 1 });
    expect(text).toContain("with 2 concurrent calls held by calls in flight.");
    expect(text).not.toContain("spent");
  });

  it.each<[string, BudgetExceededDetails["scope"], string]>([
    ["no tags", {}, 'Budget "tenant-day" has no room'],
    ["several tags", { tenant: "a", user: "b" }, '(tenant="a", user="b")'],
    ["a call without the tag", { tenant: undefined }, "(tenant=(none))"],
    ["a value that would break the line", { tenant: "a\nb" }, '(tenant="a\\nb")'],
  ])("the scope: %s", (_, scope, text) => {
    expect(textOf({ scope })).toContain(text);
  });

  it("cuts a long value short", () => {
    expect(textOf({ scope: { tenant: "x".repeat(5_000) } }).length).toBeLessThan(500);
  });
});

describe("what a denial carries", () => {
  it("is every detail", () => {
    expect(new BudgetExceededError(base)).toMatchObject(base);
  });

  it.each([
    [{}, 250_000_000],
    [{ held: 0 }, -250_000_000 + 0],
    [{ dimension: "calls", limit: 10, spent: 10, held: 0, requested: 1 }, 1],
    [{ limit: 0, spent: 0, held: 0, requested: 7 }, 7],
  ] as [Partial<BudgetExceededDetails>, number][])("what is missing: %j", (given, missing) => {
    expect(new BudgetExceededError({ ...base, ...given }).missing).toBe(missing);
  });
});
