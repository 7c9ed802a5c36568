/**
 * @module What answers cost, whole and streamed, against figures that were worked out by hand.
 *
 * Prices in USD per million tokens, from platform.claude.com/docs/en/about-claude/pricing (2026-11): Sonnet 4.6 3 / 15, Opus
 * 4.8 5 / 25, Haiku 4.5 1 / 5; a cache write of 5 minutes 1.25 times the input, of 1 hour 2 times, a read 0.1 times;
 * batches half; US-only inference 1.1; fast mode twice on Opus 4.8; web searches 10 per 1,000.
 */
import type { ProviderStep } from "@holdfast/testkit/provider-server";
import { describe, expect, test } from "vitest";
import { collect, rig, user } from "./harness.ts";

interface Case {
  readonly model: string;
  readonly step: ProviderStep;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Nano-USD. */
  readonly cost: number;
}

const usage = { inputTokens: 1_000, outputTokens: 200 };
const cached = (ttl?: "1h") => ({
  system: [
    { type: "text", text: "x", cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } },
  ],
});
const search = { tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 5 }] };
const SONNET = "claude-sonnet-4-6";
const OPUS = "claude-opus-4-8";
const HAIKU = "claude-haiku-4-5";

const CASES: Readonly<Record<string, Case>> = {
  // 1,000 x 3 + 200 x 15 = 6,000 USD per million
  "plain, Sonnet": { model: SONNET, step: { usage }, cost: 6_000_000 },
  // 1,000 x 5 + 200 x 25
  "plain, Opus": { model: OPUS, step: { usage }, cost: 10_000_000 },
  // 1,000 x 1 + 200 x 5
  "plain, Haiku": { model: HAIKU, step: { usage }, cost: 2_000_000 },
  "thinking is output": {
    model: SONNET,
    step: { usage: { ...usage, reasoningTokens: 150 } },
    body: { thinking: { type: "enabled", budget_tokens: 1_024 } },
    cost: 6_000_000,
  },
  // 100 x 3 + 900 x 0.3 + 200 x 15
  "a cache read": {
    model: SONNET,
    step: { usage: { ...usage, cachedInputTokens: 900 } },
    body: cached(),
    cost: 3_570_000,
  },
  // 100 x 3 + 900 x 3.75 + 200 x 15
  "a cache write": {
    model: SONNET,
    step: { usage: { ...usage, cacheWrite5mTokens: 900 } },
    body: cached(),
    cost: 6_675_000,
  },
  // 100 x 3 + 900 x 6 + 200 x 15
  "a long cache write": {
    model: SONNET,
    step: { usage: { ...usage, cacheWrite1hTokens: 900 } },
    body: cached("1h"),
    cost: 8_700_000,
  },
  // 100 x 3 + 300 x 0.3 + 200 x 3.75 + 400 x 6 + 200 x 15
  "all kinds of cache": {
    model: SONNET,
    step: { usage: { ...usage, cachedInputTokens: 300, cacheWrite5mTokens: 200, cacheWrite1hTokens: 400 } },
    body: cached("1h"),
    cost: 6_540_000,
  },
  "a cache write whose lifetime is not said": {
    model: SONNET,
    step: { usage: { ...usage, cacheWriteTokens: 900 } },
    body: cached(),
    cost: 6_675_000,
  },
  "a cache write whose lifetime is not said and may be long": {
    model: SONNET,
    step: { usage: { ...usage, cacheWriteTokens: 900 } },
    body: cached("1h"),
    cost: 8_700_000,
  },
  // + 3 x 0.01 USD
  "web searches": {
    model: SONNET,
    step: { usage: { ...usage, webSearchRequests: 3 } },
    body: search,
    cost: 36_000_000,
  },
  "web fetches are free": {
    model: SONNET,
    step: { usage: { ...usage, webFetchRequests: 3 } },
    cost: 6_000_000,
  },
  // 6,000 x 1.1
  "inference in the US": { model: SONNET, step: { usage }, body: { inference_geo: "us" }, cost: 6_600_000 },
  "inference in the US, by the workspace": {
    model: SONNET,
    step: { usage, anthropic: { inferenceGeo: "us" } },
    cost: 6_600_000,
  },
  "inference in the US, on a model without the premium": {
    model: HAIKU,
    step: { usage, anthropic: { inferenceGeo: "us" } },
    cost: 2_000_000,
  },
  fast: { model: OPUS, step: { usage }, body: { speed: "fast" }, cost: 20_000_000 },
  "fast in the US": {
    model: OPUS,
    step: { usage, anthropic: { inferenceGeo: "us" } },
    body: { speed: "fast" },
    cost: 22_000_000,
  },
  "fast that was served at standard speed": {
    model: OPUS,
    step: { usage, anthropic: { speed: "standard" } },
    body: { speed: "fast" },
    cost: 10_000_000,
  },
  priority: {
    model: SONNET,
    step: { usage, serviceTier: "priority" },
    body: { service_tier: "auto" },
    cost: 6_000_000,
  },
  "a refusal is billed as far as it went": { model: SONNET, step: { usage, refusal: "no" }, cost: 6_000_000 },
  // own 6,000,000 + 100,000 x 3 + 1,000 x 15
  "a compaction": {
    model: SONNET,
    step: {
      anthropic: {
        iterations: [
          { type: "compaction", usage: { inputTokens: 100_000, outputTokens: 1_000 } },
          { type: "message", usage },
        ],
      },
    },
    cost: 321_000_000,
  },
  // own 6,000,000 + 2,000 x 5 + 400 x 25
  "an advisor": {
    model: SONNET,
    step: {
      anthropic: {
        iterations: [
          { type: "message", usage },
          { type: "advisor_message", model: OPUS, usage: { inputTokens: 2_000, outputTokens: 400 } },
        ],
      },
    },
    cost: 26_000_000,
  },
  // Opus 10,000,000 + Sonnet 500 x 3 + 10 x 15
  "a fallback, with both in the totals": {
    model: SONNET,
    step: {
      anthropic: {
        iterations: [
          { type: "message", model: SONNET, usage: { inputTokens: 500, outputTokens: 10 } },
          { type: "fallback_message", model: OPUS, usage },
        ],
      },
    },
    body: { fallbacks: [{ model: OPUS }] },
    cost: 11_650_000,
  },
  "a fallback, with the serving model in the totals": {
    model: SONNET,
    step: {
      anthropic: {
        iterations: [
          { type: "message", model: SONNET, usage: { inputTokens: 500, outputTokens: 10 }, inTotals: false },
          { type: "fallback_message", model: OPUS, usage },
        ],
      },
    },
    body: { fallbacks: [{ model: OPUS }] },
    cost: 11_650_000,
  },
  // 3 passes of one model: 3 x 6,000,000, and a search
  "a loop of the provider's tools": {
    model: SONNET,
    step: {
      usage: { webSearchRequests: 1 },
      anthropic: { iterations: [1, 2, 3].map(() => ({ type: "message" as const, usage })) },
    },
    body: search,
    cost: 28_000_000,
  },
};

