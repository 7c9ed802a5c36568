/**
 * What a text comes to in the vocabulary of another vendor, above the estimate for OpenAI's.
 *
 * Anthropic and Google publish no tokenizer. What is stated here is an upper estimate, by model name:
 *
 * - **Gemini** counts with the vocabulary of Gemma 3: @google/genai 3.1.0 maps every model from 2.0 to 3 Pro to it in its
 *   `LocalTokenizer`. It has a token per digit where OpenAI's have one per three, falls back to bytes sooner, and joins
 *   fewer equal characters. Held against the true counts of Gemma 3 on the corpus of `packages/tokenizer/test`. For
 *   models after 3 Pro the vocabulary is not stated; settled calls raise the estimate if it grew.
 * - **Claude up to 4.6** made 16 % more tokens than GPT-4o of English, 21 % of mathematics, 30 % of Python
 *   ("Hidden costs in AI deployment", VentureBeat, 2025-05). Of other scripts no ratio is published: 1.7 is the worst that
 *   Claude 2's published vocabulary (@anthropic-ai/tokenizer 0.0.4) needs on the corpus.
 * - **Claude since 4.7** makes "1x to 1.35x as many tokens" of a text as 4.6 (Anthropic, 2026-04); measured were up to
 *   1.47 on English and German, 1.36 on TypeScript, 1.00 on Chinese, Japanese, Korean, Arabic, Hindi and Russian
 *   (sol.ava.dev, 2026-04-17; claudecodecamp.com, 2026-04). The largest product, 1.30 x 1.36 on code, is 1.77.
 *
 * @module
 */
import { parseClaudeName } from "@holdfast/prices";

type Vendor = "openai" | "claude-4.6" | "claude-4.7" | "gemini";

const NEW_CLAUDE_VOCABULARY_FROM = 407;

/** Factors in tenths, so that whole numbers stay whole. */
const TENTHS = 10;
const CLAUDE = 13;
const CLAUDE_OTHER_SCRIPTS = 17;
const NEW_CLAUDE = 18;
/** The least one with which no window of the corpus comes out below Gemma 3's count (1.05 does not do). */
const GEMINI = 11;

/** What in a text costs more tokens elsewhere than in OpenAI's vocabularies. */
interface Traits {
  /** UTF-8 bytes. */
  bytes: number;
  /** UTF-8 bytes of characters beyond the Latin scripts. */
  otherScriptBytes: number;
  /** Digits that OpenAI's vocabularies put into one token with a digit before them. */
  joinedDigits: number;
  /** Eighths of runs of one character that is neither letter nor digit. */
  runs: number;
  /** Places where one kind of white space follows another. */
  whitespaceChanges: number;
  pairs: number;
  loneSurrogates: number;
}

/** The characters of rules, tables and indentation are joined at least by eight in every vocabulary. */
const RUN = 8;
const FIRST_OTHER_SCRIPT = 0x250;

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}

function isLetter(unit: number): boolean {
  return (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90);
}

function isWhitespace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13);
}

function traitsOf(text: string): Traits {
  const traits: Traits = {
    bytes: text.length,
    otherScriptBytes: 0,
    joinedDigits: 0,
    runs: 0,
    whitespaceChanges: 0,
    pairs: 0,
    loneSurrogates: 0,
  };
  let digits = 0;
  let repeated = 0;
  let previous = -1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isDigit(unit)) {
      if (++digits % 3 !== 1) traits.joinedDigits++;
    } else {
      digits = 0;
      if (unit !== previous) {
        repeated = 0;
        if (isWhitespace(unit) && isWhitespace(previous)) traits.whitespaceChanges++;
      } else if (!isLetter(unit) && ++repeated % RUN === RUN - 1) traits.runs++;
      if (unit >= 0x80) addBeyondAscii(traits, text, at, unit, previous);
    }
    previous = unit;
  }
  return traits;
}

function addBeyondAscii(traits: Traits, text: string, at: number, unit: number, previous: number): void {
  const isHigh = unit >= 0xd800 && unit <= 0xdbff;
  const isLow = unit >= 0xdc00 && unit <= 0xdfff;
  if (isHigh && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) {
    // Counted with its other half.
    traits.bytes -= 1;
    return;
  }
  if (isLow && (previous & 0xfc00) === 0xd800) {
    traits.pairs++;
    traits.bytes += 3;
    traits.otherScriptBytes += 4;
    return;
  }
  if (isHigh || isLow) traits.loneSurrogates++;
  const bytes = unit < 0x800 ? 2 : 3;
  traits.bytes += bytes - 1;
  if (unit >= FIRST_OTHER_SCRIPT) traits.otherScriptBytes += bytes;
}

let latest: { readonly model: string; readonly vendor: Vendor } | undefined;

/** The parts of one request are counted one after the other, and are for one model. */
function vendorOf(model: string): Vendor {
  if (latest?.model !== model) latest = { model, vendor: vendorNamed(model) };
  return latest.vendor;
}

/** By the model's name, whatever the platform: `us.anthropic.claude-...`, `publishers/google/models/gemini-...`. */
function vendorNamed(model: string): Vendor {
  if (model.includes("claude")) {
    const version = parseClaudeName(model)?.version ?? 0;
    return version > 0 && version < NEW_CLAUDE_VOCABULARY_FROM ? "claude-4.6" : "claude-4.7";
  }
  return model.includes("gemini") || model.includes("gemma") ? "gemini" : "openai";
}

/**
 * An upper estimate for this model of what OpenAI's vocabularies make `openAiTokens` of. Any model but Claude and Gemini
 * gets that very number. Linear in the text; 0 for an empty one.
 *
 * @param openAiTokens What `estimateTextTokens` says of the same text.
 */
export function tokensForModel(text: string, model: string, openAiTokens: number): number {
  const vendor = vendorOf(model);
  if (vendor === "openai" || text.length === 0) return openAiTokens;
  const traits = traitsOf(text);
  switch (vendor) {
    case "claude-4.6": {
      // Not more of the estimate can be for other scripts than they have bytes.
      const others = Math.min(openAiTokens, traits.otherScriptBytes);
      const tenths = openAiTokens * CLAUDE + others * (CLAUDE_OTHER_SCRIPTS - CLAUDE);
      return Math.ceil(tenths / TENTHS) + traits.runs;
    }
    case "claude-4.7":
      return Math.ceil((openAiTokens * NEW_CLAUDE) / TENTHS) + traits.runs;
    case "gemini": {
      const { joinedDigits, runs, whitespaceChanges, pairs, loneSurrogates } = traits;
      const more = joinedDigits + runs + whitespaceChanges / 2 + pairs + 3 * loneSurrogates;
      // What is in no token falls back to its bytes.
      return Math.min(traits.bytes, Math.ceil((openAiTokens * GEMINI) / TENTHS + more));
    }
  }
}
