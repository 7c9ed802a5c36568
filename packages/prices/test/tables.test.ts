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
    ["openai", "gpt-5.4", "regional", 11, 10],
    ["openai", "gpt-5.4", "regional+flex", 11, 20],
    ["openai", "gpt-5.4-mini", "regional+batch", 11, 20],
    ["openai", "gpt-5.4", "regional+priority", 11, 5],
    ["openai", "gpt-5.4", "regional+scale", 11, 10],
    ["openai", "gpt-6-sol", "regional", 11, 10],
    ["openai", "gpt-image-2", "regional", 11, 10],
    ["openai", "gpt-5.3", "regional", 1, 1],
    ["openai", "gpt-5", "regional+flex", 1, 2],
    ["openai", "gpt-5-mini", "regional+priority", 9, 5],
    ["openai", "gpt-4o-mini", "regional+priority", 5, 3],
    ["openai", "o3", "regional", 1, 1],
    ["openai", "gpt-image-1.5", "regional", 1, 1],
    ["openai", "text-embedding-3-small", "regional", 1, 1],
    ["openai", "gpt-5.4", "fast", 2, 1],
    ["openai", "gpt-4o-mini-2024-07-18", "priority", 5, 3],
    ["openai", "gpt-4o-2024-05-13", "priority", 7, 4],
    ["openai", "gpt-4o-2024-08-06", "fast", 17, 10],
    ["anthropic", "claude-opus-4-7", "fast", 6, 1],
    ["anthropic", "claude-opus-4-8-20260528", "fast", 2, 1],
    ["anthropic", "claude-opus-5", "fast", 2, 1],
    ["anthropic", "claude-opus-5-5", "us+fast", 11, 5],
    ["anthropic", "claude-fable-5-2", "fast", 2, 1],
    ["anthropic", "claude-opus-5", "batch", 1, 2],
    ["anthropic", "claude-opus-5", "us", 11, 10],
    ["anthropic", "claude-sonnet-4-6", "us", 11, 10],
    ["anthropic", "claude-haiku-5-5", "us+batch", 11, 20],
    ["anthropic", "claude-mythos-preview", "us", 11, 10],
    ["anthropic", "claude-sonnet-4-5", "us", 1, 1],
    ["anthropic", "claude-haiku-4-5-20251001", "us+batch", 1, 2],
    ["anthropic", "claude-opus-4-1", "us+priority", 1, 1],
    ["anthropic", "claude-opus-5-5", "priority", 1, 1],
    ["anthropic", "claude-opus-5-5", "us+priority", 11, 10],
    ["anthropic", "claude-opus-5-5", "standard_only", 1, 1],
    ["azure", "claude-opus-5-5", "us", 11, 10],
    ["azure", "claude-opus-5-5", "fast", 2, 1],
    ["azure", "gpt-5-mini", "default", 1, 1],
    ["aws", "us.anthropic.claude-opus-4-8", "default", 1, 1],
    ["google", "claude-opus-5", "regional", 11, 10],
    ["google", "claude-sonnet-4-5@20250929", "regional+batch", 11, 20],
    ["google", "claude-opus-4-1@20250805", "regional", 1, 1],
    ["google", "claude-fable-5-2", "regional+fast", 11, 5],
    ["google", "gemini-2.5-pro", "priority", 9, 5],
    ["google", "gemini-3.8-flash", "priority", 9, 5],
    ["google", "gemini-4-argon", "priority", 2, 1],
    ["google", "gemini-3.8-flash", "flex", 1, 2],
    ["google", "gemini-3.8-flash", "unspecified", 1, 1],
    ["google", "gemini-3.8-flash", "provisioned", 1, 1],
  ])("%s %s %s is %d/%d", (provider, model, tier, numerator, denominator) => {
    expect(priceOf(provider, model).serviceTiers[tier]).toEqual({ numerator, denominator });
  });

  it("have no entry without a published price", () => {
    expect(priceOf("openai", "gpt-5.4").serviceTiers).not.toHaveProperty("ultrafast");
    expect(priceOf("azure", "gpt-5-mini").serviceTiers).not.toHaveProperty("priority");
    expect(priceOf("anthropic", "claude-sonnet-5").serviceTiers).not.toHaveProperty("fast");
    expect(priceOf("anthropic", "claude-fable-5").serviceTiers).not.toHaveProperty("fast");
    expect(priceOf("anthropic", "claude-opus-5-5").serviceTiers).not.toHaveProperty("batch+fast");
    expect(priceOf("anthropic", "claude-opus-5-5").serviceTiers).not.toHaveProperty("eu");
    expect(priceOf("aws", "us.anthropic.claude-opus-4-8").serviceTiers).not.toHaveProperty("fast");
    expect(priceOf("google", "gemini-3.8-flash").serviceTiers).not.toHaveProperty("offpeak");
  });

  it("leave what a batch reads from Gemini's cache at the list price", () => {
    expect(priceOf("google", "gemini-2.5-pro").serviceTiers["batch"]).toEqual({
      numerator: 1,
      denominator: 2,
      cacheReadAtListPrice: true,
    });
    expect(priceOf("anthropic", "claude-opus-5").serviceTiers["batch"]).toEqual({
      numerator: 1,
      denominator: 2,
    });
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

  it.each([
    ["anthropic", "claude-haiku-5-5", 128_000],
    ["anthropic", "claude-sonnet-5-5", 128_000],
    ["anthropic", "claude-fable-5-2", 128_000],
    ["anthropic", "claude-mythos-preview", 128_000],
    ["anthropic", "claude-opus-4-6", 128_000],
    ["anthropic", "claude-opus-4-5", 64_000],
    ["anthropic", "claude-sonnet-4-5-20250929", 64_000],
    ["anthropic", "claude-haiku-4-5", 64_000],
    ["anthropic", "claude-sonnet-4-20250514", 64_000],
    ["anthropic", "claude-opus-4-1", 32_000],
    ["anthropic", "claude-opus-4-20250514", 32_000],
    ["anthropic", "claude-3-7-sonnet-latest", 128_000],
    ["anthropic", "claude-3-5-haiku-latest", 8_192],
    ["anthropic", "claude-3-haiku-20240307", 4_096],
    ["anthropic", "claude-2", 4_096],
    ["azure", "claude-opus-5-5", 128_000],
    ["google", "claude-opus-4-8@20260528", 128_000],
    ["aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0", 64_000],
    ["aws", "us.amazon.nova-lite-v1:0", undefined],
    ["google", "gemini-2.0-flash-001", 8_192],
    ["google", "gemini-2.5-pro", 65_536],
    ["google", "gemini-2.5-flash-image", 32_768],
    ["google", "gemini-2.5-flash-preview-tts", 16_384],
    ["google", "gemini-3.8-flash", 65_536],
    ["google", "gemini-4-argon", 1_048_576],
    ["google", "gemini-embedding-001", undefined],
  ])("%s %s gives at most %d output tokens", (provider, model, tokens) => {
    expect(priceOf(provider, model).maxOutputTokens).toBe(tokens);
  });

  it("never understate a context window that the data rounds down", () => {
    expect(priceOf("openai", "gpt-4.1").contextWindowTokens).toBeGreaterThanOrEqual(1_047_576);
    expect(priceOf("openai", "gpt-4-32k").contextWindowTokens).toBe(32_768);
    expect(priceOf("google", "gemini-3.8-flash").contextWindowTokens).toBe(1_048_576);
    expect(priceOf("google", "gemini-2.5-pro").contextWindowTokens).toBe(1_048_576);
    expect(priceOf("google", "gemini-4-argon").contextWindowTokens).toBe(1_048_576);
    expect(priceOf("google", "gemini-2.5-computer-use-preview-10-2025").contextWindowTokens).toBe(131_072);
    expect(priceOf("google", "gemini-2.5-flash-preview-tts").contextWindowTokens).toBe(32_768);
    expect(priceOf("google", "gemini-embedding-2").contextWindowTokens).toBe(8_192);
    expect(priceOf("anthropic", "claude-sonnet-4-5").contextWindowTokens).toBe(200_000);
    expect(priceOf("anthropic", "claude-haiku-5-5").contextWindowTokens).toBe(1_000_000);
  });
});
