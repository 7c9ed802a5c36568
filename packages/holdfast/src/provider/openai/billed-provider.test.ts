import { createPriceSource } from "@holdfast/prices";
import { describe, expect, it } from "vitest";
import { billedProvider } from "./billed-provider.ts";

describe("the provider that bills a client", () => {
  it.each([
    ["https://api.openai.com/v1", "openai", "gpt-5-mini"],
    ["https://eu.api.openai.com/v1", "openai", "gpt-5-mini"],
    ["https://my.openai.azure.com/openai/v1", "azure", "gpt-4o"],
    ["https://bedrock-mantle.us-east-1.api.aws/openai/v1", "aws", "openai.gpt-oss-120b-1:0"],
    ["https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1", "aws", "openai.gpt-oss-120b-1:0"],
    ["https://generativelanguage.googleapis.com/v1beta/openai/", "google", "gemini-2.5-flash"],
    ["https://api.anthropic.com/v1/", "anthropic", "claude-sonnet-4-5"],
    ["https://api.cerebras.ai/v1", "cerebras", undefined],
    ["https://api.cohere.ai/compatibility/v1", "cohere", undefined],
    ["https://api.deepseek.com", "deepseek", "deepseek-chat"],
    ["https://api.fireworks.ai/inference/v1", "fireworks", undefined],
    ["https://api.groq.com/openai/v1", "groq", "llama-3.1-8b-instant"],
    ["https://api.mistral.ai/v1", "mistral", "mistral-large-latest"],
    ["https://api.moonshot.ai/v1", "moonshotai", undefined],
    ["https://openrouter.ai/api/v1", "openrouter", undefined],
    ["https://api.perplexity.ai", "perplexity", undefined],
    ["https://api.together.xyz/v1", "together", undefined],
    ["https://api.x.ai/v1", "x-ai", "grok-4"],
    ["http://localhost:11434/v1", "openai", undefined],
    ["https://gateway.acme.test/groq", "openai", undefined],
    ["https://evil-openai.azure.com.acme.test", "openai", undefined],
  ])("at %s is %s", (baseURL, provider, model) => {
    expect(billedProvider({ baseURL })).toBe(provider);
    // The name is one that the price list knows.
    if (model !== undefined) {
      expect(createPriceSource().priceOf(provider, model, Date.UTC(2026, 10, 20))).toBeDefined();
    }
  });

  it("is Azure for an Azure client, wherever it is", () => {
    expect(billedProvider({ baseURL: "http://localhost:1/openai", apiVersion: "2025-04-01" })).toBe("azure");
  });

  it("is OpenAI where there is no address at all", () => {
    expect(billedProvider({ baseURL: "" })).toBe("openai");
  });
});
