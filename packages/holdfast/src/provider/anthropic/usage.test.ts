import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guardKit } from "../../../test/support/guard-kit.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../../usage/usage.ts";
import { planRequest } from "../plan-request.ts";
import type { Body } from "../request/request-shape.ts";
import { createAnthropicAdapter } from "./adapter.ts";
import { platformOf } from "./platform.ts";

const adapter = createAnthropicAdapter(platformOf({}));
const MODEL = "claude-sonnet-4-6";

const { guard } = guardKit();

function planOf(body: Body = {}): CallPlan {
  const message = { model: MODEL, max_tokens: 1_000, messages: [{ role: "user", content: "hi" }], ...body };
  return planRequest(guard, adapter, "anthropic", "messages", message).plan;
}

const PLAN = planOf();

const cached = (ttl?: "1h"): Body => ({
  system: [
    { type: "text", text: "x", cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } },
  ],
});

function read(usage: unknown, plan = PLAN, model = MODEL): ReturnType<typeof adapter.reader.answer> {
  return adapter.reader.answer({ type: "message", model, usage }, plan);
}

const counts = (input: number, output: number, more: object = {}): object => ({
  input_tokens: input,
  output_tokens: output,
  ...more,
});

describe("a usage object", () => {
  it.each<[string, object, Usage]>([
    ["as in 2024", counts(10, 5), { inputTextTokens: 10, outputTextTokens: 5 }],
    ["of nothing", counts(0, 0), {}],
    [
      "with nulls for what there was not",
      counts(10, 5, {
        cache_creation: null,
        cache_creation_input_tokens: null,
        cache_read_input_tokens: null,
        output_tokens_details: null,
        server_tool_use: null,
        iterations: null,
      }),
      { inputTextTokens: 10, outputTextTokens: 5 },
    ],
    [
      "with a cache read, which is not in the input tokens",
      counts(10, 5, { cache_read_input_tokens: 1_000, cache_creation_input_tokens: 0 }),
      { inputTextTokens: 10, cacheReadTextTokens: 1_000, outputTextTokens: 5 },
    ],
    [
      "with writes of both lifetimes",
      counts(10, 5, {
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      }),
      { inputTextTokens: 10, cacheWriteTokens: 10, cacheWriteLongTokens: 20, outputTextTokens: 5 },
    ],
    [
      "with writes that are only split",
      counts(10, 5, { cache_creation: { ephemeral_5m_input_tokens: 10 } }),
      { inputTextTokens: 10, cacheWriteTokens: 10, outputTextTokens: 5 },
    ],
    [
      "with thinking, which is in the output tokens",
      counts(10, 50, { output_tokens_details: { thinking_tokens: 30 } }),
      { inputTextTokens: 10, outputTextTokens: 20, reasoningTokens: 30 },
    ],
    [
      "with searches and fetches",
      counts(10, 5, { server_tool_use: { web_search_requests: 3, web_fetch_requests: 4 } }),
      { inputTextTokens: 10, outputTextTokens: 5, webSearches: 3 },
    ],
  ])("%s", (_name, usage, expected) => {
    expect(read(usage).usage).toEqual({ kind: "usage", usage: expected });
  });

  it("takes a write without its lifetime for the dearest that the request allows", () => {
    const usage = counts(10, 5, { cache_creation_input_tokens: 30 });
    const of = (plan: CallPlan): unknown => read(usage, plan).usage;
    const rest = { inputTextTokens: 10, outputTextTokens: 5 };
    expect(of(planOf(cached()))).toEqual({ kind: "usage", usage: { ...rest, cacheWriteTokens: 30 } });
    expect(of(planOf(cached("1h")))).toEqual({ kind: "usage", usage: { ...rest, cacheWriteLongTokens: 30 } });
  });

  it.each<[string, unknown]>([
    ["none", undefined],
    ["null", null],
    ["text", "10"],
    ["an empty object", {}],
    ["one of another kind", { prompt_tokens: 1 }],
  ])("is missing when it is %s", (_name, usage) => {
    expect(read(usage).usage.kind).toBe("missing");
  });

  it.each<[string, object]>([
    ["a negative count", counts(-1, 5)],
    ["a fraction", counts(1.5, 5)],
    ["a text", { input_tokens: "10", output_tokens: 5 }],
    ["no output", { input_tokens: 10 }],
    ["no input", { output_tokens: 10 }],
    ["more than can be counted", counts(2 ** 53, 5)],
    ["more thinking than output", counts(1, 5, { output_tokens_details: { thinking_tokens: 6 } })],
    [
      "more writes by lifetime than in all",
      counts(1, 5, { cache_creation_input_tokens: 3, cache_creation: { ephemeral_5m_input_tokens: 4 } }),
    ],
    ["a negative search count", counts(1, 5, { server_tool_use: { web_search_requests: -1 } })],
    ["a list that is none", counts(1, 5, { iterations: {} })],
    ["an iteration without a type", counts(1, 5, { iterations: [counts(1, 5)] })],
  ])("is not believed with %s", (_name, usage) => {
    expect(read(usage).usage.kind).toBe("invalid");
  });

  it("sums to the provider's totals, whatever it says", () => {
    const count = fc.nat(1_000_000);
    const input = fc.record({
      plain: count,
      read: count,
      short: count,
      long: count,
      visible: count,
      thinking: count,
    });
    fc.assert(
      fc.property(input, fc.boolean(), fc.boolean(), (of, split, nulls) => {
        const written = of.short + of.long;
        const { usage } = read(
          counts(of.plain, of.visible + of.thinking, {
            cache_read_input_tokens: of.read === 0 && nulls ? null : of.read,
            cache_creation_input_tokens: written,
            cache_creation: split
              ? { ephemeral_5m_input_tokens: of.short, ephemeral_1h_input_tokens: of.long }
              : null,
            output_tokens_details: { thinking_tokens: of.thinking },
          }),
        );
        if (usage.kind !== "usage") throw new Error("expected usage");
        expect(inputTokensOf(usage.usage)).toBe(of.plain + of.read + written);
        expect(outputTokensOf(usage.usage)).toBe(of.visible + of.thinking);
        if (split) expect(usage.usage.cacheWriteLongTokens ?? 0).toBe(of.long);
      }),
    );
  });
});

