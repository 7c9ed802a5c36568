/** @module What the reference model remembers of answered operations: everything, for ever. */

interface Remembered {
  readonly fingerprint: string;
  readonly answer: object;
}

export class OperationMemory {
  readonly #operations = new Map<string, Remembered>();

  /** Runs `first` once per id; later answers are the first one, marked as a replay. */
  once<R extends { readonly outcome: string }>(id: string, fingerprint: string, first: () => R): R {
    const seen = this.#operations.get(id);
    if (seen !== undefined) {
      if (seen.fingerprint !== fingerprint) return { outcome: "mismatch" } as unknown as R;
      return { ...seen.answer, replayed: true } as unknown as R;
    }
    const answer = first();
    // Answers without `replayed` changed nothing and are worked out anew.
    if ("replayed" in answer) this.#operations.set(id, { fingerprint, answer });
    return answer;
  }
}
