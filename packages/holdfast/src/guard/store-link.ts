/**
 * @module The guard's only way to its store.
 *
 * A question (reserve, dispatch) is waited for, so it has a deadline, and when it fails the caller decides what then.
 * A statement (settle, release) is waited for by nobody; it is idempotent, so it is repeated until the store has taken
 * it. A breaker keeps both from a store that keeps failing. A failure is never a denial: it has a type of its own.
 */
import pRetry from "p-retry";
import { HoldfastError } from "../error/holdfast-error.ts";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import type { Emitter } from "../event/emitter.ts";
import type { Clock } from "../kernel/clock.ts";
import type { IdSource } from "../kernel/id.ts";
import { isPromise, type MaybePromise } from "../kernel/maybe-promise.ts";
import type { LedgerStore } from "../ledger/ledger-store.ts";
import { afterFailure, askBreaker, CLOSED, type BreakerSettings, type BreakerState } from "./breaker.ts";

export interface StoreLinkParts {
  readonly store: LedgerStore;
  readonly emitter: Emitter;
  readonly clock: Clock;
  readonly nextId: IdSource;
  /** How long the answer to a question is waited for, ms. */
  readonly deadlineMs: number;
  readonly breaker: BreakerSettings;
}

/** Statements that may wait for the store to come back. What they are about is charged by expiry if they are lost. */
const STATEMENTS_MAX = 10_000;

/** As long as a store remembers an expired hold, a late settlement still corrects it. */
const REPEAT = {
  retries: Infinity,
  minTimeout: 100,
  maxTimeout: 10_000,
  randomize: true,
  maxRetryTime: 24 * 3_600_000,
  unref: true,
} as const;

export class StoreLink {
  readonly store: LedgerStore;
  readonly #parts: StoreLinkParts;
  readonly #pending = new Set<Promise<unknown>>();
  #breaker: BreakerState = CLOSED;
  #downSinceMs: number | undefined;
  #lastFailure = "";
  #closed = false;

  constructor(parts: StoreLinkParts) {
    this.store = parts.store;
    this.#parts = parts;
  }

  /** Statements that the store has not yet taken. */
  get unsent(): number {
    return this.#pending.size;
  }

  /** No more statement can wait. */
  get isBacklogFull(): boolean {
    return this.#pending.size >= STATEMENTS_MAX;
  }

