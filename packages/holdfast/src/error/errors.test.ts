import { describe, expect, it } from "vitest";
import { AttributionError } from "./attribution-error.ts";
import { BudgetExceededError } from "./budget-exceeded-error.ts";
import { CallNotAllowedError } from "./call-not-allowed-error.ts";
import { CallNotBoundedError } from "./call-not-bounded-error.ts";
import { ClientNotSupportedError } from "./client-not-supported-error.ts";
import { ConfigError } from "./config-error.ts";
import { HoldfastClosedError } from "./holdfast-closed-error.ts";
import { HoldfastError } from "./holdfast-error.ts";
import { OperationInvalidError } from "./operation-invalid-error.ts";
import { PriceUnknownError } from "./price-unknown-error.ts";
import { StoreDataLossError } from "./store-data-loss-error.ts";
import { StoreSetupError } from "./store-setup-error.ts";
import { StoreUnavailableError } from "./store-unavailable-error.ts";

type ErrorClass = abstract new (...args: never[]) => HoldfastError;

const budgetExceeded = new BudgetExceededError({
  budgetId: "b",
  scope: {},
  window: { id: "w", startMs: 0, endMs: null },
  dimension: "nanoUsd",
  limit: 1,
  spent: 0,
  held: 0,
  requested: 2,
  resetsAtMs: null,
  fitsAfterInFlight: false,
  maxOutputTokensThatFit: null,
});

const ALL: readonly [name: string, ErrorClass, HoldfastError, code: string][] = [
  ["BudgetExceededError", BudgetExceededError, budgetExceeded, "BUDGET_EXCEEDED"],
  ["ConfigError", ConfigError, new ConfigError([]), "CONFIG_INVALID"],
  ["AttributionError", AttributionError, new AttributionError("user", "is wrong."), "ATTRIBUTION_INVALID"],
  ["PriceUnknownError", PriceUnknownError, new PriceUnknownError("openai", "x"), "PRICE_UNKNOWN"],
  ["CallNotBoundedError", CallNotBoundedError, new CallNotBoundedError("m"), "CALL_NOT_BOUNDED"],
  ["CallNotAllowedError", CallNotAllowedError, new CallNotAllowedError("m"), "CALL_NOT_ALLOWED"],
  [
    "ClientNotSupportedError",
    ClientNotSupportedError,
    new ClientNotSupportedError("m"),
    "CLIENT_NOT_SUPPORTED",
  ],
  ["StoreSetupError", StoreSetupError, new StoreSetupError("m"), "STORE_SETUP"],
  ["StoreDataLossError", StoreDataLossError, new StoreDataLossError("m"), "STORE_DATA_LOSS"],
  ["StoreUnavailableError", StoreUnavailableError, new StoreUnavailableError("m"), "STORE_UNAVAILABLE"],
  ["OperationInvalidError", OperationInvalidError, new OperationInvalidError("m"), "OPERATION_INVALID"],
  ["HoldfastClosedError", HoldfastClosedError, new HoldfastClosedError("m"), "HOLDFAST_CLOSED"],
];

/** As the same class of another copy of the package makes it. */
function foreign(code: string): Error {
  class Foreign extends Error {
    readonly code = code;
    constructor() {
      super("from another copy");
      Object.defineProperty(this, Symbol.for("holdfast.error"), { value: true });
    }
  }
  return new Foreign();
}

describe.each(ALL)("%s", (name, Class, error, code) => {
  it("has its name and its code, and is an Error with a stack", () => {
    expect([error.name, error.code]).toEqual([name, code]);
    expect(Object.prototype.toString.call(error)).toBe("[object Error]");
    expect(error.stack).toContain(error.message.split("\n")[0]);
  });

  it("is itself and a HoldfastError, and none of the others", () => {
    expect(ALL.filter(([, Other]) => error instanceof Other).map(([other]) => other)).toEqual([name]);
    expect(error instanceof HoldfastError && error instanceof Error).toBe(true);
    expect(HoldfastError.isHoldfastError(error)).toBe(true);
  });

  it("is recognised when another copy of the package made it", () => {
    const other: unknown = foreign(code);
    expect(other instanceof Class).toBe(true);
    expect(other instanceof HoldfastError).toBe(true);
    expect(ALL.filter(([, Other]) => other instanceof Other).map(([one]) => one)).toEqual([name]);
  });

  it.each<[string, unknown]>([
    ["a plain error", new Error("x")],
    ["an error with the code and no mark", Object.assign(new Error("x"), { code })],
    ["an object with the code", { code }],
    ["the code", code],
    ["null", null],
    ["undefined", undefined],
    ["a number", 1],
    ["the class", Class],
    ["a foreign error with another code", foreign("SOMETHING_ELSE")],
  ])("does not recognise %s", (_, value) => {
    expect(value instanceof Class).toBe(false);
  });

  it("does not show its mark when it is inspected or copied", () => {
    expect(Object.keys(error)).not.toContain("holdfast.error");
    expect(Object.getOwnPropertySymbols({ ...error })).toEqual([]);
  });
});

describe("HoldfastError", () => {
  it("is recognised by its mark, not by a code of ours", () => {
    expect(foreign("FUTURE_CODE") instanceof HoldfastError).toBe(true);
    expect(HoldfastError.isHoldfastError({ [Symbol.for("holdfast.error")]: "yes" })).toBe(false);
  });

  it("carries a cause, and only when there is one", () => {
    const cause = new Error("ECONNRESET");
    expect(new StoreUnavailableError("m", { cause }).cause).toBe(cause);
    expect("cause" in new StoreUnavailableError("m")).toBe(false);
    expect("cause" in new StoreUnavailableError("m", {})).toBe(false);
  });
});

describe("messages", () => {
  it("ConfigError lists every problem with its field", () => {
    const problems = [
      { field: "budgets[0].limit.usd", problem: "must be x." },
      { field: "allow", problem: "must be y." },
    ];
    const error = new ConfigError(problems);
    expect(error.message).toBe(
      "Invalid Holdfast configuration:\n  budgets[0].limit.usd must be x.\n  allow must be y.",
    );
    expect(error.problems).toEqual(problems);
  });

  it("PriceUnknownError names the model and what to configure", () => {
    const error = new PriceUnknownError("openai", "my-model");
    expect(error.message).toBe(
      'No price is known for openai model "my-model", so its cost cannot be held. ' +
        "Add it under prices.overrides or prices.aliases, or set unknownModel to a ceiling.",
    );
    expect([error.provider, error.model]).toEqual(["openai", "my-model"]);
  });

  it("PriceUnknownError names the detail", () => {
    expect(new PriceUnknownError("openai", "m", 'service tier "x"').message).toContain(
      '"m" (service tier "x"), so',
    );
  });

  it.each([
    ["a model name", new PriceUnknownError("openai", "x".repeat(5_000)).message, 500],
    ["a tag", new AttributionError("x".repeat(5_000), "is wrong.").message, 200],
  ])("cut %s short", (_, message, most) => {
    expect(message.length).toBeLessThan(most);
  });

  it("AttributionError quotes the tag, so that it cannot break a log line", () => {
    expect(new AttributionError("a\nb", "is wrong.").message).toBe('Attribution "a\\nb" is wrong.');
  });
});
