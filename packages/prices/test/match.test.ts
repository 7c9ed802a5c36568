import { describe, expect, it } from "vitest";
import { createPriceSource } from "../src/index.ts";

const NOW = Date.UTC(2026, 10, 20);
const source = createPriceSource();

describe("a name is priced as exactly the model it names", () => {
  it.each([
    ["openai", "gpt-5", "gpt-5"],
    ["openai", "openai/gpt-5", "gpt-5"],
    ["openai", "gpt-5-2025-08-07", "gpt-5"],
    ["openai", "gpt-5-chat-latest", "gpt-5"],
    ["openai", "gpt-5-mini-2026-09-09", "gpt-5-mini"],
    ["openai", "gpt-5-nano", "gpt-5-nano"],
    ["openai", "gpt-5-nano-2025-08-07", "gpt-5-nano"],
    ["openai", "o3", "o3"],
    ["openai", "o3-pro", "o3-pro"],
    ["openai", "o3-pro-2025-06-10", "o3-pro"],
    ["openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"],
    ["openai", "gpt-4o-20240513", "gpt-4o-2024-05-13"],
    ["openai", "gpt-4o-2024-11-20", "gpt-4o"],
    ["openai", "gpt-5.6-sol-2026-08-01", "gpt-5.6-sol"],
    ["openai", "computer-use-preview", "computer-use"],
    ["openai", "computer-use-preview-2025-03-11", "computer-use"],
    ["openai", "gpt-4o-audio-preview-2024-12-17", "gpt-4o-audio-preview"],
    ["openai", "ft:gpt-4o-2024-08-06:acme::abc123", "ft:gpt-4o"],
    ["openai", "ft:gpt-4o-2024-08-06:acme:support:abc123:ckpt-step-100", "ft:gpt-4o"],
    ["openai", "ft:gpt-4o-mini-2024-07-18:acme::abc123", "ft:gpt-4o-mini"],
    ["openai", "ft:gpt-3.5-turbo-0125:acme::abc", "ft:gpt-3.5-turbo-"],
    ["openai", "ft:gpt-4-0613:acme::abc", "gpt-4"],
    ["openai", "gpt-4o-mini-2024-07-18.ft-0e208cf33a6a", "gpt-4o-mini-2024-07-18.ft-"],
    ["openai", "omni-moderation-latest", "moderation"],
    ["openai", "tts-1-hd", "tts-1-hd"],
    ["anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"],
    ["anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
    ["anthropic", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"],
    ["anthropic", "claude-sonnet-4-20250514", "claude-sonnet-4-0"],
    ["anthropic", "claude-3-5-haiku-latest", "claude-3-5-haiku-latest"],
    ["anthropic", "claude-opus-5", "claude-opus-5"],
    ["anthropic", "claude-opus-5-5", "claude-opus-5-5"],
    ["anthropic", "claude-opus-5-5-20261001", "claude-opus-5-5"],
    ["google", "gemini-2.5-pro", "gemini-2.5-pro"],
    ["google", "models/gemini-2.5-pro", "gemini-2.5-pro"],
    ["google", "gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"],
    ["google", "gemini-2.5-pro-preview-tts", "gemini-2.5-pro-tts"],
    ["google", "gemini-2.0-flash-001", "gemini-2.0-flash"],
    ["google", "gemini-2.0-flash-lite-001", "gemini-2.0-flash-lite"],
    ["google", "gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite"],
    ["google", "claude-opus-4-8@20260401", "claude-opus-4-8"],
    ["azure", "gpt-5-mini", "gpt-5-mini"],
    ["azure", "claude-opus-5-5", "claude-opus-5-5"],
    [
      "aws",
      "us.anthropic.claude-haiku-4-5-20251001-v1:0",
      "regional.anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
    [
      "aws",
      "global.anthropic.claude-haiku-4-5-20251001-v1:0",
      "global.anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
    ["aws", "us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"],
  ])("%s %s -> %s", (provider, model, id) => {
    expect(source.priceOf(provider, model, NOW)?.model).toBe(id);
  });

  it.each([
    ["openai", "gpt-5-nano-foo"],
    ["openai", "gpt-5-foo"],
    ["openai", "gpt-5-mini-pro"],
    ["openai", "gpt-5-mini-2025-08-07-foo"],
    ["openai", "gpt-5-mini-2025-13-07"],
    ["openai", "gpt-5-mini-2025-08-32"],
    ["openai", "gpt-5-2025-08-07.ft-abc"],
    ["openai", "xgpt-5"],
    ["openai", "o3-ultra"],
    ["openai", "o3-pro-max"],
    ["openai", "o33"],
    ["openai", "O3"],
    ["openai", "GPT-5"],
    ["openai", " gpt-5"],
    ["openai", "gpt-4o-realtime-preview-2"],
    ["openai", "gpt-3.5-turbo-instruct-x"],
    ["openai", "ft:gpt-5-2025-08-07:acme::abc"],
    ["openai", "ft:gpt-4o-2024-08-06-pro:acme::abc"],
    ["openai", "ft:gpt-3.5-turbo-16k-0613:acme::abc"],
    ["openai", "my-moderation-model"],
    ["openai", "moderation-pro"],
    ["openai", "models/gpt-5"],
    ["openai", "azure/gpt-5"],
    ["openai", "anthropic/claude-opus-5"],
    ["openai", "dall-e-3"],
    ["openai", "gemini-2.5-pro"],
    ["openai", ""],
    ["openai", "__proto__"],
    ["openai", "constructor"],
    ["openai", "a".repeat(100_000)],
    ["anthropic", "claude-opus-5-6"],
    ["anthropic", "claude-sonnet-4-55"],
    ["anthropic", "claude-sonnet-5-5"],
    ["anthropic", "claude-haiku-4-5-fast"],
    ["anthropic", "my-claude-v2"],
    ["google", "gemini-1.5-flash-8b"],
    ["google", "gemini-2.5-pro-ultra"],
    ["google", "gemini-2.5-pro-tts-x"],
    ["google", "gemini-3.5-flash-9b"],
    ["google", "openai/gemini-2.5-pro"],
    ["aws", "evil.anthropic.claude-3-haiku-20240307-v1:0"],
    ["azure_openai", "gpt-5"],
    ["OpenAI", "gpt-5"],
    ["openai2", "gpt-5"],
    ["", "gpt-5"],
    ["__proto__", "gpt-5"],
  ])("%s %j has no price", (provider, model) => {
    expect(source.priceOf(provider, model, NOW)).toBeUndefined();
  });

  it("leaves a model unpriced whose calls cost something that no bucket counts", () => {
    expect(source.priceOf("perplexity", "sonar", NOW)).toBeUndefined();
    expect(source.priceOf("mistral", "mistral-ocr-latest", NOW)).toBeUndefined();
    expect(source.priceOf("groq", "whisper-large-v3", NOW)).toBeUndefined();
  });
});
