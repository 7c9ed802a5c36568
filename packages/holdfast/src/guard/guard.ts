/**
 * @module Admission and settlement: the only place that knows the order of a call.
 *
 *   plan -> reserve -> dispatch -> (the attempt happens) -> settle or release -> record
 *
 * The guard knows the store only by its port, and a provider only by its plans and outcomes.
 */
import type { ModelPrice } from "@holdfast/prices";
import { NO_ATTRIBUTION, type Attribution } from "../attribution/attribution.ts";
import { scopesOf, type Budget } from "../budget/budget.ts";
import { BudgetExceededError } from "../error/budget-exceeded-error.ts";
import { HoldfastClosedError } from "../error/holdfast-closed-error.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import type { Emitter } from "../event/emitter.ts";
import type { HoldRatio } from "../estimate/hold-ratio.ts";
import type { Calibration } from "../estimate/calibration.ts";
import type { Clock } from "../kernel/clock.ts";
import type { IdSource } from "../kernel/id.ts";
import { isPromise, type MaybePromise } from "../kernel/maybe-promise.ts";
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
import type { AttributionContext } from "./attribution-context.ts";
import { heldAmounts, type CallPlan } from "./call-plan.ts";
import { isOffStore, type CarriedHold } from "./carried-hold.ts";
import { denialDetails } from "./denial.ts";
import { GuardedCall } from "./guarded-call.ts";
import type { GuardSettings } from "./guard-settings.ts";
import { Jobs } from "./jobs.ts";
import { Outage, type OutageCall } from "./outage.ts";
import type { OutageJournal } from "./outage-journal.ts";
import { StoreLink } from "./store-link.ts";

export interface GuardParts {
  readonly store: LedgerStore;
  /** A store in this process, for what is let through while the other is out of reach. */
  readonly allowance: LedgerStore;
  /** Where that is written down until it has been posted. */
  readonly journal: OutageJournal;
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

/** One way of resolving a hold that others may resolve as well: who was first tells of it. */
export interface Resolution {
  /** Unique, so that the store can tell this resolution, sent again, from another one. */
  readonly operationId: string;
  /** This one has resolved the hold. */
  readonly onResolved: () => void;
  /** Another one had, or the store has forgotten the hold. */
  readonly onOver: (answer: "already-resolved" | "unknown-hold" | "mismatch") => void;
}

export class Guard {
  readonly emitter: Emitter;
  readonly context: AttributionContext;
  readonly prices: PriceBook;
  readonly clock: Clock;
  readonly calibration: Calibration;
  readonly holdRatio: HoldRatio;
  readonly settings: GuardSettings;
  readonly link: StoreLink;
  readonly nextId: IdSource;
  readonly jobs: Jobs;
  readonly #outage: Outage;
  #budgets: readonly Budget[];
  /** Many calls share one attribution; their scopes are worked out once. */
  #scopes = new WeakMap<Attribution, readonly Scope[]>();
  #inFlight = 0;
  #whenIdle: (() => void)[] = [];
  #closed = false;
  #storeClosed = false;

  constructor(parts: GuardParts) {
    const { store, allowance, journal, emitter, clock, nextId, settings } = parts;
    const { storeDeadlineMs, storeBreaker, undispatchedTtlMs, dispatchedTtlMs } = settings;
    const link = new StoreLink({
      store,
      emitter,
      clock,
      nextId,
      deadlineMs: storeDeadlineMs,
      breaker: storeBreaker,
    });
    this.link = link;
    const ttls = { undispatchedTtlMs, dispatchedTtlMs };
    this.#outage = new Outage({ allowance, journal, link, emitter, clock, nextId, ...ttls });
    this.emitter = parts.emitter;
    this.context = parts.context;
    this.prices = parts.prices;
    this.clock = parts.clock;
    this.nextId = parts.nextId;
    this.calibration = parts.calibration;
    this.holdRatio = parts.holdRatio;
    this.settings = parts.settings;
    this.#budgets = parts.budgets;
    this.jobs = new Jobs(this);
  }

  get budgets(): readonly Budget[] {
    return this.#budgets;
  }

