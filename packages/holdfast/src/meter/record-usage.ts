/**
 * @module From "usage" events into a usage ledger, off the user's path.
 *
 * Records wait in a bounded queue and are appended in batches. A ledger that fails is tried again, with growing waits;
 * one that fails for too long, or cannot keep up, loses records, which are counted and reported. A call never waits
 * for it and never fails because of it.
 */
import pRetry from "p-retry";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import { requirePositive } from "../ledger/operation-checks.ts";
import type { UsageLedger } from "../ledger/usage-ledger.ts";
import type { UsageRecord } from "./usage-record.ts";

/** The part of a Holdfast that is listened to. */
export interface UsageEmitter {
  on(event: "usage", listener: (record: UsageRecord) => unknown): unknown;
  off(event: "usage", listener: (record: UsageRecord) => unknown): unknown;
}

export interface RecordUsageOptions {
  /** Records in one append, at most. @default 100 */
  readonly batchSize?: number;
  /** How long a record may wait for company, ms. @default 100 */
  readonly delayMs?: number;
  /** Records that wait, at most; what comes on top is dropped. @default 10_000 */
  readonly queueLimit?: number;
  /** How often a failed append is tried again, after 0.1 s, 0.2 s, 0.4 s, ... up to 10 s. @default 100 (a quarter of an hour) */
  readonly retries?: number;
  /** How long `close` waits for the ledger, ms. @default 5_000 */
  readonly closeTimeoutMs?: number;
  /** Called when records were lost to the ledger. What it throws is ignored. */
  readonly onDropped?: (dropped: DroppedUsage) => void;
}

export interface DroppedUsage {
  readonly count: number;
  /**
   * - "queue-full": the ledger could not keep up.
   * - "append-failed": it refused them, or failed for too long; after a lost answer they may be there nevertheless.
   */
  readonly reason: "queue-full" | "append-failed";
  /** The last failure of the append. */
  readonly error?: unknown;
}

export interface UsageRecording {
  /** Records that wait to be appended. */
  readonly queued: number;
  /** Records lost so far. */
  readonly dropped: number;
  /** Resolves when every record that was taken before has been appended or dropped. Never rejects. */
  flush(): Promise<void>;
  /** Stops listening and tries once more to append what waits; the rest is dropped. Never rejects. */
  close(): Promise<void>;
}

/**
 * Appends every usage record of `holdfast` to `ledger`. Close it after `holdfast.close()`, which delivers the last
 * events.
 *
 * @throws {OperationInvalidError} for an option that is no whole number above 0.
 */
export function recordUsage(
  holdfast: UsageEmitter,
  ledger: Pick<UsageLedger, "append">,
  options: RecordUsageOptions = {},
): UsageRecording {
  return new Recording(holdfast, ledger, options);
}

class Recording implements UsageRecording {
  readonly #holdfast: UsageEmitter;
  readonly #ledger: Pick<UsageLedger, "append">;
  readonly #settings: Required<Omit<RecordUsageOptions, "onDropped">>;
  readonly #onDropped: ((dropped: DroppedUsage) => void) | undefined;
  readonly #closing = new AbortController();
  readonly #listener = (record: UsageRecord): void => this.#take(record);
  #queue: UsageRecord[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #taken = 0;
  #finished = 0;
  #dropped = 0;
  /** Dropped because the queue was full, and not reported yet. */
  #overflown = 0;
  #gaveUp = false;

  constructor(holdfast: UsageEmitter, ledger: Pick<UsageLedger, "append">, options: RecordUsageOptions) {
    this.#settings = {
      batchSize: options.batchSize ?? 100,
      delayMs: options.delayMs ?? 100,
      queueLimit: options.queueLimit ?? 10_000,
      retries: options.retries ?? 100,
      closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    };
    for (const [name, value] of Object.entries(this.#settings)) requirePositive(value, name);
    this.#holdfast = holdfast;
    this.#ledger = ledger;
    this.#onDropped = options.onDropped;
    holdfast.on("usage", this.#listener);
  }

  get queued(): number {
    return this.#queue.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  async flush(): Promise<void> {
    const target = this.#taken;
    while (this.#finished < target) await this.#run();
    this.#reportOverflow();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#holdfast.off("usage", this.#listener);
    this.#closing.abort();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeIsUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#settings.closeTimeoutMs);
    });
    await Promise.race([this.flush(), timeIsUp]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    const left = this.#queue.length;
    this.#queue = [];
    this.#finished = this.#taken;
    this.#gaveUp = true;
    if (left > 0) this.#drop({ count: left, reason: "append-failed" });
  }

  #take(record: UsageRecord): void {
    if (this.#queue.length >= this.#settings.queueLimit) {
      this.#overflown += 1;
      return;
    }
    this.#queue.push(record);
    this.#taken += 1;
    if (this.#running !== undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#run(), this.#settings.delayMs);
  }

  #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#appendAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #appendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, this.#settings.batchSize);
      await this.#append(batch);
      // They stay in the queue meanwhile, so that its limit counts them.
      this.#queue.splice(0, batch.length);
      this.#finished += batch.length;
      this.#reportOverflow();
    }
  }

  /** Never rejects. */
  async #append(batch: readonly UsageRecord[]): Promise<void> {
    const error = await this.#failureOf(batch);
    if (error === undefined) return;
    if (error instanceof OperationInvalidError && batch.length > 1) {
      // One record that cannot be counted does not take the others with it.
      for (const record of batch) await this.#append([record]);
      return;
    }
    // What was under way when close() gave up has been counted then.
    if (!this.#gaveUp) this.#drop({ count: batch.length, reason: "append-failed", error });
  }

  /** Undefined when the batch was appended. */
  async #failureOf(batch: readonly UsageRecord[]): Promise<unknown> {
    const append = async (): Promise<void> => this.#ledger.append(batch);
    const { signal } = this.#closing;
    try {
      await pRetry(append, {
        retries: this.#settings.retries,
        minTimeout: 100,
        maxTimeout: 10_000,
        signal,
        shouldRetry: ({ error }) => !(error instanceof OperationInvalidError),
      });
      return undefined;
    } catch (error) {
      if (!signal.aborted || error instanceof OperationInvalidError) return error;
    }
    // Closing cuts the waiting short, and this is the last try.
    return append().then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  #reportOverflow(): void {
    const count = this.#overflown;
    if (count === 0) return;
    this.#overflown = 0;
    this.#drop({ count, reason: "queue-full" });
  }

  #drop(dropped: DroppedUsage): void {
    this.#dropped += dropped.count;
    try {
      this.#onDropped?.(dropped);
    } catch {
      // Who is told of a loss cannot cause another one.
    }
  }
}
