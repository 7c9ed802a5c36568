/**
 * @module What Holdfast tells the application.
 *
 * Every move of a hold is exactly one event with a deterministic `id`: an event that is delivered twice can be told,
 * and replaying them in order reproduces every balance. Events are delivered after the call went on, in order, and a
 * listener that throws, rejects or hangs changes nothing. No event carries a prompt, a completion or a secret.
 */
import type { Attribution } from "../attribution/attribution.ts";
import type { Window } from "../kernel/window.ts";
import type { Amounts, Dimension, Limits } from "../ledger/amounts.ts";
import type { AdmittedBy, ExpiryPolicy } from "../ledger/ledger-store.ts";
import type { UsageRecord } from "../meter/usage-record.ts";

interface BaseEvent {
  /** Unique per transition, the same on every delivery. */
  readonly id: string;
  /** Ms since the epoch. */
  readonly atMs: number;
}

/** A counter that a hold touches. */
export interface ScopeReference {
  readonly key: string;
  readonly budgetId: string;
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly windowId: string;
}

export interface HoldReservedEvent extends BaseEvent {
  readonly holdId: string;
  /** The logical request and the number of its attempt, from 1. */
  readonly callId: string;
  readonly attempt: number;
  readonly attribution: Attribution;
  readonly admittedBy: AdmittedBy;
  readonly scopes: readonly ScopeReference[];
  readonly amounts: Amounts;
}

export interface HoldDispatchedEvent extends BaseEvent {
  readonly holdId: string;
}

export interface HoldSettledEvent extends BaseEvent {
  readonly holdId: string;
  readonly held: Amounts;
  readonly charged: Amounts;
  /** It corrected a hold that had expired. */
  readonly corrected: boolean;
  /** Dimensions in which the truth was more than the stated worst case. */
  readonly overrun: readonly Dimension[];
}

export interface HoldReleasedEvent extends BaseEvent {
  readonly holdId: string;
}

export interface HoldExpiredEvent extends BaseEvent {
  readonly holdId: string;
  readonly dispatched: boolean;
  readonly amounts: Amounts;
  readonly effects: readonly {
    readonly scopeKey: string;
    readonly windowId: string;
    readonly policy: ExpiryPolicy;
  }[];
}

export interface CallDeniedEvent extends BaseEvent {
  readonly callId: string;
  readonly attempt: number;
  readonly attribution: Attribution;
  readonly provider: string;
  readonly model: string;
  readonly budgetId: string;
  readonly scope: Readonly<Record<string, string | undefined>>;
  readonly window: Window;
  readonly dimension: Dimension;
  readonly limit: number;
  readonly spent: number;
  readonly held: number;
  readonly requested: number;
  readonly fitsAfterInFlight: boolean;
}

export interface BudgetAdjustedEvent extends BaseEvent {
  readonly budgetId: string;
  readonly scopeKey: string;
  readonly windowId: string;
  readonly delta: Partial<Amounts>;
  readonly reason: string;
}

export interface BudgetOverriddenEvent extends BaseEvent {
  readonly budgetId: string;
  readonly scopeKey: string;
  readonly extra: Limits;
  readonly expiresAtMs: number;
  readonly actor: string;
  readonly reason: string;
}