  get store(): LedgerStore {
    return this.link.store;
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

  /** The price of a served model, or undefined. `atMs` is ms since the epoch. */
  servedPrice(provider: string, model: string, atMs: number = this.clock.now()): ModelPrice | undefined {
    const lookup = this.prices.lookup(provider, model, atMs);
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
      throw closedError();
    }
    const holdId = this.nextId();
    const scopes = this.scopesOf(call.attribution);
    const amounts = heldAmounts(call.plan, countsAsCall);
    const answer = (result: ReserveResult): CarriedHold => {
      switch (result.outcome) {
        case "held": {
          // What an outage let through and never came back is posted now that the store is there.
          this.#outage.expireDue();
          const carried = { holdId, amounts, scopes, admittedBy: result.admittedBy ?? "store" };
          this.#reportExpired(result.expired);
          this.#reportReserved(result, call, attempt, carried);
          return carried;
        }
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
    const shared = call.plan.job !== undefined;
    const ask = (): MaybePromise<CarriedHold> =>
      this.link.ask(
        () => this.store.reserve({ operationId: holdId, scopes, amounts, undispatchedTtlMs, shared }),
        answer,
        (error) => {
          const { callId } = call;
          return this.#outage.admit({ callId, attempt }, scopes, amounts, this.#budgets, error);
        },
        (late) => {
          if (late.outcome !== "mismatch") this.#reportExpired(late.expired);
          if (late.outcome !== "held") return;
          this.release({ holdId, amounts, scopes, admittedBy: "store" }, () => undefined);
        },
      );
    // In flight from now on, so that close() waits for the answer.
    this.#inFlight += 1;
    try {
      const asked = ask();
      if (!isPromise(asked)) return asked;
      return asked.catch((error: unknown) => {
        this.holdResolved();
        throw error;
      });
    } catch (error) {
      this.holdResolved();
      throw error;
    }
  }

  /**
   * Marks the hold "may be billed".
   *
   * @returns the hold to send with: this one, or one that a policy for outages put in its place. Undefined when it had
   *   expired in the meantime, so that it must be reserved anew.
   * @throws {StoreUnavailableError} when the store failed.
   */
  dispatch(hold: CarriedHold, call: OutageCall): MaybePromise<CarriedHold | undefined> {
    // It has waited for longer than close() did: nothing could be settled any more.
    if (this.#storeClosed) throw closedError();
    if (isOffStore(hold)) return this.#outage.dispatch(hold) ? hold : undefined;
    const operationId = `${hold.holdId}:dispatched`;
    const { dispatchedTtlMs } = this.settings;
    return this.link.ask(
      () => this.store.dispatch({ operationId, holdId: hold.holdId, ttlMs: dispatchedTtlMs }),
      (result): CarriedHold | undefined => {
        if (result.outcome !== "dispatched") {
          if (result.outcome === "already-resolved") this.#reportExpired(result.expired);
          return undefined;
        }
        this.emitter.emit("hold-dispatched", () => ({
          id: operationId,
          atMs: this.clock.now(),
          holdId: hold.holdId,
        }));
        return hold;
      },
      (error) => {
        // The store may have taken it or not: nothing was sent with it, so it is given back in either case.
        this.release(hold, () => undefined);
        const instead = this.#outage.admit(call, hold.scopes, hold.amounts, this.#budgets, error);
        return this.#outage.dispatch(instead) ? instead : undefined;
      },
      (late) => {
        if (late.outcome === "already-resolved") this.#reportExpired(late.expired);
      },
    );
  }

  /** Never throws and never waits: what goes wrong is reported, and an unsettled hold expires into a charge. */
  settle(
    hold: CarriedHold,
    amounts: Amounts,
    onFailure: (detail: string) => void,
    resolution?: Resolution,
  ): void {
    if (isOffStore(hold)) {
      this.#outage.settle(hold, amounts);
      return resolution?.onResolved();
    }
    const eventId = `${hold.holdId}:settled`;
    const operationId = resolution?.operationId ?? eventId;
    this.link.tell(
      () => this.store.settle({ operationId, holdId: hold.holdId, amounts }),
      (result: SettleResult) => {
        this.#reportExpired("expired" in result ? result.expired : undefined);
        if (result.outcome !== "settled") {
          if (resolution !== undefined) return resolution.onOver(result.outcome);
          onFailure(`the store answered ${result.outcome} to the settlement of hold ${hold.holdId}`);
          return;
        }
        this.emitter.emit("hold-settled", () => ({
          id: eventId,
          atMs: this.clock.now(),
          holdId: hold.holdId,
          held: result.held,
          charged: result.charged,
          corrected: result.corrected,
          overrun: DIMENSIONS.filter((dimension) => result.charged[dimension] > result.held[dimension]),
        }));
        resolution?.onResolved();
      },
      onFailure,
    );
  }

  /** Never throws and never waits. */
  release(hold: CarriedHold, onFailure: (detail: string) => void, resolution?: Resolution): void {
    if (isOffStore(hold)) {
      this.#outage.release(hold);
      return resolution?.onResolved();
    }
    const eventId = `${hold.holdId}:released`;
    const operationId = resolution?.operationId ?? eventId;
    this.link.tell(
      () => this.store.release({ operationId, holdId: hold.holdId }),
      (result) => {
        if (result.outcome === "already-resolved" && result.state === "expired") {
          // It was charged when its time was over, and now it is known that nothing was billed.
          this.#reportExpired(result.expired);
          this.settle(hold, NO_AMOUNTS, onFailure, resolution);
          return;
        }
        if (result.outcome !== "released") return resolution?.onOver(result.outcome);
        this.emitter.emit("hold-released", () => ({
          id: eventId,
          atMs: this.clock.now(),
          holdId: hold.holdId,
        }));
        resolution?.onResolved();
      },
      onFailure,
    );
  }

  /** Keeps a long stream's hold alive. Never throws and never waits; expiry is safe without it. */
  renew(hold: CarriedHold): void {
    if (isOffStore(hold)) return this.#outage.renew(hold);
    const operationId = `${hold.holdId}:renewed:${this.nextId()}`;
    const { dispatchedTtlMs } = this.settings;
    this.link.hint(() => this.store.renew({ operationId, holdId: hold.holdId, ttlMs: dispatchedTtlMs }));
  }

  /** Gives the hold of a job the long life that it needs. Never throws and never waits. */
  extend(hold: CarriedHold, ttlMs: number, onFailure: (detail: string) => void): void {
    if (isOffStore(hold)) return this.#outage.renew(hold, ttlMs);
    const operationId = `${hold.holdId}:extended`;
    this.link.tell(
      () => this.store.renew({ operationId, holdId: hold.holdId, ttlMs }),
      (result) => {
        if (result.outcome === "already-resolved") this.#reportExpired(result.expired);
      },
      onFailure,
    );
  }

  /** Resolves holds whose time is over. */
  expireDue(): MaybePromise<void> {
    this.#outage.expireDue();
    return this.link.ask(
      () => this.store.expire({ limit: 1_000 }),
      (result) => {
        this.#reportExpired(result.expired);
        return result.more ? this.expireDue() : undefined;
      },
    );
  }

  /** A hold that was reserved has been settled, released or given up. */
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
   * @returns how many holds were still unresolved, and how many statements the store had not taken, when the time was
   *   over; what they are about expires by policy.
   */
  async close(drainMs: number): Promise<{ readonly inFlight: number; readonly unsent: number }> {
    this.#closed = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    const idle =
      this.#inFlight === 0 ? undefined : new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    let grace: ReturnType<typeof setTimeout> | undefined;
    let unsent = 0;
    try {
      await Promise.race([idle, timeout]);
      this.#outage.close();
      // What has just been said gets a moment, even when the calls in flight have used up all the time.
      const moment = new Promise<void>((resolve) => {
        grace = setTimeout(() => void timeout.then(resolve), STATEMENT_GRACE_MS);
      });
      await Promise.race([this.link.settled(), moment]);
      // What listeners keep may be kept in the store.
      this.emitter.flush();
      unsent = this.link.unsent;
      this.#storeClosed = true;
      await Promise.race([this.link.close(), moment]);
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
    }
    return { inFlight: this.#inFlight, unsent };
  }

  #denial(
    denied: Denied,
    call: { readonly callId: string; readonly plan: CallPlan; readonly attribution: Attribution },
    attempt: number,
    amounts: Amounts,
  ): BudgetExceededError {
    const details = denialDetails(denied, call.plan, amounts);
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
      dimension: details.dimension,
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
      admittedBy: carried.admittedBy,
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

/** How long close() waits, at least, for the store to take what it is told, ms. */
const STATEMENT_GRACE_MS = 1_000;

function closedError(): HoldfastClosedError {
  return new HoldfastClosedError(
    "This Holdfast has been closed; make the call before close(), or create a new one.",
  );
}
