/**
 * @module The store port.
 *
 * A store is a set of operations, never get and set: each one is a single atomic step (one call into memory, one Lua
 * script, one SQL statement), is idempotent by its `operationId`, validates everything before it writes anything, and
 * takes the time from the store's own clock. A store knows budgets and amounts; it knows nothing of providers.
 *
 * Expected outcomes are values. A store throws only when it is broken or out of reach, and a throw is never a denial.
 */
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { Window, WindowSpec } from "../kernel/window.ts";
import type { Amounts, Dimension, Limits } from "./amounts.ts";
import type { JobStore } from "./job-store.ts";

/** What happens to one scope's share of a hold that was dispatched and then expired unsettled. */
export type ExpiryPolicy =
  /** The held amount becomes spent (default: the provider may have billed). */
  | "charge"
  /** The held amount is given back. */
  | "release"
  /** The held amount stays held until somebody settles or releases the hold. */
  | "quarantine";

/** One counter: a budget together with the attribution values that it is counted per. */
export interface Scope {
  /** Names the counter; injective over (budget id, window specification, values). The store appends the window id. */
  readonly key: string;
  readonly budgetId: string;
  /** The values of the budget's `per` tags; `undefined` where the call carried no such tag. */
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly window: WindowSpec;
  readonly limits: Limits;
  readonly onExpiry: ExpiryPolicy;
}

export interface ReserveOperation {
  /** Client-generated and unique; it is also the id of the hold. */
  readonly operationId: string;
  /** No two with the same key. An empty list is held trivially. */
  readonly scopes: readonly Scope[];
  /** Held in every scope. */
  readonly amounts: Amounts;
  /** How long the hold lives before it is dispatched; then it expires and is released. */
  readonly undispatchedTtlMs: number;
  /** Asks for {@link Held.available}. @default false */
  readonly reportAvailable?: boolean;
  /**
   * Another process may be the one that resolves it, long after this one has ended: a store that admits from slices held
   * in advance must hold this where everybody sees it.
   * @default false
   */
  readonly shared?: boolean;
}

/** The state of one scope at the moment of an answer. */
export interface ScopeState {
  readonly scope: Scope;
  readonly window: Window;
  readonly spent: Amounts;
  readonly held: Amounts;
  /** The scope's limits plus the overrides in force. */
  readonly limits: Limits;
}

/** What let a call pass: the store, a slice of it held in advance, or a policy for when the store is out of reach. */
export type AdmittedBy =
  /** The store held it in every budget. */
  | "store"
  /** Held in slices that this process had reserved before; as exact as the store. */
  | "lease"
  /** The store was out of reach; counted against this process's allowance and posted afterwards. */
  | "local"
  /** The store was out of reach and the budget says to let calls pass; posted afterwards. */
  | "open";

export interface Held {
  readonly outcome: "held";
  readonly holdId: string;
  readonly replayed: boolean;
  /** Store time of the reservation, ms since the epoch. */
  readonly reservedAtMs: number;
  /** The windows that admitted the call, in the order of `scopes`; the call is accounted there for ever. */
  readonly windows: readonly Window[];
  /**
   * What would still fit behind this hold, as in {@link Denied.available}. Only when the operation asked for it by
   * `reportAvailable`, and not on a replay.
   */
  readonly available?: Limits;
  /** Set when the call was admitted from slices that this process holds in advance. @default "store" */
  readonly admittedBy?: Extract<AdmittedBy, "store" | "lease">;
  /** Holds whose time was over and that this step resolved in passing; absent when there were none. */
  readonly expired?: readonly ExpiredHold[];
}

export interface Denied {
  readonly outcome: "denied";
  readonly replayed: boolean;
  /** The first scope (in the operation's order) and dimension that did not fit. */
  readonly limiting: ScopeState;
  readonly dimension: Dimension;
  /**
   * Per dimension, the least `limit - spent - held` over all scopes of the operation, never below 0; absent where no
   * scope limits it. What would still fit right now.
   */
  readonly available: Limits;
  /** True when the operation would fit every scope if all holds in flight were released. */
  readonly fitsWithoutHeld: boolean;
  /** Store time of the denial, ms since the epoch. */
  readonly deniedAtMs: number;
  /** Holds whose time was over and that this step resolved in passing; absent when there were none. */
  readonly expired?: readonly ExpiredHold[];
}

/** The operation id was used before with other scopes or amounts. Nothing was changed. */
export interface Mismatch {
  readonly outcome: "mismatch";
}

/** The store has never heard of this hold, or has forgotten it. Nothing was changed. */
export interface UnknownHold {
  readonly outcome: "unknown-hold";
}

/** The hold was resolved before, by another operation. Nothing was changed. */
export interface AlreadyResolved {
  readonly outcome: "already-resolved";
  readonly state: "settled" | "released" | "expired";
  /** This very hold, if its time was over and this step resolved it in passing. */
  readonly expired?: readonly ExpiredHold[];
}

export interface DispatchOperation {
  readonly operationId: string;
  readonly holdId: string;
  /** How long the hold lives from now on; after that it expires by each scope's policy. */
  readonly ttlMs: number;
}

export interface Dispatched {
  readonly outcome: "dispatched";
  readonly replayed: boolean;
}