describe("the tier", () => {
  it.each<[object, Body, string]>([
    [{}, {}, "default"],
    [{ service_tier: "standard", speed: "standard", inference_geo: "global" }, {}, "default"],
    [{ service_tier: "standard", inference_geo: "not_available" }, {}, "default"],
    [{ service_tier: "priority" }, {}, "priority"],
    [{ service_tier: "batch" }, {}, "batch"],
    [{ speed: "fast" }, {}, "fast"],
    [{ service_tier: "standard", speed: "fast", inference_geo: "us" }, {}, "us+fast"],
    [{ inference_geo: "us" }, {}, "us"],
    [{ inference_geo: "mars" }, {}, "mars"],
    // Nothing is said: as was asked for.
    [{}, { speed: "fast", model: "claude-opus-4-8" }, "fast"],
    [{}, { inference_geo: "us" }, "us"],
  ])("%j of a request with %j is %s", (said, asked, tier) => {
    expect(read(counts(1, 1, said), planOf(asked)).served.serviceTier).toBe(tier);
  });

  it("is regional by the location of a Vertex client, unless the price knows no such tier", () => {
    const regional = createAnthropicAdapter(platformOf({ region: "us-east5", projectId: "p" }));
    const global = createAnthropicAdapter(platformOf({ region: "global", projectId: "p" }));
    const body = { model: MODEL, max_tokens: 10, messages: [] };
    const of = (on: typeof adapter): string | null => {
      const { plan } = planRequest(guard, on, "google", "messages", body);
      const said = counts(1, 1, { service_tier: "standard", inference_geo: "not_available" });
      expect(plan.heldServiceTier).toBe(on === regional ? "regional" : "default");
      return on.reader.answer({ model: MODEL, usage: said }, plan).served.serviceTier;
    };
    expect(of(regional)).toBe("regional");
    const own = {
      ...PLAN,
      price: { ...PLAN.price, serviceTiers: { default: { numerator: 1, denominator: 1 } } },
    };
    expect(regional.reader.answer({ model: MODEL, usage: counts(1, 1) }, own).served.serviceTier).toBe(
      "default",
    );
    expect(of(global)).toBe("default");
  });
});

