/**
 * @module What is kept of a running stream: its beginning, where the provider's reader needs it, and its end.
 *
 * While the stream runs, its bytes are only kept (and the oldest let go); nothing is parsed per chunk. At the end the
 * tail is searched for the final usage. When there is none, what was seen is counted.
 */
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import type { ResponseReader, StreamReading } from "../response-reader.ts";

/** Bytes kept of a running stream: more than the largest final event of a text answer. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** First a look at the end, then a longer one. */
const TAIL_BYTES: readonly number[] = [8 * 1024, 128 * 1024];

const EMPTY = new Uint8Array(0);

/** Ends whatever event it is put behind. */
const BREAK = "\n\n";

export class StreamTail {
  #chunks: Uint8Array[] = [];
  #first = 0;
  #kept = 0;
  #total = 0;
  readonly #head: Uint8Array[] = [];
  readonly #headBytes: number;
  #headKept = 0;

  /** @param headBytes of the beginning, which are kept whatever else is let go */
  constructor(headBytes = 0) {
    this.#headBytes = headBytes;
  }

  push(bytes: Uint8Array): void {
    if (this.#headKept < this.#headBytes) {
      this.#head.push(bytes);
      this.#headKept += bytes.byteLength;
    }
    this.#chunks.push(bytes);
    this.#kept += bytes.byteLength;
    this.#total += bytes.byteLength;
    while (this.#kept > KEPT_BYTES && this.#first < this.#chunks.length - 1) {
      this.#kept -= this.#chunks[this.#first]!.byteLength;
      this.#chunks[this.#first] = EMPTY;
      this.#first += 1;
    }
    if (this.#first > 1_024) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }

  read(reader: ResponseReader, plan: CallPlan, estimator: TokenEstimator): StreamReading {
    // The usage of a complete stream is in its last events: what is before them need not be read again.
    for (const bytes of reader.needsAll?.(plan) === true ? [] : TAIL_BYTES) {
      if (bytes + this.#headKept >= this.#kept) break;
      const tail = reader.events(this.#headText() + this.#textFrom(bytes), plan, estimator);
      if (tail.usage.kind !== "missing" && tail.finished) return tail;
    }
    const isWhole = this.#total === this.#kept;
    const all = (isWhole ? "" : this.#headText()) + this.#textFrom(this.#kept);
    const reading = reader.events(all, plan, estimator);
    if (reader.lastUsage !== undefined && reading.usage.kind === "missing") {
      // The final event can be larger than what is kept (an image, a very long answer); then its beginning is gone.
      const usage = reader.lastUsage(all, plan);
      if (usage.kind !== "missing") return { ...reading, usage, finished: true };
    }
    if (isWhole || this.#kept === 0) return reading;
    // What was let go is taken to be like what was kept.
    const scale = this.#total / this.#kept;
    return { ...reading, seenOutputTokens: Math.ceil(reading.seenOutputTokens * scale * 1.25) };
  }

  #headText(): string {
    return this.#headBytes === 0 ? "" : new TextDecoder().decode(Buffer.concat(this.#head)) + BREAK;
  }

  /** The last so many bytes, or a little more; it may begin within an event, whose rest is then not one. */
  #textFrom(bytes: number): string {
    let from = this.#chunks.length;
    let size = 0;
    while (from > this.#first && size < bytes) {
      from -= 1;
      size += this.#chunks[from]!.byteLength;
    }
    return new TextDecoder().decode(Buffer.concat(this.#chunks.slice(from)));
  }
}
