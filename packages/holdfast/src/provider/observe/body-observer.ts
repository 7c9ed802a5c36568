/** @module What watches a response body go by. Observing never changes when the body is read, ended or cancelled. */

/** How the body came to its end, as far as this reader is concerned. */
export type BodyEnd =
  /** Everything was read. */
  | "done"
  /** The reader lost interest. */
  | "cancelled"
  /** The connection failed, or the request was aborted. */
  | "failed";

export interface BodyObserver {
  /** A piece of the body. Returns what is passed on: the same bytes, fewer, or none for the moment. */
  chunk(bytes: Uint8Array): Uint8Array;
  /** What was kept back, before the end is passed on. */
  rest(): Uint8Array | undefined;
  /** The whole body as text, when it is read that way. Returns what is passed on. */
  text(text: string): string;
  /** The whole body parsed, when it is read that way. */
  json(value: unknown): void;
  /** Called at least once; the first call counts. */
  end(how: BodyEnd): void;
}

/** Several readers may share one body (clone, tee): it has ended early only when all of them have given up. */
export class SharedEnd {
  readonly #onEnd: (how: BodyEnd) => void;
  #open = 0;
  #over = false;

  constructor(onEnd: (how: BodyEnd) => void) {
    this.#onEnd = onEnd;
  }

  /** One more reader. The result reports its end, once. */
  branch(): (how: BodyEnd) => void {
    this.#open += 1;
    let ended = false;
    return (how) => {
      if (ended) return;
      ended = true;
      this.#open -= 1;
      // A failure is the body's, so it is everybody's.
      if (this.#over || (how === "cancelled" && this.#open > 0)) return;
      this.#over = true;
      this.#onEnd(how);
    };
  }
}
