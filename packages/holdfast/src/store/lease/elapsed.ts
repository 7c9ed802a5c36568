/**
 * @module How much time has passed in this process, for the life of a slice.
 *
 * A slice must never be taken for alive when the server has let it expire. The wall clock may be set back, and the
 * steady clock stands still while the machine sleeps; so time runs as fast as the faster of the two. A wall clock that
 * is set forward ends slices early, which costs a refill and nothing else.
 */
import type { Clock } from "../../kernel/clock.ts";

/** Two clocks that differ by less than this differ by rounding or by slewing. */
const TOLERANCE_MS = 250;

export function elapsedClock(steady: Clock, wall: Clock): Clock {
  let steadyAtMs = steady.now();
  let wallAtMs = wall.now();
  let addedMs = 0;
  return {
    now() {
      const steadyMs = steady.now();
      const wallMs = wall.now();
      const aheadMs = wallMs - wallAtMs - (steadyMs - steadyAtMs);
      if (aheadMs > TOLERANCE_MS || aheadMs < -TOLERANCE_MS) {
        if (aheadMs > 0) addedMs += aheadMs;
        steadyAtMs = steadyMs;
        wallAtMs = wallMs;
      }
      return steadyMs + addedMs;
    },
  };
}
