/**
 * @module Answers that middleware of the application's asked for and did not hand out: the slower one of two, the one
 * that was replaced.
 *
 * Nobody reads them, so that nothing tells what they cost, and their holds would stay until they run out. Some time after
 * the call has returned they are taken for lost, and charged as such. The answer itself is left alone: it is the
 * application's.
 */
import type { Attempt } from "../../guard/guarded-call.ts";
import { isUntouched } from "../observe/observe-response.ts";

/** Middleware may still read an answer when its call has returned, to keep it for later. */
const GRACE_MS = 5_000;

export class UnclaimedAnswers {
  readonly #requestIdHeader: string;
  readonly #waiting = new Map<Response, Attempt>();
  /** The call has returned. */
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(requestIdHeader: string) {
    this.#requestIdHeader = requestIdHeader;
  }

  /** An answer has arrived, maybe after the call has returned. */
  add(response: Response, attempt: Attempt): void {
    if (attempt.ended) return;
    this.#waiting.set(response, attempt);
    if (this.#isOver) this.#wait();
  }

  /** @param handedOut what the call returns, as far as it is a response */
  over(handedOut: unknown): void {
    this.#isOver = true;
    this.#waiting.delete(handedOut as Response);
    for (const [response, attempt] of this.#waiting) {
      if (attempt.ended || !isUntouched(response)) this.#waiting.delete(response);
    }
    if (this.#waiting.size > 0) this.#wait();
  }

  #wait(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#giveUp();
    }, GRACE_MS);
    // A process that is done need not wait for it.
    this.#timer.unref();
  }

  #giveUp(): void {
    for (const [response, attempt] of this.#waiting) {
      // Whoever has begun to read it will come to its end.
      if (!isUntouched(response)) continue;
      const providerRequestId = response.headers.get(this.#requestIdHeader);
      attempt.end({ class: "ambiguous", status: response.status, providerRequestId });
    }
    this.#waiting.clear();
  }
}
