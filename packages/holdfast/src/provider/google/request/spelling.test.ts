import { describe, expect, it } from "vitest";
import { guardKit } from "../../../../test/support/guard-kit.ts";
import { CallNotAllowedError } from "../../../error/call-not-allowed-error.ts";
import { CallNotBoundedError } from "../../../error/call-not-bounded-error.ts";
import type { Bypass } from "../../endpoint-class.ts";
import { planShape } from "../../plan-request.ts";
import type { Body, RequestShape } from "../../request/request-shape.ts";
import { googleAdapter } from "../adapter.ts";
import type { MeteredEndpoint } from "../endpoint.ts";
import { withLimit } from "../guarded-request.ts";
import { camelFields, snakeFields, wholeNumber } from "./spelling.ts";

const { guard } = guardKit();
const shape = (endpoint: MeteredEndpoint, body: Body, allow: readonly Bypass[] = []): RequestShape =>
  googleAdapter.shapeOf(
    endpoint,
    { model: "gemini-2.5-flash", ...body },
    { ...guard.settings, allow: new Set(allow) },
  );
const generation = (body: Body): RequestShape => shape("generateContent", body);
const interaction = (body: Body): RequestShape => shape("interactions", { input: "Hi", ...body });
const text = "word ".repeat(1_000);

describe("a request in snake_case is held for as its twin", () => {
  it.each<[string, Body, Body]>([
    [
      "settings",
      {
        generation_config: { candidate_count: 8, max_output_tokens: 60_000, response_modalities: ["IMAGE"] },
      },
      { generationConfig: { candidateCount: 8, maxOutputTokens: 60_000, responseModalities: ["IMAGE"] } },
    ],
    [
      "settings of which only the inner ones are",
      { generationConfig: { candidate_count: 8, response_schema: { description: text } } },
      { generationConfig: { candidateCount: 8, responseSchema: { description: text } } },
    ],
    [
      "an instruction",
      { system_instruction: { parts: [{ text }] } },
      { systemInstruction: { parts: [{ text }] } },
    ],
    ["a cache", { cached_content: "cachedContents/x" }, { cachedContent: "cachedContents/x" }],
    ["a continuation", { continuation_token: "t" }, { continuationToken: "t" }],
    ["a tier", { service_tier: "priority" }, { serviceTier: "priority" }],
    [
      "a tool",
      { tools: [{ google_search: {} }, { function_declarations: [] }] },
      { tools: [{ googleSearch: {} }, { functionDeclarations: [] }] },
    ],
    ["the only tool, without a list", { tools: { google_search: {} } }, { tools: { googleSearch: {} } }],
  ])("%s", (_name, snake, camel) => {
    const { textTokens: a, ...one } = generation(snake);
    const { textTokens: b, ...other } = generation(camel);
    expect(one).toEqual(other);
    expect(Math.abs(a - b)).toBeLessThanOrEqual(8);
    expect({ ...other, textTokens: b }).not.toEqual(generation({}));
  });

  it("a file", () => {
    const contents = (one: Body): Body => ({ contents: [{ parts: [one] }] });
    expect(generation(contents({ file_data: { file_uri: "u", mime_type: "video/mp4" } }))).toMatchObject({
      refersTo: "a file",
      refersToMedia: true,
    });
    expect(generation(contents({ file_data: { file_uri: "u", mime_type: "text/plain" } }))).toMatchObject({
      refersTo: "a file",
      refersToMedia: false,
    });
  });

  it("interactions in lowerCamelCase", () => {
    expect(interaction({ previousInteractionId: "i" })).toEqual(
      interaction({ previous_interaction_id: "i" }),
    );
    expect(interaction({ generationConfig: { maxOutputTokens: 5 } }).output.limit).toBe(5);
    expect(() => interaction({ agentConfig: {} })).toThrow(CallNotAllowedError);
  });

  it.each(["enterprise_web_search", "parallel_ai_search", "exa_ai_search", "mcp_servers"])(
    "%s is billed elsewhere",
    (tool) => {
      expect(() => generation({ tools: [{ [tool]: {} }] })).toThrow(CallNotAllowedError);
      expect(() => generation({ tools: { [tool]: {} } })).toThrow(CallNotAllowedError);
    },
  );
});

