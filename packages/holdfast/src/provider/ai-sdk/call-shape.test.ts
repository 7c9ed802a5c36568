import { describe, expect, it } from "vitest";
import { guardKit } from "../../../test/support/guard-kit.ts";
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { GuardSettings } from "../../guard/guard-settings.ts";
import { billedProvider, mayReason } from "./billed-provider.ts";
import { shapeOfImageCall, shapeOfLanguageCall, type LanguageShape } from "./call-shape.ts";
import type { LanguageCallOptions } from "./sdk-types.ts";

const settings: GuardSettings = guardKit({}).guard.settings;
const prompt = [{ role: "user", content: [{ type: "text", text: "Hello" }] }];

function shapeOf(
  more: Partial<LanguageCallOptions> & { readonly reasoning?: string } = {},
  sdkProvider = "openai.responses",
  model = "gpt-5-mini",
  allow: readonly string[] = [],
): LanguageShape {
  const params = { prompt, maxOutputTokens: 100, ...more };
  const provider = billedProvider(sdkProvider, model);
  return shapeOfLanguageCall(params, model, provider, false, { ...settings, allow: new Set(allow) });
}

const user = (...content: object[]): Partial<LanguageCallOptions> => ({
  prompt: [{ role: "user", content }],
});

describe("the provider on whose bill a model is", () => {
  it.each([
    ["openai.chat", "gpt-5", "openai", "openai"],
    ["openai.responses", "gpt-5", "openai", "openai"],
    ["azure.responses", "my-deployment", "azure", "openai"],
    ["azure-openai.chat", "my-deployment", "azure", "openai"],
    ["anthropic.messages", "claude-sonnet-4-5", "anthropic", "anthropic"],
    ["vertex.anthropic.messages", "claude-sonnet-4-5", "google", "anthropic"],
    ["google.generative-ai", "gemini-3-pro", "google", "google"],
    ["google.vertex.chat", "gemini-3-pro", "google", "google"],
    ["amazon-bedrock", "us.anthropic.claude-sonnet-4-5-v1:0", "aws", "anthropic"],
    ["amazon-bedrock", "amazon.nova-pro-v1:0", "aws", "other"],
    ["xai.chat", "grok-5", "x-ai", "other"],
    ["mistral.chat", "mistral-large", "mistral", "other"],
    ["gateway", "openai/gpt-5", "gateway", "other"],
  ])("%s %s", (sdkProvider, model, name, family) => {
    expect(billedProvider(sdkProvider, model)).toEqual({ name, family });
  });

  it("is what the application says, in its own wire format", () => {
    expect(billedProvider("openai.chat", "m", "my-gateway")).toEqual({
      name: "my-gateway",
      family: "openai",
    });
  });

  it.each<[string, boolean, boolean]>([
    ["gpt-4o-mini", false, false],
    ["gpt-5-mini", false, true],
    ["claude-3-5-haiku-20241022", true, false],
    ["claude-sonnet-4-5", false, false],
    ["claude-sonnet-4-5", true, true],
    ["claude-opus-5", false, true],
    ["gemini-2.0-flash", false, false],
    ["gemini-2.5-pro", false, true],
    ["a-new-model", false, true],
  ])("may have thoughts: %s, asked %s: %s", (model, asked, expected) => {
    expect(mayReason(model, asked)).toBe(expected);
  });
});

