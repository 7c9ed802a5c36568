import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import { amounts, areValidAmounts, DIMENSIONS, NO_AMOUNTS, type Amounts, type Limits } from "./amounts.ts";
import type { AdjustOperation, OverrideOperation, ReserveOperation, Scope } from "./ledger-store.ts";
import {
  requireAmounts,
  requireDelta,
  requireLimits,
  requirePositive,
  sameAdjustment,
  sameAmounts,
  sameOverride,
  sameReservation,
} from "./operation-checks.ts";

const BAD = [-1, 0.5, NaN, Infinity, -Infinity, 2 ** 53, 1e300, "5", null, undefined, 5n, {}];
const GOOD = [0, 1, Number.MAX_SAFE_INTEGER];
const each = DIMENSIONS.flatMap((dimension) => BAD.map((value) => [dimension, value] as const));

function scope(key: string): Scope {
  return { key, budgetId: key, values: {}, window: { kind: "total" }, limits: {}, onExpiry: "charge" };
}

describe("requireAmounts", () => {
  it.each(each)("refuses %s of %s by name", (dimension, value) => {
    const given = { ...NO_AMOUNTS, [dimension]: value } as Amounts;
    expect(() => requireAmounts(given)).toThrow(OperationInvalidError);
    expect(() => requireAmounts(given)).toThrow(
      `amounts.${dimension} must be a safe integer >= 0, not ${String(value)}`,
    );
    expect(areValidAmounts(given)).toBe(false);
  });

  it.each(GOOD)("takes %d in every dimension", (value) => {
    const given = Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, value])) as Amounts;
    expect(() => requireAmounts(given)).not.toThrow();
    expect(areValidAmounts(given)).toBe(true);
  });

  it.each(DIMENSIONS)("misses %s when it is left out", (dimension) => {
    const { [dimension]: _, ...rest } = NO_AMOUNTS;
    expect(() => requireAmounts(rest as Amounts)).toThrow(`amounts.${dimension} must be`);
  });
});

describe("requireLimits", () => {
  it.each(each.filter(([, value]) => value !== undefined))("refuses %s of %s by name", (dimension, value) => {
    const check = (): void => requireLimits({ [dimension]: value } as Limits, "scopes[0].limits");
    expect(check).toThrow(OperationInvalidError);
    expect(check).toThrow(`scopes[0].limits.${dimension} must be a safe integer >= 0, not ${String(value)}`);
  });

  it.each([{}, { nanoUsd: undefined }, { nanoUsd: 0 }, { calls: Number.MAX_SAFE_INTEGER }])(
    "takes %j",
    (limits) => {
      expect(() => requireLimits(limits, "limits")).not.toThrow();
    },
  );
});

describe("requirePositive", () => {
  it.each([...BAD, 0])("refuses %s", (value) => {
    const check = (): void => requirePositive(value as number, "ttlMs");
    expect(check).toThrow(OperationInvalidError);
    expect(check).toThrow(`ttlMs must be a whole number > 0, not ${String(value)}`);
  });

  it.each([1, Number.MAX_SAFE_INTEGER])("takes %d", (value) => {
    expect(() => requirePositive(value, "ttlMs")).not.toThrow();
  });
});

describe("requireDelta", () => {
  const bad = each.filter(([, value]) => value !== undefined && value !== -1);
  it.each(bad)("refuses %s of %s by name", (dimension, value) => {
    const check = (): void => requireDelta({ [dimension]: value } as Partial<Amounts>);
    expect(check).toThrow(OperationInvalidError);
    expect(check).toThrow(`adjust.delta.${dimension} must be a safe integer, not`);
  });

  it.each([{}, { nanoUsd: -5 }, { calls: 5, nanoUsd: Number.MIN_SAFE_INTEGER }])("takes %j", (delta) => {
    expect(() => requireDelta(delta)).not.toThrow();
  });
});

describe("what counts as the same operation", () => {
  const reserve: ReserveOperation = {
    operationId: "1",
    scopes: [scope("a"), scope("b")],
    amounts: amounts({ nanoUsd: 5 }),
    undispatchedTtlMs: 10,
  };

  it.each<[string, Partial<ReserveOperation>, boolean]>([
    ["itself", {}, true],
    ["with another time to live", { undispatchedTtlMs: 20 }, true],
    ["with one scope less", { scopes: [scope("a")] }, false],
    ["with one scope more", { scopes: [scope("a"), scope("b"), scope("c")] }, false],
    ["with another scope", { scopes: [scope("a"), scope("c")] }, false],
    ["with the scopes in another order", { scopes: [scope("b"), scope("a")] }, false],
    ["with other money", { amounts: amounts({ nanoUsd: 6 }) }, false],
    ["with another count", { amounts: amounts({ nanoUsd: 5, calls: 1 }) }, false],
  ])("a reservation %s", (_, other, expected) => {
    expect(sameReservation(reserve.scopes, reserve.amounts, { ...reserve, ...other })).toBe(expected);
  });

  const adjust: AdjustOperation = { operationId: "1", scope: scope("a"), delta: { nanoUsd: -5 } };
  it.each<[string, Partial<AdjustOperation>, boolean]>([
    ["itself", {}, true],
    ["with an explicit zero", { delta: { nanoUsd: -5, calls: 0 } }, true],
    ["with another scope", { scope: scope("b") }, false],
    ["with another sign", { delta: { nanoUsd: 5 } }, false],
    ["with another dimension", { delta: { calls: -5 } }, false],
  ])("an adjustment %s", (_, other, expected) => {
    expect(sameAdjustment(adjust, { ...adjust, ...other })).toBe(expected);
  });

  const override: OverrideOperation = {
    operationId: "1",
    scope: scope("a"),
    extra: { nanoUsd: 5 },
    ttlMs: 10,
  };
  it.each<[string, Partial<OverrideOperation>, boolean]>([
    ["itself", {}, true],
    ["with another time", { ttlMs: 11 }, false],
    ["with another scope", { scope: scope("b") }, false],
    ["with another amount", { extra: { nanoUsd: 6 } }, false],
    ["with another dimension", { extra: { nanoUsd: 5, calls: 1 } }, false],
  ])("an override %s", (_, other, expected) => {
    expect(sameOverride(override, { ...override, ...other })).toBe(expected);
  });

  it("amounts are the same when every dimension is", () => {
    const dimension = fc.constantFrom(...DIMENSIONS);
    const amount = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(dimension, amount, amount, (one, a, b) => {
        expect(sameAmounts(amounts({ [one]: a }), amounts({ [one]: b }))).toBe(a === b);
      }),
    );
  });
});
