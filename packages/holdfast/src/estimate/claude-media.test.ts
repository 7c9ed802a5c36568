import { describe, expect, it } from "vitest";
import { claudeImageTokens } from "./claude-media.ts";

/**
 * huggingface.co/datasets/JOHNISKING/image-token-cost, 2026-10: input tokens of one picture and a short text on Haiku 4.5 and
 * Opus 5.5, of which the text is 65 and 77 (what is left when the patches of the small pictures are taken off).
 */
const MEASURED: [width: number, height: number, haiku45: number, opus55: number][] = [
  [256, 256, 165, 177],
  [512, 512, 426, 438],
  [768, 768, 849, 861],
  [1024, 1024, 1434, 1446],
  [1280, 720, 1261, 1273],
  [1920, 1080, 1625, 2768],
  [1080, 1920, 1625, 2768],
  [2560, 1440, 1657, 3069],
  [3840, 2160, 1657, 3069],
  [4032, 3024, 1661, 4005],
];

describe("a picture", () => {
  it.each(MEASURED)("of %d x %d is not below what was measured", (width, height, haiku45, opus55) => {
    expect(claudeImageTokens("claude-haiku-4-5", { width, height })).toBeGreaterThanOrEqual(haiku45 - 65);
    expect(claudeImageTokens("claude-opus-5-5", { width, height })).toBeGreaterThanOrEqual(opus55 - 77);
  });

  it.each([
    // 10 x 10 patches, where 65,536 pixels / 750 are 88.
    ["claude-haiku-4-5", 256, 256, 100],
    // 1,048,576 / 750 are 1,398.1, where 37 x 37 patches are 1,369.
    ["claude-haiku-4-5", 1024, 1024, 1_399],
    ["claude-haiku-4-5", 1, 1, 1],
    ["claude-haiku-4-5", 8000, 8000, 1_600],
    ["claude-opus-4-8", 8000, 8000, 4_784],
    ["claude-opus-4-8", 1920, 1080, 2_765],
  ])("on %s of %d x %d is %d", (model, width, height, tokens) => {
    expect(claudeImageTokens(model, { width, height })).toBe(tokens);
  });

  it.each([
    undefined,
    { width: 0, height: 5 },
    { width: Number.NaN, height: 5 },
    { width: 5, height: Infinity },
  ])("of unknown size %j is the largest", (size) => {
    expect(claudeImageTokens("us.anthropic.claude-sonnet-4-5-20250929-v1:0", size)).toBe(1_600);
    expect(claudeImageTokens("claude-haiku-5-5", size)).toBe(4_784);
    expect(claudeImageTokens("claude-mythos-preview", size)).toBe(4_784);
  });
});
