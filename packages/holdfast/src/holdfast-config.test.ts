import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError, type ConfigProblem } from "./error/config-error.ts";
import { parseConfig, type HoldfastConfig } from "./holdfast-config.ts";

const good: HoldfastConfig = { budgets: [{ id: "b", limit: { usd: "1" }, window: "day" }] };

function problemsOf(config: unknown): readonly ConfigProblem[] {
  try {
    parseConfig(config as HoldfastConfig);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const linesOf = (config: unknown): string[] =>
  problemsOf(config).map(({ field, problem }) => `${field} ${problem}`);

describe("defaults", () => {
  it("are all filled in", () => {
    expect(parseConfig({ budgets: [] })).toEqual({
      budgets: [],
      settings: {
        missingOutputLimit: "model-maximum",
        serverContext: "context-window",
        serviceTiers: ["default"],
        unknownModel: "refuse",
        unknownEndpoint: "refuse",
        allow: new Set(),
        settlement: {
          ambiguous: "charge",
          partial: "seen",
          unseenOutputTokens: 256,
          hiddenOutputTokensPerSecond: 1_000,
        },
        undispatchedTtlMs: 10_000,
        dispatchedTtlMs: 900_000,
        storeDeadlineMs: 2_000,
        storeBreaker: { failures: 5, cooldownMs: 1_000 },
      },
    });
  });

  it("give way to what is written", () => {
    const { settings } = parseConfig({
      ...good,
      estimate: {
        missingOutputLimit: { send: 500 },
        serverContext: { tokens: 9 },
        serviceTiers: ["default", "priority"],
        learnedFloor: 1,
      },
      settlement: {
        ambiguous: "release",
        partial: "hold",
        unseenOutputTokens: 0,
        hiddenOutputTokensPerSecond: 5,
      },
      unknownModel: "unmetered",
      unknownEndpoint: "alarm",
      allow: ["realtime"],
      undispatchedTtlMs: 1,
      dispatchedTtlMs: 2,
      storeDeadlineMs: 4,
      storeBreaker: { failures: 6, cooldownMs: 7 },
      eventQueueLimit: 3,
    });
    expect(settings).toEqual({
      missingOutputLimit: { send: 500 },
      serverContext: { tokens: 9 },
      serviceTiers: ["default", "priority"],
      unknownModel: "unmetered",
      unknownEndpoint: "alarm",
      allow: new Set(["realtime"]),
      settlement: {
        ambiguous: "release",
        partial: "hold",
        unseenOutputTokens: 0,
        hiddenOutputTokensPerSecond: 5,
      },
      undispatchedTtlMs: 1,
      dispatchedTtlMs: 2,
      storeDeadlineMs: 4,
      storeBreaker: { failures: 6, cooldownMs: 7 },
    });
  });

  it("know a ceiling for unknown models", () => {
    const { settings } = parseConfig({
      ...good,
      unknownModel: { ceiling: { inputPerMillion: "1", outputPerMillion: "2" } as never },
    });
    expect(settings.unknownModel).toBe("ceiling");
  });
});

const KNOWN =
  "budgets, store, prices, unknownModel, unknownEndpoint, allow, estimate, settlement, undispatchedTtlMs, dispatchedTtlMs, storeDeadlineMs, storeBreaker, outageJournal, eventQueueLimit, clock";

describe("a configuration that is wrong", () => {
  it.each<[object, string]>([
    [{ budget: [] }, `config.budget is not a known setting; known are ${KNOWN}.`],
    [{ prices: "x" }, "prices must be an object."],
    [
      { prices: { override: [] } },
      "prices.override is not a known setting; known are source, overrides, aliases.",
    ],
    [{ estimate: [] }, "estimate must be an object."],
    [
      { estimate: { floor: 1 } },
      "estimate.floor is not a known setting; known are estimator, missingOutputLimit, serverContext, serviceTiers, learnedFloor.",
    ],
    [{ settlement: null }, "settlement must be an object."],
    [
      { settlement: { unseen: 1 } },
      "settlement.unseen is not a known setting; known are ambiguous, partial, unseenOutputTokens, hiddenOutputTokensPerSecond.",
    ],
    [
      { estimate: { missingOutputLimit: "maximum" } },
      'estimate.missingOutputLimit must be "model-maximum" or { send: tokens }.',
    ],
    [
      { estimate: { missingOutputLimit: {} } },
      'estimate.missingOutputLimit must be "model-maximum" or { send: tokens }.',
    ],
    [
      { estimate: { missingOutputLimit: { send: 0 } } },
      'estimate.missingOutputLimit must be "model-maximum" or { send: tokens }.',
    ],
    [
      { estimate: { serverContext: "open" } },
      'estimate.serverContext must be "context-window", "refuse" or { tokens }.',
    ],
    [
      { estimate: { serverContext: { tokens: -1 } } },
      'estimate.serverContext must be "context-window", "refuse" or { tokens }.',
    ],
    [
      { estimate: { serviceTiers: [] } },
      'estimate.serviceTiers must be a list of tiers, such as ["default", "priority"].',
    ],
    [
      { estimate: { serviceTiers: "default" } },
      'estimate.serviceTiers must be a list of tiers, such as ["default", "priority"].',
    ],
    [
      { estimate: { serviceTiers: [1] } },
      'estimate.serviceTiers must be a list of tiers, such as ["default", "priority"].',
    ],
    [{ estimate: { learnedFloor: 0 } }, "estimate.learnedFloor must be a number above 0 and at most 1."],
    [{ estimate: { learnedFloor: 1.01 } }, "estimate.learnedFloor must be a number above 0 and at most 1."],
    [{ estimate: { learnedFloor: NaN } }, "estimate.learnedFloor must be a number above 0 and at most 1."],
    [{ estimate: { learnedFloor: "1" } }, "estimate.learnedFloor must be a number above 0 and at most 1."],
    [{ allow: "realtime" }, "allow must be a list of names out of realtime, agents, background"],
    [{ allow: [1] }, "allow must be a list of names out of realtime, agents, background"],
    [{ allow: ["realtme"] }, "allow must be a list of names out of realtime, agents, background"],
    [{ storeDeadlineMs: 0 }, "storeDeadlineMs must be a whole number > 0, not 0."],
    [{ outageJournal: 3 }, "outageJournal must be the path of a file, not 3."],
    [{ storeBreaker: 3 }, "storeBreaker must be an object."],
    [{ storeBreaker: { failures: 0 } }, "storeBreaker.failures must be a whole number > 0, not 0."],
    [{ storeBreaker: { cooldown: 1 } }, "storeBreaker.cooldown is not a known setting"],
    [
      { budgets: [{ id: "b", limit: { calls: 1 }, window: "day", onStoreFailure: "lease" }] },
      'budgets.onStoreFailure of budget "b" is "lease", which needs a store made by leased(...).',
    ],
    [{ unknownModel: "open" }, 'unknownModel must be "refuse" or "unmetered" or { ceiling: prices }.'],
    [{ unknownModel: {} }, 'unknownModel must be "refuse" or "unmetered" or { ceiling: prices }.'],
    [{ unknownModel: "ceiling" }, 'unknownModel must be "refuse" or "unmetered" or { ceiling: prices }.'],
    [{ unknownEndpoint: "allow" }, 'unknownEndpoint must be "refuse" or "alarm".'],
    [{ settlement: { ambiguous: "free" } }, 'settlement.ambiguous must be "charge" or "release".'],
    [{ settlement: { partial: "none" } }, 'settlement.partial must be "seen" or "hold".'],
    [
      { settlement: { unseenOutputTokens: -1 } },
      "settlement.unseenOutputTokens must be a whole number >= 0, not -1.",
    ],
    [
      { settlement: { hiddenOutputTokensPerSecond: 0.5 } },
      "settlement.hiddenOutputTokensPerSecond must be a whole number >= 0, not 0.5.",
    ],
    [{ undispatchedTtlMs: 0 }, "undispatchedTtlMs must be a whole number > 0, not 0."],
    [{ undispatchedTtlMs: "10s" }, 'undispatchedTtlMs must be a whole number > 0, not "10s".'],
    [{ dispatchedTtlMs: Infinity }, "dispatchedTtlMs must be a whole number > 0, not Infinity."],
    [{ dispatchedTtlMs: 2 ** 53 }, "dispatchedTtlMs must be a whole number > 0, not 9007199254740992."],
    [{ eventQueueLimit: 0 }, "eventQueueLimit must be a whole number > 0, not 0."],
    [{ budgets: undefined }, "budgets must be an array of budgets."],
    [
      { budgets: [{ id: "b", limit: { usd: "x" }, window: "day" }] },
      "budgets[0].limit.usd must be a decimal string",
    ],
  ])("%j is told so, once, with its field", (given, expected) => {
    const lines = linesOf({ ...good, ...given });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(expected);
  });

  it.each([undefined, null, [], "x", 7])("%j is no configuration", (config) => {
    expect(linesOf(config)).toEqual(["config must be an object with budgets."]);
  });

  it("is told all problems at once, and the message lists them", () => {
    const config = {
      budgets: [{ id: "", limit: {}, window: "day" }],
      nonsense: 1,
      estimate: { learnedFloor: 2, more: 1 },
      settlement: 7,
      allow: 3,
      unknownEndpoint: 4,
      dispatchedTtlMs: -1,
    };
    const fields = problemsOf(config).map(({ field }) => field);
    expect(fields.toSorted()).toEqual([
      "allow",
      "budgets[0].id",
      "budgets[0].limit",
      "config.nonsense",
      "dispatchedTtlMs",
      "estimate.learnedFloor",
      "estimate.more",
      "settlement",
      "unknownEndpoint",
    ]);
    expect(() => parseConfig(config as never)).toThrow(
      /^Invalid Holdfast configuration:\n(?: {2}\S+ .+\.\n?){9}$/,
    );
  });

  it("is answered with a ConfigError, whatever is written", () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true });
    const field = fc.constantFrom(
      "prices",
      "unknownModel",
      "unknownEndpoint",
      "allow",
      "estimate",
      "settlement",
      "undispatchedTtlMs",
      "eventQueueLimit",
    );
    fc.assert(
      fc.property(fc.dictionary(field, anything), (given) => {
        for (const { field: at, problem } of problemsOf({ ...good, ...given }))
          expect(`${at} ${problem}`).toMatch(/\.$/);
      }),
      { numRuns: 500 },
    );
  });
});
