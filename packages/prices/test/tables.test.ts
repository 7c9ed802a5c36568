import { describe, expect, it } from "vitest";
import type { ModelPrice } from "../src/index.ts";
import { createPriceSource } from "../src/index.ts";

const NOW = Date.UTC(2026, 10, 20);
const source = createPriceSource();

function priceOf(provider: string, model: string, atMs: number = NOW): ModelPrice {
  const price = source.priceOf(provider, model, atMs);
  if (price === undefined) throw new Error(`${provider}/${model} has no price`);
  return price;
}

describe("service tiers", () => {
  it.each([
    ["openai", "gpt-5.4", "flex", 1, 2],
    ["openai", "gpt-5.4", "batch", 1, 2],
    ["openai", "gpt-5.4", "scale", 1, 1],
    ["openai", "gpt-5.4", "priority", 2, 1],
    ["openai", "gpt-5.4", "fast", 2, 1],
    ["openai", "gpt-4o-mini-2024-07-18", "priority", 5, 3],
    ["openai", "gpt-4o-2024-05-13", "priority", 7, 4],
    ["openai", "gpt-4o-2024-08-06", "fast", 17, 10],
    ["anthropic", "claude-opus-4-8", "fast", 6, 1],
    ["anthropic", "claude-opus-5", "batch", 1, 2],
    ["google", "gemini-2.5-pro", "priority", 9, 5],
    ["azure", "gpt-5-mini", "default", 1, 1],
  ])("%s %s %s is %d/%d", (provider, model, tier, numerator, denominator) => {
    expect(priceOf(provider, model).serviceTiers[tier]).toEqual({ numerator, denominator });
  });

  it("have no entry without a published price", () => {
    expect(priceOf("openai", "gpt-5.4").serviceTiers).not.toHaveProperty("ultrafast");
    expect(priceOf("azure", "gpt-5-mini").serviceTiers).not.toHaveProperty("priority");
    expect(priceOf("anthropic", "claude-sonnet-5").serviceTiers).not.toHaveProperty("fast");
  });

  it("can be replaced by provider", () => {
    const custom = createPriceSource({
      serviceTiers: {
        openai: { priority: { numerator: 3, denominator: 1 }, ultrafast: { numerator: 4, denominator: 1 } },
      },
    });
    expect(custom.priceOf("openai", "gpt-5", NOW)?.serviceTiers).toMatchObject({
      priority: { numerator: 3, denominator: 1 },
      ultrafast: { numerator: 4, denominator: 1 },
      flex: { numerator: 1, denominator: 2 },
    });
    expect(() =>
      createPriceSource({ serviceTiers: { openai: { x: { numerator: 0.5, denominator: 1 } } } }),
    ).toThrow("serviceTiers.openai.x");
  });
});

describe("token limits", () => {
  it.each([
    ["gpt-4o", 16_384],
    ["gpt-4o-mini-2024-07-18", 16_384],
    ["gpt-4o-2024-05-13", 4_096],
    ["gpt-4.1-nano", 32_768],
    ["gpt-4-turbo-2024-04-09", 4_096],
    ["gpt-4-0613", 8_192],
    ["gpt-4-32k", 32_768],
    ["gpt-3.5-turbo-1106", 4_096],
    ["gpt-5-mini", 128_000],
    ["gpt-5.6-sol-2026-08-01", 128_000],
    ["gpt-6-luna", 128_000],
    ["gpt-5-chat-latest", 16_384],
    ["gpt-5-pro-2025-10-06", 272_000],
    ["o1-2024-12-17", 100_000],
    ["o1-mini", 65_536],
    ["o1-preview", 32_768],
    ["o3-pro", 100_000],
    ["o4-mini", 100_000],
    ["gpt-audio", 16_384],
    ["gpt-4o-audio-preview", 16_384],
    ["ft:gpt-4o-2024-08-06:acme::x", 16_384],
    ["text-davinci-003", 4_096],
    ["text-embedding-3-small", undefined],
    ["gpt-oss-20b", undefined],
  ])("openai %s gives at most %d output tokens", (model, tokens) => {
    expect(priceOf("openai", model).maxOutputTokens).toBe(tokens);
  });

  it("never understate a context window that the data rounds down", () => {
    expect(priceOf("openai", "gpt-4.1").contextWindowTokens).toBeGreaterThanOrEqual(1_047_576);
    expect(priceOf("openai", "gpt-4-32k").contextWindowTokens).toBe(32_768);
    expect(priceOf("google", "gemini-3.8-flash").contextWindowTokens).toBe(1_048_576);
    expect(priceOf("anthropic", "claude-sonnet-4-5").contextWindowTokens).toBe(200_000);
  });
});
