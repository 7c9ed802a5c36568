/**
 * A token count without a tokenizer: one pass, one table look-up per character, no allocation.
 *
 * Every token has exactly one first character, so the number of tokens is a sum over characters of "a token
 * starts here". The table holds a price for each pair (what came before, this character), fitted so that the sum
 * stays at or above the counts of o200k_base and cl100k_base, on natural text and on noise alike: rare pairs cost
 * a whole token, frequent ones next to nothing.
 *
 * @module
 */
import {
  buildClasses,
  extraBytes,
  maxCost,
  nextState,
  ROW_BITS,
  START_STATE,
  STATE_COUNT,
} from "./char-class.ts";
import { transitionShares } from "./cost-data.ts";
import type { TokenEstimator } from "./token-estimator.ts";
import { tokensForModel } from "./vendor-estimate.ts";

const COSTS_PER_TOKEN = 63;
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Added to every sum, because the fit is a little low on single words: 2 + 0.5 * sqrt(sum) tokens. */
const SLACK_TOKENS = 2;
const SLACK_PER_SQRT_TOKEN = 0.5;

/** The shares (0 to 63) of one state's row, with the abbreviated full prices written out. */
function sharesOf(row: string): Uint8Array {
  const shares = new Uint8Array(1 << ROW_BITS).fill(COSTS_PER_TOKEN);
  let column = 0;
  for (let at = 0; at < row.length; at++) {
    const mark = row.charAt(at);
    if (mark === ".") column += Number.parseInt(row.charAt(++at), 36);
    else shares[column++] = BASE64.indexOf(mark);
  }
  return shares;
}

const ROW_MASK: number = 0x1ff << ROW_BITS;
const EXTRA_SHIFT = 25;

/** An entry: the cost in 63rds of a token (bits 0-7), the next state (16-24), the extra UTF-8 bytes (25-26). */
function buildTransitions(): Uint32Array {
  const transitions = new Uint32Array(STATE_COUNT << ROW_BITS);
  for (let state = 0; state < STATE_COUNT; state++) {
    const shares = sharesOf(transitionShares[state] ?? "");
    for (let charClass = 0; charClass < 1 << ROW_BITS; charClass++) {
      const cost = shares[charClass]! * maxCost(charClass);
      transitions[(state << ROW_BITS) | charClass] =
        (extraBytes(state, charClass) << EXTRA_SHIFT) | (nextState(state, charClass) << 16) | cost;
    }
  }
  return transitions;
}

const classes: Uint8Array = /* @__PURE__ */ buildClasses();
const transitions: Uint32Array = /* @__PURE__ */ buildTransitions();

/**
 * The length of a text in UTF-8 bytes; a lone surrogate counts as U+FFFD, as every encoder writes it.
 *
 * No byte-level tokenizer can make more tokens than this.
 */
export function utf8ByteLength(text: string): number {
  let row = START_STATE << ROW_BITS;
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const entry = transitions[row | classes[text.charCodeAt(at)]!]!;
    bytes += entry >>> EXTRA_SHIFT;
    row = (entry >>> ROW_BITS) & ROW_MASK;
  }
  return bytes;
}

/** Texts from this length on are read in four lanes; in one lane each look-up waits for the one before. */
const LANES_FROM_CHARS = 512;

/** What a text comes to by the table. */
interface Sums {
  /** 63rds of a token. */
  cost: number;
  /** UTF-8 bytes beyond one per UTF-16 code unit. */
  extra: number;
}

/** Adds the characters from `from` to `to`. */
function addRange(sums: Sums, text: string, from: number, to: number): void {
  let row = START_STATE << ROW_BITS;
  let { cost, extra } = sums;
  for (let at = from; at < to; at++) {
    const entry = transitions[row | classes[text.charCodeAt(at)]!]!;
    cost += entry & 0xff;
    extra += entry >>> EXTRA_SHIFT;
    row = (entry >>> ROW_BITS) & ROW_MASK;
  }
  sums.cost = cost;
  sums.extra = extra;
}

/** Adds four stretches of `lane` characters each, every one from the start state. */
function addLanes(sums: Sums, text: string, lane: number): void {
  let rowA = START_STATE << ROW_BITS;
  let rowB = rowA;
  let rowC = rowA;
  let rowD = rowA;
  let { cost, extra } = sums;
  for (let a = 0, b = lane, c = 2 * lane, d = 3 * lane; a < lane; a++, b++, c++, d++) {
    const entryA = transitions[rowA | classes[text.charCodeAt(a)]!]!;
    cost += entryA & 0xff;
    extra += entryA >>> EXTRA_SHIFT;
    rowA = (entryA >>> ROW_BITS) & ROW_MASK;
    const entryB = transitions[rowB | classes[text.charCodeAt(b)]!]!;
    cost += entryB & 0xff;
    extra += entryB >>> EXTRA_SHIFT;
    rowB = (entryB >>> ROW_BITS) & ROW_MASK;
    const entryC = transitions[rowC | classes[text.charCodeAt(c)]!]!;
    cost += entryC & 0xff;
    extra += entryC >>> EXTRA_SHIFT;
    rowC = (entryC >>> ROW_BITS) & ROW_MASK;
    const entryD = transitions[rowD | classes[text.charCodeAt(d)]!]!;
    cost += entryD & 0xff;
    extra += entryD >>> EXTRA_SHIFT;
    rowD = (entryD >>> ROW_BITS) & ROW_MASK;
  }
  sums.cost = cost;
  sums.extra = extra;
}

/** Whether a position lies between the two halves of a surrogate pair. */
function splitsPair(text: string, at: number): boolean {
  return (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}

/**
 * An upper estimate of a text's tokens in o200k_base and cl100k_base, whichever is more. 2-3 ns per character,
 * linear in any input.
 *
 * @returns Tokens: an integer, at most `utf8ByteLength(text)`.
 */
export function estimateTextTokens(text: string): number {
  const sums: Sums = { cost: 0, extra: 0 };
  const lane = text.length < LANES_FROM_CHARS ? 0 : text.length >>> 2;
  if (lane > 0) {
    addLanes(sums, text, lane);
    for (let cut = lane; cut <= 4 * lane; cut += lane) if (splitsPair(text, cut)) sums.extra -= 2;
  }
  addRange(sums, text, 4 * lane, text.length);
  const tokens = sums.cost / COSTS_PER_TOKEN;
  const estimate = Math.ceil(tokens + SLACK_TOKENS + SLACK_PER_SQRT_TOKEN * Math.sqrt(tokens));
  return Math.min(estimate, text.length + sums.extra);
}

/**
 * The estimator that needs nothing: the default, and the fallback of every other. By the model's name it tells Claude and
 * Gemini from the rest, which is estimated in OpenAI's vocabularies.
 */
export const linearEstimator: TokenEstimator = {
  name: "linear",
  estimate: (text, model) => tokensForModel(text, model, estimateTextTokens(text)),
};