  /**
   * @param onFailure what to answer when the store is broken, out of reach or too late; may throw its argument
   * @param onLate what to do with an answer that comes when nobody waits any more
   * @throws {OperationInvalidError} when the operation itself was malformed
   */
  ask<R, T>(
    question: () => MaybePromise<R>,
    onAnswer: (result: R) => MaybePromise<T>,
    onFailure: (error: StoreUnavailableError) => MaybePromise<T> = rethrow,
    onLate?: (result: R) => void,
  ): MaybePromise<T> {
    if (!this.#mayAsk()) return onFailure(this.#leftAlone());
    let result: MaybePromise<R>;
    try {
      result = question();
    } catch (cause) {
      return onFailure(this.#failed(cause));
    }
    if (!isPromise(result)) {
      this.#succeeded();
      return onAnswer(result);
    }
    return withDeadline(result, this.#parts.deadlineMs, onLate).then(
      (answer) => {
        this.#succeeded();
        return onAnswer(answer);
      },
      (cause: unknown) => onFailure(this.#failed(cause)),
    );
  }

  /**
   * Never throws and never waits. `onFailure` hears of it when the statement will never be repeated again, and
   * `onRepeat` when it was not taken at once.
   */
  tell<R>(
    statement: () => MaybePromise<R>,
    onAnswer: (result: R) => void,
    onFailure: (detail: string) => void,
    onRepeat?: (detail: string) => void,
  ): void {
    const attempt = (): MaybePromise<void> => this.ask(statement, onAnswer);
    try {
      const first = attempt();
      if (isPromise(first)) this.#follow(first, attempt, onFailure, onRepeat);
    } catch (cause) {
      if (cause instanceof OperationInvalidError) onFailure(this.#describe(cause));
      else this.#follow(Promise.reject(cause as Error), attempt, onFailure, onRepeat);
    }
  }

  /** A statement that is not worth repeating. Never throws and never waits. */
  hint(statement: () => MaybePromise<unknown>): void {
    try {
      const asked = this.ask(statement, () => undefined);
      if (isPromise(asked)) asked.catch(() => undefined);
    } catch {
      // It was only a hint; the breaker has counted the failure.
    }
  }

  /** Resolves when the store has taken everything that it was told so far. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Nothing is repeated any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.store.close();
  }

  #follow(
    first: Promise<void>,
    attempt: () => MaybePromise<void>,
    onFailure: (detail: string) => void,
    onRepeat: ((detail: string) => void) | undefined,
  ): void {
    const repeated = first.catch((cause: unknown) => {
      if (cause instanceof OperationInvalidError) throw cause;
      if (this.isBacklogFull) throw new Error(`${STATEMENTS_MAX} statements are waiting already`);
      onRepeat?.(this.#describe(cause));
      return pRetry(async () => attempt(), {
        ...REPEAT,
        shouldRetry: ({ error }) => !this.#closed && !(error instanceof OperationInvalidError),
      });
    });
    const pending: Promise<void> = repeated
      .catch((cause: unknown) => onFailure(this.#describe(cause)))
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  #mayAsk(): boolean {
    if (this.#breaker === CLOSED) return true;
    const { passes, state } = askBreaker(this.#breaker, this.#parts.clock.now());
    this.#breaker = state;
    return passes;
  }

  #succeeded(): void {
    if (this.#breaker === CLOSED) return;
    this.#breaker = CLOSED;
    const { clock, emitter, nextId } = this.#parts;
    const downSinceMs = this.#downSinceMs;
    if (downSinceMs === undefined) return;
    this.#downSinceMs = undefined;
    const atMs = clock.now();
    emitter.emit("store-reachable", () => ({
      id: nextId(),
      atMs,
      store: this.store.name,
      downMs: atMs - downSinceMs,
    }));
  }

  #failed(cause: unknown): StoreUnavailableError {
    if (cause instanceof OperationInvalidError) {
      // A malformed operation says nothing about the store; if it was the probe, the next question is.
      if (this.#breaker.kind === "probing") this.#breaker = { kind: "open", untilMs: -Infinity };
      throw cause;
    }
    // Nor is a store that answers, and says itself why it admits nothing, out of reach.
    if (HoldfastError.isHoldfastError(cause) && !(cause instanceof StoreUnavailableError)) {
      this.#succeeded();
      return new StoreUnavailableError(
        `Store "${this.store.name}" admits nothing, so nothing was sent: ${cause.message}`,
        { cause },
      );
    }
    const { breaker, clock, emitter, nextId } = this.#parts;
    const atMs = clock.now();
    this.#breaker = afterFailure(this.#breaker, breaker, atMs);
    const name = nameOf(cause);
    this.#lastFailure = name;
    if (this.#breaker.kind === "open" && this.#downSinceMs === undefined) {
      this.#downSinceMs = atMs;
      emitter.emit("store-unreachable", () => ({ id: nextId(), atMs, store: this.store.name, cause: name }));
    }
    return new StoreUnavailableError(
      `Store "${this.store.name}" did not answer, so nothing was sent. Check that it is reachable; this is not a denial.`,
      { cause: new Error(name) },
    );
  }

  #leftAlone(): StoreUnavailableError {
    return new StoreUnavailableError(
      `Store "${this.store.name}" has kept failing and is left alone for a moment, so nothing was sent. ` +
        "Check that it is reachable; this is not a denial.",
      { cause: new Error(this.#lastFailure) },
    );
  }

  #describe(cause: unknown): string {
    const root = cause instanceof StoreUnavailableError ? (cause.cause ?? cause) : cause;
    return `store "${this.store.name}" failed: ${root instanceof Error ? root.message : String(root)}`;
  }
}

function rethrow(error: StoreUnavailableError): never {
  throw error;
}

/** An error by its class and code. Its message may quote an address with a password. */
function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return `a ${typeof cause} was thrown`;
  const { code } = cause as { code?: unknown };
  const known = cause instanceof NoAnswer ? cause.message : cause.name;
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? `${known} (${code})` : known;
}

class NoAnswer extends Error {}

/** Rejects when the time is over; an answer that comes later goes to `onLate`. */
function withDeadline<R>(answer: Promise<R>, deadlineMs: number, onLate?: (result: R) => void): Promise<R> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new NoAnswer(`no answer within ${deadlineMs} ms`));
    }, deadlineMs);
    answer.then(
      (result) => {
        clearTimeout(timer);
        if (late) onLate?.(result);
        else resolve(result);
      },
      (cause: unknown) => {
        clearTimeout(timer);
        reject(cause as Error);
      },
    );
  });
}
