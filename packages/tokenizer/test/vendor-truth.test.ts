/** The estimates for Claude and Gemini, against the vocabularies that can be had and the ratios that are published. */
import { linearEstimator } from "holdfast";
import { describe, expect, it } from "vitest";
import { corpus, windowsOf, type CorpusGroup } from "./corpus/index.ts";
import { truthOf } from "./truth.ts";
import { vendorCounts, WINDOWS } from "./vendor-counts.ts";

const GEMINI = "gemini-2.5-pro";
const CLAUDE_4_6 = "claude-opus-4-6";
const CLAUDE_4_7 = "claude-opus-4-8";

interface Counted {
  readonly window: string;
  readonly tokens: number;
}

/** A text and its windows with their recorded counts. */
function counted(text: string, counts: string): Counted[] {
  const tokens = counts.split(" ").map((count) => Number.parseInt(count, 36));
  return [text, ...windowsOf(text, WINDOWS, text.length)].map((window, index) => ({
    window,
    tokens: tokens[index]!,
  }));
}

function tooLow(model: string, of: readonly Counted[]): unknown[] {
  return of.flatMap(({ window, tokens }) => {
    const estimate = linearEstimator.estimate(window, model);
    return estimate >= tokens ? [] : [{ window: window.slice(0, 60), estimate, tokens }];
  });
}

const texts = corpus.map((entry, index) => ({ ...entry, recorded: vendorCounts[index]! }));

it("the recorded counts are of this corpus", () => {
  expect(vendorCounts.map(({ kind, chars }) => [kind, chars])).toEqual(
    corpus.map(({ kind, text }) => [kind, text.length]),
  );
  for (const { gemma3, claude2 } of vendorCounts) {
    expect([gemma3.split(" ").length, claude2.split(" ").length]).toEqual([WINDOWS + 1, WINDOWS + 1]);
  }
});

describe("for Gemini, against the counts of Gemma 3", () => {
  it.each(texts.map((entry) => [entry.kind, entry] as const))("is never below them: %s", (_, entry) => {
    expect(tooLow(GEMINI, counted(entry.text, entry.recorded.gemma3))).toEqual([]);
  });

  it.each([
    ["prose", 2.5],
    ["code", 1.5],
    ["json", 1.6],
    ["cjk", 2.6],
  ] satisfies [CorpusGroup, number][])("stays close to them: %s", (group, largest) => {
    let estimated = 0;
    let truth = 0;
    for (const { text, recorded } of texts.filter((entry) => entry.group === group)) {
      estimated += linearEstimator.estimate(text, GEMINI);
      truth += counted(text, recorded.gemma3)[0]!.tokens;
    }
    expect(estimated / truth).toBeLessThanOrEqual(largest);
  });
});

describe("for Claude, against the last vocabulary that Anthropic published", () => {
  it.each(texts.map((entry) => [entry.kind, entry] as const))("is never below its counts: %s", (_, entry) => {
    const counts = counted(entry.text, entry.recorded.claude2);
    expect(tooLow(CLAUDE_4_6, counts)).toEqual([]);
    expect(tooLow(CLAUDE_4_7, counts)).toEqual([]);
  });
});

/**
 * Published ratios: of Claude 3.5 to GPT-4o (o200k_base) 1.16 on English, 1.21 on mathematics, 1.30 on Python
 * (VentureBeat, 2025-05); of Opus 4.7 to 4.6 at most 1.47 on Latin prose, 1.36 on code, 1.31 on JSON, 1.07 on UUIDs, 1.00
 * on other scripts (sol.ava.dev and claudecodecamp.com, 2026-04). Where the first has no figure, the largest is taken.
 */
const CLAUDE_TO_O200K = { prose: 1.16, code: 1.3, json: 1.3, noise: 1.21 };
const NEW_TO_OLD_CLAUDE = { prose: 1.47, code: 1.36, json: 1.31, noise: 1.07 };

describe("for Claude, against the published ratios", () => {
  const ofGroup = texts.filter(
    (entry): entry is typeof entry & { group: keyof typeof CLAUDE_TO_O200K } =>
      entry.group in CLAUDE_TO_O200K,
  );

  it.each(ofGroup.map((entry) => [entry.kind, entry] as const))("is never below them: %s", (_, entry) => {
    const { text, group } = entry;
    for (const window of [text, ...windowsOf(text, 100, text.length)]) {
      const { o200k } = truthOf(window);
      const old = o200k * CLAUDE_TO_O200K[group];
      expect(linearEstimator.estimate(window, CLAUDE_4_6)).toBeGreaterThanOrEqual(old);
      expect(linearEstimator.estimate(window, CLAUDE_4_7)).toBeGreaterThanOrEqual(
        old * NEW_TO_OLD_CLAUDE[group],
      );
    }
  });
});
