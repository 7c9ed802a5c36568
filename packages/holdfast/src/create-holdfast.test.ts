import { describe, expect, it } from "vitest";
import { type PriceSource } from "@holdfast/prices";
import {
  beginNow,
  fakeClock,
  planOf,
  watchEvents,
  type FakeClock,
  type Seen,
} from "../test/support/guard-kit.ts";
import { mergeAttribution } from "./attribution/attribution.ts";
import { createHoldfast } from "./create-holdfast.ts";
import { AttributionError } from "./error/attribution-error.ts";
import { ConfigError } from "./error/config-error.ts";
import type { Attempt } from "./guard/guarded-call.ts";
import type { Holdfast } from "./holdfast.ts";
import type { HoldfastConfig } from "./holdfast-config.ts";
import { guardOf } from "./provider/guard-access.ts";

/** 200,000 nano-USD a call: two calls a day and tenant. */
const budgets = [{ id: "b", per: ["tenant"], limit: { usd: "0.0004" }, window: "day" as const }];
const scope = { tenant: "acme" };

interface Kit {
  readonly holdfast: Holdfast;
  readonly clock: FakeClock;
  start(): Attempt;
  events(): Promise<Seen>;
}

function kit(config: Partial<HoldfastConfig> = {}): Kit {
  const clock = fakeClock("2026-11-20T12:00:00Z");
  const holdfast = createHoldfast({ budgets, clock, ...config });
  const seen = watchEvents(holdfast);
  return {
    holdfast,
    clock,
    start: () => beginNow(guardOf(holdfast).startCall(planOf(), mergeAttribution(scope))),
    events: async () => {
      await holdfast.flush();
      return seen;
    },
  };
}

describe("createHoldfast", () => {
  const source: PriceSource = { version: "mine", priceOf: () => undefined };

  it("refuses a wrong configuration before any call", () => {
    expect(() => createHoldfast({} as HoldfastConfig)).toThrow(ConfigError);
    expect(() => createHoldfast({ budgets: [{ id: "", limit: {}, window: "day" }] })).toThrow(ConfigError);
  });

  it("own prices win over the dated ones, and aliases name priced models", () => {
    const overrides = [
      { provider: "openai", model: "own", inputUsdPerMillion: "1", outputUsdPerMillion: "2" },
    ];
    const guard = guardOf(
      createHoldfast({ budgets: [], prices: { overrides, aliases: { "my-deployment": "gpt-5-mini" } } }),
    );
    expect(guard.servedPrice("openai", "own")?.source).toBe("override");
    expect(guard.servedPrice("openai", "my-deployment")?.model).toBe("gpt-5-mini");
    expect(guard.servedPrice("openai", "gpt-5-mini")).toBeDefined();
  });

  it.each([{ overrides: [] }, { aliases: {} }])(
    "a price source together with %j is refused: neither is ignored in silence",
    (own) => {
      expect(() => createHoldfast({ budgets: [], prices: { source, ...own } })).toThrow(
        /prices\.source cannot be given together/,
      );
      expect(() => createHoldfast({ budgets: [], prices: { source } })).not.toThrow();
    },
  );

  it.each<[string, Partial<HoldfastConfig>]>([
    [
      "a price as a number",
      { prices: { overrides: [{ provider: "openai", model: "own", inputUsdPerMillion: 1 as never }] } },
    ],
    ["an override without prices", { prices: { overrides: [{ provider: "openai", model: "own" }] } }],
    ["a ceiling without prices", { unknownModel: { ceiling: {} } }],
  ])("names %s as a problem of the configuration", (_, given) => {
    expect(() => createHoldfast({ budgets: [], ...given })).toThrow(ConfigError);
  });

  it("other prices hold from the next call on, with an event", async () => {
    const { holdfast, events } = kit();
    const guard = guardOf(holdfast);
    expect(guard.servedPrice("openai", "gpt-5-mini")).toBeDefined();
    holdfast.replacePrices(source);
    expect(guard.servedPrice("openai", "gpt-5-mini")).toBeUndefined();
    expect((await events())["prices-changed"]).toMatchObject([{ version: "mine" }]);
  });

  it("its attribution nests, and refuses what is not text", () => {
    const { holdfast } = kit();
    const { context } = guardOf(holdfast);
    const seen = holdfast.with({ tenant: "a", user: "1" }, () =>
      holdfast.with({ user: "2" }, () => ({ ...context.current() })),
    );
    expect(seen).toEqual({ tenant: "a", user: "2" });
    expect(() => holdfast.with({ user: 7 as never }, () => 1)).toThrow(AttributionError);
  });

  it("shows nothing of its insides, and is told from other objects", () => {
    const { holdfast } = kit();
    expect(Object.keys(holdfast)).toEqual([]);
    expect(JSON.stringify(holdfast)).toBe("{}");
    for (const odd of [{}, Object.create(null) as object]) expect(() => guardOf(odd)).toThrow(ConfigError);
  });

  it("on and off give the Holdfast back, and stop listening", async () => {
    const { holdfast, start } = kit();
    const heard: string[] = [];
    const listener = (): void => void heard.push("x");
    expect(holdfast.on("usage", listener).off("usage", listener)).toBe(holdfast);
    start().end({ class: "not-sent" });
    await holdfast.flush();
    expect(heard).toEqual([]);
  });
});
