/** @module One record per attempt: what an application needs for its own ledger. */
import type { Attribution } from "../attribution/attribution.ts";
import type { AdmittedBy } from "../ledger/ledger-store.ts";
import type { Usage, UsageSource } from "../usage/usage.ts";

/** How an attempt ended, which decides what it costs. */
export type OutcomeClass =
  /** The request never left: free. */
  | "not-sent"
  /** The provider answered with an error before generating: free. */
  | "refused"
  /** A stream that ended before its usage arrived: charged by what was seen. */
  | "partial"
  /** The response arrived whole. */
  | "complete"
  /** Sent, and no usable answer: it may have been billed, so it is charged by policy. */
  | "ambiguous";

export interface UsageRecord {
  /** Unique per attempt and the same on every delivery, so that a record delivered twice counts once. */
  readonly id: string;
  /** When the attempt ended, ms since the epoch. */
  readonly atMs: number;
  /** Unique per logical request. */
  readonly callId: string;
  /** The caller's own `requestId`, or `callId` when there was none. */
  readonly requestId: string;
  /** Number of the attempt within the request, from 1. */
  readonly attempt: number;
  readonly holdId: string;
  /** What let the attempt pass. */
  readonly admittedBy: AdmittedBy;
  readonly attribution: Attribution;
  readonly provider: string;
  /** Of the provider's API, such as "chat.completions". */
  readonly endpoint: string;
  readonly stream: boolean;
  readonly requestedModel: string;
  /** As the response names it; null when no response did. */
  readonly servedModel: string | null;
  readonly requestedServiceTier: string | null;
  readonly servedServiceTier: string | null;
  readonly outcome: OutcomeClass;
  /** HTTP status; null when there was no response. */
  readonly status: number | null;
  /** The provider's id of the request (x-request-id), when there is one. */
  readonly providerRequestId: string | null;
  /** From the start of the attempt to its end, ms. */
  readonly latencyMs: number;
  /** Disjoint buckets; they sum to the provider's totals. */
  readonly usage: Usage;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Whether `usage` is the provider's or an estimate of ours. */
  readonly usageSource: UsageSource;
  readonly costNanoUsd: number;
  /** What was held for the attempt. */
  readonly heldNanoUsd: number;
  readonly priceSource: string;
  readonly priceVersion: string;
}
