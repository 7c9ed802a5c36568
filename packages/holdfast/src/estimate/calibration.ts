/**
 * Learns from settled calls how far the estimates of one kind of call are from the provider's own counts.
 *
 * @module
 */

export interface CalibrationOptions {
  /** The smallest factor ever answered, > 0. @default 0.25 */
  floor?: number;
  /** What the largest recent ratio is multiplied with, >= 1. @default 1.15 */
  margin?: number;
  /** Samples of a key before its factor may fall below 1. @default 20 */
  minSamples?: number;
  /** Samples after which half of the distance between an old maximum and the present is forgotten. @default 200 */
  memory?: number;
  /** Keys kept; the one unused for longest goes first. @default 1000 */
  maxKeys?: number;
}

/** A correction for estimates, per key (usually model and endpoint). */
export interface Calibration {
  /** What to multiply an estimate of this key with. */
  factor(key: string): number;
  /** Reports a settled call. Ignored unless both counts are finite and > 0. */
  observe(key: string, estimatedTokens: number, actualTokens: number): void;
}

interface KeyState {
  samples: number;
  recentMaxRatio: number;
}

function checked(name: string, value: number, min: number): number {
  if (Number.isFinite(value) && value >= min) return value;
  throw new RangeError(`calibration: ${name} must be a finite number >= ${min}`);
}

/**
 * A decaying maximum, not a mean: on a stream of mixed calls the factor stays above the worst of the recent ones
 * instead of falling below half of them. A ratio above the maximum raises it at once; a lower one lets it sink
 * slowly. A new key answers 1, or more as soon as the truth has exceeded an estimate.
 */
export function createCalibration(options: CalibrationOptions = {}): Calibration {
  const floor = checked("floor", options.floor ?? 0.25, Number.MIN_VALUE);
  const margin = checked("margin", options.margin ?? 1.15, 1);
  const minSamples = checked("minSamples", options.minSamples ?? 20, 1);
  const decay = 0.5 ** (1 / checked("memory", options.memory ?? 200, 1));
  const maxKeys = checked("maxKeys", options.maxKeys ?? 1000, 1);
  const states = new Map<string, KeyState>();

  return {
    factor(key) {
      const state = states.get(key);
      if (state === undefined) return 1;
      const learned = Math.max(floor, state.recentMaxRatio * margin);
      return state.samples >= minSamples || state.recentMaxRatio > 1 ? learned : 1;
    },
    observe(key, estimatedTokens, actualTokens) {
      const ratio = actualTokens / estimatedTokens;
      if (!(estimatedTokens > 0 && actualTokens > 0 && Number.isFinite(ratio) && ratio > 0)) return;
      const state = states.get(key) ?? { samples: 0, recentMaxRatio: 0 };
      const sunk = ratio + (state.recentMaxRatio - ratio) * decay;
      state.recentMaxRatio = Math.max(ratio, sunk);
      state.samples++;
      states.delete(key);
      states.set(key, state);
      if (states.size > maxKeys) states.delete(states.keys().next().value!);
    },
  };
}
