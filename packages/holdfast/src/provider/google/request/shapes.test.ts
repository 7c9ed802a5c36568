import { describe, expect, it } from "vitest";
import { guardKit } from "../../../../test/support/guard-kit.ts";
import { CallNotAllowedError } from "../../../error/call-not-allowed-error.ts";
import { CallNotBoundedError } from "../../../error/call-not-bounded-error.ts";
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import type { Body, RequestShape } from "../../request/request-shape.ts";
import { googleAdapter } from "../adapter.ts";
import type { MeteredEndpoint } from "../endpoint.ts";

const estimator: TokenEstimator = {
  name: "sixths",
  estimate: (text) => Math.ceil(Buffer.byteLength(text) / 6),
};
const settings: GuardSettings = { ...guardKit().guard.settings, estimator };
const LONG = "word ".repeat(6_000);
const LONG_TOKENS = estimator.estimate(LONG, "m");

const shape = (endpoint: MeteredEndpoint, body: Body, model = "gemini-3.8-flash"): RequestShape =>
  googleAdapter.shapeOf(endpoint, { model, ...body }, settings);
const generation = (body: Body, model?: string): RequestShape => shape("generateContent", body, model);
const part = (one: Body): Body => ({ contents: [{ role: "user", parts: [one] }] });
const data = "A".repeat(4_000);

