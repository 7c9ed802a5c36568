import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBudgets } from "./budget-config.ts";

const good = { id: "b", limit: { usd: "1" }, window: "day" };
const problemsOf = (...entries: unknown[]): string[] =>
  parseBudgets(entries).problems.map(({ field, problem }) => `${field} ${problem}`);

describe("a budget that is right", () => {
  it("is read in full", () => {
    const { budgets, problems } = parseBudgets([
      {
        id: "support-bot",
        match: { agent: "support-bot", tenant: ["a", "b"] },
        per: ["tenant", "user"],
        limit: { usd: "250", calls: 1, concurrentCalls: 2, inputTokens: 3, outputTokens: 4, totalTokens: 5 },
        window: "month",
        timeZone: "Europe/Berlin",
        onExpiry: "quarantine",
        onStoreFailure: { local: { usd: "2.5", calls: 10 } },
      },
    ]);
    expect(problems).toEqual([]);
    expect(budgets).toEqual([
      {
        id: "support-bot",
        match: [
          { tag: "agent", values: new Set(["support-bot"]) },
          { tag: "tenant", values: new Set(["a", "b"]) },
        ],
        per: ["tenant", "user"],
        limits: {
          nanoUsd: 250_000_000_000,
          calls: 1,
          concurrentCalls: 2,
          inputTokens: 3,
          outputTokens: 4,
          totalTokens: 5,
        },
        window: { kind: "calendar", unit: "month", timeZone: "Europe/Berlin" },
        onExpiry: "quarantine",
        onStoreFailure: { do: "local", limits: { nanoUsd: 2_500_000_000, calls: 10 } },
      },
    ]);
  });

  it("has stated defaults", () => {
    expect(parseBudgets([good]).budgets).toEqual([
      {
        id: "b",
        match: [],
        per: [],
        limits: { nanoUsd: 1_000_000_000 },
        window: { kind: "calendar", unit: "day", timeZone: "UTC" },
        onExpiry: "charge",
        onStoreFailure: { do: "closed" },
      },
    ]);
  });

  it.each([
    ["closed", { do: "closed" }],
    ["lease", { do: "lease" }],
    ["open", { do: "open" }],
    [{ local: { calls: 3 } }, { do: "local", limits: { calls: 3 } }],
  ] as const)("%j is a mode for outages", (onStoreFailure, expected) => {
    const { budgets, problems } = parseBudgets([{ ...good, onStoreFailure }]);
    expect(problems).toEqual([]);
    expect(budgets[0]?.onStoreFailure).toEqual(expected);
  });

  it.each([
    [{ window: "total" }, { kind: "total" }],
    [{ window: "hour" }, { kind: "calendar", unit: "hour", timeZone: "UTC" }],
    [{ window: "week" }, { kind: "calendar", unit: "week", timeZone: "UTC" }],
    [{ window: "quarter" }, { kind: "calendar", unit: "quarter", timeZone: "UTC" }],
    [{ window: "year" }, { kind: "calendar", unit: "year", timeZone: "UTC" }],
    [{ window: { rollingMs: 3_600_000 } }, { kind: "rolling", durationMs: 3_600_000, segments: 60 }],
    [{ window: { rollingMs: 10, segments: 5 } }, { kind: "rolling", durationMs: 10, segments: 5 }],
    [{ window: { rollingMs: 1, segments: 1 } }, { kind: "rolling", durationMs: 1, segments: 1 }],
  ])("%j is a window", (given, window) => {
    const { budgets, problems } = parseBudgets([{ ...good, ...given }]);
    expect(problems).toEqual([]);
    expect(budgets[0]?.window).toEqual(window);
  });

  it.each([
    [{ usd: "0" }, { nanoUsd: 0 }],
    [{ usd: "9007199.254740991" }, { nanoUsd: Number.MAX_SAFE_INTEGER }],
    [{ calls: 0 }, { calls: 0 }],
    [{ usd: undefined, calls: 5 }, { calls: 5 }],
    [{ totalTokens: Number.MAX_SAFE_INTEGER }, { totalTokens: Number.MAX_SAFE_INTEGER }],
  ])("%j is a limit", (limit, limits) => {
    expect(parseBudgets([{ ...good, limit }])).toMatchObject({ problems: [], budgets: [{ limits }] });
  });

  it("is a copy: what the application does to its object later changes no budget", () => {
    const config = { ...good, per: ["tenant"], match: { agent: ["a"] }, limit: { usd: "1" } };
    const { budgets } = parseBudgets([config]);
    const before = structuredClone(budgets);
    config.per.push("user");
    config.match.agent.push("b");
    config.limit.usd = "9";
    expect(budgets).toEqual(before);
  });
});