describe("input", () => {
  it("grows with every word of the options", () => {
    const bare = shapeOf().textTokens;
    const words = "some more words of text ".repeat(40);
    const schema = { type: "object", properties: { city: { type: "string", description: words } } };
    for (const more of [
      { prompt: [...prompt, { role: "system", content: words }] },
      user({ type: "text", text: words }),
      { prompt: [{ role: "assistant", content: [{ type: "reasoning", text: words }] }] },
      { prompt: [{ role: "assistant", content: [{ type: "tool-call", toolName: "t", input: { words } }] }] },
      {
        prompt: [
          { role: "tool", content: [{ type: "tool-result", output: { type: "json", value: [words] } }] },
        ],
      },
      { tools: [{ type: "function", name: "t", inputSchema: schema }] },
      { responseFormat: { type: "json", schema } },
      { providerOptions: { openai: { instructions: words } } },
      user({ type: "file", mediaType: "text/plain", data: new TextEncoder().encode(words) }),
      user({ type: "file", mediaType: "text/plain", data: { type: "text", text: words } }),
      user({ type: "file", mediaType: "text/plain", data: btoa(words) }),
    ]) {
      expect(shapeOf(more).textTokens).toBeGreaterThan(bare + 150);
      expect(shapeOf(more).refersTo).toBeNull();
    }
  });

  const bytes = new Uint8Array(64_000);
  it.each<[string, object, string, string, number]>([
    ["v3 bytes", { type: "file", mediaType: "image/png", data: bytes }, "openai.chat", "gpt-5", 4_000],
    ["v3 base64", { type: "file", mediaType: "image/*", data: "AAAA" }, "openai.chat", "gpt-5", 4_000],
    [
      "v3 address",
      { type: "file", mediaType: "image/png", data: new URL("https://a.b/c") },
      "openai.chat",
      "gpt-5",
      4_000,
    ],
    [
      "v4 bytes",
      { type: "file", mediaType: "image/png", data: { type: "data", data: bytes } },
      "openai.chat",
      "gpt-5",
      4_000,
    ],
    [
      "v4 address",
      { type: "file", mediaType: "image", data: { type: "url", url: new URL("https://a.b/c") } },
      "openai.chat",
      "gpt-5",
      4_000,
    ],
    [
      "a small model's",
      { type: "file", mediaType: "image/png", data: bytes },
      "openai.chat",
      "gpt-4o-mini",
      48_200,
    ],
    [
      "Claude's",
      { type: "file", mediaType: "image/png", data: bytes },
      "anthropic.messages",
      "claude-opus-5",
      5_000,
    ],
    [
      "in full detail",
      {
        type: "file",
        mediaType: "image/png",
        data: bytes,
        providerOptions: { openai: { imageDetail: "original" } },
      },
      "openai.chat",
      "gpt-5",
      26_000,
    ],
  ])("bounds an image: %s", (_, part, sdkProvider, model, tokens) => {
    const shape = shapeOf(user(part), sdkProvider, model);
    expect(shape.otherInput.inputImageTokens).toBe(tokens);
    expect(shape.textTokens).toBeLessThan(400);
    expect(shape.refersTo).toBeNull();
  });

  it("bounds an image in the result of a tool", () => {
    for (const part of [
      { type: "image-data", mediaType: "image/png", data: "AAAA" },
      { type: "file-data", mediaType: "image/png", data: "AAAA" },
      { type: "file", mediaType: "image/png", data: { type: "data", data: "AAAA" } },
    ]) {
      const output = { type: "content", value: [part] };
      const shape = shapeOf({ prompt: [{ role: "tool", content: [{ type: "tool-result", output }] }] });
      expect(shape.otherInput.inputImageTokens).toBe(4_000);
    }
  });

  it("bounds sound by the longest that its bytes can be", () => {
    const part = { type: "file", mediaType: "audio/wav", data: bytes };
    expect(shapeOf(user(part)).otherInput.inputAudioTokens).toBe(80);
    const compressed = { type: "file", mediaType: "audio/mpeg", data: bytes };
    expect(
      shapeOf(user(compressed), "google.generative-ai", "gemini-3-pro").otherInput.inputAudioTokens,
    ).toBe(3_200);
  });

  it.each<[string, Partial<LanguageCallOptions>]>([
    ["a document", user({ type: "file", mediaType: "application/pdf", data: bytes })],
    ["a film", user({ type: "file", mediaType: "video/mp4", data: bytes })],
    ["a text at an address", user({ type: "file", mediaType: "text/plain", data: new URL("https://a.b/c") })],
    [
      "a file by its id",
      user({
        type: "file",
        mediaType: "text/plain",
        data: { type: "reference", reference: { openai: "file-1" } },
      }),
    ],
    ["an earlier response", { providerOptions: { openai: { previousResponseId: "resp_1" } } }],
    ["cached content", { providerOptions: { google: { cachedContent: "c/1" } } }],
    ["MCP servers", { providerOptions: { anthropic: { mcpServers: [{ url: "https://a.b" }] } } }],
    [
      "an earlier thought",
      {
        prompt: [
          {
            role: "assistant",
            content: [{ type: "reasoning", text: "", providerOptions: { openai: { itemId: "rs_1" } } }],
          },
        ],
      },
    ],
    ["a search", { tools: [{ type: "provider", id: "openai.web_search", name: "s", args: {} }] }],
  ])("refers to what is not in it: %s", (_, more) => {
    expect(shapeOf(more).refersTo).not.toBeNull();
  });

  it("counts an earlier thought that is sent along", () => {
    const options = { openai: { itemId: "rs_1", reasoningEncryptedContent: "x".repeat(4_000) } };
    const part = { type: "reasoning", text: "", providerOptions: options };
    const shape = shapeOf({ prompt: [{ role: "assistant", content: [part] }] });
    expect(shape.refersTo).toBeNull();
    expect(shape.textTokens).toBeGreaterThan(500);
  });

  it("takes a property of a schema for no file", () => {
    const inputSchema = { type: "object", properties: { type: "file", data: { type: "string" } } };
    expect(
      shapeOf({ tools: [{ type: "function", name: "t", inputSchema }] }).otherInput.inputImageTokens,
    ).toBe(0);
  });

  it.each<[object | undefined, string]>([
    [undefined, "none"],
    [{ anthropic: { cacheControl: { type: "ephemeral" } } }, "short"],
    [{ anthropic: { cacheControl: { type: "ephemeral", ttl: "1h" } } }, "long"],
    [{ bedrock: { cachePoint: { type: "default" } } }, "short"],
  ])("is written to Claude's cache as parts of it say: %j", (providerOptions, expected) => {
    const part = { type: "text", text: "Hello", providerOptions };
    expect(shapeOf(user(part), "anthropic.messages", "claude-opus-5").cacheWrites).toBe(expected);
    expect(shapeOf(user(part)).cacheWrites).toBeUndefined();
  });
});

