/**
 * @module One caller-controlled string as a segment of a counter's name.
 *
 * Injective: two different strings never give the same segment, whatever they contain. A segment has at most
 * {@link MAX_SEGMENT_LENGTH} characters of [A-Za-z0-9._+@-] plus a leading "~" for the encoded forms, so it cannot
 * contain a separator, a brace, a control character or half a surrogate pair.
 */
import { createHash } from "node:crypto";

export const MAX_SEGMENT_LENGTH = 96;

const PLAIN = /^[A-Za-z0-9._+@-]{1,96}$/;

export function keySegment(value: string): string {
  if (PLAIN.test(value)) return value;
  return encodeSegment(value);
}

function encodeSegment(value: string): string {
  // JSON escapes lone surrogates and control characters, so that no two strings meet in UTF-8.
  const json = JSON.stringify(value);
  if (json.length <= MAX_SEGMENT_LENGTH / 2) {
    const encoded = Buffer.from(json, "utf8").toString("base64url");
    if (encoded.length <= MAX_SEGMENT_LENGTH) return `~${encoded}`;
  }
  return `~~${createHash("sha256").update(json, "utf8").digest("base64url")}`;
}
