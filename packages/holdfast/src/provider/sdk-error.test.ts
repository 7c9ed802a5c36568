import { describe, expect, it } from "vitest";
import { BudgetExceededError } from "../error/budget-exceeded-error.ts";
import { CallNotAllowedError } from "../error/call-not-allowed-error.ts";
import { HoldfastError } from "../error/holdfast-error.ts";
import { asSdkError } from "./sdk-error.ts";

class Plain extends Error {}

/** As the one of @google/genai: it takes options, and sets its own name and prototype. */
class Peculiar extends Error {
  status: number;
  constructor(options: { readonly message: string; readonly status: number }) {
    super(options.message);
    this.name = "Peculiar";
    this.status = options.status;
    Object.setPrototypeOf(this, Peculiar.prototype);
  }
}

describe.each([Plain, Peculiar as unknown as typeof Plain])("a member of the family of %o", (Base) => {
  const given = new CallNotAllowedError("not this one");
  const error = asSdkError(given, Base) as CallNotAllowedError;

  it("is both", () => {
    expect(error).toBeInstanceOf(Base);
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).not.toBeInstanceOf(BudgetExceededError);
  });

  it("says the same", () => {
    expect(error.message).toBe("not this one");
    expect(error.name).toBe("CallNotAllowedError");
    expect(error.code).toBe("CALL_NOT_ALLOWED");
    expect(error.stack).toBe(given.stack);
    expect(error.constructor.name).toBe("CallNotAllowedError");
    expect(error).not.toHaveProperty("status");
  });

  it("is made once", () => {
    expect(asSdkError(error, Base)).toBe(error);
    expect(Object.getPrototypeOf(asSdkError(new CallNotAllowedError("x"), Base))).toBe(
      Object.getPrototypeOf(error),
    );
  });
});

it("other errors, and errors without a family, stay what they are", () => {
  const other = new TypeError("x");
  expect(asSdkError(other, Plain)).toBe(other);
  const own = new CallNotAllowedError("x");
  expect(asSdkError(own, undefined)).toBe(own);
});