describe("Google's interactions", () => {
  const google = (
    options: Record<string, unknown>,
    allow: readonly string[] = [],
    model = "gemini-2.5-flash",
  ): LanguageShape => shapeOf({ providerOptions: { google: options } }, "google.generative-ai", model, allow);

  it("that go on from an earlier one refer to all of it, sound and pictures included", () => {
    expect(google({ previousInteractionId: "int-1" })).toMatchObject({
      refersTo: "an earlier interaction",
      refersToMedia: true,
    });
    expect(google({ previousInteractionId: null })).toMatchObject({ refersTo: null, refersToMedia: false });
  });

  it.each([{ agent: "deep-research" }, { agentConfig: { type: "dynamic" } }, { environment: "e" }])(
    "of an agent are not allowed: %j",
    (options) => {
      expect(() => google(options)).toThrow(CallNotAllowedError);
      expect(google(options, ["agents"]).refersTo).toBeNull();
    },
  );

  it.each([
    [{ responseFormat: [{ type: "text" }, { type: "image" }] }, "gemini-2.5-flash", "image"],
    [{ responseFormat: [{ type: "audio" }] }, "gemini-2.5-flash", "audio"],
    [{ responseFormat: [{ type: "video" }] }, "gemini-2.5-flash", "any"],
    [{}, "gemini-nano-banana-2.1", "image"],
    [{ responseFormat: [{ type: "text" }] }, "gemini-2.5-flash", "text"],
  ])("%j on %s are held for as %s", (options, model, kind) => {
    expect(google(options, [], model).output.kind).toBe(kind);
  });
});

it("a model that searches for every answer is held for with the fee of it", () => {
  expect(shapeOf({}, "openai.chat", "gpt-4o-search-preview").toolFees).toEqual({ webSearchPreviews: 1 });
  expect(shapeOf({}, "openai.chat", "gpt-4o").toolFees).toEqual({});
});

