import { describe, expect, it } from "vitest";
import { geminiAudioTokens, geminiImageTokens } from "./gemini-media.ts";

describe("a picture before Gemini 3", () => {
  it.each([
    [384, 384, 258],
    [385, 384, 2 * 2 * 258],
    // Google's own example: tiles of floor(540 / 1.5) = 360 pixels, 3 x 2 of them.
    [960, 540, 6 * 258],
    [1024, 1024, 2 * 2 * 258],
    [3072, 3072, 4 * 4 * 258],
    [3072, 385, 12 * 2 * 258],
    [100_000, 400, 24 * 258],
  ])("of %d x %d is %d", (width, height, tokens) => {
    expect(geminiImageTokens("gemini-2.5-pro", { width, height })).toBe(tokens);
  });

  it("of unknown size is the largest, and 66 with low resolution", () => {
    expect(geminiImageTokens("gemini-2.0-flash")).toBe(6_192);
    expect(geminiImageTokens("gemini-2.0-flash", { width: 0, height: 0 })).toBe(6_192);
    expect(geminiImageTokens("gemini-2.0-flash", { width: 5000, height: 5000 }, "MEDIA_RESOLUTION_LOW")).toBe(
      66,
    );
  });
});

describe("a picture since Gemini 3", () => {
  it.each([
    [undefined, 1_120],
    [null, 1_120],
    ["MEDIA_RESOLUTION_UNSPECIFIED", 1_120],
    ["low", 280],
    ["MEDIA_RESOLUTION_MEDIUM", 560],
    ["high", 1_120],
    ["MEDIA_RESOLUTION_ULTRA_HIGH", 2_240],
    ["constructor", 1_120],
  ])("with resolution %s is %d, whatever its size", (resolution, tokens) => {
    for (const model of [
      "gemini-3-pro-preview",
      "gemini-3.8-flash",
      "gemini-4-argon",
      "gemini-flash-latest",
    ]) {
      expect(geminiImageTokens(model, { width: 10, height: 10 }, resolution)).toBe(tokens);
    }
  });
});

it("sound is 32 a second", () => {
  expect(geminiAudioTokens(60)).toBe(1_920);
  expect(geminiAudioTokens(0.01)).toBe(1);
  for (const seconds of [undefined, -1, Number.NaN, Infinity])
    expect(geminiAudioTokens(seconds)).toBeUndefined();
});
