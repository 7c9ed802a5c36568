/**
 * @module Any JavaScript string as text that SQLite keeps, compares and sorts as JavaScript does.
 *
 * SQLite keeps UTF-8, in which lone surrogates all become one character and supplementary characters sort behind the
 * end of the basic plane; and tools stop reading at a NUL. So the few characters concerned are written out. Injective,
 * and the order of the results by bytes is the order of the strings by UTF-16 code units.
 */

/** Stands before "0" or "1" for U+0000 and U+0001; sorts before all that stays as it is. */
const LOW = "\u0001";
/** Stands before four hexadecimal digits for U+D800 to U+FFFF; sorts behind all that stays as it is. */
const HIGH = "\uf8ff";
const FIRST_HIGH = 0xd800;

export function sortableText(text: string): string {
  for (let i = 0; i < text.length; i++) if (isConcerned(text.charCodeAt(i))) return writtenOut(text);
  return text;
}

/** The string that {@link sortableText} was given. */
export function fromSortableText(text: string): string {
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

function isConcerned(code: number): boolean {
  return code <= 1 || code >= FIRST_HIGH;
}

function writtenOut(text: string): string {
  const parts: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isConcerned(code)) parts.push(text[i]!);
    else parts.push(code >= FIRST_HIGH ? HIGH : LOW, code.toString(16));
  }
  return parts.join("");
}
