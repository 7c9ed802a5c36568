/**
 * @module Frames a stream of RESP2 or RESP3 bytes into whole top-level values, in linear time and whatever the chunks.
 * Streamed values of RESP3 ("$?"), which no server sends, are an error.
 */

const lineEnd = Buffer.from("\r\n");

/** One complete top-level value. */
export interface RespValue {
  /** The value as it came, attributes in front of it included. */
  readonly bytes: Buffer;
  /** True for a RESP3 push, which answers no command. */
  readonly push: boolean;
  /** The value's strings, from left to right: the words of a command, when the value is one. */
  readonly words: readonly Buffer[];
}

const bulkTypes = "$=!";
const aggregateTypes = "*~>%|";
const simpleTypes = "+-:_,#(";

/** Cuts chunks into values; a value that is not complete stays inside. */
export class RespFramer {
  #buffer: Buffer = Buffer.alloc(0);
  /** Where the next element begins. */
  #position = 0;
  /** For every aggregate that is open, from the outermost: how many elements it still misses. */
  #open: number[] = [];
  #words: Buffer[] = [];
  #push = false;
  #inline: boolean;

  /** @param options.inline Whether a line without a type byte is an inline command, as a client may send. */
  constructor(options: { readonly inline?: boolean } = {}) {
    this.#inline = options.inline ?? false;
  }

  /** Bytes of a value that is not complete. */
  get rest(): Buffer {
    return this.#buffer;
  }

  /**
   * Takes a chunk and returns the values that it completes.
   * @throws TypeError when the bytes are not RESP
   */
  take(chunk: Buffer): RespValue[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const values: RespValue[] = [];
    while (this.#takeElement()) {
      if (this.#open.length > 0) continue;
      values.push({ bytes: this.#buffer.subarray(0, this.#position), push: this.#push, words: this.#words });
      this.#buffer = this.#buffer.subarray(this.#position);
      this.#position = 0;
      this.#words = [];
      this.#push = false;
    }
    return values;
  }

  /** Steps over one element; false when it is not complete. */
  #takeElement(): boolean {
    const end = this.#buffer.indexOf(lineEnd, this.#position);
    if (end === -1) return false;
    const type = String.fromCharCode(this.#buffer[this.#position]!);
    const line = this.#buffer.subarray(this.#position + 1, end);
    const after = end + lineEnd.length;
    if (bulkTypes.includes(type)) return this.#takeBulk(lengthOf(line), after);
    if (aggregateTypes.includes(type)) {
      this.#openAggregate(type, lengthOf(line), after);
      return true;
    }
    if (simpleTypes.includes(type)) this.#words.push(line);
    else if (this.#inline && this.#open.length === 0) this.#takeInline(end);
    else throw new TypeError(`Not RESP: a value begins with ${JSON.stringify(type)}.`);
    this.#finishElement(after);
    return true;
  }

  #takeBulk(length: number, after: number): boolean {
    if (length === -1) {
      this.#finishElement(after);
      return true;
    }
    const next = after + length + lineEnd.length;
    if (this.#buffer.length < next) return false;
    this.#words.push(this.#buffer.subarray(after, after + length));
    this.#finishElement(next);
    return true;
  }

  #openAggregate(type: string, length: number, after: number): void {
    const atTop = this.#open.length === 0;
    if (type === ">" && atTop) this.#push = true;
    if (type === "|") {
      // Attributes precede the value that they describe: they do not count as an element themselves.
      if (atTop) this.#open.push(1);
      this.#open.push(this.#open.pop()! + Math.max(0, length) * 2);
      this.#position = after;
      return;
    }
    const elements = type === "%" ? length * 2 : length;
    if (elements <= 0) this.#finishElement(after);
    else {
      this.#position = after;
      this.#open.push(elements);
    }
  }

  #takeInline(end: number): void {
    const words = this.#buffer.toString("latin1", this.#position, end).split(" ");
    for (const word of words) if (word !== "") this.#words.push(Buffer.from(word, "latin1"));
  }

  #finishElement(next: number): void {
    this.#position = next;
    for (;;) {
      const missing = this.#open.pop();
      if (missing === undefined) return;
      if (missing > 1) {
        this.#open.push(missing - 1);
        return;
      }
    }
  }
}

function lengthOf(line: Buffer): number {
  const text = line.toString("latin1");
  if (!/^-?\d+$/.test(text)) throw new TypeError(`Not RESP: a length is ${JSON.stringify(text)}.`);
  return Number(text);
}

/** A command as an array of bulk strings. */
export function respCommand(words: readonly string[]): Buffer {
  const parts = [`*${words.length}\r\n`];
  for (const word of words) parts.push(`$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return Buffer.from(parts.join(""));
}