describe("output", () => {
  it.each<[string, object, string, string, number | null, string | null]>([
    ["the SDK's limit", { maxOutputTokens: 70 }, "openai.chat", "gpt-5", 70, null],
    ["none", { maxOutputTokens: undefined }, "openai.chat", "gpt-5", null, "maxOutputTokens"],
    [
      "the larger of two",
      { providerOptions: { openai: { maxCompletionTokens: 300 } } },
      "openai.chat",
      "gpt-5",
      300,
      null,
    ],
    [
      "an option of a compatible server",
      { maxOutputTokens: undefined, providerOptions: { my: { max_tokens: 30 } } },
      "my.chat",
      "m",
      30,
      null,
    ],
    [
      "a budget for thinking on top",
      { providerOptions: { anthropic: { thinking: { type: "enabled", budgetTokens: 2_000 } } } },
      "anthropic.messages",
      "claude-sonnet-4-5",
      2_100,
      null,
    ],
    [
      "Bedrock's budget on top",
      { providerOptions: { bedrock: { reasoningConfig: { type: "enabled", budgetTokens: 1_024 } } } },
      "amazon-bedrock",
      "anthropic.claude-sonnet-4-5",
      1_124,
      null,
    ],
    [
      "a budget that the provider chooses",
      { providerOptions: { anthropic: { thinking: { type: "enabled" } } } },
      "anthropic.messages",
      "claude-sonnet-4-5",
      null,
      null,
    ],
    [
      "a level of ai 7 on Claude",
      { reasoning: "high" },
      "anthropic.messages",
      "claude-sonnet-4-5",
      null,
      null,
    ],
    ["a level of ai 7 elsewhere", { reasoning: "high" }, "openai.responses", "gpt-5", 100, null],
  ])("is bounded by %s", (_, more, sdkProvider, model, limit, limitField) => {
    expect(shapeOf(more, sdkProvider, model).output).toMatchObject({ limit, limitField });
  });

  it("is of the dearest kind that is asked for, as often as it is", () => {
    const google = (options: object): LanguageShape =>
      shapeOf({ providerOptions: { google: options as never } }, "google.generative-ai", "gemini-3-pro");
    expect(google({ responseModalities: ["TEXT", "IMAGE"] }).output.kind).toBe("image");
    expect(google({ responseModalities: ["AUDIO"] }).output.kind).toBe("audio");
    expect(google({ candidateCount: 3 }).output.choices).toBe(3);
    expect(shapeOf({}, "google.generative-ai", "gemini-3-pro-image").output.kind).toBe("image");
  });

  it("counts a summary of the conversation as a second pass", () => {
    const edits = [{ type: "compact_20260112" }];
    const once = shapeOf({}, "anthropic.messages", "claude-opus-5");
    const twice = shapeOf(
      { providerOptions: { anthropic: { contextManagement: { edits } } } },
      "anthropic.messages",
      "claude-opus-5",
    );
    expect(twice.output.choices).toBe(2);
    expect(twice.textTokens).toBeGreaterThanOrEqual(2 * once.textTokens);
  });

  it("holds for the models that Claude may fall back to", () => {
    const fallbacks = [{ model: "claude-sonnet-4-5" }];
    const shape = shapeOf(
      { providerOptions: { anthropic: { fallbacks } } },
      "anthropic.messages",
      "claude-opus-5",
    );
    expect(shape.also?.map(({ model }) => model)).toEqual(["claude-sonnet-4-5"]);
    expect(() =>
      shapeOf(
        { providerOptions: { anthropic: { fallbacks: "default" } } },
        "anthropic.messages",
        "claude-opus-5",
      ),
    ).toThrow(CallNotBoundedError);
  });
});

