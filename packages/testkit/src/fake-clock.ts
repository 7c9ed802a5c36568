/** @module A clock that moves only when a test says so. */

export interface FakeClock {
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Moves the clock forward; a negative step is allowed and models a clock that jumps back. */
  readonly advance: (milliseconds: number) => void;
  /** Puts the clock at an instant. */
  readonly set: (instant: number | Date) => void;
}

/** A clock that starts at `start` (default 2026-01-01T00:00:00Z) and stands still. */
export function createFakeClock(start: number | Date = Date.UTC(2026, 0, 1)): FakeClock {
  let current = Number(start);
  return {
    now: () => current,
    advance(milliseconds) {
      current += milliseconds;
    },
    set(instant) {
      current = Number(instant);
    },
  };
}
