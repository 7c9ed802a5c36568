/**
 * The port that answers "how many input tokens can this text be?" before a call is admitted.
 *
 * @module
 */

/**
 * A synchronous, bounded upper estimate of a text's token count.
 *
 * It is asked on the admission path of every call, so it must return quickly for any input (no unbounded run,
 * no input or output), must not throw, and should rather be high than low: what it says is held.
 */
export interface TokenEstimator {
  /** Names the method in events and reports, for example `linear`. */
  readonly name: string;
  /**
   * @param text Any string: lone surrogates, NUL and unbroken runs included.
   * @param model The provider's model name; an estimator that does not know it falls back to its safest answer.
   * @returns Tokens: an integer >= 0.
   */
  estimate(text: string, model: string): number;
}
