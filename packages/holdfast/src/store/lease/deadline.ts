/** @module A base that does not answer must not keep anything waiting for ever. */

/** A base that has not answered for so long is taken for lost, ms. */
export const ANSWER_MS = 5_000;

/** Rejects when the time is over; an answer that comes later is not heard. */
export function withDeadline<T>(answering: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`the base store has not answered within ${deadlineMs} ms`));
    }, deadlineMs);
    timer.unref();
    answering.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
