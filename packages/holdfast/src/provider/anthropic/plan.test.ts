import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guardKit, type GuardKitOptions } from "../../../test/support/guard-kit.ts";
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import { PriceUnknownError } from "../../error/price-unknown-error.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { costNanoUsd } from "../../price/cost.ts";
import { planRequest } from "../plan-request.ts";
import type { Body } from "../request/request-shape.ts";
import { createAnthropicAdapter } from "./adapter.ts";
import { countWithMargin } from "./exact-count.ts";
import { platformOf } from "./platform.ts";

const MODEL = "claude-sonnet-4-6";
const direct = platformOf({});
const messages = [{ role: "user", content: "hello" }];
const plain = guardKit();

function planned(
  body: Body,
  options: GuardKitOptions | undefined = undefined,
  platform = direct,
  exact?: number,
): CallPlan {
  const { guard } = options === undefined ? plain : guardKit(options);
  const adapter = createAnthropicAdapter(platform);
  const whole = { model: MODEL, max_tokens: 1_000, messages, ...body };
  return planRequest(guard, adapter, platform.provider, "messages", whole, undefined, exact).plan;
}

const inputOf = ({ estimate }: CallPlan): number => {
  const { usage } = estimate;
  return (
    (usage.inputTextTokens ?? 0) +
    (usage.inputImageTokens ?? 0) +
    (usage.cacheWriteTokens ?? 0) +
    (usage.cacheWriteLongTokens ?? 0)
  );
};
const PLAIN = inputOf(planned({}));
/** The window of the model. */
const WINDOW = planned({}).price.contextWindowTokens!;

describe("the output that is held for", () => {
  it("is max_tokens, thinking included", () => {
    expect(planned({ thinking: { type: "enabled", budget_tokens: 900 } }).estimate).toMatchObject({
      outputBound: "request",
      usage: { outputTextTokens: 1_000 },
    });
  });

  it("is nothing for a request that only fills the cache", () => {
    expect(planned({ max_tokens: 0 }).estimate.usage.outputTextTokens).toBe(0);
  });

  it.each([undefined, null, -1, "10", 1.5])(
    "is the model's maximum for %j, which the API refuses",
    (max_tokens) => {
      const { estimate, price } = planned({ max_tokens });
      expect(estimate).toMatchObject({
        outputBound: "model-maximum",
        usage: { outputTextTokens: price.maxOutputTokens },
      });
    },
  );

  it("may be thinking that is not sent, unless the request says that there is none", () => {
    const of = (model: string, thinking?: object): boolean | undefined =>
      planned(thinking === undefined ? { model } : { model, thinking }).mayReason;
    expect(of("claude-opus-4-8")).toBe(true);
    expect(of("claude-opus-4-8", { type: "disabled" })).toBe(false);
    expect(of("claude-sonnet-4-6")).toBe(false);
    expect(of("claude-sonnet-4-5-20250929")).toBe(false);
    expect(of("claude-haiku-4-5")).toBe(false);
    expect(of("claude-sonnet-4-6", { type: "adaptive" })).toBe(true);
    expect(of("claude-sonnet-4-6", { type: "enabled", budget_tokens: 1_024 })).toBe(true);
    expect(of("claude-opus-5")).toBe(true);
    expect(of("claude-fable-5")).toBe(true);
  });
});

