/** @module The policies of one Holdfast instance, complete: every default has been filled in. */
import type { TokenEstimator } from "../estimate/token-estimator.ts";
import type { BreakerSettings } from "./breaker.ts";
import type { SettlementPolicy } from "./settlement.ts";

/**
 * What is held when a request states no output limit: the model's own maximum (a bound that the provider enforces,
 * often 15 times the true cost), or a limit that is sent along with the request and so enforced as well.
 */
export type MissingOutputLimit = "model-maximum" | { readonly send: number };

/**
 * What is held for content that the request only refers to (a previous response, a conversation, a stored prompt, a
 * file by id or URL, the provider's own tools): all of the model's context window, a configured number of tokens that
 * nobody enforces, or the call is refused.
 */
export type ServerContext = "context-window" | "refuse" | { readonly tokens: number };

export interface GuardSettings {
  readonly estimator: TokenEstimator;
  readonly missingOutputLimit: MissingOutputLimit;
  readonly serverContext: ServerContext;
  /** Tiers that a request which names none may be served at; the dearest of them is held. */
  readonly serviceTiers: readonly string[];
  readonly settlement: SettlementPolicy;
  readonly unknownModel: "refuse" | "ceiling" | "unmetered";
  /** A billable-looking request to a path that is not known: refused, or let through with an event. */
  readonly unknownEndpoint: "refuse" | "alarm";
  /** Ways around metering that the application allows by name. */
  readonly allow: ReadonlySet<string>;
  readonly undispatchedTtlMs: number;
  readonly dispatchedTtlMs: number;
  /** How long the call waits for an answer of the store. */
  readonly storeDeadlineMs: number;
  readonly storeBreaker: BreakerSettings;
}
