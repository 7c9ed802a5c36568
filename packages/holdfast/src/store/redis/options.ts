/** @module What a store on Redis can be told, and what it takes when it is told nothing. */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import type { Clock } from "../../kernel/clock.ts";

export interface RedisDataLoss {
  /**
   * "found": this process has found out, and everybody is given time to tell what they know. "told": another process
   * had found out before.
   */
  readonly discovery: "found" | "told";
  /** Nothing is admitted before then, by the server's clock (ms since the epoch). */
  readonly learningUntilMs: number;
  /** Counters, open holds and resolved holds that this process is about to tell of. */
  readonly counters: number;
  readonly openHolds: number;
  readonly resolvedHolds: number;
}

export interface RedisStoreWarning {
  /**
   * "eviction-policy": the server may evict keys, and you have allowed it to. "eviction-policy-unknown": whether it may
   * is not known, since INFO is not permitted. "broken-hold": holds whose time is over cannot be read, or their
   * counters cannot; what they hold stays held.
   */
  readonly code: "eviction-policy" | "eviction-policy-unknown" | "broken-hold";
  readonly message: string;
}

export interface RedisStoreOptions {
  /**
   * Begins the name of every key, in braces: `{holdfast}:...`, so that all keys of a store are in one slot of a
   * cluster. 1 to 64 of [A-Za-z0-9._-]. Use a store of its own, with a prefix of its own, for each independent set of
   * budgets, if one slot is not enough.
   * @default "holdfast"
   */
  readonly prefix?: string;
  /**
   * How long resolved holds and finished adjustments, overrides and renewals are remembered (ms): so long they can be
   * sent again, and an expired hold can still be settled. About half a kilobyte each.
   * @default 86_400_000 (24 hours)
   */
  readonly rememberMs?: number;
  /**
   * How long denials are remembered (ms). A denied operation sent again later is decided anew.
   * @default 600_000 (10 minutes)
   */
  readonly rememberDenialsMs?: number;
  /**
   * How long nothing is admitted after a loss of data, so that every process can tell what it knows (ms). At least
   * twice `heartbeatMs`.
   * @default 10_000
   */
  readonly learningMs?: number;
  /**
   * How often a process that has used the store asks after the data, so that an idle one hears of a loss (ms). The
   * timer keeps no process alive and ends with `close()`.
   * @default 3_000
   */
  readonly heartbeatMs?: number;
  /**
   * After each operation, WAIT until so many replicas have it; an operation that too few confirm in time fails with
   * StoreUnavailableError, though it may have happened. Only for clients of a single connection. It narrows the window
   * in which a failover loses data; it does not make Redis consistent.
   */
  readonly waitForReplicas?: { readonly count: number; readonly timeoutMs: number };
  /**
   * What to do when the server may evict keys (a `maxmemory-policy` other than noeviction): an evicted counter is a
   * budget that begins again.
   * @default "refuse"
   */
  readonly evictionPolicy?: "refuse" | "warn";
  /** Told once when data was lost. What it throws is ignored. */
  readonly onDataLoss?: (loss: RedisDataLoss) => void;
  /** What it throws is ignored. */
  readonly onWarning?: (warning: RedisStoreWarning) => void;
  /** For tests and simulations only: the server uses this time instead of its own. */
  readonly serverClock?: Clock;
}

export interface Settings {
  readonly prefix: string;
  readonly rememberMs: string;
  readonly rememberDenialsMs: string;
  readonly learningMs: number;
  readonly heartbeatMs: number;
  readonly waitForReplicas: RedisStoreOptions["waitForReplicas"];
  readonly evictionPolicy: "refuse" | "warn";
  readonly onDataLoss: (loss: RedisDataLoss) => void;
  readonly onWarning: (warning: RedisStoreWarning) => void;
  readonly serverClock: Clock | undefined;
}

const PREFIX = /^[A-Za-z0-9._-]{1,64}$/;
const LONGEST_MS = 366 * 86_400_000;

/** @throws {StoreSetupError} naming the option. */
export function settingsFrom(options: RedisStoreOptions): Settings {
  const prefix = options.prefix ?? "holdfast";
  if (typeof prefix !== "string" || !PREFIX.test(prefix)) {
    throw new StoreSetupError("redisStore: prefix must be 1 to 64 of the characters A-Z a-z 0-9 . _ -");
  }
  const heartbeatMs = duration("heartbeatMs", options.heartbeatMs ?? 3_000);
  const learningMs = duration("learningMs", options.learningMs ?? 10_000);
  if (learningMs < 2 * heartbeatMs) {
    throw new StoreSetupError(
      "redisStore: learningMs must be at least twice heartbeatMs, so that idle processes are heard",
    );
  }
  const wait = options.waitForReplicas;
  if (wait !== undefined) {
    duration("waitForReplicas.count", wait.count);
    duration("waitForReplicas.timeoutMs", wait.timeoutMs);
  }
  const evictionPolicy = options.evictionPolicy ?? "refuse";
  if (evictionPolicy !== "refuse" && evictionPolicy !== "warn") {
    throw new StoreSetupError('redisStore: evictionPolicy must be "refuse" or "warn"');
  }
  return {
    prefix,
    rememberMs: String(duration("rememberMs", options.rememberMs ?? 86_400_000)),
    rememberDenialsMs: String(duration("rememberDenialsMs", options.rememberDenialsMs ?? 600_000)),
    learningMs,
    heartbeatMs,
    waitForReplicas: wait,
    evictionPolicy,
    onDataLoss: silenced(options.onDataLoss),
    onWarning: silenced(options.onWarning),
    serverClock: options.serverClock,
  };
}

function duration(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0 && value <= LONGEST_MS) return value;
  throw new StoreSetupError(`redisStore: ${name} must be a whole number from 1 to ${LONGEST_MS}`);
}

/** A callback of the application never changes what the store does. */
function silenced<T>(callback: ((value: T) => void) | undefined): (value: T) => void {
  return (value) => {
    try {
      callback?.(value);
    } catch {
      // Told is told.
    }
  };
}
