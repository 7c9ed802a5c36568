/**
 * @module Takes out of a stream what was only sent because Holdfast asked for usage.
 *
 * With `stream_options.include_usage` the provider adds `"usage":null` to every chunk and sends one more chunk without
 * choices. An application that did not ask must not see either: `chunk.choices[0].delta` would fail on the last one.
 * Works on whole events; an event that arrives in pieces is passed on when it is complete, which is when a parser
 * could use it.
 */
const USAGE = Buffer.from('"usage"');
const COMPACT_NULL = Buffer.from(',"usage":null');
/** As compact as OpenAI sends it, or with white space, as some compatible servers do. */
const ANY_NULL: RegExp = /,\s*"usage"\s*:\s*null/;
const NO_CHOICES: RegExp = /"choices"\s*:\s*\[\s*\]/;
const EMPTY = new Uint8Array(0);
const LF = 10;
const CR = 13;

export class UsageHider {
  #carry: Uint8Array = EMPTY;

  chunk(bytes: Uint8Array): Uint8Array {
    const all = this.#carry.byteLength === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    const end = endOfLastEvent(all);
    if (end === all.byteLength) {
      this.#carry = EMPTY;
      return scrub(all);
    }
    this.#carry = all.subarray(end);
    return end === 0 ? EMPTY : scrub(all.subarray(0, end));
  }

  /** An incomplete last event, as it is. */
  rest(): Uint8Array | undefined {
    const rest = this.#carry;
    this.#carry = EMPTY;
    return rest.byteLength === 0 ? undefined : rest;
  }
}

/** The same for a stream that is read as one text. */
export function withoutUsage(text: string): string {
  const hider = new UsageHider();
  const events = hider.chunk(Buffer.from(text, "utf8"));
  return new TextDecoder().decode(Buffer.concat([events, hider.rest() ?? EMPTY]));
}

/** Offset behind the last blank line. */
function endOfLastEvent(bytes: Uint8Array): number {
  for (let i = bytes.byteLength - 1; i > 0; i--) {
    if (bytes[i] !== LF) continue;
    const before = bytes[i - 1];
    if (before === LF || (before === CR && bytes[i - 2] === LF)) return i + 1;
  }
  return 0;
}

function scrub(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.includes(USAGE)) return bytes;
  const kept: Uint8Array[] = [];
  let from = 0;
  while (from < buffer.byteLength) {
    const end = endOfFirstEvent(buffer, from);
    const event = buffer.subarray(from, end);
    from = end;
    const at = event.indexOf(COMPACT_NULL);
    if (at >= 0) kept.push(event.subarray(0, at), event.subarray(at + COMPACT_NULL.byteLength));
    else if (!event.includes(USAGE)) kept.push(event);
    else {
      const text = event.toString("utf8");
      if (ANY_NULL.test(text)) kept.push(Buffer.from(text.replace(ANY_NULL, ""), "utf8"));
      else if (!isUsageEvent(text)) kept.push(event);
    }
  }
  return kept.length === 1 ? kept[0]! : Buffer.concat(kept);
}

function endOfFirstEvent(buffer: Buffer, from: number): number {
  for (let i = from + 1; i < buffer.byteLength; i++) {
    if (buffer[i] !== LF) continue;
    if (buffer[i - 1] === LF || (buffer[i - 1] === CR && buffer[i - 2] === LF)) return i + 1;
  }
  return buffer.byteLength;
}

/** The extra chunk: no choices, and a usage object. (Azure sends chunks without choices that carry other things.) */
function isUsageEvent(event: string): boolean {
  if (!NO_CHOICES.test(event)) return false;
  try {
    const data = JSON.parse(event.slice(event.indexOf("data:") + 5)) as {
      choices?: unknown;
      usage?: unknown;
    };
    return (
      Array.isArray(data.choices) &&
      data.choices.length === 0 &&
      typeof data.usage === "object" &&
      data.usage !== null
    );
  } catch {
    return false;
  }
}
