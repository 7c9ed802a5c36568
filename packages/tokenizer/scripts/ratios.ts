/**
 * Prints, for every text of the corpus, how far the linear estimate is above the true counts, and its speed.
 * Run: node --conditions=holdfast-source packages/tokenizer/scripts/ratios.ts
 *
 * @module
 */
import { linearEstimator } from "holdfast";
import { corpus, windowsOf } from "../test/corpus/index.ts";
import { truthOf } from "../test/truth.ts";

const WINDOWS_PER_TEXT = 100;
const TIMED_CHARS = 60_000;
const ROUNDS = 25;

/** The best of some rounds, in microseconds per KB (1,000 UTF-16 code units). */
function microsPerKb(text: string): number {
  const long = Buffer.from(text.repeat(Math.ceil(TIMED_CHARS / text.length)), "utf16le").toString("utf16le");
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = performance.now();
    linearEstimator.estimate(long, "gpt-5");
    best = Math.min(best, performance.now() - startMs);
  }
  return (best * 1000) / (long.length / 1000);
}

function row(group: string, kind: string, text: string): Record<string, string | number> {
  const truth = truthOf(text);
  const estimate = linearEstimator.estimate(text, "gpt-5");
  const lowest = windowsOf(text, WINDOWS_PER_TEXT, text.length).map((window) => {
    const { o200k, cl100k } = truthOf(window);
    return linearEstimator.estimate(window, "gpt-5") / Math.max(o200k, cl100k);
  });
  return {
    group,
    kind,
    chars: text.length,
    "o200k tokens": truth.o200k,
    "cl100k tokens": truth.cl100k,
    estimate,
    "/ o200k": Number((estimate / truth.o200k).toFixed(2)),
    "/ larger": Number((estimate / Math.max(truth.o200k, truth.cl100k)).toFixed(2)),
    "lowest window": Number(Math.min(...lowest).toFixed(2)),
    "us / KB": Number(microsPerKb(text).toFixed(2)),
  };
}

console.table(corpus.map(({ group, kind, text }) => row(group, kind, text)));
