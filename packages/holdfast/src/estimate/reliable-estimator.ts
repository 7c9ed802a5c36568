/** @module An estimator of the application's own can fail; a call, or a settlement, must not fail with it. */
import { linearEstimator } from "./text-estimate.ts";
import type { TokenEstimator } from "./token-estimator.ts";

/** The same estimator; what it throws, or answers that is not a count, is replaced by the linear estimate. */
export function reliableEstimator(estimator: TokenEstimator): TokenEstimator {
  if (estimator === linearEstimator) return estimator;
  return {
    name: estimator.name,
    estimate(text, model) {
      try {
        const tokens = estimator.estimate(text, model);
        if (Number.isSafeInteger(tokens) && tokens >= 0) return tokens;
      } catch {
        // Answered below.
      }
      return linearEstimator.estimate(text, model);
    },
  };
}
