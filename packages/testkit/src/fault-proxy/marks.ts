/** @module Coverage marks: how often each fault really happened, so that a test can prove that it tested something. */

/** Counts since the proxy started; `heal` does not clear them. */
export interface Marks {
  /** Replies that were swallowed, each with its connection. */
  readonly dropped: number;
  /** Connections that `reset` reset. */
  readonly reset: number;
  /** Connections that `refuse` turned away. */
  readonly refused: number;
  /** Chunks, in either direction, that were delivered late. */
  readonly delayed: number;
  /** Chunks, in either direction, that a black hole swallowed or held back. */
  readonly blackholed: number;
  /** Chunks that went on in more than one piece. */
  readonly split: number;
  /** Replies that were replaced. */
  readonly rewritten: number;
}

export type MarkName = keyof Marks;

interface Waiter {
  readonly name: MarkName;
  readonly count: number;
  readonly resolve: () => void;
}

export class MarkCounter {
  readonly counts: Record<MarkName, number> = {
    dropped: 0,
    reset: 0,
    refused: 0,
    delayed: 0,
    blackholed: 0,
    split: 0,
    rewritten: 0,
  };
  #waiters: Waiter[] = [];

  add(name: MarkName): void {
    this.counts[name] += 1;
    const reached = this.#waiters.filter((waiter) => this.#isReached(waiter));
    this.#waiters = this.#waiters.filter((waiter) => !reached.includes(waiter));
    for (const waiter of reached) waiter.resolve();
  }

  #isReached({ name, count }: Omit<Waiter, "resolve">): boolean {
    return this.counts[name] >= count;
  }

  /** Resolves once the mark is at `count`. */
  wait(name: MarkName, count: number): Promise<void> {
    if (this.#isReached({ name, count })) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ name, count, resolve }));
  }
}

/**
 * Asserts that a fault has happened: `expectMark(proxy, "dropped")`.
 * @param atLeast how often @default 1
 * @throws Error with all marks when it has not
 */
export function expectMark(proxy: { readonly marks: Marks }, name: MarkName, atLeast = 1): void {
  if (proxy.marks[name] >= atLeast) return;
  const seen = JSON.stringify(proxy.marks);
  throw new Error(`The fault "${name}" was to happen at least ${atLeast} times. What happened: ${seen}`);
}
