/**
 * @module Admission and settlement: the only place that knows the order of a call.
 *
 *   plan -> reserve -> dispatch -> (the attempt happens) -> settle or release -> record
 *
 * The guard knows the store only by its port, and a provider only by its plans and outcomes.
 */
import type { ModelPrice } from "@holdfast/prices";
import pRetry from "p-retry";
import { NO_ATTRIBUTION, type Attribution } from "../attribution/attribution.ts";
import { scopesOf, type Budget } from "../budget/budget.ts";
import { BudgetExceededError } from "../error/budget-exceeded-error.ts";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import { HoldfastClosedError } from "../error/holdfast-closed-error.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import type { Emitter } from "../event/emitter.ts";
import type { HoldRatio } from "../estimate/hold-ratio.ts";
import type { Calibration } from "../estimate/calibration.ts";
import type { Clock } from "../kernel/clock.ts";
import type { IdSource } from "../kernel/id.ts";
import { chain, isPromise, type MaybePromise } from "../kernel/maybe-promise.ts";
import { DIMENSIONS, NO_AMOUNTS, type Amounts } from "../ledger/amounts.ts";
import type {
  Denied,
  ExpiredHold,
  Held,
  LedgerStore,
  ReserveResult,
  Scope,
  SettleResult,
} from "../ledger/ledger-store.ts";
import type { PriceBook } from "../price/price-book.ts";
import { affordableOutputTokens } from "./affordable-output.ts";
import type { AttributionContext } from "./attribution-context.ts";
import { heldAmounts, type CallPlan } from "./call-plan.ts";
import { GuardedCall } from "./guarded-call.ts";
import type { GuardSettings } from "./guard-settings.ts";

export interface GuardParts {
  readonly store: LedgerStore;
  readonly emitter: Emitter;
  readonly context: AttributionContext;
  readonly prices: PriceBook;
  readonly clock: Clock;
  readonly nextId: IdSource;
  readonly calibration: Calibration;
  readonly holdRatio: HoldRatio;
  readonly settings: GuardSettings;
  readonly budgets: readonly Budget[];
}

/** One hold, as the guard carries it from reservation to resolution. */
export interface CarriedHold {
  readonly holdId: string;
  readonly amounts: Amounts;
  readonly scopes: readonly Scope[];
}

export class Guard {
  readonly emitter: Emitter;
  readonly context: AttributionContext;
  readonly prices: PriceBook;
  readonly clock: Clock;
  readonly calibration: Calibration;
  readonly holdRatio: HoldRatio;
  readonly settings: GuardSettings;
  readonly store: LedgerStore;
  readonly nextId: IdSource;
  #budgets: readonly Budget[];
  /** Many calls share one attribution; their scopes are worked out once. */
  #scopes = new WeakMap<Attribution, readonly Scope[]>();
  readonly #pending = new Set<Promise<unknown>>();
  #inFlight = 0;
  #whenIdle: (() => void)[] = [];
  #closed = false;

  constructor(parts: GuardParts) {
    this.store = parts.store;
    this.emitter = parts.emitter;
    this.context = parts.context;
    this.prices = parts.prices;
    this.clock = parts.clock;
    this.nextId = parts.nextId;
    this.calibration = parts.calibration;
    this.holdRatio = parts.holdRatio;
    this.settings = parts.settings;
    this.#budgets = parts.budgets;
  }

  get budgets(): readonly Budget[] {
    return this.#budgets;
  }

  /** From the next reservation on. Holds that are open keep what they hold. */
  replaceBudgets(budgets: readonly Budget[]): void {
    this.#budgets = budgets;
    this.#scopes = new WeakMap();
  }

