/**
 * @module The base's time as far as it can be: what this process believes is never earlier than the truth.
 *
 * The base states its time in an answer, somewhere between sending and receiving. Counted from the sending, it is early
 * enough to stop using a slice before its window is over. This process's own idea of the time of day plays no part.
 */
import type { Clock } from "../../kernel/clock.ts";

export class ServerTime implements Clock {
  /** The process's time when it was last read here: for many who ask within one step. */
  processMs: number;
  readonly #process: Clock;
  #aheadMs = 0;

  constructor(process: Clock) {
    this.#process = process;
    this.processMs = process.now();
  }

  /** The base stated `serverMs` in its answer to what was sent at `sentAtMs` of the process's time. */
  learn(serverMs: number, sentAtMs: number): void {
    this.#aheadMs = serverMs - sentAtMs;
  }

  /** Whole ms since the epoch. */
  now(): number {
    this.processMs = this.#process.now();
    return this.asRead();
  }

  /** As of `processMs`. */
  asRead(): number {
    return Math.floor(this.processMs + this.#aheadMs);
  }

  /** Process time at which the base may reach this moment, at the earliest. */
  processTimeOf(serverMs: number): number {
    return serverMs - this.#aheadMs;
  }
}
