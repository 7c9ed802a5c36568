/**
 * @module Texts as Postgres can store and sort them. A text there has no NUL and no half of a surrogate pair, sorts by
 * code points, and an index takes no key above 2.7 kB; users choose what is in a scope's key, so none of that may be an
 * error or a collision.
 */
import { createHash } from "node:crypto";

/** Stands before one digit for U+0000 and U+0001; sorts before all that stays as it is. */
const LOW = "\u0001";
/** Stands before four hexadecimal digits for U+D800 to U+FFFF; sorts behind all that stays as it is. */
const HIGH = "\uf8ff";
const FIRST_HIGH = 0xd800;

/** No id and no key is this: an escape that is cut off. */
export const NO_TEXT: string = LOW;

/** Keys up to here are stored as they are. In UTF-8 that is at most 1.5 kB. */
const LONGEST_KEY = 512;

/** Injective, and in the order of the texts' UTF-16 code units. */
export function encodeText(text: string): string {
  for (let i = 0; i < text.length; i++) if (isWrittenOut(text.charCodeAt(i))) return writtenOut(text);
  return text;
}

/** The text that {@link encodeText} was given. */
export function decodeText(text: string): string {
  if (!text.includes(LOW) && !text.includes(HIGH)) return text;
  const parts: string[] = [];
  for (let i = 0; i < text.length;) {
    const digits = text[i] === LOW ? 1 : text[i] === HIGH ? 4 : 0;
    const code = Number.parseInt(text.slice(i + 1, i + 1 + digits), 16);
    parts.push(digits === 0 ? text[i]! : String.fromCharCode(code));
    i += 1 + digits;
  }
  return parts.join("");
}

/** What a scope's key is called in the tables: itself, or of a long one the beginning and a digest. */
export function storedKey(key: string): string {
  const encoded = encodeText(key);
  if (encoded.length <= LONGEST_KEY) return encoded;
  const digest = createHash("sha256").update(encoded, "utf8").digest("hex");
  // An escape is followed by a digit, so no key that is stored as it is looks like this.
  return `${encoded.slice(0, LONGEST_KEY / 2)}${NO_TEXT}#${digest}`;
}

/** An element of an array literal. */
export function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;
}

function isWrittenOut(code: number): boolean {
  return code <= 1 || code >= FIRST_HIGH;
}

function writtenOut(text: string): string {
  const parts: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isWrittenOut(code)) parts.push(text[i]!);
    else parts.push(code >= FIRST_HIGH ? HIGH : LOW, code.toString(16));
  }
  return parts.join("");
}
