import { describe, expect, it } from "vitest";
import { geminiAudioTokens, geminiImageTokens, geminiPdfTokens, geminiVideoTokens } from "./gemini-media.ts";

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

it("a page is a picture of its own kind", () => {
  expect(geminiPdfTokens("gemini-2.5-flash", 10)).toBe(2_580);
  expect(geminiPdfTokens("gemini-3.8-flash", 10)).toBe(5_600);
  expect(geminiPdfTokens("gemini-3.8-flash", 10, "high")).toBe(11_200);
  expect(geminiPdfTokens("gemini-3.8-flash", 10, "low")).toBe(2_800);
  for (const pages of [undefined, -1, 0.5])
    expect(geminiPdfTokens("gemini-3.8-flash", pages)).toBeUndefined();
});

it("sound is 32 a second", () => {
  expect(geminiAudioTokens(60)).toBe(1_920);
  expect(geminiAudioTokens(0.01)).toBe(1);
  for (const seconds of [undefined, -1, Number.NaN, Infinity])
    expect(geminiAudioTokens(seconds)).toBeUndefined();
});

describe("video", () => {
  it.each([
    // 61 frames of 258 + 10, and a minute of sound.
    ["gemini-2.5-flash", 60, undefined, undefined, 16_348, 1_920],
    ["gemini-2.5-flash", 60, "low", undefined, 61 * 76, 1_920],
    ["gemini-3.8-flash", 60, undefined, undefined, 61 * 80, 1_920],
    ["gemini-3.8-flash", 60, "MEDIA_RESOLUTION_HIGH", undefined, 61 * 290, 1_920],
    ["gemini-3.8-flash", 60, undefined, 5, 301 * 80, 1_920],
    ["gemini-3.8-flash", 0, undefined, undefined, 80, 0],
  ])("on %s of %d s, resolution %s, %s frames a second", (model, seconds, resolution, fps, frames, audio) => {
    expect(geminiVideoTokens(model, seconds, resolution, fps)).toEqual({ frames, audio });
  });

  it("of unknown length is not bounded", () => {
    expect(geminiVideoTokens("gemini-3.8-flash")).toBeUndefined();
    expect(geminiVideoTokens("gemini-3.8-flash", 60, null, Number.NaN)).toBeUndefined();
  });
});