describe("the input that is held for", () => {
  it("is priced as plain input unless the request asks for the cache", () => {
    expect(planned({}).estimate.usage).toMatchObject({ inputTextTokens: PLAIN });
    const of = (body: Body): string[] =>
      Object.entries(planned(body).estimate.usage)
        .filter(([bucket, tokens]) => tokens > 0 && bucket !== "outputTextTokens")
        .map(([bucket]) => bucket);
    const marked = (ttl?: string): Body[] => [
      { role: "user", content: [{ type: "text", text: "x", cache_control: { type: "ephemeral", ttl } }] },
    ];
    expect(of({ messages: marked() })).toEqual(["cacheWriteTokens"]);
    expect(of({ messages: marked("5m") })).toEqual(["cacheWriteTokens"]);
    expect(of({ messages: marked("1h") })).toEqual(["cacheWriteLongTokens"]);
    expect(of({ cache_control: { type: "ephemeral" } })).toEqual(["cacheWriteTokens"]);
    expect(of({ cache_control: { type: "ephemeral" }, messages: marked("1h") })).toEqual([
      "cacheWriteLongTokens",
    ]);
    expect(of({ tools: [{ name: "t", input_schema: {}, cache_control: { ttl: "1h" } }] })).toEqual([
      "cacheWriteLongTokens",
    ]);
    expect(of({ cache_control: null })).toEqual(["inputTextTokens"]);
  });

  it.each<[string, Body, number, number]>([
    ["text", { messages: [{ role: "user", content: "word ".repeat(500) }] }, 500, 1_100],
    ["a system prompt", { system: "word ".repeat(500) }, 500, 1_100],
    [
      "a tool",
      { tools: [{ name: "t", description: "word ".repeat(500), input_schema: { type: "object" } }] },
      1_300,
      2_000,
    ],
    ["one of Anthropic's tools", { tools: [{ type: "bash_20250124", name: "bash" }] }, 1_500, 1_700],
    ["a toolset", { tools: [{ type: "computer_toolset_20260801", name: "computer" }] }, 12_000, 13_500],
    [
      "a picture",
      {
        messages: [
          {
            role: "user",
            content: [{ type: "image", source: { type: "base64", data: "A".repeat(100_000) } }],
          },
        ],
      },
      1_600,
      1_800,
    ],
    [
      "a picture by its address",
      {
        messages: [
          {
            role: "user",
            content: [{ type: "image", source: { type: "url", url: "https://example.org/a.png" } }],
          },
        ],
      },
      1_600,
      1_800,
    ],
    [
      "a document of plain text",
      {
        messages: [
          {
            role: "user",
            content: [{ type: "document", source: { type: "text", data: "word ".repeat(500) } }],
          },
        ],
      },
      500,
      1_100,
    ],
    [
      "a picture in a tool's result",
      {
        messages: [
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "t",
                content: [{ type: "image", source: { type: "base64", data: "AA" } }],
              },
            ],
          },
        ],
      },
      1_600,
      1_850,
    ],
    [
      "a schema for the output",
      { output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
      400,
      600,
    ],
  ])("contains %s", (_name, body, atLeast, atMost) => {
    const more = inputOf(planned(body)) - PLAIN;
    expect(more).toBeGreaterThanOrEqual(atLeast);
    expect(more).toBeLessThanOrEqual(atMost);
  });

  it("takes a picture for what the model can see", () => {
    const picture = {
      messages: [{ role: "user", content: [{ type: "image", source: { type: "url", url: "x" } }] }],
    };
    const of = (model: string): number | undefined =>
      planned({ model, ...picture }).estimate.usage.inputImageTokens;
    expect(of("claude-3-5-haiku-20241022")).toBe(1_600);
    expect(of("claude-sonnet-4-20250514")).toBe(1_600);
    expect(of("claude-opus-4-6")).toBe(1_600);
    expect(of("claude-opus-4-7")).toBe(4_784);
    expect(of("claude-opus-5")).toBe(4_784);
  });

  it.each<[string, Body]>([
    [
      "a PDF",
      {
        messages: [{ role: "user", content: [{ type: "document", source: { type: "base64", data: "AA" } }] }],
      },
    ],
    [
      "a document by its address",
      { messages: [{ role: "user", content: [{ type: "document", source: { type: "url", url: "x" } }] }] },
    ],
    [
      "a document by its id",
      {
        messages: [{ role: "user", content: [{ type: "document", source: { type: "file", file_id: "f" } }] }],
      },
    ],
    [
      "a file for a container",
      { messages: [{ role: "user", content: [{ type: "container_upload", file_id: "f" }] }] },
    ],
    ["a search", { tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 1 }] }],
    ["a fetch", { tools: [{ type: "web_fetch_20260318", name: "web_fetch" }] }],
    ["a tool search", { tools: [{ type: "tool_search_tool_bm25_20251119", name: "s" }] }],
    ["MCP servers", { mcp_servers: [{ type: "url", url: "https://example.org", name: "m" }] }],
    ["a thread", { thread: { type: "continue", previous_message_id: "m" } }],
    ["a container", { container: "c1" }],
  ])("is the context window with %s", (_name, body) => {
    const { estimate } = planned(body);
    expect(estimate.inputBound).toBe("context-window");
    expect(inputOf(planned(body))).toBeGreaterThanOrEqual(WINDOW);
    expect(() => planned(body, { settings: { serverContext: "refuse" } })).toThrow(CallNotBoundedError);
    const few = planned(body, { settings: { serverContext: { tokens: 7_000 } } });
    expect(inputOf(few)).toBeGreaterThanOrEqual(7_000);
    expect(inputOf(few)).toBeLessThan(WINDOW);
  });

  it("is the provider's own count and a margin, when there is one", () => {
    const exact = planned({ system: "word ".repeat(5_000) }, undefined, direct, countWithMargin(5_100));
    expect(inputOf(exact)).toBe(5_218);
    expect(exact.estimate.uncalibratedInputTokens).toBeNull();
    expect(countWithMargin(0)).toBe(16);
  });
});

