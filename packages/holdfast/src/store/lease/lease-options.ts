/** @module The options of leases, checked, with their defaults. */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { monotonicClock, systemClock, type Clock } from "../../kernel/clock.ts";
import type { Scope } from "../../ledger/ledger-store.ts";
import { elapsedClock } from "./elapsed.ts";

export interface LeaseOptions {
  /**
   * Which scopes are leased. `"auto"`: those with at least `hotCalls` calls in the last second or two. A function: those
   * for which it returns true, from their first call on; it must be pure. In either case only scopes with a calendar or
   * total window and without a limit on concurrent calls: the others are always asked for directly.
   * @default "auto"
   */
  readonly lease?: "auto" | ((scope: Scope) => boolean);
  /** How long a slice lives without being renewed, ms; a crash strands at most the slices for this long. @default 10_000 */
  readonly leaseMs?: number;
  /** How often spent money is reported and slices are looked after, ms. @default 200 */
  readonly reportMs?: number;
  /** A pool that nobody has asked for so long, ms, returns everything that is not in use. @default 500 */
  readonly idleMs?: number;
  /** A slice is for the demand of so long, ms. @default 1_000 */
  readonly horizonMs?: number;
  /** What one process has free in its slices is at most one part of so many of all that is free. @default 8 */
  readonly parts?: number;
  /** With `lease: "auto"`: so many calls in the last second or two make a scope hot. @default 20 */
  readonly hotCalls?: number;
  /**
   * How long a call whose hold has expired here may still be settled, ms; its charge is kept held on the base until
   * then, so that it can be corrected.
   * @default 3_600_000
   */
  readonly correctableMs?: number;
  /** How many finished operations are remembered for replays. @default 10_000 */
  readonly rememberedOperations?: number;
  /**
   * Measures how much time has passed in this process; it need not agree with anybody's.
   * @default a steady clock that also notices when the machine slept
   */
  readonly clock?: Clock;
  /** Runs a task every so many ms until the returned function is called. @default setInterval, unref'd */
  readonly every?: (ms: number, task: () => void) => () => void;
}

export type LeaseSettings = Required<LeaseOptions>;

const DEFAULTS = {
  leaseMs: 10_000,
  reportMs: 200,
  idleMs: 500,
  horizonMs: 1_000,
  parts: 8,
  hotCalls: 20,
  correctableMs: 3_600_000,
  rememberedOperations: 10_000,
} as const;

/** @throws {StoreSetupError} naming the option. */
export function leaseSettings(options: LeaseOptions): LeaseSettings {
  const { lease = "auto" } = options;
  if (lease !== "auto" && typeof lease !== "function") {
    throw new StoreSetupError('leased: lease must be "auto" or a function of a scope.');
  }
  const numbers = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value: unknown = options[name] ?? DEFAULTS[name];
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      throw new StoreSetupError(`leased: ${name} must be a whole number > 0, not ${String(value)}.`);
    }
    Object.assign(numbers, { [name]: value });
  }
  if (numbers.leaseMs < 5 * numbers.reportMs) {
    throw new StoreSetupError(
      "leased: leaseMs must be at least 5 times reportMs, so that slices can be renewed.",
    );
  }
  return {
    ...numbers,
    lease,
    clock: options.clock ?? elapsedClock(monotonicClock, systemClock),
    every: options.every ?? everyUnref,
  };
}

function everyUnref(ms: number, task: () => void): () => void {
  const timer = setInterval(task, ms);
  timer.unref();
  return () => clearInterval(timer);
}