  scopesOf(attribution: Attribution): readonly Scope[] {
    let scopes = this.#scopes.get(attribution);
    if (scopes === undefined) {
      scopes = scopesOf(this.#budgets, attribution);
      this.#scopes.set(attribution, scopes);
    }
    return scopes;
  }

  /** One logical request. It holds nothing until {@link GuardedCall.reserve}. */
  startCall(plan: CallPlan, attribution: Attribution = NO_ATTRIBUTION): GuardedCall {
    return new GuardedCall(this, plan, attribution);
  }

  /** The price of a served model, or undefined. */
  servedPrice(provider: string, model: string): ModelPrice | undefined {
    const lookup = this.prices.lookup(provider, model, this.clock.now());
    return lookup.kind === "priced" ? lookup.price : undefined;
  }

  /**
   * Holds the worst case of one attempt in every scope that it touches, or in none.
   *
   * @throws {BudgetExceededError} when a budget has no room.
   * @throws {StoreUnavailableError} when the store failed.
   * @throws {HoldfastClosedError} after close().
   */
  reserve(
    call: { readonly callId: string; readonly plan: CallPlan; readonly attribution: Attribution },
    attempt: number,
    countsAsCall: boolean,
  ): MaybePromise<CarriedHold> {
    if (this.#closed) {
      throw new HoldfastClosedError(
        "This Holdfast has been closed; make the call before close(), or create a new one.",
      );
    }
    const holdId = this.nextId();
    const scopes = this.scopesOf(call.attribution);
    const amounts = heldAmounts(call.plan, countsAsCall);
    const carried: CarriedHold = { holdId, amounts, scopes };
    const answer = (result: ReserveResult): CarriedHold => {
      switch (result.outcome) {
        case "held":
          this.#reportExpired(result.expired);
          this.#reportReserved(result, call, attempt, carried);
          return carried;
        case "denied":
          this.#reportExpired(result.expired);
          throw this.#denial(result, call, attempt, amounts);
        case "mismatch":
          throw new StoreUnavailableError(
            `Store "${this.store.name}" knows the new id ${holdId} already; ids must be unique.`,
          );
      }
    };
    const { undispatchedTtlMs } = this.settings;
    return this.#ask(
      () => this.store.reserve({ operationId: holdId, scopes, amounts, undispatchedTtlMs }),
      answer,
      (late) => {
        if (late.outcome === "held") this.release(carried, () => undefined);
      },
    );
  }

