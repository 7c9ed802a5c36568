/**
 * How tight holds are: a running comparison of what was held with what was used.
 *
 * @module
 */

export interface HoldRatioSnapshot {
  /** Settled calls observed. */
  samples: number;
  /** Mean of held / actual; 0 before the first sample. */
  mean: number;
  /** Largest held / actual; 0 before the first sample. */
  max: number;
  /** Calls whose truth exceeded the hold. */
  underestimates: number;
}

export interface HoldRatio {
  /** Reports a settled call. Ignored unless both counts are finite, held >= 0 and actual > 0. */
  observeRatio(heldTokens: number, actualTokens: number): void;
  snapshot(): HoldRatioSnapshot;
}

/** Constant size, whatever the number of calls. */
export function createHoldRatio(): HoldRatio {
  let samples = 0;
  let mean = 0;
  let max = 0;
  let underestimates = 0;
  return {
    observeRatio(heldTokens, actualTokens) {
      const ratio = heldTokens / actualTokens;
      if (!(heldTokens >= 0 && actualTokens > 0 && actualTokens < Infinity && ratio < Infinity)) return;
      samples++;
      mean += (ratio - mean) / samples;
      max = Math.max(max, ratio);
      if (actualTokens > heldTokens) underestimates++;
    },
    snapshot: () => ({ samples, mean, max, underestimates }),
  };
}