export interface BudgetsChangedEvent extends BaseEvent {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Something was let through that is not counted, because the configuration says so. */
export interface CallUnmeteredEvent extends BaseEvent {
  readonly provider: string;
  readonly what: "unknown-model" | "unknown-endpoint" | "allowed-bypass";
  /** The model, or the method and path. */
  readonly subject: string;
}

/** Metering met something unexpected. The call itself was not touched. */
export interface MeterAnomalyEvent extends BaseEvent {
  readonly callId: string;
  readonly attempt: number;
  readonly anomaly:
    | "usage-missing"
    | "usage-invalid"
    | "usage-zero"
    | "cost-above-hold"
    | "served-model-unpriced"
    | "service-tier-unpriced"
    | "bucket-unpriced"
    | "settlement-failed";
  readonly detail: string;
}

/** The store has failed so often that it is left alone for a moment; the budgets' `onStoreFailure` decides now. */
export interface StoreUnreachableEvent extends BaseEvent {
  readonly store: string;
  /** The class and code of the last error; never its message, which may quote an address. */
  readonly cause: string;
}

export interface StoreReachableEvent extends BaseEvent {
  readonly store: string;
  /** How long it was out of reach, ms. */
  readonly downMs: number;
}

/**
 * A call was let through that the store has not held: nothing enforces the budgets' limits for it. What it costs is
 * posted to the store afterwards and is then a `budget-adjusted` event.
 */
export interface CallAdmittedInOutageEvent extends BaseEvent {
  readonly callId: string;
  readonly attempt: number;
  readonly holdId: string;
  readonly admittedBy: Extract<AdmittedBy, "local" | "open">;
  readonly scopes: readonly Omit<ScopeReference, "windowId">[];
  readonly amounts: Amounts;
}

/** What was spent in an outage could not be posted; `budget.adjust` with this delta corrects the budget by hand. */
export interface OutageSpendLostEvent extends BaseEvent {
  readonly budgetId: string;
  readonly scopeKey: string;
  readonly delta: Partial<Amounts>;
  readonly detail: string;
}

/**
 * A provider has taken on work that goes on after the request has returned: a batch, a background response. What it may
 * cost stays held until its result is retrieved through a wrapped client.
 */
export interface JobStartedEvent extends BaseEvent {
  readonly provider: string;
  readonly jobId: string;
  readonly holdId: string;
  readonly callId: string;
  readonly endpoint: string;
  readonly model: string;
  /** Requests that the provider runs under it: the lines of a batch, or 1. */
  readonly requests: number;
  readonly attribution: Attribution;
  readonly heldNanoUsd: number;
  /** When the hold expires by the budgets' `onExpiry`, unless the result is retrieved before. */
  readonly expiresAtMs: number;
}

/** The result of a job is known. Told by the process that has settled its hold, and by no other. */
export interface JobSettledEvent extends BaseEvent {
  readonly provider: string;
  readonly jobId: string;
  readonly holdId: string;
  readonly callId: string;
  readonly endpoint: string;
  readonly model: string;
  readonly requests: number;
  readonly attribution: Attribution;
  readonly heldNanoUsd: number;
  /** 0 when nothing was billed. */
  readonly costNanoUsd: number;
}

/**
 * What is known of a job could not be written to the store or read from it, yet or ever. Until it is, only the process
 * that created the job can settle it; a job that nobody settles is resolved by the budgets' `onExpiry`.
 */
export interface JobStoreFailedEvent extends BaseEvent {
  readonly provider: string;
  readonly jobId: string;
  /** Null when it is not known, or nothing is held. */
  readonly holdId: string | null;
  readonly operation: "put" | "get" | "remove" | "renew";
  /** False when it has been given up. */
  readonly isRepeated: boolean;
  readonly detail: string;
}

export interface PricesChangedEvent extends BaseEvent {
  readonly version: string;
}

export interface ListenerFailedEvent extends BaseEvent {
  readonly event: string;
  readonly error: unknown;
}

export interface EventsDroppedEvent extends BaseEvent {
  /** Since the last such event. */
  readonly count: number;
}

export interface HoldfastEvents {
  usage: UsageRecord;
  "hold-reserved": HoldReservedEvent;
  "hold-dispatched": HoldDispatchedEvent;
  "hold-settled": HoldSettledEvent;
  "hold-released": HoldReleasedEvent;
  "hold-expired": HoldExpiredEvent;
  "call-denied": CallDeniedEvent;
  "call-unmetered": CallUnmeteredEvent;
  "budget-adjusted": BudgetAdjustedEvent;
  "budget-overridden": BudgetOverriddenEvent;
  "budgets-changed": BudgetsChangedEvent;
  "meter-anomaly": MeterAnomalyEvent;
  "store-unreachable": StoreUnreachableEvent;
  "store-reachable": StoreReachableEvent;
  "call-admitted-in-outage": CallAdmittedInOutageEvent;
  "outage-spend-lost": OutageSpendLostEvent;
  "job-started": JobStartedEvent;
  "job-settled": JobSettledEvent;
  "job-store-failed": JobStoreFailedEvent;
  "prices-changed": PricesChangedEvent;
  "listener-failed": ListenerFailedEvent;
  "events-dropped": EventsDroppedEvent;
}

export type EventName = keyof HoldfastEvents;
