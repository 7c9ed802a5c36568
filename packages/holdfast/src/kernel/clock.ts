/** @module The only source of time. Nothing else in the library reads the system clock. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Never set back and never set forward; it says how much time has passed, not what time it is. */
export const monotonicClock: Clock = { now: () => performance.now() };
