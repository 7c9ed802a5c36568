/**
 * @module Pairs the requests and replies of one PostgreSQL connection. A request is a Query, or everything up to a Sync;
 * its reply is everything up to ReadyForQuery. The start of a session counts as one, "startup user ... database ...".
 * Not followed: encrypted connections, and COPY FROM STDIN in the extended protocol.
 */
import { PostgresFramer } from "../wire/postgres.ts";
import type { PostgresMessage } from "../wire/postgres.ts";
import type { ReplyPart, Session } from "./session.ts";

interface Request {
  /** The text of its statements. */
  text: string;
  /** Whether the client asked for results before the end of the request. */
  flushed: boolean;
}

const encryptionRequests: ReadonlySet<number> = new Set([80_877_103, 80_877_104]);
const cancelRequest = 80_877_102;
/** Bind, Close, Describe, Execute, Flush, Parse: parts of a request that a Sync ends. */
const extendedTypes = "BCDEHP";
/** CopyInResponse and CopyBothResponse: the server waits for the client. */
const copyTypes = "GW";

export class PostgresSession implements Session {
  readonly #fromClient = new PostgresFramer();
  readonly #fromServer = new PostgresFramer();
  /** Requests without a complete reply, the oldest first; the last one may still grow. */
  readonly #pending: Request[] = [];
  #growing: Request | undefined;
  /** The text of prepared statements by name; the unnamed one is "". */
  readonly #statements = new Map<string, string>();
  #started = false;
  /** Answers to requests for encryption that are due: a byte each. */
  #bytesDue = 0;
  #encrypted = false;

  get rest(): Buffer {
    return this.#fromServer.rest;
  }

  fromClient(chunk: Buffer): void {
    if (this.#encrypted) return;
    this.#fromClient.push(chunk);
    for (;;) {
      const message = this.#started ? this.#fromClient.next() : this.#fromClient.nextUntyped();
      if (message === undefined) return;
      if (this.#started) this.#request(message);
      else this.#startup(message.body);
    }
  }

  #startup(body: Buffer): void {
    const code = body.readInt32BE(0);
    if (encryptionRequests.has(code)) this.#bytesDue += 1;
    else if (code !== cancelRequest) {
      this.#started = true;
      const parameters = body.toString("utf8", 4).replaceAll("\0", " ").trim();
      this.#pending.push({ text: `startup ${parameters}`, flushed: false });
    }
  }

  #request({ type, body }: PostgresMessage): void {
    if (type === "Q") this.#grow(stringAt(body, 0));
    else if (extendedTypes.includes(type)) this.#extend(type, body);
    else if (type === "F") this.#grow("function call");
    else if (type === "S") this.#grow("");
    if ("QFS".includes(type)) this.#growing = undefined;
  }

  #extend(type: string, body: Buffer): void {
    const first = stringAt(body, 0);
    const second = stringAt(body, Buffer.byteLength(first) + 1);
    if (type === "P") {
      this.#statements.set(first, second);
      this.#grow(second);
    } else if (type === "B") {
      // A prepared statement is named only; its text came in an earlier request, or in this one.
      const text = this.#statements.get(second) ?? "";
      this.#grow(this.#growing?.text.includes(text) === true ? "" : text);
    } else this.#grow("");
    if (type === "H") this.#growing!.flushed = true;
  }

  #grow(text: string): void {
    if (this.#growing === undefined) {
      this.#growing = { text, flushed: false };
      this.#pending.push(this.#growing);
    } else if (text !== "") this.#growing.text = `${this.#growing.text}\n${text}`.trim();
  }

  fromServer(chunk: Buffer): ReplyPart[] {
    if (this.#encrypted) return [outOfBand(chunk)];
    this.#fromServer.push(chunk);
    const parts: ReplyPart[] = [];
    for (let part = this.#nextPart(); part !== undefined; part = this.#nextPart()) parts.push(part);
    return parts;
  }

  #nextPart(): ReplyPart | undefined {
    if (this.#bytesDue > 0) return this.#nextByte();
    const message = this.#fromServer.next();
    if (message === undefined) return undefined;
    const request = this.#pending[0];
    if (request === undefined) return outOfBand(message.bytes);
    const { type, body } = message;
    const complete = type === "Z";
    if (complete) this.#pending.shift();
    const asksForPassword = type === "R" && body.readInt32BE(0) !== 0;
    const interactive = request.flushed || asksForPassword || copyTypes.includes(type);
    return { bytes: message.bytes, request: request.text, complete, interactive };
  }

  #nextByte(): ReplyPart | undefined {
    const byte = this.#fromServer.nextByte();
    if (byte === undefined) return undefined;
    this.#bytesDue -= 1;
    this.#encrypted = "SG".includes(byte.toString("latin1"));
    return outOfBand(byte);
  }
}

function outOfBand(bytes: Buffer): ReplyPart {
  return { bytes, request: undefined, complete: false, interactive: false };
}

function stringAt(body: Buffer, start: number): string {
  const end = body.indexOf(0, start);
  return body.toString("utf8", start, end === -1 ? body.length : end);
}