  /**
   * Marks the hold "may be billed".
   *
   * @returns false when the hold had expired in the meantime, so that it must be reserved anew.
   * @throws {StoreUnavailableError} when the store failed.
   */
  dispatch(hold: CarriedHold): MaybePromise<boolean> {
    const operationId = `${hold.holdId}:dispatched`;
    const { dispatchedTtlMs } = this.settings;
    return this.#ask(
      () => this.store.dispatch({ operationId, holdId: hold.holdId, ttlMs: dispatchedTtlMs }),
      (result) => {
        if (result.outcome !== "dispatched") {
          if (result.outcome === "already-resolved") this.#reportExpired(result.expired);
          return false;
        }
        this.emitter.emit("hold-dispatched", () => ({
          id: operationId,
          atMs: this.clock.now(),
          holdId: hold.holdId,
        }));
        return true;
      },
    );
  }

  /** Never throws and never waits: what goes wrong is reported, and an unsettled hold expires into a charge. */
  settle(hold: CarriedHold, amounts: Amounts, onFailure: (detail: string) => void): void {
    const operationId = `${hold.holdId}:settled`;
    this.#tell(
      () => this.store.settle({ operationId, holdId: hold.holdId, amounts }),
      (result: SettleResult) => {
        this.#reportExpired("expired" in result ? result.expired : undefined);
        if (result.outcome !== "settled") {
          onFailure(`the store answered ${result.outcome} to the settlement of hold ${hold.holdId}`);
          return;
        }
        this.emitter.emit("hold-settled", () => ({
          id: operationId,
          atMs: this.clock.now(),
          holdId: hold.holdId,
          held: result.held,
          charged: result.charged,
          corrected: result.corrected,
          overrun: DIMENSIONS.filter((dimension) => result.charged[dimension] > result.held[dimension]),
        }));
      },
      onFailure,
    );
  }

  /** Never throws and never waits. */
  release(hold: CarriedHold, onFailure: (detail: string) => void): void {
    const operationId = `${hold.holdId}:released`;
    this.#tell(
      () => this.store.release({ operationId, holdId: hold.holdId }),
      (result) => {
        if (result.outcome === "already-resolved" && result.state === "expired") {
          // It was charged when its time was over, and now it is known that nothing was billed.
          this.#reportExpired(result.expired);
          this.settle(hold, NO_AMOUNTS, onFailure);
          return;
        }
        if (result.outcome !== "released") return;
        this.emitter.emit("hold-released", () => ({
          id: operationId,
          atMs: this.clock.now(),
          holdId: hold.holdId,
        }));
      },
      onFailure,
    );
  }

  /** Keeps a long stream's hold alive. Never throws and never waits; expiry is safe without it. */
  renew(hold: CarriedHold): void {
    const operationId = `${hold.holdId}:renewed:${this.nextId()}`;
    this.#tell(
      () => this.store.renew({ operationId, holdId: hold.holdId, ttlMs: this.settings.dispatchedTtlMs }),
      () => undefined,
      () => undefined,
    );
  }

  /** Resolves holds whose time is over. */
  expireDue(): MaybePromise<void> {
    return this.#ask(
      () => this.store.expire({ limit: 1_000 }),
      (result) => {
        this.#reportExpired(result.expired);
        return result.more ? this.expireDue() : undefined;
      },
    );
  }

  /** A hold has been taken that its call will resolve. */
  holdTaken(): void {
    this.#inFlight += 1;
  }

  /** A hold has been settled, released or given up. */
  holdResolved(): void {
    this.#inFlight -= 1;
    if (this.#inFlight > 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  /**
   * Admits nothing more, waits for what is in flight, and lets go of the store.
   *
   * @returns how many holds were still unresolved when the time was over; they expire by policy.
   */
  async close(drainMs: number): Promise<number> {
    this.#closed = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    const idle =
      this.#inFlight === 0 ? undefined : new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    try {
      await Promise.race([idle, timeout]);
      await Promise.race([this.settled().then(() => this.store.close()), timeout]);
    } finally {
      clearTimeout(timer);
    }
    return this.#inFlight;
  }

  /** Resolves when the store has answered everything that it was told so far. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /**
   * A question whose answer the caller waits for: a broken store surfaces as such, never as a denial.
   *
   * @param onLate what to do with an answer that comes when nobody waits any more
   */
  #ask<R, T>(
    question: () => MaybePromise<R>,
    answer: (result: R) => MaybePromise<T>,
    onLate?: (result: R) => void,
  ): MaybePromise<T> {
    let result: MaybePromise<R>;
    try {
      result = question();
    } catch (cause) {
      throw this.#unavailable(cause);
    }
    if (!isPromise(result)) return answer(result);
    return withDeadline(result, this.settings.storeDeadlineMs, onLate).then(answer, (cause: unknown) => {
      throw this.#unavailable(cause);
    });
  }

  /** A statement that nobody waits for. It is idempotent, so it is repeated until the store has taken it. */
  #tell<R>(
    statement: () => MaybePromise<R>,
    then: (result: R) => void,
    onFailure: (detail: string) => void,
  ): void {
    const failed = (cause: unknown): void =>
      onFailure(
        `store "${this.store.name}" failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    try {
      const result = chain(statement(), then);
      if (isPromise(result)) this.#follow(result, statement, then, failed);
    } catch (cause) {
      if (cause instanceof OperationInvalidError) failed(cause);
      else this.#follow(Promise.reject(cause as Error), statement, then, failed);
    }
  }

  #follow<R>(
    first: Promise<void>,
    statement: () => MaybePromise<R>,
    then: (result: R) => void,
    failed: (cause: unknown) => void,
  ): void {
    const again = (): Promise<void> =>
      pRetry(async () => then(await statement()), {
        ...TELL_AGAIN,
        shouldRetry: ({ error }) => !(error instanceof OperationInvalidError),
      });
    const pending: Promise<void> = first
      .catch((cause: unknown) => (cause instanceof OperationInvalidError ? Promise.reject(cause) : again()))
      .catch(failed)
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  #unavailable(cause: unknown): StoreUnavailableError {
    return new StoreUnavailableError(
      `Store "${this.store.name}" did not answer, so nothing was sent. Check that it is reachable; this is not a denial.`,
      { cause: new Error(nameOf(cause)) },
    );
  }

  #denial(
    denied: Denied,
    call: { readonly callId: string; readonly plan: CallPlan; readonly attribution: Attribution },
    attempt: number,
    amounts: Amounts,
  ): BudgetExceededError {
    const { limiting, dimension } = denied;
    const details = {
      budgetId: limiting.scope.budgetId,
      scope: limiting.scope.values,
      window: limiting.window,
      dimension,
      limit: limiting.limits[dimension] ?? 0,
      spent: limiting.spent[dimension],
      held: limiting.held[dimension],
      requested: amounts[dimension],
      resetsAtMs: resetOf(denied, amounts[dimension]),
      fitsAfterInFlight: denied.fitsWithoutHeld,
      maxOutputTokensThatFit: affordableOutputTokens(call.plan, denied.available),
    };
    this.emitter.emit("call-denied", () => ({
      id: `${call.callId}:${attempt}:denied`,
      atMs: denied.deniedAtMs,
      callId: call.callId,
      attempt,
      attribution: call.attribution,
      provider: call.plan.provider,
      model: call.plan.model,
      budgetId: details.budgetId,
      scope: details.scope,
      window: details.window,
      dimension,
      limit: details.limit,
      spent: details.spent,
      held: details.held,
      requested: details.requested,
      fitsAfterInFlight: details.fitsAfterInFlight,
    }));
    return new BudgetExceededError(details);
  }

  #reportReserved(
    held: Held,
    call: { readonly callId: string; readonly attribution: Attribution },
    attempt: number,
    carried: CarriedHold,
  ): void {
    this.emitter.emit("hold-reserved", () => ({
      id: `${held.holdId}:reserved`,
      atMs: held.reservedAtMs,
      holdId: held.holdId,
      callId: call.callId,
      attempt,
      attribution: call.attribution,
      scopes: carried.scopes.map((scope, i) => ({
        key: scope.key,
        budgetId: scope.budgetId,
        values: scope.values,
        windowId: held.windows[i]!.id,
      })),
      amounts: carried.amounts,
    }));
  }

  #reportExpired(expired: readonly ExpiredHold[] | undefined): void {
    if (expired === undefined) return;
    for (const hold of expired) {
      this.emitter.emit("hold-expired", () => ({
        id: `${hold.holdId}:expired`,
        atMs: this.clock.now(),
        ...hold,
      }));
    }
  }
}

/** An error by its class and code. Its message may quote an address with a password. */
function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return `a ${typeof cause} was thrown`;
  const { code } = cause as { code?: unknown };
  const known =
    cause.name === "Error" && cause.message.startsWith("no answer within") ? cause.message : cause.name;
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? `${known} (${code})` : known;
}

/** About half a minute in all; after that the hold's expiry has the last word. */
const TELL_AGAIN = { retries: 8, minTimeout: 100, maxTimeout: 10_000, unref: true } as const;

/** Rejects when the time is over; an answer that comes later goes to `onLate`. */
function withDeadline<R>(answer: Promise<R>, deadlineMs: number, onLate?: (result: R) => void): Promise<R> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new Error(`no answer within ${deadlineMs} ms`));
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

/**
 * When time alone will have made room, ms since the epoch: the end of the window, or the moment at which everything
 * that is spent now has left a rolling one. Null when it never will: the call is larger than the limit, the window has
 * no end, or what is missing is a slot.
 */
function resetOf({ limiting, dimension, deniedAtMs }: Denied, requested: number): number | null {
  const limit = limiting.limits[dimension];
  if (dimension === "concurrentCalls" || (limit !== undefined && requested > limit)) return null;
  const { window } = limiting.scope;
  if (window.kind !== "rolling") return limiting.window.endMs;
  return Math.ceil(deniedAtMs + window.durationMs + window.durationMs / window.segments);
}
