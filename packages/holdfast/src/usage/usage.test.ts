import { describe, expect, it } from "vitest";
import { USAGE_BUCKETS, type UsageBucket } from "@holdfast/prices";
import { inputTokensOf, outputTokensOf } from "./usage.ts";

const OUTPUT: readonly UsageBucket[] = [
  "outputTextTokens",
  "reasoningTokens",
  "outputAudioTokens",
  "outputImageTokens",
  "outputVideoTokens",
];
const UNITS: readonly UsageBucket[] = [
  "webSearches",
  "webSearchPreviews",
  "mapGroundings",
  "fileSearches",
  "audioMs",
  "characters",
  "images",
];

describe("tokens of a usage", () => {
  it.each(USAGE_BUCKETS)("%s counts as input, as output, or as neither", (bucket) => {
    const usage = { [bucket]: 7 };
    const kind = OUTPUT.includes(bucket) ? [0, 7] : UNITS.includes(bucket) ? [0, 0] : [7, 0];
    expect([inputTokensOf(usage), outputTokensOf(usage)]).toEqual(kind);
  });

  it("of nothing is nothing", () => {
    expect([inputTokensOf({}), outputTokensOf({})]).toEqual([0, 0]);
  });

  it("adds up", () => {
    const usage = Object.fromEntries(USAGE_BUCKETS.map((bucket, index) => [bucket, 2 ** index]));
    expect([inputTokensOf(usage), outputTokensOf(usage)]).toEqual([2 ** 10 - 1, 2 ** 15 - 2 ** 10]);
  });
});
