/**
 * @module Any text as part of a key: injective, in the order of the text, and printable ASCII (with spaces).
 *
 * Ordinary text stays as it is. The order of the encoded texts, byte by byte, is that of the texts as JavaScript
 * compares them, so that a sorted set can page through them. No encoded text contains a tab or a line feed, which is
 * what parts them from each other.
 */

const PLAIN = /^[!-}]*$/;
const NOT_PLAIN = /[^!-}]/g;
const ENCODED = / ([0-9a-f]{2})|~([0-9a-f]{4})/g;

export function toKeyText(text: string): string {
  return PLAIN.test(text) ? text : text.replace(NOT_PLAIN, encodeUnit);
}

export function fromKeyText(encoded: string): string {
  return encoded.replace(ENCODED, (_, low: string | undefined, high: string | undefined) =>
    String.fromCharCode(Number.parseInt(low ?? high!, 16)),
  );
}

/** A space sorts below all plain characters, a tilde above them: so do the units that they stand for. */
function encodeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  const hex = code.toString(16);
  return code <= 0x20 ? ` ${hex.padStart(2, "0")}` : `~${hex.padStart(4, "0")}`;
}
