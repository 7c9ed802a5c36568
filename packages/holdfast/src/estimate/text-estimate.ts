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
import { buildClasses, maxCost, nextState, ROW_BITS, START_STATE, STATE_COUNT } from "./char-class.ts";
import { transitionShares } from "./cost-data.ts";
import type { TokenEstimator } from "./token-estimator.ts";

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

/** Bits 0-7 of an entry: the cost in 63rds of a token. Bits 16 and up: the next state. */
function buildTransitions(): Uint32Array {
  const transitions = new Uint32Array(STATE_COUNT << ROW_BITS);
  for (let state = 0; state < STATE_COUNT; state++) {
    const shares = sharesOf(transitionShares[state] ?? "");
    for (let charClass = 0; charClass < 1 << ROW_BITS; charClass++) {
      const cost = shares[charClass]! * maxCost(charClass);
      transitions[(state << ROW_BITS) | charClass] = (nextState(state, charClass) << 16) | cost;
    }
  }
  return transitions;
}

const classes: Uint8Array = /* @__PURE__ */ buildClasses();
const transitions: Uint32Array = /* @__PURE__ */ buildTransitions();

/** UTF-8 bytes of a text, or any number >= `enough` once that many are certain. */
function countBytes(text: string, enough: number): number {
  let bytes = text.length;
  for (let at = 0; at < text.length && bytes < enough; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    if (unit < 0xd800 || unit > 0xdbff || at + 1 >= text.length) continue;
    const following = text.charCodeAt(at + 1);
    if (following >= 0xdc00 && following <= 0xdfff) at++;
  }
  return bytes;
}

/**
 * The length of a text in UTF-8 bytes; a lone surrogate counts as U+FFFD, as every encoder writes it.
 *
 * No byte-level tokenizer can make more tokens than this.
 */
export function utf8ByteLength(text: string): number {
  return countBytes(text, Infinity);
}

/** Texts from this length on are read in four lanes; in one lane each look-up waits for the one before. */
const LANES_FROM_CHARS = 512;

/** The summed cost of a text's characters from `from` to `to`, in 63rds of a token. */
function costOfRange(text: string, from: number, to: number): number {
  let row = START_STATE << ROW_BITS;
  let cost = 0;
  for (let at = from; at < to; at++) {
    const entry = transitions[row | classes[text.charCodeAt(at)]!]!;
    cost += entry & 0xff;
    row = entry >>> ROW_BITS;
  }
  return cost;
}

/** The summed cost of four stretches of `lane` characters each, every one from the start state. */
function costOfLanes(text: string, lane: number): number {
  let rowA = START_STATE << ROW_BITS;
  let rowB = rowA;
  let rowC = rowA;
  let rowD = rowA;
  let cost = 0;
  for (let a = 0, b = lane, c = 2 * lane, d = 3 * lane; a < lane; a++, b++, c++, d++) {
    const entryA = transitions[rowA | classes[text.charCodeAt(a)]!]!;
    const entryB = transitions[rowB | classes[text.charCodeAt(b)]!]!;
    const entryC = transitions[rowC | classes[text.charCodeAt(c)]!]!;
    const entryD = transitions[rowD | classes[text.charCodeAt(d)]!]!;
    cost += (entryA & 0xff) + (entryB & 0xff) + (entryC & 0xff) + (entryD & 0xff);
    rowA = entryA >>> ROW_BITS;
    rowB = entryB >>> ROW_BITS;
    rowC = entryC >>> ROW_BITS;
    rowD = entryD >>> ROW_BITS;
  }
  return cost;
}

/** Tokens by the table, as a real number, before slack and bound. */
function tableTokens(text: string): number {
  const lane = text.length < LANES_FROM_CHARS ? 0 : text.length >>> 2;
  const cost = costOfLanes(text, lane) + costOfRange(text, 4 * lane, text.length);
  return cost / COSTS_PER_TOKEN;
}

/**
 * An upper estimate of a text's tokens in o200k_base and cl100k_base, whichever is more. 2-3 ns per character,
 * linear in any input.
 *
 * @returns Tokens: an integer, at most `utf8ByteLength(text)`.
 */
export function estimateTextTokens(text: string): number {
  const tokens = tableTokens(text);
  const estimate = Math.ceil(tokens + SLACK_TOKENS + SLACK_PER_SQRT_TOKEN * Math.sqrt(tokens));
  return Math.min(estimate, countBytes(text, estimate));
}

/** The estimator that needs nothing: the default, and the fallback of every other. It ignores the model. */
export const linearEstimator: TokenEstimator = {
  name: "linear",
  estimate: (text) => estimateTextTokens(text),
};