export interface SettleOperation {
  readonly operationId: string;
  readonly holdId: string;
  /** What the call really took. May exceed what was held: the money is spent, so it is recorded as it is. */
  readonly amounts: Amounts;
}

export interface Settled {
  readonly outcome: "settled";
  readonly replayed: boolean;
  /** The settlement corrected a hold that had expired. */
  readonly corrected: boolean;
  /** What was posted, and what the hold had locked. */
  readonly charged: Amounts;
  readonly held: Amounts;
  /** This very hold, if its time was over and this step resolved it in passing. */
  readonly expired?: readonly ExpiredHold[];
}

export interface ReleaseOperation {
  readonly operationId: string;
  readonly holdId: string;
}

export interface Released {
  readonly outcome: "released";
  readonly replayed: boolean;
}

export interface RenewOperation {
  readonly operationId: string;
  readonly holdId: string;
  /** The hold expires this long from now. Never shortens its life. */
  readonly ttlMs: number;
}

export interface Renewed {
  readonly outcome: "renewed";
  readonly replayed: boolean;
  readonly expiresAtMs: number;
}

export interface ExpireOperation {
  /** At most this many holds in one step. */
  readonly limit: number;
}

export interface ExpiredHold {
  readonly holdId: string;
  readonly dispatched: boolean;
  readonly amounts: Amounts;
  /** What happened in each scope, in the order of the reservation. An undispatched hold is always released. */
  readonly effects: readonly {
    readonly scopeKey: string;
    readonly windowId: string;
    readonly policy: ExpiryPolicy;
  }[];
}

export interface Expired {
  readonly expired: readonly ExpiredHold[];
  /** More holds are due; call again. */
  readonly more: boolean;
}

export interface AdjustOperation {
  readonly operationId: string;
  readonly scope: Scope;
  /** Signed safe integers, added to what is spent in the scope's current window. */
  readonly delta: Partial<Amounts>;
}

export type AdjustResult =
  | { readonly outcome: "adjusted"; readonly replayed: boolean; readonly state: ScopeState }
  /** The result would be negative or unsafe; nothing was changed. */
  | { readonly outcome: "out-of-range" }
  | Mismatch;

export interface OverrideOperation {
  readonly operationId: string;
  readonly scope: Scope;
  /** Added to the scope's limits while the override is in force. */
  readonly extra: Limits;
  /** In force for this long, by the store's clock. */
  readonly ttlMs: number;
}

export type OverrideResult =
  { readonly outcome: "overridden"; readonly replayed: boolean; readonly expiresAtMs: number } | Mismatch;

export interface BalancesQuery {
  /** Only these budgets; all when absent. */
  readonly budgetIds?: readonly string[];
  /** At most this many (default 1,000). */
  readonly limit?: number;
  /** Continue after this scope key. */
  readonly after?: string;
}

export interface Balances {
  /** Ordered by scope key. Only scopes that have been used in their current window, or still hold something. */
  readonly balances: readonly ScopeState[];
  /** Pass as `after` to go on; absent at the end. */
  readonly next?: string;
}

export type ReserveResult = Held | Denied | Mismatch;
export type DispatchResult = Dispatched | AlreadyResolved | UnknownHold;
export type SettleResult = Settled | AlreadyResolved | UnknownHold | Mismatch;
export type ReleaseResult = Released | AlreadyResolved | UnknownHold;
export type RenewResult = Renewed | AlreadyResolved | UnknownHold;

export interface LedgerStore {
  /** "memory", "redis", ... for decisions and logs. */
  readonly name: string;

  /**
   * What is known of jobs that go on at a provider, for whoever retrieves their results. A store without it leaves that
   * to the process that created a job: then no other can settle it, and its hold expires if that one has ended.
   */
  readonly jobs?: JobStore;

  /**
   * Holds `amounts` in every scope, or in none. A denial changes nothing anywhere. A replay of the same id answers as
   * the first time did, denial included.
   */
  reserve(operation: ReserveOperation): MaybePromise<ReserveResult>;

  /** Marks the hold "may be billed" and gives it its long life. Must be done before the request leaves. */
  dispatch(operation: DispatchOperation): MaybePromise<DispatchResult>;

  /**
   * Replaces the hold by the truth, once, in the windows that admitted it. Accepted from a live, quarantined or
   * expired hold; after expiry it corrects the charge.
   */
  settle(operation: SettleOperation): MaybePromise<SettleResult>;

  /** Gives the hold back: nothing was billed. */
  release(operation: ReleaseOperation): MaybePromise<ReleaseResult>;

  /** Keeps a long call's hold alive. */
  renew(operation: RenewOperation): MaybePromise<RenewResult>;

  /** Resolves holds whose time is over, oldest first, in bounded batches. */
  expire(operation: ExpireOperation): MaybePromise<Expired>;

  /** Corrects what is spent, by a signed amount. */
  adjust(operation: AdjustOperation): MaybePromise<AdjustResult>;

  /** Lets one scope pass its limits by a stated amount for a stated time. */
  override(operation: OverrideOperation): MaybePromise<OverrideResult>;

  balances(query: BalancesQuery): MaybePromise<Balances>;

  close(): MaybePromise<void>;
}
