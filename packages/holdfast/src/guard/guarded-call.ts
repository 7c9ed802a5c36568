/**
 * @module One logical request and its attempts.
 *
 * Each attempt has a hold of its own: reserved before it, resolved when it ends. An attempt that may have been billed
 * keeps its charge, and the next one has to find room again, so a retry storm stops at the budget.
 */
import type { Attribution } from "../attribution/attribution.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import { chain, isPromise, type MaybePromise } from "../kernel/maybe-promise.ts";
import { accountOf, reportAccount, reportAnomaly, type AccountedAttempt } from "./attempt-account.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { CallPlan } from "./call-plan.ts";
import type { CarriedHold } from "./carried-hold.ts";
import type { Guard } from "./guard.ts";
import { isJobId } from "./jobs.ts";

/** Once may be bad luck; a store that loses every hold must not be asked for ever. */
const LOST_HOLDS_MAX = 2;

export class GuardedCall {
  readonly callId: string;
  readonly plan: CallPlan;
  readonly attribution: Attribution;
  readonly #guard: Guard;
  /** Held and not dispatched. */
  #hold: CarriedHold | undefined;
  /** The store has been asked and has not answered: whoever asks again waits for the same hold. */
  #reserving: Promise<void> | undefined;
  /** Given up while the store was being asked: what it answers is given back, and nothing more is held. */
  #isAbandoned = false;
  /** Dispatched and not yet sent. */
  #prepared: Attempt | undefined;
  #attempts = 0;
  /** An attempt has been charged as the call, so that later ones do not count again. */
  #counted = false;

  constructor(guard: Guard, plan: CallPlan, attribution: Attribution) {
    this.#guard = guard;
    this.callId = guard.nextId();
    this.plan = plan;
    this.attribution = attribution;
  }

  /**
   * Holds the worst case of the next attempt, unless it is held already.
   *
   * @throws {BudgetExceededError} when a budget has no room.
   * @throws {StoreUnavailableError} when the store failed.
   */
  reserve(): MaybePromise<void> {
    if (this.#isAbandoned || this.#hold !== undefined || this.#prepared !== undefined) return undefined;
    if (this.#reserving !== undefined) return this.#reserving;
    const reserved = this.#guard.reserve(this, this.#attempts + 1, !this.#counted);
    if (!isPromise(reserved)) {
      this.#hold = reserved;
      return undefined;
    }
    this.#reserving = reserved.then(
      (hold) => {
        this.#reserving = undefined;
        this.#hold = hold;
        if (this.#isAbandoned) this.#giveBack();
      },
      (error: unknown) => {
        this.#reserving = undefined;
        if (!this.#isAbandoned) throw error;
      },
    );
    return this.#reserving;
  }

  /**
   * Marks the hold of the next attempt "may be billed", so that the request may leave. Reserves first when nothing is
   * held. Done before, and apart from, the sending: an error of this step is a refusal, not a failed connection.
   * Prepares nothing for a call that was given up.
   *
   * @throws {BudgetExceededError} when a budget has no room.
   * @throws {StoreUnavailableError} when the store failed, or loses every hold before it can be used.
   */
  prepareAttempt(lostHolds = 0): MaybePromise<void> {
    if (this.#prepared !== undefined) return undefined;
    return chain(this.reserve(), () => {
      if (this.#hold === undefined) return undefined;
      const call = { callId: this.callId, attempt: this.#attempts + 1 };
      return chain(this.#guard.dispatch(this.#hold, call), (hold) => {
        this.#hold = undefined;
        if (hold !== undefined) {
          this.#attempts += 1;
          this.#prepared = new Attempt(this.#guard, this, hold, this.#attempts, !this.#counted, () => {
            this.#counted = true;
          });
          return undefined;
        }
        // The hold ran out of time before the request could leave: it holds nothing any more.
        this.#guard.holdResolved();
        if (lostHolds < LOST_HOLDS_MAX) return this.prepareAttempt(lostHolds + 1);
        throw new StoreUnavailableError(
          `Store "${this.#guard.store.name}" has lost ${lostHolds + 1} holds of this call before they could be used. ` +
            "Nothing was sent; check the store's clock and undispatchedTtlMs.",
        );
      });
    });
  }

  /** The prepared attempt, which begins now; undefined when none was prepared. */
  takeAttempt(): Attempt | undefined {
    const attempt = this.#prepared;
    this.#prepared = undefined;
    return attempt;
  }

  /** Gives back what is held, or about to be, for an attempt that never began. */
  abandon(): void {
    this.takeAttempt()?.end({ class: "not-sent" });
    if (this.#reserving === undefined) this.#giveBack();
    else this.#isAbandoned = true;
  }

  #giveBack(): void {
    const hold = this.#hold;
    if (hold === undefined) return;
    this.#hold = undefined;
    this.#guard.release(hold, () => undefined);
    this.#guard.holdResolved();
  }
}

/** One HTTP try. It ends exactly once; whatever is reported later is ignored. */
export class Attempt {
  readonly number: number;
  readonly #guard: Guard;
  readonly #account: AccountedAttempt;
  readonly #onCounted: () => void;
  #renewedAtMs: number;
  #ended = false;

  constructor(
    guard: Guard,
    { callId, plan, attribution }: GuardedCall,
    hold: CarriedHold,
    number: number,
    countsAsCall: boolean,
    onCounted: () => void,
  ) {
    this.#guard = guard;
    this.number = number;
    this.#onCounted = onCounted;
    const startedAtMs = guard.clock.now();
    this.#account = { callId, number, plan, attribution, hold, countsAsCall, startedAtMs };
    this.#renewedAtMs = startedAtMs;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The attempt is still going on; its hold must not run out. */
  keepAlive(): void {
    if (this.#ended) return;
    const nowMs = this.#guard.clock.now();
    if (nowMs - this.#renewedAtMs < this.#guard.settings.dispatchedTtlMs / 2) return;
    this.#renewedAtMs = nowMs;
    this.#guard.renew(this.#account.hold);
  }

  /** Never throws: it is called while the application reads its response. */
  end(outcome: AttemptOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    const guard = this.#guard;
    const { hold } = this.#account;
    try {
      const settlement = accountOf(guard, this.#account, outcome);
      const onFailure = (detail: string): void =>
        reportAnomaly(guard, this.#account, "settlement-failed", detail);
      if (settlement.verb === "settle") {
        if (settlement.amounts.calls > 0) this.#onCounted();
        guard.settle(hold, settlement.amounts, onFailure);
      } else {
        guard.release(hold, onFailure);
      }
      reportAccount(guard, this.#account, outcome, settlement);
    } finally {
      guard.holdResolved();
    }
  }

  /**
   * The provider has taken on a job that goes on after this answer. The hold stays until the job is settled, by any
   * process (`guard.jobs.settle`), or expires after `ttlMs`. Never throws.
   *
   * @param jobId as the provider names it, in its answer
   * @param ttlMs how long the provider may take, and the application until it looks, ms
   */
  accept(jobId: string, ttlMs: number): void {
    if (this.#ended) return;
    if (!isJobId(jobId)) {
      // Nobody will be able to ask for it, so nothing better will ever be known.
      return this.end({ class: "ambiguous", status: null, providerRequestId: null });
    }
    this.#ended = true;
    try {
      if (this.#account.countsAsCall) this.#onCounted();
      this.#guard.jobs.start(this.#account, jobId, ttlMs);
    } finally {
      this.#guard.holdResolved();
    }
  }
}
