import { linearEstimator } from "holdfast";
import { describe, expect, it } from "vitest";
import { corpus, windowsOf, type CorpusGroup } from "./corpus/index.ts";
import { truthOf } from "./truth.ts";

const WINDOWS_PER_TEXT = 150;

/** Largest allowed estimate / max(o200k, cl100k) over all texts of a group together. */
const LARGEST_RATIO: Partial<Record<CorpusGroup, number>> = {
  prose: 1.6,
  code: 1.8,
  json: 1.8,
  cjk: 1.6,
  script: 1.6,
};

describe("linear estimate, against the true counts", () => {
  it.each(corpus.map(({ kind, text }) => [kind, text] as const))(
    "is never below them: %s",
    (kind, text) => {
      const low = [text, ...windowsOf(text, WINDOWS_PER_TEXT, text.length)].flatMap((window) => {
        const { o200k, cl100k } = truthOf(window);
        const estimate = linearEstimator.estimate(window, "gpt-5");
        return estimate >= Math.max(o200k, cl100k) ? [] : [{ window, estimate, o200k, cl100k }];
      });
      expect(low, kind).toEqual([]);
    },
    60_000,
  );

  it.each(Object.entries(LARGEST_RATIO))("stays close to them: %s", (group, largest) => {
    let estimated = 0;
    let truth = 0;
    for (const { text } of corpus.filter((entry) => entry.group === group)) {
      estimated += linearEstimator.estimate(text, "gpt-5");
      const { o200k, cl100k } = truthOf(text);
      truth += Math.max(o200k, cl100k);
    }
    expect(estimated / truth).toBeLessThanOrEqual(largest);
  });

  it("stays within twice o200k_base alone on Chinese and Japanese (in Korean cl100k_base needs that alone)", () => {
    for (const { kind, text } of corpus.filter((entry) => entry.group === "cjk" && entry.kind !== "korean")) {
      expect(linearEstimator.estimate(text, "gpt-5") / truthOf(text).o200k, kind).toBeLessThanOrEqual(2);
    }
  });
});
