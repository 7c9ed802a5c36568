import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeAttribution, type Attribution } from "../attribution/attribution.ts";
import { parseBudgets, type BudgetConfig } from "./budget-config.ts";
import { scopeOf, scopesOf, type Budget } from "./budget.ts";

function budget(given: Partial<BudgetConfig> = {}): Budget {
  const { budgets, problems } = parseBudgets([{ id: "b", limit: { usd: "1" }, window: "day", ...given }]);
  expect(problems).toEqual([]);
  return budgets[0]!;
}

const counted = (one: Budget, attribution: Attribution): boolean =>
  scopesOf([one], mergeAttribution(attribution)).length === 1;
const keyOf = (one: Budget, attribution: Attribution): string =>
  scopeOf(one, mergeAttribution(attribution)).key;

describe("which calls a budget counts", () => {
  it.each<[string, BudgetConfig["match"], Attribution, boolean]>([
    ["no match: every call", undefined, {}, true],
    ["an empty match: every call", {}, { agent: "x" }, true],
    ["the value", { agent: "bot" }, { agent: "bot" }, true],
    ["the value among other tags", { agent: "bot" }, { agent: "bot", user: "1" }, true],
    ["another value", { agent: "bot" }, { agent: "Bot" }, false],
    ["a missing tag", { agent: "bot" }, { user: "bot" }, false],
    ["one of several values", { agent: ["a", "b"] }, { agent: "b" }, true],
    ["none of several values", { agent: ["a", "b"] }, { agent: "c" }, false],
    ["all of several tags", { agent: "bot", tenant: "t" }, { agent: "bot", tenant: "t" }, true],
    ["some of several tags", { agent: "bot", tenant: "t" }, { agent: "bot" }, false],
    ["the empty text", { agent: "" }, { agent: "" }, true],
    ["the empty text against no tag", { agent: "" }, {}, false],
    ["the word undefined against no tag", { agent: "undefined" }, {}, false],
    ["an inherited name", { constructor: "x" }, {}, false],
  ])("%s", (_, match, attribution, expected) => {
    expect(counted(budget(match === undefined ? {} : { match }), attribution)).toBe(expected);
  });
});

describe("scopesOf", () => {
  it("answers the scopes of all matching budgets in the order of the budgets", () => {
    const budgets = [
      budget({ id: "z" }),
      budget({ id: "other", match: { agent: "x" } }),
      budget({ id: "a", per: ["tenant"] }),
    ];
    const scopes = scopesOf(budgets, mergeAttribution({ tenant: "acme" }));
    expect(scopes.map(({ budgetId, values }) => [budgetId, { ...values }])).toEqual([
      ["z", {}],
      ["a", { tenant: "acme" }],
    ]);
  });

  it("is empty without budgets", () => {
    expect(scopesOf([], mergeAttribution({ user: "1" }))).toEqual([]);
  });

  it("carries the limits, the window and the policy of the budget", () => {
    const one = budget({ limit: { usd: "5", calls: 3 }, window: "total", onExpiry: "quarantine" });
    expect(scopeOf(one, {})).toMatchObject({
      limits: { nanoUsd: 5_000_000_000, calls: 3 },
      window: { kind: "total" },
      onExpiry: "quarantine",
    });
  });
});

describe("a counter per value", () => {
  it("counts a call without the tag in the scope of no value", () => {
    const one = budget({ per: ["tenant"] });
    const [scope] = scopesOf([one], mergeAttribution({}));
    expect({ ...scope?.values }).toEqual({ tenant: undefined });
  });

  it("tells no value from every value", () => {
    const one = budget({ per: ["tenant"] });
    const values = ["", "~", "undefined", "null", "(none)", "~IiI", "b/~"];
    const keys = [keyOf(one, {}), ...values.map((tenant) => keyOf(one, { tenant }))];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each<[string, readonly string[], Attribution, Attribution]>([
    ["a:b vs a + b:c", ["tenant", "user"], { tenant: "a", user: "b:c" }, { tenant: "a:b", user: "c" }],
    ["a/b + c vs a + b/c", ["tenant", "user"], { tenant: "a/b", user: "c" }, { tenant: "a", user: "b/c" }],
    ["swapped values", ["tenant", "user"], { tenant: "a", user: "b" }, { tenant: "b", user: "a" }],
    ["which one is missing", ["tenant", "user"], { tenant: "a" }, { user: "a" }],
    ["case", ["tenant"], { tenant: "Acme" }, { tenant: "acme" }],
    ["composed and decomposed", ["tenant"], { tenant: "\u00e9" }, { tenant: "e\u0301" }],
    ["a trailing space", ["tenant"], { tenant: "acme " }, { tenant: "acme" }],
    ["lone surrogates", ["tenant"], { tenant: "\ud800" }, { tenant: "\udc00" }],
  ])("keeps apart: %s", (_, per, a, b) => {
    const one = budget({ per });
    expect(keyOf(one, a)).not.toBe(keyOf(one, b));
  });

  it("keeps budgets apart, whatever their ids and values contain", () => {
    expect(keyOf(budget({ id: "a/b" }), {})).not.toBe(keyOf(budget({ id: "a", per: ["t"] }), { t: "b" }));
    expect(keyOf(budget({ id: "a", per: ["t"] }), {})).not.toBe(keyOf(budget({ id: "a/~" }), {}));
  });

  it("ignores tags that it is not counted per", () => {
    const one = budget({ per: ["tenant"] });
    expect(keyOf(one, { tenant: "a", user: "1" })).toBe(keyOf(one, { tenant: "a", user: "2" }));
  });

  it("does not take one budget counted per another tag for the same counter", () => {
    const byTenant = budget({ per: ["tenant"] });
    const byUser = budget({ per: ["user"] });
    expect(keyOf(byTenant, { tenant: "acme" })).not.toBe(keyOf(byUser, { user: "acme" }));
  });

  it("is injective over budget id and values", () => {
    const text = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom("/", ":", "~", "a", "b", "a/b", "~~"));
    const value = fc.option(text, { nil: undefined });
    const point = fc.record({ id: text.filter((id) => id !== ""), tenant: value, user: value });
    fc.assert(
      fc.property(point, point, (a, b) => {
        const key = ({ id, ...tags }: typeof a): string =>
          keyOf(budget({ id, per: ["tenant", "user"] }), tags);
        expect(key(a) === key(b)).toBe(a.id === b.id && a.tenant === b.tenant && a.user === b.user);
      }),
    );
  });

  it("takes hostile tag names and values without harm", () => {
    const one = budget({ per: ["__proto__", "constructor"] });
    const attribution = mergeAttribution(JSON.parse('{"__proto__":"p","constructor":"c"}') as Attribution);
    const scope = scopeOf(one, attribution);
    expect(scope.values["__proto__"]).toBe("p");
    expect(scope.key).not.toBe(keyOf(one, JSON.parse('{"__proto__":"c","constructor":"p"}') as Attribution));
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});
