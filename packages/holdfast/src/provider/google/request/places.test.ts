import { describe, expect, it } from "vitest";
import { guardKit } from "../../../../test/support/guard-kit.ts";
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import type { Body, RequestShape } from "../../request/request-shape.ts";
import { googleAdapter } from "../adapter.ts";
import type { MeteredEndpoint } from "../endpoint.ts";

const estimator: TokenEstimator = {
  name: "halves",
  estimate: (text) => Math.ceil(Buffer.byteLength(text) / 2),
};
const settings: GuardSettings = { ...guardKit().guard.settings, estimator };
const LONG = "A".repeat(30_000);
const LONG_TOKENS = estimator.estimate(LONG, "m");

const shape = (endpoint: MeteredEndpoint, body: Body): RequestShape =>
  googleAdapter.shapeOf(endpoint, { model: "gemini-3.8-flash", ...body }, settings);
const part = (one: Body): RequestShape =>
  shape("generateContent", { contents: [{ role: "user", parts: [one] }] });
const input = (...steps: unknown[]): RequestShape => shape("interactions", { input: steps });

const lookalikes: readonly Body[] = [
  { mime_type: "image/png", data: LONG },
  { type: "audio", data: LONG },
  { type: "video", data: LONG },
  { type: "document", data: LONG },
  { inlineData: { mimeType: "image/png", data: LONG } },
  { parts: [{ inlineData: { mimeType: "image/png", data: LONG } }] },
  { content: [{ type: "image", data: LONG }] },
  { fileData: { fileUri: LONG } },
];

describe("what a function takes or returns is text, whatever it looks like", () => {
  it.each(lookalikes)("generateContent %#", (value) => {
    for (const one of [
      { functionResponse: { name: "f", response: value } },
      { functionResponse: { name: "f", response: { output: [value] } } },
      { functionCall: { name: "f", args: value } },
      { partMetadata: value },
    ]) {
      const { textTokens, otherInput, refersTo } = part(one);
      expect(textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
      expect(otherInput).toEqual({ inputImageTokens: 0, inputAudioTokens: 0 });
      expect(refersTo).toBeNull();
    }
  });

  it.each(lookalikes)("interactions %#", (value) => {
    for (const step of [
      { type: "function_call", arguments: value },
      { type: "function_result", result: value },
      { type: "function_result", result: { items: [value] } },
    ]) {
      const { textTokens, otherInput, refersTo } = input(step);
      expect(textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
      expect(otherInput).toEqual({ inputImageTokens: 0, inputAudioTokens: 0 });
      expect(refersTo).toBeNull();
    }
  });

  it.each<[string, RequestShape]>([
    [
      "a schema",
      shape("generateContent", { tools: [{ functionDeclarations: [{ parameters: lookalikes[0] }] }] }),
    ],
    [
      "a schema of the answer",
      shape("generateContent", { generationConfig: { responseSchema: lookalikes[0] } }),
    ],
    [
      "the content of an embedding",
      shape("embedContent", { content: { parts: [{ text: "" }], x: lookalikes[0] } }),
    ],
  ])("%s", (_name, { textTokens }) => {
    expect(textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
  });
});

describe("media is counted as media where the API takes it", () => {
  const picture = { inlineData: { mimeType: "image/png", data: LONG } };
  const image = { type: "image", mime_type: "image/png", data: LONG };

  it.each<[string, RequestShape]>([
    ["a part", part(picture)],
    ["a part in snake_case", part({ inline_data: { mime_type: "image/png", data: LONG } })],
    ["what a function returns beside its JSON", part({ functionResponse: { name: "f", parts: [picture] } })],
    ["the same in snake_case", part({ function_response: { name: "f", parts: [picture] } })],
    ["the only part, without a list", shape("generateContent", { contents: { parts: picture } })],
    ["content of an interaction", input(image)],
    ["content of a step", input({ type: "user_input", content: [image] })],
    ["content that a function returns", input({ type: "function_result", result: [image] })],
  ])("%s", (_name, { textTokens, otherInput }) => {
    expect(otherInput).toMatchObject({ inputImageTokens: 1_120 });
    expect(textTokens).toBeLessThan(200);
  });
});

describe("numbers", () => {
  const numbers = Array.from({ length: 1_000 }, (_, i) => Math.sqrt(i + 2) * 1e-5);

  it("are counted by their digits", () => {
    const { textTokens } = part({ functionCall: { name: "f", args: { numbers } } });
    expect(textTokens).toBeGreaterThanOrEqual(estimator.estimate(JSON.stringify(numbers), "m"));
  });

  it.each([5, true, -1])("%s is never less than a few tokens", (value) => {
    const tokens = (args: unknown): number => part({ functionCall: { name: "f", args } }).textTokens;
    expect(tokens({ value }) - tokens({ value: undefined })).toBeGreaterThanOrEqual(8);
  });
});
