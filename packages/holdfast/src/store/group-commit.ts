/**
 * @module Operations that wait share one trip.
 *
 * As long as fewer than `maxInFlight` trips are under way, an operation leaves at once and alone. Those that come
 * meanwhile wait and leave together with the next trip, in the order in which they came, each with an answer of its
 * own. So nobody waits for company, and a hot row is locked once for all who queue for it.
 */

export interface GroupCommitOptions<Op, Answer> {
  /** One trip. Answers in the order of the operations; a rejection is the answer to all of them. */
  readonly commit: (operations: readonly Op[]) => Promise<readonly Answer[]>;
  /** Operations in one trip, at most. */
  readonly maxBatch: number;
  /** Trips at a time. */
  readonly maxInFlight: number;
  /**
   * A trip that has not come back after this, ms, no longer keeps others from leaving; a client library may never answer
   * at all. Its own answer is still waited for. @default 5_000
   */
  readonly lostAfterMs?: number;
}

interface Waiting<Op, Answer> {
  readonly operation: Op;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: unknown) => void;
}

export class GroupCommit<Op, Answer> {
  readonly #options: GroupCommitOptions<Op, Answer>;
  #waiting: Waiting<Op, Answer>[] = [];
  #inFlight = 0;

  constructor(options: GroupCommitOptions<Op, Answer>) {
    this.#options = options;
  }

  submit(operation: Op): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ operation, resolve, reject });
      this.#depart();
    });
  }

  #depart(): void {
    while (this.#waiting.length > 0 && this.#inFlight < this.#options.maxInFlight) {
      const { maxBatch } = this.#options;
      const batch = this.#waiting.length <= maxBatch ? this.#waiting : this.#waiting.slice(0, maxBatch);
      this.#waiting = batch === this.#waiting ? [] : this.#waiting.slice(maxBatch);
      this.#inFlight += 1;
      void this.#trip(batch);
    }
  }

  async #trip(batch: readonly Waiting<Op, Answer>[]): Promise<void> {
    let isUnderWay = true;
    const isBack = (): void => {
      if (!isUnderWay) return;
      isUnderWay = false;
      this.#inFlight -= 1;
      this.#depart();
    };
    const timer = setTimeout(isBack, this.#options.lostAfterMs ?? 5_000);
    timer.unref();
    try {
      const answers = await this.#options.commit(batch.map(({ operation }) => operation));
      if (answers.length !== batch.length) {
        throw new Error(`${batch.length} operations were sent and ${answers.length} answers came back`);
      }
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(answers[i]!);
    } catch (cause) {
      for (const { reject } of batch) reject(cause);
    } finally {
      clearTimeout(timer);
      isBack();
    }
  }
}
