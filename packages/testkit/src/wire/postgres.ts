/** @module Frames a stream of PostgreSQL protocol bytes (version 3) into messages, and reads and writes a few. */

/** One message of the protocol. */
export interface PostgresMessage {
  /** The message as it came. */
  readonly bytes: Buffer;
  /** The type byte, e.g. "Q"; "" for the messages without one that open a connection. */
  readonly type: string;
  /** What follows the length. */
  readonly body: Buffer;
}

/** Cuts chunks into messages; a message that is not complete stays inside. */
export class PostgresFramer {
  #buffer: Buffer = Buffer.alloc(0);

  /** Bytes of a message that is not complete. */
  get rest(): Buffer {
    return this.#buffer;
  }

  /** Adds a chunk. */
  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
  }

  /** The next message with a type byte. */
  next(): PostgresMessage | undefined {
    return this.#next(1);
  }

  /** The next message without a type byte: the first ones of a client. */
  nextUntyped(): PostgresMessage | undefined {
    return this.#next(0);
  }

  /** Takes one byte: the answer to a request for encryption. */
  nextByte(): Buffer | undefined {
    if (this.#buffer.length === 0) return undefined;
    const byte = this.#buffer.subarray(0, 1);
    this.#buffer = this.#buffer.subarray(1);
    return byte;
  }

  #next(typeBytes: 0 | 1): PostgresMessage | undefined {
    const header = typeBytes + 4;
    if (this.#buffer.length < header) return undefined;
    const length = this.#buffer.readInt32BE(typeBytes);
    if (length < 4) throw new TypeError(`Not the PostgreSQL protocol: a length is ${length}.`);
    const end = typeBytes + length;
    if (this.#buffer.length < end) return undefined;
    const bytes = this.#buffer.subarray(0, end);
    this.#buffer = this.#buffer.subarray(end);
    const type = typeBytes === 0 ? "" : String.fromCharCode(bytes[0]!);
    return { bytes, type, body: bytes.subarray(header) };
  }
}

/** A message as bytes; a type of "" makes one without a type byte. */
export function postgresMessage(type: string, ...body: readonly (Buffer | string)[]): Buffer {
  // Strings of the protocol end in a zero byte.
  const parts = body.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part));
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + parts.reduce((sum, part) => sum + part.length, 0));
  return Buffer.concat([Buffer.from(type, "latin1"), length, ...parts]);
}

/** The first message of a session, without a password. */
export function postgresStartup(user: string, database: string): Buffer {
  const version = Buffer.from([0, 3, 0, 0]);
  return postgresMessage("", version, "user", user, "database", database, Buffer.alloc(1));
}

/** The fields of an ErrorResponse or NoticeResponse by their letter: "C" the SQLSTATE, "M" the message. */
export function postgresErrorFields(body: Buffer): Readonly<Record<string, string>> {
  const fields = body
    .toString("utf8")
    .split("\0")
    .filter((field) => field !== "");
  return Object.fromEntries(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}