describe("fees", () => {
  it.each<[Body[], number | undefined]>([
    [[], undefined],
    [[{ name: "web_search", input_schema: {} }], undefined],
    [[{ type: "web_search_20250305", name: "web_search", max_uses: 3 }], 3],
    [[{ type: "web_search_20260318", name: "web_search" }], 10],
    [[{ type: "web_fetch_20250910", name: "web_fetch", max_uses: 3 }], undefined],
  ])("of searches: %j", (tools, searches) => {
    expect(planned({ tools }).estimate.usage.webSearches).toBe(searches);
  });

  it("of a container are not counted, so that it is refused unless it is allowed", () => {
    const tools = [{ type: "code_execution_20260521", name: "code_execution" }];
    expect(() => planned({ tools })).toThrow(CallNotAllowedError);
    expect(() => planned({ tools })).toThrow('allow: ["containers"]');
    expect(planned({ tools }, { settings: { allow: new Set(["containers"]) } }).estimate.inputBound).toBe(
      "context-window",
    );
  });
});

describe("the tier that is held for", () => {
  it.each<[Body, string, string | null]>([
    [{}, "us", null],
    [{ inference_geo: "global" }, "default", null],
    [{ inference_geo: "us" }, "us", "us"],
    [{ service_tier: "standard_only", inference_geo: "global" }, "default", null],
    [{ model: "claude-opus-4-8", speed: "fast" }, "us+fast", "fast"],
    [{ model: "claude-opus-4-8", speed: "fast", inference_geo: "global" }, "fast", "fast"],
    [{ model: "claude-opus-4-8", speed: "standard", inference_geo: "global" }, "default", null],
  ])("%j: %s", (body, held, asked) => {
    expect(planned(body)).toMatchObject({ heldServiceTier: held, serviceTier: asked });
  });

  it("costs no more for an older model, which has no premium for its geography", () => {
    const body = { model: "claude-sonnet-4-5-20250929", max_tokens: 1_000 };
    const anywhere = planned(body).worstCaseNanoUsd;
    expect(anywhere).toBe(planned({ ...body, inference_geo: "global" }).worstCaseNanoUsd);
  });

  it("is refused when it has no price", () => {
    expect(() => planned({ speed: "fast" })).toThrow(PriceUnknownError);
    expect(() => planned({ inference_geo: "mars" })).toThrow(PriceUnknownError);
  });

  it("is regional by the location of a Vertex client, and by the model's id on Bedrock", () => {
    const vertex = (region: string): string =>
      planned({}, undefined, platformOf({ region, projectId: "p" })).heldServiceTier;
    expect(vertex("us-east5")).toBe("regional");
    expect(vertex("global")).toBe("default");
    const bedrock = platformOf({ awsRegion: "us-east-1" });
    const of = (model: string): CallPlan => planned({ model }, undefined, bedrock);
    const global = of("global.anthropic.claude-sonnet-4-6").worstCaseNanoUsd;
    expect(of("us.anthropic.claude-sonnet-4-6").worstCaseNanoUsd).toBeGreaterThanOrEqual(global);
    const arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6";
    expect(of(arn).worstCaseNanoUsd).toBe(of("us.anthropic.claude-sonnet-4-6").worstCaseNanoUsd);
    expect(() => of("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2")).toThrow(
      PriceUnknownError,
    );
  });
});

