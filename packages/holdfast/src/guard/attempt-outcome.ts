/** @module How one attempt ended, as a provider adapter saw it. */
import type { Usage } from "../usage/usage.ts";

interface Answered {
  readonly status: number;
  readonly providerRequestId: string | null;
}

/** What the response says about itself, where it says so. */
export interface Served {
  readonly model: string | null;
  readonly serviceTier: string | null;
}

export const NOTHING_SERVED: Served = { model: null, serviceTier: null };

/** What one answer billed on another model than its own: an advisor, a fallback, the other models of a batch. */
export interface BilledPart {
  readonly model: string;
  /** Null when the answer does not say; then it is the one that was held for. */
  readonly serviceTier: string | null;
  readonly usage: Usage;
}

/** The request never left this machine. */
export interface NotSent {
  readonly class: "not-sent";
}

/** The provider answered with an error before it generated anything. */
export interface RefusedByProvider extends Answered {
  readonly class: "refused";
}

export interface Complete extends Answered {
  readonly class: "complete";
  readonly served: Served;
  /** The provider's own usage, checked; undefined when it was missing or unusable. */
  readonly usage: Usage | undefined;
  /** Billed besides `usage`, each part at the price of its own model. */
  readonly also?: readonly BilledPart[];
  /** Why usage is undefined, when the endpoint should have reported it. */
  readonly problem?: string;
}

/** A stream that ended before its usage arrived. */
export interface PartialStream extends Answered {
  readonly class: "partial";
  readonly served: Served;
  /** Upper bound on the output tokens that arrived, or were generated unseen by then. */
  readonly seenOutputTokens: number;
  /** Input as the provider stated it before the stream ended; absent when it had not. */
  readonly statedInput?: Usage;
  /** The provider had finished and reported no usage: nothing more was under way. */
  readonly finished: boolean;
}

/** The request was sent and there is no usable answer: timeout, abort, lost connection. */
export interface Ambiguous {
  readonly class: "ambiguous";
  /** Null when no response arrived. */
  readonly status: number | null;
  readonly providerRequestId: string | null;
}

export type AttemptOutcome = NotSent | RefusedByProvider | Complete | PartialStream | Ambiguous;
