/**
 * @module How a provider's answers are read: the part of an adapter that knows the wire format of responses.
 *
 * Pure functions of what arrived. They never throw for what a provider may send: what cannot be used is said so in the
 * reading.
 */
import type { TokenEstimator } from "../estimate/token-estimator.ts";
import type { BilledPart, Served } from "../guard/attempt-outcome.ts";
import type { CallPlan } from "../guard/call-plan.ts";
import type { Usage } from "../usage/usage.ts";
import type { UsageReading } from "./usage/usage-reading.ts";

/** Work that goes on at the provider after this answer. */
export interface AcceptedJob {
  /** As the provider names it. */
  readonly jobId: string;
  /** How long it may take, and the application until it looks, ms. */
  readonly ttlMs: number;
}

export interface AnswerReading {
  readonly usage: UsageReading;
  readonly served: Served;
  /** What the same answer billed on other models; absent when there is nothing. */
  readonly also?: readonly BilledPart[];
  /** Set when the work goes on; only regarded for plans with a `job`. */
  readonly job?: AcceptedJob;
}

export interface StreamReading extends AnswerReading {
  /** The provider said that it is finished. */
  readonly finished: boolean;
  /** The stream carried an error in place of the rest of the answer. */
  readonly failed: boolean;
  /** Upper bound on the output tokens whose text was seen. */
  readonly seenOutputTokens: number;
  /** Input as the provider stated it before the stream ended early; absent when it had not. */
  readonly statedInput?: Usage;
}

export interface ResponseReader {
  /** The header that carries the provider's id of the request. */
  readonly requestIdHeader: string;
  /** The body of an answer that is not streamed, as text, to what {@link answer} takes. @default JSON.parse */
  parse?(text: string, plan: CallPlan): unknown;
  answer(body: unknown, plan: CallPlan): AnswerReading;
  /** The tier that the headers state, where the body does not; absent where they never do. */
  tierInHeaders?(headers: { get(name: string): string | null }): string | null;
  /**
   * A stream that has ended, or the beginning and the end of one: it may lack events in the middle, and may begin
   * within one.
   */
  events(text: string, plan: CallPlan, estimator: TokenEstimator): StreamReading;
  /** Bytes at the start of a stream without which its end cannot be read; 0 when the end says it all. */
  readonly headBytes: number;
  /** Whether what a stream cost is told by more of it than its end; absent when the end says it all. */
  needsAll?(plan: CallPlan): boolean;
  /** The usage of a final event that is too large to be kept whole; absent where there is no such event. */
  lastUsage?(text: string, plan: CallPlan): UsageReading;
  /** Whether the model generates tokens before, and besides, those that are sent. Not knowing a name counts as yes. */
  mayReason(model: string): boolean;
  /**
   * Whether the provider goes on generating, and billing, when nobody listens any more. A stream that was left early is
   * then charged what was held.
   */
  readonly goesOnUnheard: boolean;
}