const COUNTED = "usd, calls, concurrentCalls, inputTokens, outputTokens, totalTokens";
const LIMIT = `budgets[0].limit must state at least one of ${COUNTED}, such as { usd: "250" }.`;
const ROLLING =
  "budgets[0].window must have rollingMs as a whole number of milliseconds that segments (default 60) divides evenly.";
const window = (shown: string): string =>
  `budgets[0].window must be one of hour, day, week, month, quarter, year, total, or { rollingMs }, not ${shown}.`;
const count = (key: string, shown: string): string =>
  `budgets[0].limit.${key} must be a whole number >= 0, not ${shown}.`;

describe("a budget that is wrong", () => {
  it.each<[unknown, string]>([
    [null, "budgets[0] must be an object with id, limit and window."],
    ["b", "budgets[0] must be an object with id, limit and window."],
    [[], "budgets[0] must be an object with id, limit and window."],
    [{ ...good, id: "" }, "budgets[0].id must be a string that is not empty."],
    [{ ...good, id: 7 }, "budgets[0].id must be a string that is not empty."],
    [{ limit: good.limit, window: "day" }, "budgets[0].id must be a string that is not empty."],
    [
      { ...good, limits: {} },
      "budgets[0].limits is not a known setting; known are id, match, per, limit, window, timeZone, onExpiry, onStoreFailure.",
    ],
    [
      { ...good, match: "x" },
      'budgets[0].match must be an object of tags, such as { agent: "support-bot" }.',
    ],
    [
      { ...good, match: null },
      'budgets[0].match must be an object of tags, such as { agent: "support-bot" }.',
    ],
    [{ ...good, match: { agent: 7 } }, "budgets[0].match.agent must be a string or a list of strings."],
    [{ ...good, match: { agent: [] } }, "budgets[0].match.agent must be a string or a list of strings."],
    [
      { ...good, match: { agent: ["a", 7] } },
      "budgets[0].match.agent must be a string or a list of strings.",
    ],
    [
      { ...good, match: { agent: undefined } },
      "budgets[0].match.agent must be a string or a list of strings.",
    ],
    [{ ...good, per: "tenant" }, 'budgets[0].per must be a list of tags, such as ["tenant"].'],
    [{ ...good, per: [7] }, 'budgets[0].per must be a list of tags, such as ["tenant"].'],
    [{ ...good, per: [""] }, 'budgets[0].per must be a list of tags, such as ["tenant"].'],
    [{ ...good, per: ["tenant", "tenant"] }, "budgets[0].per names a tag twice."],
    [{ ...good, limit: undefined }, LIMIT],
    [{ ...good, limit: null }, LIMIT],
    [{ ...good, limit: "5" }, LIMIT],
    [{ ...good, limit: {} }, LIMIT],
    [{ ...good, limit: { usd: undefined } }, LIMIT],
    [
      { ...good, limit: { dollars: "5" } },
      `budgets[0].limit.dollars is not a known setting; known are ${COUNTED}.`,
    ],
    [
      { ...good, limit: { usd: 5 } },
      'budgets[0].limit.usd must be a decimal string such as "12.50", not the number 5.',
    ],
    [
      { ...good, limit: { usd: "-1" } },
      'budgets[0].limit.usd must be a decimal string such as "12.50", not "-1".',
    ],
    [
      { ...good, limit: { usd: "0.0000000001" } },
      "budgets[0].limit.usd is finer than 1 nano-USD (9 decimal places).",
    ],
    [
      { ...good, limit: { usd: "9007200" } },
      "budgets[0].limit.usd is more than 9007199.254740991 USD, the largest amount that is counted exactly.",
    ],
    [{ ...good, limit: { calls: -1 } }, count("calls", "-1")],
    [{ ...good, limit: { calls: 1.5 } }, count("calls", "1.5")],
    [{ ...good, limit: { calls: "5" } }, count("calls", '"5"')],
    [{ ...good, limit: { concurrentCalls: NaN } }, count("concurrentCalls", "NaN")],
    [{ ...good, limit: { inputTokens: Infinity } }, count("inputTokens", "Infinity")],
    [{ ...good, limit: { outputTokens: 2 ** 53 } }, count("outputTokens", "9007199254740992")],
    [{ ...good, limit: { totalTokens: null } }, count("totalTokens", "null")],
    [
      { ...good, limit: { calls: Object.create(null) } },
      "budgets[0].limit.calls must be a whole number >= 0",
    ],
    [{ ...good, window: undefined }, window("undefined")],
    [{ ...good, window: "minute" }, window('"minute"')],
    [{ ...good, window: 7 }, window("7")],
    [{ ...good, window: {} }, ROLLING],
    [{ ...good, window: { rollingMs: 0 } }, ROLLING],
    [{ ...good, window: { rollingMs: 1.5 } }, ROLLING],
    [{ ...good, window: { rollingMs: 61 } }, ROLLING],
    [{ ...good, window: { rollingMs: 60, segments: 0 } }, ROLLING],
    [{ ...good, window: { rollingMs: 60, segments: 7 } }, ROLLING],
    [
      { ...good, window: { rollingMs: 60, slices: 7 } },
      "budgets[0].window.slices is not a known setting; known are rollingMs, segments.",
    ],
    [
      { ...good, timeZone: "Mars/Olympus" },
      'budgets[0].timeZone must be an IANA time zone such as "Europe/Berlin", not "Mars/Olympus".',
    ],
    [
      { ...good, timeZone: 7 },
      'budgets[0].timeZone must be an IANA time zone such as "Europe/Berlin", not 7.',
    ],
    [
      { ...good, window: "total", timeZone: "UTC" },
      "budgets[0].timeZone belongs to a calendar window only; leave it out.",
    ],
    [
      { ...good, window: { rollingMs: 60 }, timeZone: "UTC" },
      "budgets[0].timeZone belongs to a calendar window only; leave it out.",
    ],
    [
      { ...good, onExpiry: "keep" },
      'budgets[0].onExpiry must be one of charge, release, quarantine, not "keep".',
    ],
    [
      { ...good, onExpiry: null },
      "budgets[0].onExpiry must be one of charge, release, quarantine, not null.",
    ],
    [
      { ...good, onStoreFailure: "local" },
      'budgets[0].onStoreFailure must be "closed", "lease", "open" or { local: { usd } }, not "local".',
    ],
    [
      { ...good, onStoreFailure: { local: {} } },
      "budgets[0].onStoreFailure.local must state at least one of usd, calls",
    ],
    [
      { ...good, onStoreFailure: { local: { usd: "1" }, open: true } },
      "budgets[0].onStoreFailure.open is not a known setting; known are local.",
    ],
  ])("%j is told so, once, with its field", (entry, expected) => {
    const problems = problemsOf(entry);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it.each([undefined, null, {}, "b", 7])("budgets must be a list, not %j", (config) => {
    expect(parseBudgets(config)).toEqual({
      budgets: [],
      problems: [{ field: "budgets", problem: "must be an array of budgets." }],
    });
  });

  it("all problems of all budgets are listed at once, in order", () => {
    const fields = parseBudgets([
      {
        id: "",
        match: 1,
        per: 2,
        limit: { usd: 1, calls: -1, x: 1 },
        window: "x",
        timeZone: "UTC",
        onExpiry: 3,
        onStoreFailure: 4,
        y: 1,
      },
      good,
      { ...good, id: "c", limit: {} },
    ]).problems.map(({ field }) => field);
    expect(fields).toEqual([
      "budgets[0].y",
      "budgets[0].id",
      "budgets[0].match",
      "budgets[0].per",
      "budgets[0].limit.x",
      "budgets[0].limit.usd",
      "budgets[0].limit.calls",
      "budgets[0].timeZone",
      "budgets[0].window",
      "budgets[0].onExpiry",
      "budgets[0].onStoreFailure",
      "budgets[2].limit",
    ]);
  });

  it("an id that is taken is told so", () => {
    expect(problemsOf(good, { ...good, id: "c" }, good)).toEqual([
      "budgets[2].id is the id of budgets[0] too; give it its own.",
    ]);
  });

  it("an id that is taken is told so together with the other problems of either budget", () => {
    expect(problemsOf({ ...good, limit: {} }, good)).toEqual([
      LIMIT,
      "budgets[1].id is the id of budgets[0] too; give it its own.",
    ]);
  });

  it("whatever is written, it is answered and not thrown", () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true });
    const entry = fc.record(
      {
        id: anything,
        match: anything,
        per: anything,
        limit: anything,
        window: anything,
        timeZone: anything,
        onExpiry: anything,
        onStoreFailure: anything,
      },
      { requiredKeys: [] },
    );
    const limit = fc.record({ usd: anything, calls: anything, totalTokens: anything }, { requiredKeys: [] });
    fc.assert(
      fc.property(
        fc.oneof(
          anything,
          entry,
          limit.map((one) => ({ ...good, limit: one })),
        ),
        (one) => {
          const { budgets, problems } = parseBudgets([one]);
          expect(budgets.length === 1 || problems.length > 0).toBe(true);
          for (const { field, problem } of problems)
            expect(`${field} ${problem}`).toMatch(/^budgets\[0\].* .*\.$/s);
        },
      ),
      { numRuns: 500 },
    );
  });
});