describe("tiers", () => {
  const anthropic = (options: object): LanguageShape =>
    shapeOf({ providerOptions: { anthropic: options as never } }, "anthropic.messages", "claude-opus-5");

  it.each<[object, string | null, readonly string[] | undefined]>([
    [{}, null, ["default", "default", "us"]],
    [{ speed: "fast" }, "fast", ["fast", "us+fast"]],
    [{ inferenceGeo: "global" }, null, ["default", "default"]],
    [{ inferenceGeo: "us", speed: "fast" }, "us+fast", ["us+fast"]],
  ])("Claude's, with geography and speed: %j", (options, serviceTier, possibleTiers) => {
    expect(anthropic(options)).toMatchObject({ serviceTier, possibleTiers });
  });

  it("the others', by their names", () => {
    const openai = shapeOf({ providerOptions: { openai: { serviceTier: "flex" } } });
    expect(openai.serviceTier).toBe("flex");
    expect(openai.possibleTiers).toBeUndefined();
    expect(shapeOf({ providerOptions: { openai: { serviceTier: "auto" } } }).serviceTier).toBeNull();
    const google = shapeOf(
      { providerOptions: { google: { serviceTier: "standard" } } },
      "google.generative-ai",
      "gemini-3-pro",
    );
    expect(google.serviceTier).toBe("default");
  });
});

describe("the provider's own tools", () => {
  const tool = (id: string, args: object = {}, type = "provider"): Partial<LanguageCallOptions> => ({
    tools: [{ type, id, name: "t", args }],
  });

  it.each([
    ["openai.local_shell"],
    ["openai.custom"],
    ["anthropic.bash_20250124"],
    ["anthropic.text_editor_20250728"],
    ["anthropic.computer_20251124"],
    ["anthropic.memory_20250818"],
  ])("add nothing when the application runs them: %s", (id) => {
    expect(shapeOf(tool(id))).toMatchObject({ refersTo: null, toolFees: {} });
  });

  it.each<[string, object, object]>([
    ["openai.web_search", {}, { webSearches: 10 }],
    ["openai.web_search_preview", {}, { webSearchPreviews: 10 }],
    ["openai.file_search", {}, { fileSearches: 10 }],
    ["anthropic.web_search_20250305", { maxUses: 3 }, { webSearches: 3 }],
    ["google.google_search", {}, { webSearches: 10 }],
    ["google.google_maps", {}, { mapGroundings: 10 }],
    ["google.url_context", {}, {}],
    ["openai.mcp", {}, {}],
    ["anthropic.web_fetch_20250910", {}, {}],
  ])("are held for with their fees: %s", (id, args, fees) => {
    const shape = shapeOf(tool(id, args));
    expect(shape.refersTo).toContain(id);
    expect(shape.toolFees).toEqual(fees);
  });

  it("are bounded by the call where it says so", () => {
    const providerOptions = { openai: { maxToolCalls: 2 } };
    expect(shapeOf({ ...tool("openai.web_search"), providerOptions }).toolFees).toEqual({ webSearches: 2 });
  });

  it.each([
    ["openai.code_interpreter", "containers"],
    ["openai.shell", "containers"],
    ["anthropic.code_execution_20250825", "containers"],
    ["openai.image_generation", "agents"],
    ["anthropic.advisor_20260301", "agents"],
    ["google.vertex_rag_store", "agents"],
    ["new.tool", "agents"],
  ])("are refused when their bill cannot be followed: %s", (id, bypass) => {
    expect(() => shapeOf(tool(id))).toThrow(CallNotAllowedError);
    expect(() => shapeOf(tool(id, {}, "provider-defined"))).toThrow(CallNotAllowedError);
    expect(shapeOf(tool(id), "openai.responses", "gpt-5", [bypass]).refersTo).toContain(id);
  });

  it("run where their environment is", () => {
    expect(shapeOf(tool("openai.shell", { environment: { type: "local" } })).refersTo).toBeNull();
  });
});

describe("a picture", () => {
  it.each<[object, number]>([
    [{ n: 1 }, 6_240],
    [{ n: 1, size: "1024x1024" }, 6_240],
    [{ n: 1, size: "4096x4096" }, 24_960],
    [{ n: 1, providerOptions: { openai: { quality: "max" } } }, 24_960],
  ])("is bounded by its size and quality: %j", (options, limit) => {
    const provider = billedProvider("openai.image", "gpt-image-1");
    const shape = shapeOfImageCall({ prompt: "A cat", n: 1, ...options }, "gpt-image-1", provider, settings);
    expect(shape.output).toMatchObject({ kind: "image", limit, choices: 1 });
  });
});
