/** @module Writes a reply to the socket piece by piece, with the scripted pace and faults. */
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Reply } from "./reply.ts";
import type { ProviderStep } from "./script.ts";
import { encodePiece, garbagePiece } from "./sse.ts";
import type { Piece } from "./sse.ts";
import type { Outcome } from "./truth-ledger.ts";

/** What the delivery tells the ledger. */
export interface DeliveryReport {
  /** A content chunk has been written. */
  chunkWritten(): void;
  /** Everything that will be sent has been handed to the socket, or the scripted fault has struck. */
  finished(outcome: Outcome): void;
}

/** Resolves after the time, or at once when the client leaves. */
export async function pause(response: ServerResponse, milliseconds: number): Promise<void> {
  if (milliseconds <= 0 || response.destroyed) return;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  response.once("close", stop);
  await sleep(milliseconds, undefined, { signal: abort.signal }).catch(() => undefined);
  response.off("close", stop);
}

/** Resolves when the connection is closed, by whomever. */
export async function closed(response: ServerResponse): Promise<void> {
  if (response.destroyed || response.closed) return;
  await new Promise<void>((resolve) => response.once("close", resolve));
}

/** Cuts a byte stream into separate writes at fixed or listed positions; keeps its place between pieces. */
class Cutter {
  readonly #every: number | undefined;
  readonly #offsets: readonly number[];
  #position = 0;

  constructor(splitBytes: ProviderStep["splitBytes"]) {
    this.#every = typeof splitBytes === "number" ? Math.max(1, splitBytes) : undefined;
    this.#offsets = typeof splitBytes === "object" ? splitBytes.toSorted((a, b) => a - b) : [];
  }

  cut(bytes: Buffer): Buffer[] {
    const start = this.#position;
    this.#position += bytes.length;
    const cuts: number[] = [];
    if (this.#every !== undefined) {
      for (let at = this.#every; at < bytes.length; at += this.#every) cuts.push(at);
    }
    for (const offset of this.#offsets) {
      if (offset > start && offset < start + bytes.length) cuts.push(offset - start);
    }
    return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
  }
}

class BodyWriter {
  readonly #response: ServerResponse;
  readonly #step: ProviderStep;
  readonly #cutter: Cutter;
  #kept: Buffer[] = [];

  constructor(response: ServerResponse, step: ProviderStep) {
    this.#response = response;
    this.#step = step;
    this.#cutter = new Cutter(step.splitBytes);
  }

  /** One or more separate writes, each followed by a turn of the event loop. */
  async write(piece: Piece): Promise<void> {
    const bytes = encodePiece(piece, this.#step.edit);
    if (this.#step.coalesce === true) {
      this.#kept.push(bytes);
      return;
    }
    for (const part of this.#cutter.cut(bytes)) await this.#send(part);
  }

  async flush(): Promise<void> {
    const kept = this.#kept;
    this.#kept = [];
    if (kept.length > 0) await this.#send(Buffer.concat(kept));
  }

  /** The last bytes and the end of the body in one go, so that nobody can leave in between. */
  end(pieces: readonly Piece[]): void {
    const rest = pieces.map((piece) => encodePiece(piece, this.#step.edit));
    this.#response.end(Buffer.concat([...this.#kept, ...rest]));
    this.#kept = [];
  }

  async #send(bytes: Buffer): Promise<void> {
    if (this.#response.destroyed || bytes.length === 0) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#response.off("close", done);
        resolve();
      };
      this.#response.once("close", done);
      this.#response.write(bytes, done);
    });
    await nextTurn();
  }
}

type Fault = "drop" | "end" | "hang" | "error";

/** The fault that strikes after this many content chunks; one beyond the last chunk strikes at the last. */
function faultAfter(step: ProviderStep, written: number, total: number): Fault | undefined {
  const at = (position: number | undefined): boolean =>
    position !== undefined && Math.min(position, total) === written;
  if (at(step.dropAfterChunk)) return "drop";
  if (at(step.endAfterChunk)) return "end";
  if (at(step.errorEventAfterChunk)) return "error";
  return at(step.hangAfterChunk) ? "hang" : undefined;
}

async function strike(
  fault: Fault,
  response: ServerResponse,
  writer: BodyWriter,
  reply: Reply,
  report: DeliveryReport,
): Promise<void> {
  await writer.flush();
  if (response.destroyed) return;
  if (fault === "hang") return closed(response);
  if (fault === "drop") {
    report.finished("dropped");
    response.socket?.resetAndDestroy();
  } else if (fault === "end") {
    report.finished("truncated");
    response.end();
  } else {
    report.finished("failed");
    writer.end([reply.errorPiece]);
  }
}

/** A whole body is one piece; faults in the middle of it need several. */
function contentOf(reply: Reply, step: ProviderStep): readonly Piece[] {
  const broken =
    step.dropAfterChunk ?? step.endAfterChunk ?? step.errorEventAfterChunk ?? step.hangAfterChunk;
  if (reply.streamed || broken === undefined || reply.content.length !== 1) return reply.content;
  const bytes = encodePiece(reply.content[0] as Piece, step.edit);
  const size = Math.max(1, Math.ceil(bytes.length / (step.chunks ?? 5)));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

/** Writes everything after the headers. Returns early when the client leaves. */
export async function deliver(
  response: ServerResponse,
  reply: Reply,
  step: ProviderStep,
  report: DeliveryReport,
): Promise<void> {
  const writer = new BodyWriter(response, step);
  const content = contentOf(reply, step);
  for (const piece of reply.prelude) await writer.write(piece);
  for (let written = 0; ; written += 1) {
    if (response.destroyed) return;
    const fault = faultAfter(step, written, content.length);
    if (fault !== undefined) return strike(fault, response, writer, reply, report);
    const piece = content[written];
    if (piece === undefined) break;
    if (written > 0) await pause(response, step.chunkDelayMs ?? 0);
    if (response.destroyed) return;
    report.chunkWritten();
    const garbage = step.garbageAtChunk === written + 1;
    await writer.write(garbage ? (reply.garbage ?? garbagePiece) : piece);
  }
  for (const piece of reply.coda.slice(0, -1)) await writer.write(piece);
  if (response.destroyed) return;
  report.finished("complete");
  writer.end(reply.coda.slice(-1));
}