const STREAMS: Readonly<Record<string, ProviderStep["anthropic"]>> = {
  streamed: {},
  "streamed, with totals along the way": { messageDeltas: 4 },
  "streamed, with pings": { pings: 2 },
};

describe.each(Object.entries(CASES))("%s", (_name, { model, step, body, cost }) => {
  const asked = { model, max_tokens: 5_000, messages: [user()], ...body } as never;

  test("whole", async () => {
    await using at = await rig({ config: { prices: {} } });
    at.server.script([step]);
    await at.client.beta.messages.create(asked);
    await at.quiet();
    expect(at.events.usage).toMatchObject([
      { costNanoUsd: cost, usageSource: "provider", outcome: "complete" },
    ]);
    expect(await at.balance()).toEqual({ spent: cost, held: 0 });
    expect(at.events.of("meter-anomaly").map(({ anomaly }) => anomaly)).toEqual(
      at.events.usage[0]!.heldNanoUsd < cost ? ["cost-above-hold"] : [],
    );
  });

  test.each(Object.entries(STREAMS))("%s", async (_how, anthropic) => {
    await using at = await rig({ config: { prices: {} } });
    at.server.script([{ ...step, chunks: 6, anthropic: { ...step.anthropic, ...anthropic } }]);
    await collect(at.client.beta.messages.stream(asked));
    await at.quiet();
    expect(at.events.usage).toMatchObject([
      { costNanoUsd: cost, usageSource: "provider", outcome: "complete" },
    ]);
    expect(await at.balance()).toEqual({ spent: cost, held: 0 });
  });
});

describe("deltas of older APIs", () => {
  test.each(["output", "null"] as const)("that state %s only", async (deltaUsage) => {
    await using at = await rig();
    const written = {
      inputTokens: 100,
      cachedInputTokens: 30,
      cacheWrite5mTokens: 10,
      cacheWrite1hTokens: 5,
      outputTokens: 50,
    };
    at.server.script([{ usage: written, anthropic: { deltaUsage } }]);
    await collect(
      at.client.messages.stream({
        model: "claude-3-5-haiku",
        max_tokens: 90,
        messages: [user()],
        ...cached("1h"),
      } as never),
    );
    await at.quiet();
    expect(at.events.usage[0]!.costNanoUsd).toBe(at.billedNanoUsd);
    expect(at.events.usage[0]!.usage).toEqual({
      inputTextTokens: 55,
      cacheReadTextTokens: 30,
      cacheWriteTokens: 10,
      cacheWriteLongTokens: 5,
      outputTextTokens: 50,
    });
  });
});
