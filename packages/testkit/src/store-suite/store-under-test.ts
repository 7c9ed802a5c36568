/** @module What a store's author hands to the suite. */
import type { LedgerStore } from "holdfast";

/** How the suite reads and moves the store's own clock. */
export interface SuiteClock {
  /** The store's time, ms since the epoch. */
  now(): number;
  /** Moves the store's time forward; on a real server this may simply wait. */
  advance(ms: number): void | Promise<void>;
  /**
   * True when time also passes by itself, as on a real server. The suite then only makes short moves, leaves out the
   * tests that must jump to a date, and compares no exact instants.
   * @default false
   */
  readonly running?: boolean;
}

/** One empty store, for one test. */
export interface StoreUnderTest {
  readonly store: LedgerStore;
  /** @default a running clock that reads `now` and waits */
  readonly clock?: SuiteClock;
  /** Closes the store and removes its data. */
  dispose(): Promise<void>;
  /** A second handle on the same data, as another process would have. Absent for stores that live in one process. */
  another?(): Promise<LedgerStore>;
}

export type CreateStore = () => Promise<StoreUnderTest>;

/** Tests that a store cannot pass, with the reason: `"capability: title"`, or `"capability"` for all of one. */
export interface SkippedTests {
  readonly reason: string;
  readonly tests: readonly string[];
}

/** The clock of a store whose time cannot be moved: it waits. */
export function waitingClock(now: () => number): SuiteClock {
  return { now, advance: (ms) => new Promise<void>((resolve) => setTimeout(resolve, ms)), running: true };
}