describe("a field in both spellings", () => {
  it.each<[string, Body]>([
    ["settings", { generationConfig: {}, generation_config: { candidateCount: 8 } }],
    ["in the settings", { generationConfig: { candidateCount: 1, candidate_count: 8 } }],
    ["a tool", { tools: [{ googleSearch: {}, google_search: {} }] }],
  ])("is not bounded: %s", (_name, body) => {
    expect(() => generation(body)).toThrow(CallNotBoundedError);
  });

  it("of which one is null is stated once", () => {
    expect(camelFields({ a_b: 1, aB: null })).toEqual({ aB: 1 });
    expect(snakeFields({ aB: undefined, a_b: 2 })).toEqual({ a_b: 2 });
  });

  it("does not come of the limit that is added", () => {
    const limit = { maxOutputTokens: 9 };
    expect(withLimit({ generation_config: { top_k: 1 } }, limit, "generationConfig")).toEqual({
      generation_config: { top_k: 1, maxOutputTokens: 9 },
    });
    expect(withLimit({ generationConfig: { max_output_tokens: 0 } }, limit, "generationConfig")).toEqual({
      generationConfig: { max_output_tokens: 9 },
    });
    expect(withLimit({}, limit, "generationConfig")).toEqual({ generationConfig: limit });
  });
});

describe("numbers", () => {
  it.each<[unknown, number | null]>([
    [8, 8],
    ["8", 8],
    ["8.0", 8],
    ["8e0", 8],
    ["", null],
    [" ", null],
    ["x", null],
    [-1, null],
    ["2.5", null],
    [null, null],
    [[8], null],
  ])("%j is %j", (value, expected) => {
    expect(wholeNumber(value)).toBe(expected);
  });

  it("candidates in a string are held for", () => {
    expect(generation({ generationConfig: { candidateCount: "8" } }).output.choices).toBe(8);
    expect(
      shape("predict", {
        model: "imagen-4.0-generate-001",
        instances: [{}],
        parameters: { sampleCount: "8" },
      }).otherInput,
    ).toEqual({ images: 8 });
  });
});

describe("another model that answers", () => {
  const routed = (routingConfig: Body): RequestShape => generation({ generationConfig: { routingConfig } });

  it.each<Body>([
    { manualMode: { modelName: "gemini-2.5-pro" } },
    { manual_mode: { model_name: "publishers/google/models/gemini-2.5-pro" } },
    { autoMode: { modelRoutingPreference: "PRIORITIZE_QUALITY" } },
  ])("%j is not bounded", (routing) => {
    expect(() => routed(routing)).toThrow(CallNotBoundedError);
  });

  it("is none when it is the one that was asked", () => {
    expect(routed({ manualMode: { modelName: "gemini-2.5-flash" } }).model).toBe("gemini-2.5-flash");
  });
});

describe("environments", () => {
  it.each(["environments/x", { type: "remote", sources: [] }])(
    "%j is not for an interaction",
    (environment) => {
      expect(() => interaction({ environment })).toThrow(CallNotAllowedError);
      expect(() => interaction({ environment })).toThrow('allow: ["containers"]');
    },
  );

  it("may be allowed, and what is in it is then held for", () => {
    expect(
      shape("interactions", { input: "Hi", environment: "environments/x" }, ["containers"]),
    ).toMatchObject({
      refersTo: "an environment",
      mayReadAgain: true,
    });
  });
});

describe("output of a kind that is not known", () => {
  it.each<[string, RequestShape]>([
    ["a format", interaction({ response_format: { type: "video" } })],
    ["a modality of an interaction", interaction({ response_modalities: ["text", "video"] })],
    ["a modality", generation({ generationConfig: { responseModalities: ["VIDEO"] } })],
    ["a format on Vertex AI", generation({ generationConfig: { responseFormat: [{ video: {} }] } })],
  ])("%s is held at the dearest rate", (_name, read) => {
    expect(read.output.kind).toBe("any");
    const model = "gemini-2.5-flash-image";
    const worstCase = (kind: RequestShape["output"]["kind"]): number => {
      const output = { ...read.output, kind };
      return planShape(guard, "google", "interactions", { ...read, model, output }).plan.worstCaseNanoUsd;
    };
    expect(worstCase("any")).toBe(worstCase("image"));
    expect(worstCase("any")).toBeGreaterThan(worstCase("text"));
  });

  it("a schema is text, whatever its type", () => {
    expect(interaction({ response_format: { type: "object", properties: {} } }).output.kind).toBe("text");
    expect(
      generation({ generationConfig: { responseModalities: ["MODALITY_UNSPECIFIED"] } }).output.kind,
    ).toBe("text");
  });
});
