/**
 * @module Takes out of a stream what was only sent because Holdfast asked for usage.
 *
 * With `stream_options.include_usage` the provider adds `"usage":null` to every chunk and sends one more chunk without
 * choices. An application that did not ask must not see either: `chunk.choices[0].delta` would fail on the last one.
 * Works on whole events; an event that arrives in pieces is passed on when it is complete, which is when a parser
 * could use it.
 */
const USAGE = Buffer.from('"usage"');
/** As OpenAI writes it: behind the list of choices, so at the top level of the event. */
const AS_OPENAI = Buffer.from('],"usage":null');
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
  const at = buffer.indexOf(AS_OPENAI);
  if (at >= 0 && buffer.indexOf(BLANK_LINE) === buffer.byteLength - 2) {
    // One event, as OpenAI writes it: by far the usual chunk.
    return cut(buffer, at + 1, at + AS_OPENAI.byteLength);
  }
  return buffer.includes(USAGE) ? scrubEvents(buffer) : bytes;
}

/** A copy without the bytes between two offsets. The chunk itself may be shared with another reader (tee). */
function cut(buffer: Buffer, from: number, to: number): Uint8Array {
  const kept = Buffer.allocUnsafe(buffer.byteLength - (to - from));
  buffer.copy(kept, 0, 0, from);
  buffer.copy(kept, from, to);
  return kept;
}

function scrubEvents(buffer: Buffer): Uint8Array {
  const kept: Uint8Array[] = [];
  let from = 0;
  while (from < buffer.byteLength) {
    const end = endOfFirstEvent(buffer, from);
    const event = buffer.subarray(from, end);
    from = end;
    const at = event.indexOf(AS_OPENAI);
    if (at >= 0) kept.push(cut(event, at + 1, at + AS_OPENAI.byteLength));
    else if (!event.includes(USAGE)) kept.push(event);
    else {
      const text = event.toString("utf8");
      if (!isUsageEvent(text)) kept.push(Buffer.from(withoutNullUsage(text), "utf8"));
    }
  }
  return kept.length === 1 ? kept[0]! : Buffer.concat(kept);
}

const BLANK_LINE = Buffer.from("\n\n");
const BLANK_LINE_CR = Buffer.from("\r\n\r\n");

function endOfFirstEvent(buffer: Buffer, from: number): number {
  const plain = buffer.indexOf(BLANK_LINE, from);
  const withCr = buffer.indexOf(BLANK_LINE_CR, from);
  if (plain < 0 && withCr < 0) return buffer.byteLength;
  return withCr < 0 || (plain >= 0 && plain < withCr) ? plain + 2 : withCr + 4;
}

const NULL_USAGE: RegExp = /"usage"\s*:\s*null/g;

/** The same for compatible servers with other spacing or order: only the field at the top level was asked for by us. */
function withoutNullUsage(event: string): string {
  for (const { 0: found, index } of event.matchAll(NULL_USAGE)) {
    if (depthAt(event, index) !== 1) continue;
    const before = event.slice(0, index);
    const after = event.slice(index + found.length);
    return /,\s*$/.test(before)
      ? before.replace(/,\s*$/, "") + after
      : before + after.replace(/^\s*,\s*/, "");
  }
  return event;
}

/** How many objects and lists are open at an offset. */
function depthAt(text: string, offset: number): number {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < offset; i++) {
    const char = text[i];
    if (inString) {
      if (char === "\\") i += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") depth -= 1;
  }
  return depth;
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
