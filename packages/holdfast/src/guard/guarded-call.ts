/**
 * @module One logical request and its attempts.
 *
 * Each attempt has a hold of its own: reserved before it, resolved when it ends. An attempt that may have been billed
 * keeps its charge, and the next one has to find room again, so a retry storm stops at the budget.
 */
import type { ModelPrice } from "@holdfast/prices";
import type { Attribution } from "../attribution/attribution.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import { chain, type MaybePromise } from "../kernel/maybe-promise.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { CallPlan } from "./call-plan.ts";
import type { CarriedHold, Guard } from "./guard.ts";
import { settlementOf, type Settlement } from "./settlement.ts";

/** Below this, what the provider adds to every request outweighs the text, and the ratio says nothing. */
const LEARNED_FROM_TOKENS = 200;

/** Once may be bad luck; a store that loses every hold must not be asked for ever. */
const LOST_HOLDS_MAX = 2;

export class GuardedCall {
  readonly callId: string;
  readonly plan: CallPlan;
  readonly attribution: Attribution;
  readonly #guard: Guard;
  /** Held and not dispatched. */
  #hold: CarriedHold | undefined;
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
    if (this.#hold !== undefined || this.#prepared !== undefined) return undefined;
    return chain(this.#guard.reserve(this, this.#attempts + 1, !this.#counted), (hold) => {
      this.#hold = hold;
    });
  }

  /**
   * Marks the hold of the next attempt "may be billed", so that the request may leave. Reserves first when nothing is
   * held. Done before, and apart from, the sending: an error of this step is a refusal, not a failed connection.
   *
   * @throws {BudgetExceededError} when a budget has no room.
   * @throws {StoreUnavailableError} when the store failed, or loses every hold before it can be used.
   */
  prepareAttempt(lostHolds = 0): MaybePromise<void> {
    if (this.#prepared !== undefined) return undefined;
    return chain(this.reserve(), () => {
      const call = { callId: this.callId, attempt: this.#attempts + 1 };
      return chain(this.#guard.dispatch(this.#hold!, call), (hold) => {
        this.#hold = undefined;
        if (hold !== undefined) {
          this.#attempts += 1;
          this.#prepared = new Attempt(
            this.#guard,
            this,
            hold,
            this.#attempts,
            !this.#counted,
            (settlement) => {
              if (settlement.amounts.calls > 0) this.#counted = true;
            },
          );
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

  /** Gives back what is held for an attempt that never began. */
  abandon(): void {
    this.takeAttempt()?.end({ class: "not-sent" });
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
  readonly #call: GuardedCall;
  readonly #hold: CarriedHold;
  readonly #startedAtMs: number;
  readonly #countsAsCall: boolean;
  readonly #onSettled: (settlement: Settlement) => void;
  #renewedAtMs: number;
  #ended = false;

  constructor(
    guard: Guard,
    call: GuardedCall,
    hold: CarriedHold,
    number: number,
    countsAsCall: boolean,
    onSettled: (settlement: Settlement) => void,
  ) {
    this.#guard = guard;
    this.#call = call;
    this.#hold = hold;
    this.number = number;
    this.#countsAsCall = countsAsCall;
    this.#onSettled = onSettled;
    this.#startedAtMs = guard.clock.now();
    this.#renewedAtMs = this.#startedAtMs;
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
    this.#guard.renew(this.#hold);
  }

  /** Never throws: it is called while the application reads its response. */
  end(outcome: AttemptOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    const guard = this.#guard;
    try {
      const settlement = this.#settlementOf(outcome);
      const onFailure = (detail: string): void => this.#anomaly("settlement-failed", detail);
      if (settlement.verb === "settle") {
        this.#onSettled(settlement);
        guard.settle(this.#hold, settlement.amounts, onFailure);
      } else {
        guard.release(this.#hold, onFailure);
      }
      this.#learn(settlement);
      for (const { anomaly, detail } of settlement.anomalies) this.#anomaly(anomaly, detail);
      this.#record(outcome, settlement);
    } finally {
      guard.holdResolved();
    }
  }

  #settlementOf(outcome: AttemptOutcome): Settlement {
    const guard = this.#guard;
    const { plan } = this.#call;
    const { settlement: policy } = guard.settings;
    const priceOf = (model: string): ModelPrice | undefined => guard.servedPrice(plan.provider, model);
    try {
      return settlementOf(outcome, plan, policy, priceOf, this.#countsAsCall);
    } catch (error) {
      // A price source or an estimator of the application's own failed: the hold is what is known.
      this.#anomaly(
        "settlement-failed",
        `pricing failed: ${error instanceof Error ? error.name : typeof error}`,
      );
      const unknown = { class: "ambiguous", status: null, providerRequestId: null } as const;
      return settlementOf(unknown, plan, { ...policy, ambiguous: "charge" }, priceOf, this.#countsAsCall);
    }
  }

  /** What the provider reports teaches the next estimate; what we made up does not. */
  #learn(settlement: Settlement): void {
    if (settlement.source !== "provider" || settlement.verb === "release") return;
    const { plan } = this.#call;
    this.#guard.holdRatio.observeRatio(plan.worstCaseNanoUsd, settlement.costNanoUsd);
    const estimated = plan.estimate.uncalibratedInputTokens;
    if (estimated !== null && estimated >= LEARNED_FROM_TOKENS) {
      this.#guard.calibration.observe(
        `${plan.provider}/${plan.model}`,
        estimated,
        settlement.amounts.inputTokens,
      );
    }
  }

  #anomaly(anomaly: Settlement["anomalies"][number]["anomaly"] | "settlement-failed", detail: string): void {
    const guard = this.#guard;
    guard.emitter.emit("meter-anomaly", () => ({
      id: `${this.#call.callId}:${this.number}:${anomaly}`,
      atMs: guard.clock.now(),
      callId: this.#call.callId,
      attempt: this.number,
      anomaly,
      detail,
    }));
  }

  #record(outcome: AttemptOutcome, settlement: Settlement): void {
    const guard = this.#guard;
    const { plan, callId, attribution } = this.#call;
    guard.emitter.emit("usage", () => {
      const atMs = guard.clock.now();
      return {
        id: `${callId}:${this.number}`,
        atMs,
        callId,
        requestId: attribution.requestId ?? callId,
        attempt: this.number,
        holdId: this.#hold.holdId,
        admittedBy: this.#hold.admittedBy,
        attribution,
        provider: plan.provider,
        endpoint: plan.endpoint,
        stream: plan.stream,
        requestedModel: plan.model,
        servedModel: "served" in outcome ? outcome.served.model : null,
        requestedServiceTier: plan.serviceTier,
        servedServiceTier: "served" in outcome ? outcome.served.serviceTier : null,
        outcome: outcome.class,
        status: "status" in outcome ? outcome.status : null,
        providerRequestId: "providerRequestId" in outcome ? outcome.providerRequestId : null,
        latencyMs: atMs - this.#startedAtMs,
        usage: settlement.usage,
        inputTokens: settlement.amounts.inputTokens,
        outputTokens: settlement.amounts.outputTokens,
        usageSource: settlement.source,
        costNanoUsd: settlement.costNanoUsd,
        heldNanoUsd: plan.worstCaseNanoUsd,
        priceSource: settlement.price.source,
        priceVersion: settlement.price.version,
      };
    });
  }
}
