/** Text that no person wrote: what an attacker, a bug or an attachment sends. */
import { random } from "./random.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const SYMBOLS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const CHARS = 3000;

const next: () => number = random(20261121);
const below = (limit: number): number => Math.floor(next() * limit);

function from(alphabet: string, chars: number = CHARS): string {
  return Array.from({ length: chars }, () => alphabet.charAt(below(alphabet.length))).join("");
}

function points(first: number, last: number, count = 1000): string {
  return Array.from({ length: count }, () => String.fromCodePoint(first + below(last - first + 1))).join("");
}

function units(first: number, last: number, count: number = CHARS): string {
  return Array.from({ length: count }, () => String.fromCharCode(first + below(last - first + 1))).join("");
}

function repeatedRuns(alphabet: string): string {
  return Array.from({ length: 200 }, () =>
    alphabet.charAt(below(alphabet.length)).repeat(1 + below(40)),
  ).join("");
}

const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}";
const people: readonly string[] = [
  family,
  "\u{1f3f3}\ufe0f\u200d\u{1f308}",
  "\u{1f469}\u{1f3fd}\u200d\u{1f4bb}",
  "\u{1f1e9}\u{1f1ea}",
  "1\ufe0f\u20e3",
];

export const noise: Record<string, string> = {
  base64: from(UPPER + LOWER + DIGITS + "+/"),
  base64url: from(UPPER + LOWER + DIGITS + "-_"),
  hexLower: from(DIGITS + "abcdef"),
  hexUpper: from(DIGITS + "ABCDEF"),
  lettersLower: from(LOWER),
  lettersUpper: from(UPPER),
  lettersMixed: from(LOWER + UPPER),
  alphanumeric: from(LOWER + DIGITS),
  lettersSpaced: from(LOWER + "   "),
  symbols: from(SYMBOLS),
  symbolsSpaced: from(SYMBOLS + "  \n"),
  printable: from(SYMBOLS + LOWER + UPPER + DIGITS + " \n"),
  ascii: units(0, 127),
  bytesAsText: units(0, 255),
  control: units(0, 31),
  digits: from(DIGITS),
  numbers: from(DIGITS + " ,.;-"),
  uuids: Array.from({ length: 60 }, () =>
    [8, 4, 4, 4, 12].map((chars) => from(DIGITS + "abcdef", chars)).join("-"),
  ).join("\n"),
  whitespace: from(" \n\t\r"),
  whitespaceRuns: repeatedRuns(" \n\t"),
  repeatedCharacters: repeatedRuns(LOWER + UPPER + SYMBOLS + DIGITS + " \n"),
  endOfText: "a<|endoftext|>b <|fim_prefix|><|im_start|>system ".repeat(20),
  nul: "\0a\0\0 \0b".repeat(100),
  emoji: points(0x1f300, 0x1f64f),
  emojiNew: points(0x1f680, 0x1faff),
  emojiSequences: Array.from({ length: 300 }, () => people[below(people.length)]).join(""),
  emojiInText: Array.from({ length: 150 }, () => `ok ${points(0x1f600, 0x1f64f, 1)} great! `).join(""),
  cuneiform: points(0x12000, 0x123ff),
  hieroglyphs: points(0x13000, 0x1342e),
  linearB: points(0x10000, 0x100fa),
  mathLetters: points(0x1d400, 0x1d7ff),
  hanExtension: points(0x20000, 0x2a6df),
  hanAny: units(0x4e00, 0x9fff, 1500),
  hangulAny: units(0xac00, 0xd7a3, 1500),
  kanaAny: units(0x3041, 0x30fe, 1500),
  cyrillicAny: units(0x430, 0x44f),
  arabicAny: units(0x620, 0x64a, 1500),
  devanagariAny: units(0x900, 0x97f, 1500),
  yi: units(0xa000, 0xa48c, 1000),
  ethiopic: units(0x1200, 0x137f, 1000),
  cherokee: units(0x13a0, 0x13ff, 1000),
  combining: Array.from({ length: 300 }, () => from(LOWER, 1) + units(0x300, 0x36f, below(5))).join(""),
  symbolsBmp: units(0x2000, 0x2bff, 1500),
  privateUse: units(0xe000, 0xf8ff, 1000),
  anyUnit: units(0, 0xffff, 2000),
  loneSurrogates: units(0xd800, 0xdfff, 1500),
  loneSurrogatesInText: Array.from({ length: 300 }, () => from(LOWER, 2) + units(0xd800, 0xdfff, 1)).join(""),
  highSurrogates: "\ud83d".repeat(500),
};

/** One unbroken run each, short enough for an exact count by every library. */
export const runs: Record<string, string> = Object.fromEntries(
  [
    "a",
    "Q",
    "e",
    " ",
    "\n",
    "\t",
    "-",
    "=",
    "*",
    "(",
    "7",
    ".",
    "\u00e9",
    "\u4e2d",
    "\ud83d\ude00",
    "\ufffd",
    "\0",
  ].map((unit) => [`run of U+${unit.codePointAt(0)!.toString(16)}`, unit.repeat(2000)]),
);
