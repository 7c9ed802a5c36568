/** Every text that the estimators are held against, and the windows cut from it. */
import { code, json } from "./code.ts";
import { noise, runs } from "./noise.ts";
import { prose } from "./prose.ts";
import { random } from "./random.ts";

export type CorpusGroup = "prose" | "code" | "json" | "cjk" | "script" | "noise" | "run";

export interface CorpusText {
  group: CorpusGroup;
  kind: string;
  text: string;
}

const CJK = new Set(["chinese", "chineseTraditional", "japanese", "korean"]);
const LATIN = new Set(["english", "german", "french", "spanish", "turkish", "finnish", "vietnamese"]);

function groupOfProse(kind: string): CorpusGroup {
  if (CJK.has(kind)) return "cjk";
  return LATIN.has(kind) ? "prose" : "script";
}

function group(texts: Record<string, string>, of: (kind: string) => CorpusGroup): CorpusText[] {
  return Object.entries(texts).map(([kind, text]) => ({ group: of(kind), kind, text }));
}

export const corpus: readonly CorpusText[] = [
  ...group(prose, groupOfProse),
  ...group(code, () => "code"),
  ...group(json, () => "json"),
  ...group(noise, () => "noise"),
  ...group(runs, () => "run"),
];

/** Windows of 1 to 3000 UTF-16 code units, short ones as likely as long ones, cut anywhere, pairs included. */
export function windowsOf(text: string, count: number, seed: number): string[] {
  const next = random(seed);
  return Array.from({ length: count }, () => {
    const size = Math.max(1, Math.floor(Math.exp(next() * Math.log(Math.min(3000, text.length)))));
    const start = Math.floor(next() * (text.length - size + 1));
    return text.slice(start, start + size);
  });
}