describe("generateContent", () => {
  it.each(["contents", "systemInstruction", "tools", "toolConfig"])("%s are input", (field) => {
    expect(
      generation({ [field]: [{ functionDeclarations: [{ description: LONG }] }] }).textTokens,
    ).toBeGreaterThanOrEqual(LONG_TOKENS);
  });

  it.each(["responseSchema", "responseJsonSchema"])("%s is input", (field) => {
    expect(
      generation({ generationConfig: { [field]: { description: LONG } } }).textTokens,
    ).toBeGreaterThanOrEqual(LONG_TOKENS);
  });

  it.each(["labels", "safetySettings"])("%s are settings", (field) => {
    expect(generation({ [field]: [LONG] }).textTokens).toBe(generation({}).textTokens);
  });

  it("streams by its address", () => {
    expect(generation({}).stream).toBe(false);
    expect(shape("streamGenerateContent", {}).stream).toBe(true);
  });

  it.each<[string, Body, object]>([
    ["nothing stated", {}, { kind: "text", limit: null, choices: 1, limitField: "maxOutputTokens" }],
    ["a limit", { maxOutputTokens: 5 }, { limit: 5 }],
    [
      "thoughts are within it, and their budget is none",
      { maxOutputTokens: 5, thinkingConfig: { thinkingBudget: 9_000 } },
      { limit: 5 },
    ],
    ["nonsense", { maxOutputTokens: "5", candidateCount: -1 }, { limit: null, choices: 1 }],
    ["candidates", { candidateCount: 3 }, { choices: 3 }],
    ["speech", { responseModalities: ["AUDIO"] }, { kind: "audio" }],
    ["pictures", { responseModalities: ["TEXT", "IMAGE"] }, { kind: "image" }],
    ["text only", { responseModalities: ["TEXT"] }, { kind: "text" }],
  ])("output: %s", (_name, generationConfig, output) => {
    expect(generation({ generationConfig }).output).toMatchObject(output);
  });

  it.each([
    ["gemini-2.5-flash-image", "image"],
    ["gemini-3-pro-image-preview", "image"],
    ["gemini-2.5-flash-preview-tts", "audio"],
    ["gemini-2.5-flash", "text"],
  ])("%s generates %s unless it is told otherwise", (model, kind) => {
    expect(generation({}, model).output.kind).toBe(kind);
    expect(generation({ generationConfig: { responseModalities: ["TEXT"] } }, model).output.kind).toBe(
      "text",
    );
  });

  it.each<[string, Body, object]>([
    ["a picture", { inlineData: { mimeType: "image/png", data } }, { inputImageTokens: 1_120 }],
    [
      "a picture in low resolution",
      { inlineData: { mimeType: "image/png", data }, mediaResolution: { level: "MEDIA_RESOLUTION_LOW" } },
      { inputImageTokens: 280 },
    ],
    [
      "a picture of a tool",
      { functionResponse: { name: "f", parts: [{ inlineData: { mimeType: "image/png", data } }] } },
      { inputImageTokens: 1_120 },
    ],
    ["sound", { inlineData: { mimeType: "audio/mp3", data } }, { inputAudioTokens: 151 }],
    ["sound in a WAV file", { inlineData: { mimeType: "audio/wav", data } }, { inputAudioTokens: 13 }],
  ])("%s is counted by what it is billed as", (_name, one, other) => {
    const { otherInput, textTokens, refersTo } = generation(part(one));
    expect(otherInput).toMatchObject(other);
    expect(textTokens).toBeLessThan(100);
    expect(refersTo).toBeNull();
  });

  it("a resolution for all pictures holds where a part does not say its own", () => {
    const generationConfig = { mediaResolution: "MEDIA_RESOLUTION_LOW" };
    expect(
      generation({ ...part({ inlineData: { mimeType: "image/png", data } }), generationConfig }).otherInput,
    ).toMatchObject({ inputImageTokens: 280 });
  });

  it("text in base64 is text", () => {
    const base64 = Buffer.from(LONG).toString("base64");
    const { textTokens, refersTo } = generation(
      part({ inlineData: { mimeType: "text/plain", data: base64 } }),
    );
    expect(textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
    expect(textTokens).toBeLessThan(LONG_TOKENS + 100);
    expect(refersTo).toBeNull();
  });

  it.each<[string, Body, string, boolean]>([
    ["a video", part({ inlineData: { mimeType: "video/mp4", data } }), "a video", true],
    ["a document", part({ inlineData: { mimeType: "application/pdf", data } }), "a document", true],
    ["a file", part({ fileData: { fileUri: "files/x", mimeType: "audio/mp3" } }), "a file", true],
    ["a file of text", part({ fileData: { fileUri: "files/x", mimeType: "text/plain" } }), "a file", false],
    ["a file of which nothing is known", part({ fileData: { fileUri: "files/x" } }), "a file", true],
    ["a cache", { cachedContent: "cachedContents/x" }, "a context cache", true],
    ["a continuation", { continuationToken: "t" }, "what was generated before", false],
    ["a search", { tools: [{ googleSearch: {} }] }, "results of the provider's tools (googleSearch)", false],
    ["addresses", { tools: [{ urlContext: {} }] }, "results of the provider's tools (urlContext)", true],
    ["code", { tools: [{ codeExecution: {} }] }, "results of the provider's tools (codeExecution)", false],
  ])("%s is not in the request", (_name, body, refersTo, refersToMedia) => {
    expect(generation(body)).toMatchObject({ refersTo, refersToMedia });
  });

  it.each<[string, Body]>([
    ["functions", { tools: [{ functionDeclarations: [{ name: "f" }] }] }],
    ["the application's browser", { tools: [{ computerUse: { environment: "ENVIRONMENT_BROWSER" } }] }],
    ["tools that are none", { tools: [null, 5, { googleSearch: undefined }] }],
  ])("%s are the application's own", (_name, body) => {
    expect(generation(body)).toMatchObject({ refersTo: null, toolFees: {} });
  });

  it("grounding is held for: queries since Gemini 3, one prompt before", () => {
    const tools = [{ googleSearch: {} }, { googleMaps: {} }];
    expect(generation({ tools }).toolFees).toEqual({ webSearches: 10, mapGroundings: 10 });
    expect(generation({ tools, generationConfig: { candidateCount: 2 } }).toolFees).toEqual({
      webSearches: 20,
      mapGroundings: 20,
    });
    expect(generation({ tools }, "gemini-2.5-flash").toolFees).toEqual({ webSearches: 1, mapGroundings: 1 });
  });

  it.each(["enterpriseWebSearch", "parallelAiSearch", "exaAiSearch", "retrieval", "mcpServers"])(
    "%s is billed elsewhere",
    (tool) => {
      const body = { model: "m", tools: [{ [tool]: {} }] };
      expect(() => googleAdapter.shapeOf("generateContent", body, settings)).toThrow(CallNotAllowedError);
      const allowing = { ...settings, allow: new Set(["agents"]) };
      expect(googleAdapter.shapeOf("generateContent", body, allowing).refersTo).toContain(tool);
    },
  );

  it.each([
    [undefined, "default"],
    ["SERVICE_TIER_UNSPECIFIED", "default"],
    ["standard", "default"],
    ["flex", "flex"],
    ["PRIORITY", "priority"],
    ["turbo", "turbo"],
  ])("tier %s is %s", (serviceTier, expected) => {
    expect(generation({ serviceTier }).serviceTier).toBe(expected);
  });

  it.each<[string, unknown]>([
    ["numbers", 5],
    ["nothing", null],
    ["deep content", Array.from({ length: 100 }).reduce((inner) => [inner], "x")],
  ])("contents may be %s", (_name, contents) => {
    expect(generation({ contents }).textTokens).toBeGreaterThan(0);
  });
});

describe("embeddings", () => {
  it("are their text", () => {
    const one = shape("embedContent", { content: { parts: [{ text: LONG }] }, title: LONG });
    expect(one.textTokens).toBeGreaterThanOrEqual(2 * LONG_TOKENS);
    expect(one).toMatchObject({ output: { kind: "none" }, prompts: 1 });
    expect(one.usageWhenSilent).toMatchObject({ inputTextTokens: one.textTokens });
    const two = shape("batchEmbedContents", {
      requests: [{ content: { parts: [{ text: LONG }] } }, { content: LONG }],
    });
    expect(two.textTokens).toBeGreaterThanOrEqual(2 * LONG_TOKENS);
    expect(two.prompts).toBe(2);
  });

  it("on Vertex AI", () => {
    const two = shape(
      "predict",
      { instances: [{ content: LONG }, { content: LONG, title: "t" }] },
      "gemini-embedding-001",
    );
    expect(two.textTokens).toBeGreaterThanOrEqual(2 * LONG_TOKENS);
  });
});

describe("predictions", () => {
  it.each<[Body, number]>([
    [{ instances: [{ prompt: "a cat" }], parameters: { sampleCount: 3 } }, 3],
    [{ instances: [{ prompt: "a cat" }] }, 4],
    [{ instances: [{ prompt: "a cat" }, { prompt: "a dog" }], parameters: { sampleCount: 2 } }, 4],
  ])("%j makes %i pictures", (body, images) => {
    expect(shape("predict", body, "imagen-4.0-generate-001").otherInput).toEqual({ images });
  });

  it("of other models are not bounded", () => {
    expect(() => shape("predict", { instances: [{}] }, "endpoints/123")).toThrow(CallNotBoundedError);
  });
});

describe("interactions", () => {
  const interaction = (body: Body): RequestShape => shape("interactions", body, "models/gemini-3.8-flash");

  it.each(["input", "system_instruction", "tools", "response_format"])("%s is input", (field) => {
    expect(interaction({ [field]: [{ type: "function", text: LONG }] }).textTokens).toBeGreaterThanOrEqual(
      LONG_TOKENS,
    );
  });

  it("name their model plainly", () => {
    expect(interaction({ input: "Hi" })).toMatchObject({
      model: "gemini-3.8-flash",
      stream: false,
      serviceTier: "default",
    });
    expect(interaction({ input: "Hi", stream: true, service_tier: "flex" })).toMatchObject({
      stream: true,
      serviceTier: "flex",
    });
  });

  it.each<[string, Body, object]>([
    [
      "a limit",
      { generation_config: { max_output_tokens: 5 } },
      { kind: "text", limit: 5, limitField: "max_output_tokens" },
    ],
    ["pictures", { response_modalities: ["image", "text"] }, { kind: "image" }],
    ["a format", { response_format: { type: "audio" } }, { kind: "audio" }],
    ["formats", { response_format: [{ type: "text" }, { type: "image" }] }, { kind: "image" }],
  ])("output: %s", (_name, body, output) => {
    expect(interaction(body).output).toMatchObject(output);
  });

  it.each<[string, Body, object]>([
    [
      "a picture",
      { input: [{ type: "image", mime_type: "image/png", data }] },
      { otherInput: { inputImageTokens: 1_120 }, refersTo: null },
    ],
    [
      "a picture by its address",
      { input: [{ type: "image", uri: "https://x/y.png" }] },
      { refersTo: "a file", refersToMedia: true },
    ],
    ["a document", { input: [{ type: "document", data }] }, { refersTo: "a document" }],
    [
      "an earlier interaction",
      { previous_interaction_id: "i1" },
      { refersTo: "an earlier interaction", refersToMedia: true },
    ],
    ["a cache", { cached_content: "c" }, { refersTo: "a context cache" }],
    ["a continuation", { continuation_token: "t" }, { refersTo: "what was generated before" }],
    ["a search", { tools: [{ type: "google_search" }] }, { toolFees: { webSearches: 10 } }],
  ])("%s", (_name, body, expected) => {
    expect(interaction(body)).toMatchObject(expected);
  });

  it.each<[string, Body]>([
    ["agent", { agent: "deep-research" }],
    ["agent_config", { agent_config: { type: "deep-research" } }],
  ])("%s is not bounded by its request", (_name, body) => {
    expect(() => interaction(body)).toThrow(CallNotAllowedError);
  });

  it("a remote MCP server is nobody's to bound", () => {
    expect(() => interaction({ tools: [{ type: "mcp_server", url: "https://x" }] })).toThrow(
      CallNotAllowedError,
    );
  });
});