describe("iterations", () => {
  const pass = (type: string, input: number, output: number, more: object = {}): object => ({
    type,
    ...counts(input, output, {
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      cache_creation: null,
    }),
    ...more,
  });

  it("of one model are its totals", () => {
    const usage = counts(30, 12, {
      iterations: [pass("message", 10, 5), pass("message", 20, 7, { model: MODEL })],
    });
    const { also, usage: read_ } = read(usage);
    expect(read_).toEqual({ kind: "usage", usage: { inputTextTokens: 30, outputTextTokens: 12 } });
    expect(also).toBeUndefined();
  });

  it("of a compaction are in no total, and billed on the same model", () => {
    const usage = counts(10, 5, { iterations: [pass("compaction", 150_000, 3_000), pass("message", 10, 5)] });
    expect(read(usage)).toMatchObject({
      usage: { kind: "usage", usage: { inputTextTokens: 10, outputTextTokens: 5 } },
      also: [{ model: MODEL, usage: { inputTextTokens: 150_000, outputTextTokens: 3_000 } }],
    });
  });

  it("of an advisor are billed on its own model", () => {
    const usage = counts(10, 5, {
      iterations: [pass("message", 10, 5), pass("advisor_message", 400, 90, { model: "claude-opus-4-8" })],
    });
    expect(read(usage).also).toEqual([
      {
        model: "claude-opus-4-8",
        serviceTier: "default",
        usage: { inputTextTokens: 400, outputTextTokens: 90 },
      },
    ]);
  });

  it.each([
    ["the totals of the model that served", 20, 7],
    ["the totals of both", 30, 12],
  ])("of a fallback are billed on both models: %s", (_name, input, output) => {
    const usage = counts(input, output, {
      iterations: [
        pass("message", 10, 5, { model: "claude-fable-5" }),
        pass("fallback_message", 20, 7, { model: "claude-opus-4-8" }),
      ],
    });
    expect(read(usage, PLAN, "claude-fable-5")).toMatchObject({
      usage: { kind: "usage", usage: { inputTextTokens: 20, outputTextTokens: 7 } },
      served: { model: "claude-opus-4-8" },
      also: [{ model: "claude-fable-5", usage: { inputTextTokens: 10, outputTextTokens: 5 } }],
    });
  });

  it("of a fallback, a declined pass without a name is billed on the model that was asked for", () => {
    const usage = counts(30, 12, {
      iterations: [pass("message", 10, 5), pass("fallback_message", 20, 7, { model: "claude-opus-4-8" })],
    });
    expect(read(usage)).toMatchObject({
      usage: { kind: "usage", usage: { inputTextTokens: 20, outputTextTokens: 7 } },
      served: { model: "claude-opus-4-8" },
      also: [{ model: MODEL, usage: { inputTextTokens: 10, outputTextTokens: 5 } }],
    });
  });

  it("that do not sum to the totals are not believed", () => {
    const usage = counts(31, 12, { iterations: [pass("message", 10, 5), pass("message", 20, 7)] });
    const { usage: reading } = read(usage);
    expect(reading.kind === "invalid" ? reading.problem : "").toContain("iterations");
  });

  it("that only together reach a long context are not priced as one", () => {
    const plan = planOf({ model: "claude-haiku-5-5" });
    expect(plan.price.longContext.length).toBeGreaterThan(0);
    const usage = counts(160_000, 12, {
      iterations: [pass("message", 80_000, 5), pass("message", 80_000, 7)],
    });
    const { usage: main, also } = read(usage, plan, "claude-haiku-5-5");
    expect(main).toEqual({ kind: "usage", usage: { inputTextTokens: 80_000, outputTextTokens: 7 } });
    expect(also).toEqual([
      {
        model: "claude-haiku-5-5",
        serviceTier: "default",
        usage: { inputTextTokens: 80_000, outputTextTokens: 5 },
      },
    ]);
  });
});
