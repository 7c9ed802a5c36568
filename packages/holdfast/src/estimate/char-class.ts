/**
 * The alphabet of the linear estimator: every UTF-16 code unit belongs to one of at most 256 classes, and a
 * small state machine over those classes remembers just enough to tell a token's start from its middle.
 *
 * @module
 */
import { blockCosts, singleTokenGaps } from "./cost-data.ts";

/** Bits of a table row: a row holds the transitions of one state to every class. */
export const ROW_BITS = 8;

/** Script groups, from the first on, whose characters take two bytes in UTF-8; the others take three. */
const TWO_BYTE_GROUPS = 3;

const DIGIT = 48;
const FIRST_GROUP = 128;
const CYRILLIC_LOWER = 168;
const HIGH_SURROGATE_EMOJI = 200;
const HIGH_SURROGATE = 201;
const LOW_SURROGATE = 202;
const REPLACEMENT = 203;
const SECOND_DIGIT = 204;
const THIRD_DIGIT = 205;
const FIRST_RUN = 206;

/** Characters whose second and later repetitions are cheap: indentation, rules, tables, dot leaders. */
const RUNNING = " \n\t-=*#_./";

/** First of three banks of states for "inside a word": after a vowel, after a consonant, after a capital. */
const FIRST_INNER: number = FIRST_RUN + RUNNING.length;

/** Number of states: one per class ("the last character was of this class") and those that remember more. */
export const STATE_COUNT: number = FIRST_INNER + 3 * 26;

/** The state before the first character. */
export const START_STATE = 10;

/** Upper ends (inclusive) of the script groups beyond ASCII, in order. */
const GROUP_ENDS = [
  0x36f, // Latin with accents, combining marks
  0x58f, // Greek, Cyrillic, Armenian
  0x7ff, // Hebrew, Arabic, Syriac: the last with two bytes in UTF-8
  0xdff, // Indic and other Semitic scripts
  0x1fff, // Thai, Lao, Tibetan, Georgian, Ethiopic
  0x2fff, // punctuation, symbols, arrows, dingbats
  0x33ff, // CJK punctuation and kana
  0x9fff, // Han
  0xabff, // Yi and other scripts
  0xd7ff, // Hangul
  0xffff, // private use, compatibility, presentation and full-width forms
];

/** Whether a code unit on its own is one token in every vocabulary that the table was fitted to. */
function singleTokenUnits(): Uint8Array {
  const single = new Uint8Array(0x10000);
  let unit = 0;
  for (const gap of singleTokenGaps.split(" ")) {
    unit += Number.parseInt(gap, 36);
    single[unit] = 1;
  }
  return single;
}

/** Tokens (2 or 3) that a code unit of each block of 64 takes alone, when it is not a single token. */
function costPerBlock(): Uint8Array {
  const costs = new Uint8Array(0x400);
  let block = 0;
  for (const [, cost, length] of blockCosts.matchAll(/([23])([0-9a-z]+) ?/g)) {
    costs.fill(Number(cost), block, (block += Number.parseInt(length!, 36)));
  }
  return costs;
}

function asciiClass(unit: number): number {
  if (unit >= 48 && unit <= 57) return DIGIT;
  return unit >= 32 || unit === 9 || unit === 10 || unit === 13 ? unit : 0;
}

/** The class of every UTF-16 code unit. */
export function buildClasses(): Uint8Array {
  const single = singleTokenUnits();
  const blocks = costPerBlock();
  const classes = new Uint8Array(0x10000);
  let group = 0;
  for (let unit = 0; unit <= 0xffff; unit++) {
    if (unit > GROUP_ENDS[group]!) group++;
    if (unit < 128) classes[unit] = asciiClass(unit);
    else if (unit >= 0x430 && unit <= 0x44f) classes[unit] = CYRILLIC_LOWER + unit - 0x430;
    else if (unit >= 0xd83c && unit <= 0xd83e) classes[unit] = HIGH_SURROGATE_EMOJI;
    else if (unit >= 0xd800 && unit <= 0xdbff) classes[unit] = HIGH_SURROGATE;
    else if (unit >= 0xdc00 && unit <= 0xdfff) classes[unit] = LOW_SURROGATE;
    else if (unit === 0xfffd) classes[unit] = REPLACEMENT;
    else classes[unit] = FIRST_GROUP + group * 3 + (single[unit] === 1 ? 0 : blocks[unit >> 6]! - 1);
  }
  return classes;
}

/** Tokens that one character of a class can take at the most; the cost of a transition nobody has seen. */
export function maxCost(charClass: number): number {
  if (charClass < FIRST_GROUP || charClass === HIGH_SURROGATE_EMOJI) return 1;
  if (charClass >= HIGH_SURROGATE) return 2;
  return charClass >= CYRILLIC_LOWER ? 1 : ((charClass - FIRST_GROUP) % 3) + 1;
}

/** UTF-8 bytes beyond the first that a character adds: exact, pairs and lone surrogates included. */
export function extraBytes(state: number, charClass: number): number {
  if (charClass < FIRST_GROUP) return 0;
  if (charClass < FIRST_GROUP + 3 * TWO_BYTE_GROUPS) return 1;
  if (charClass >= CYRILLIC_LOWER && charClass < HIGH_SURROGATE_EMOJI) return 1;
  const completesPair = state === HIGH_SURROGATE_EMOJI || state === HIGH_SURROGATE;
  return charClass === LOW_SURROGATE && completesPair ? 0 : 2;
}

/** Which letter (0..25 lower case, 26..51 capital) a state stands for, or -1. */
function letterOf(state: number): number {
  if (state >= FIRST_INNER) {
    const inner = state - FIRST_INNER;
    return inner < 52 ? inner % 26 : inner - 26;
  }
  if (state >= 97 && state <= 122) return state - 97;
  return state >= 65 && state <= 90 ? state - 39 : -1;
}

/** The state after a letter: its own state at the start of a word, one of the inner banks later on. */
function afterLetter(state: number, charClass: number): number {
  const previous = letterOf(state);
  if (previous < 0) return charClass;
  if (charClass < 97) return previous < 26 ? charClass : FIRST_INNER + 52 + charClass - 65;
  const vowel = "aeiouy".includes(String.fromCharCode(97 + (previous % 26)));
  return FIRST_INNER + (vowel ? 0 : 26) + charClass - 97;
}

/** The state after a character of the given class. */
export function nextState(state: number, charClass: number): number {
  if (charClass === DIGIT) {
    if (state === DIGIT) return SECOND_DIGIT;
    return state === SECOND_DIGIT ? THIRD_DIGIT : DIGIT;
  }
  if ((charClass >= 97 && charClass <= 122) || (charClass >= 65 && charClass <= 90)) {
    return afterLetter(state, charClass);
  }
  const run = charClass < FIRST_GROUP ? RUNNING.indexOf(String.fromCharCode(charClass)) : -1;
  return run >= 0 && (state === charClass || state === FIRST_RUN + run) ? FIRST_RUN + run : charClass;
}
