import { describe, expect, it } from "vitest";
import { PriceDataError, createPriceSource, parsePriceData } from "../src/index.ts";

const NOW = Date.UTC(2026, 10, 20);

describe("data of the caller", () => {
  const data = [
    {
      id: "openai",
      models: [
        {
          id: "gpt-5",
          match: { equals: "gpt-5" },
          context_window: 400000,
          prices: [
            { prices: { input_mtok: 1 } },
            { constraint: { start_date: "2026-12-01" }, prices: { input_mtok: 0.5 } },
          ],
        },
      ],
    },
  ];

  it("replaces the bundled data in this source only", () => {
    const custom = createPriceSource({
      providers: parsePriceData(JSON.stringify(data)),
      version: "refresh-1",
    });
    expect(custom.priceOf("openai", "gpt-5", NOW)).toMatchObject({
      version: "refresh-1",
      rates: { inputTextTokens: 1_000_000 },
    });
    expect(custom.priceOf("openai", "gpt-5", Date.UTC(2026, 11, 1))?.rates.inputTextTokens).toBe(500_000);
    expect(custom.priceOf("openai", "gpt-5", NOW)?.unpriced).toContain("outputTextTokens");
    expect(custom.priceOf("openai", "gpt-5-mini", NOW)).toBeUndefined();
    expect(createPriceSource({ providers: data }).version).toBe("custom");
    expect(createPriceSource().priceOf("openai", "gpt-5", NOW)?.rates.inputTextTokens).toBe(1_250_000);
  });

  it("is kept apart from later changes to it", () => {
    const mutable = structuredClone(data);
    const custom = createPriceSource({ providers: mutable });
    mutable[0]!.models[0]!.id = "changed";
    mutable.length = 0;
    expect(custom.priceOf("openai", "gpt-5", NOW)?.model).toBe("gpt-5");
  });

  it("leaves a model unpriced that has a price of an unknown kind", () => {
    const unknown = [
      {
        id: "p",
        models: [{ id: "m", match: { equals: "m" }, prices: { input_mtok: 1, per_wish_kcount: 1 } }],
      },
    ];
    expect(createPriceSource({ providers: unknown }).priceOf("p", "m", NOW)).toBeUndefined();
  });

  const model = { id: "m", match: { equals: "m" }, prices: { input_mtok: 1 } };
  it.each([
    ["not json", "the whole"],
    [{}, "the whole"],
    [[], "the whole"],
    [[{ id: "p" }], "[0].models"],
    [[{ id: 7, models: [] }], "[0].id"],
    [
      [
        { id: "p", models: [] },
        { id: "p", models: [] },
      ],
      "[1].id",
    ],
    [[{ id: "p", models: [{ ...model, match: { like: "m" } }] }], "[0].models[0].match"],
    [
      [{ id: "p", models: [{ ...model, match: { or: [{ regex: "(" }] } }] }],
      "[0].models[0].match.or[0].regex",
    ],
    [[{ id: "p", models: [{ ...model, prices: { input_mtok: -1 } }] }], "[0].models[0].prices.input_mtok"],
    [[{ id: "p", models: [{ ...model, prices: { input_mtok: "1" } }] }], "[0].models[0].prices.input_mtok"],
    [[{ id: "p", models: [{ ...model, prices: { input_mtok: 1e30 } }] }], "[0].models[0].prices"],
    [[{ id: "p", models: [{ ...model, prices: [] }] }], "[0].models[0].prices"],
    [
      [{ id: "p", models: [{ ...model, prices: [{ constraint: { start_date: "soon" }, prices: {} }] }] }],
      "[0].models[0].prices[0].constraint.start_date",
    ],
    [
      [
        {
          id: "p",
          models: [{ ...model, prices: { input_mtok: { base: 1, tiers: [{ start: 1.5, price: 2 }] } } }],
        },
      ],
      "[0].models[0].prices.input_mtok.tiers[0].start",
    ],
    [[{ id: "p", models: [{ ...model, context_window: "big" }] }], "[0].models[0].context_window"],
  ])("is refused with the path of what is wrong: %j", (providers, path) => {
    expect(() => createPriceSource({ providers })).toThrow(PriceDataError);
    expect(() => createPriceSource({ providers })).toThrow(`${path} must be`);
  });
});
