/**
 * Cuts a text into chunks that a byte-pair encoder can take one by one.
 *
 * Every such library takes quadratic time on a stretch that its first step does not break: letters without a
 * space, rows of symbols or spaces. Such stretches are cut after a set length, at the price of an inexact count.
 * Elsewhere a cut falls where the encoder itself always ends a piece: after an ASCII letter or digit and before
 * another ASCII character that is none, nor an apostrophe. There the counts of the parts add up to the whole's.
 *
 * @module
 */

const LETTER = 1;
const SYMBOL = 2;
const SPACE = 4;
const DIGIT = 8;
/** Which of the two cannot be told from one UTF-16 code unit, so it prolongs a stretch of either. */
const LETTER_OR_SYMBOL: number = LETTER | SYMBOL;

const CHUNK_CHARS = 256;
const APOSTROPHE = 39;

export interface Chunk {
  text: string;
  /** Whether the counts of this chunk and the text after it add up to the count of both together. */
  endsExactly: boolean;
}

function kindOf(unit: number): number {
  if (unit < 128) {
    if ((unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90)) return LETTER;
    if (unit >= 48 && unit <= 57) return DIGIT;
    return unit === 32 || (unit >= 9 && unit <= 13) ? SPACE : SYMBOL;
  }
  if (unit >= 0xc0 && unit <= 0x1fff) return LETTER;
  if (unit >= 0x3040 && unit <= 0xd7ff) return LETTER;
  if ((unit >= 0x3001 && unit <= 0x3003) || unit === 0xff0c || unit === 0xff1f) return SYMBOL;
  return LETTER_OR_SYMBOL;
}

function isExactCut(before: number, after: number, unit: number): boolean {
  return (before & (LETTER | DIGIT)) !== 0 && (after & (SYMBOL | SPACE)) !== 0 && unit !== APOSTROPHE;
}

/**
 * The chunks of a text, in order; together they are the text.
 *
 * @param maxRunChars Length in UTF-16 code units after which an unbroken stretch is cut.
 */
export function* splitText(text: string, maxRunChars: number): Generator<Chunk> {
  let start = 0;
  let exact = 0;
  let letters = 0;
  let symbols = 0;
  let spaces = 0;
  let previous = 0;
  let previousUnit = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const kind = kindOf(unit);
    if (previousUnit < 128 && unit < 128 && isExactCut(previous, kind, unit)) exact = at;
    if (at - start >= CHUNK_CHARS && exact > start) {
      yield { text: text.slice(start, exact), endsExactly: true };
      start = exact;
    }
    const insidePair = unit >= 0xdc00 && unit <= 0xdfff;
    if (Math.max(letters, symbols, spaces) >= maxRunChars && !insidePair) {
      yield { text: text.slice(start, at), endsExactly: exact === at };
      start = at;
      letters = symbols = spaces = 0;
    }
    letters = (kind & LETTER) === 0 ? 0 : letters + 1;
    symbols = (kind & SYMBOL) === 0 ? 0 : symbols + 1;
    spaces = (kind & SPACE) === 0 ? 0 : spaces + 1;
    previous = kind;
    previousUnit = unit;
  }
  if (start < text.length) yield { text: text.slice(start), endsExactly: true };
}