describe("what the same request may bill besides", () => {
  const cost = (body: Body): number => planned({ inference_geo: "global", ...body }).worstCaseNanoUsd;
  const own = cost({});

  it("is every fallback, on its own model and with its own limit", () => {
    const opus = cost({ model: "claude-opus-4-8" });
    expect(cost({ fallbacks: [{ model: "claude-opus-4-8" }] })).toBe(own + opus);
    const short = cost({ fallbacks: [{ model: "claude-opus-4-8", max_tokens: 10 }] });
    expect(short).toBe(own + cost({ model: "claude-opus-4-8", max_tokens: 10 }));
    const fast = cost({ fallbacks: [{ model: "claude-opus-4-8", speed: "fast" }] });
    expect(fast).toBe(own + cost({ model: "claude-opus-4-8", speed: "fast" }));
    expect(cost({ fallbacks: "default" })).toBe(2 * own);
    expect(cost({ fallbacks: null })).toBe(own);
    expect(() => cost({ fallbacks: [{ model: "who-knows" }] })).toThrow(PriceUnknownError);
  });

  it("is an advisor, which reads everything each time that it is asked", () => {
    const tool = {
      type: "advisor_20260301",
      name: "advisor",
      model: "claude-opus-4-8",
      max_uses: 2,
      max_tokens: 500,
    };
    const { estimate, worstCaseNanoUsd } = planned({ tools: [tool], inference_geo: "global" });
    const { price } = planned({ model: "claude-opus-4-8" });
    const without = planned({ tools: [tool], inference_geo: "global" }).price;
    const advised =
      worstCaseNanoUsd - costNanoUsd({ inputTextTokens: WINDOW, outputTextTokens: 1_000 }, without);
    // What the conversation may grow to is not known, as with every tool of the provider's: a window.
    expect(advised).toBe(
      costNanoUsd({ inputTextTokens: price.contextWindowTokens!, outputTextTokens: 1_000 }, price),
    );
    expect(estimate.usage.outputTextTokens).toBe(2_000);
  });

  it("is a compaction, where the context can grow to its trigger", () => {
    const edits = (value?: number): Body => ({
      context_management: {
        edits: [
          {
            type: "compact_20260112",
            ...(value === undefined ? {} : { trigger: { type: "input_tokens", value } }),
          },
        ],
      },
    });
    expect(cost(edits())).toBe(own);
    expect(cost({ ...edits(50_000), system: "word ".repeat(60_000) })).toBeGreaterThan(
      1.9 * cost({ system: "word ".repeat(60_000) }),
    );
    expect(cost({ ...edits(100), max_tokens: 100 })).toBe(cost({ max_tokens: 100 }));
    expect(
      cost({
        context_management: { edits: [{ type: "clear_tool_uses_20250919" }] },
        system: "word ".repeat(60_000),
      }),
    ).toBe(cost({ system: "word ".repeat(60_000) }));
  });
});

describe("any request", () => {
  it("is planned, or refused by an error of ours", () => {
    const body = fc.dictionary(
      fc.oneof(
        fc.string(),
        fc.constantFrom(
          ..."messages system tools cache_control thinking fallbacks context_management mcp_servers thread container output_config service_tier speed inference_geo max_tokens stream".split(
            " ",
          ),
        ),
      ),
      fc.jsonValue({ maxDepth: 4 }),
    );
    fc.assert(
      fc.property(body, (given) => {
        try {
          const { worstCaseNanoUsd } = planned(given as Body);
          expect(Number.isSafeInteger(worstCaseNanoUsd) && worstCaseNanoUsd >= 0).toBe(true);
        } catch (error) {
          if (error instanceof PriceUnknownError || error instanceof CallNotBoundedError) return;
          throw error;
        }
      }),
    );
  });

  it("of any depth is walked", () => {
    let content: unknown = "deep";
    for (let n = 0; n < 500; n++) content = [content];
    expect(inputOf(planned({ messages: [{ role: "user", content }] }))).toBeGreaterThan(PLAIN);
  });
});

describe("legacy completions", () => {
  it("report nothing, so that what they may have used is charged", () => {
    const { plan } = planRequest(
      guardKit({
        unknownModel: { policy: "ceiling", price: { inputUsdPerMillion: "8", outputUsdPerMillion: "24" } },
      }).guard,
      createAnthropicAdapter(direct),
      "anthropic",
      "completions",
      { model: "claude-2.1", prompt: "word ".repeat(100), max_tokens_to_sample: 300 },
    );
    expect(plan.estimate.usageWhenSilent).toMatchObject({ outputTextTokens: 300 });
    expect(plan.estimate.usage.outputTextTokens).toBe(300);
    expect(plan.estimate.usage.inputTextTokens).toBeGreaterThanOrEqual(100);
  });
});
