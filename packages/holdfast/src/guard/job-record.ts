/** @module What the store knows of a job, as the attempt that created it, and as an application sees it. */
import type { Attribution } from "../attribution/attribution.ts";
import { NO_AMOUNTS } from "../ledger/amounts.ts";
import type { JobHold, JobRecord } from "../ledger/job-store.ts";
import type { AccountedAttempt } from "./attempt-account.ts";
import type { CallPlan } from "./call-plan.ts";

/** A job whose result has not been seen by any wrapped client. */
export interface OpenJob {
  readonly provider: string;
  /** As the provider names it. */
  readonly jobId: string;
  readonly holdId: string;
  readonly callId: string;
  readonly endpoint: string;
  readonly model: string;
  /** Requests that the provider runs under it: the lines of a batch, or 1. */
  readonly requests: number;
  readonly attribution: Attribution;
  readonly heldNanoUsd: number;
  /** Ms since the epoch. */
  readonly createdAtMs: number;
  /** When its hold expires by the budgets' `onExpiry`, ms since the epoch. */
  readonly expiresAtMs: number;
  /**
   * - "held": its worst case is held.
   * - "overdue": its hold has expired; a result that is retrieved now still corrects what was charged.
   */
  readonly state: "held" | "overdue";
}

/** The attempt that created the job, from what another process wrote. @throws {SyntaxError} when it cannot be read. */
export function attemptOf({ plan, createdAtMs }: JobRecord, hold: JobHold): AccountedAttempt {
  const { holdId, admittedBy, callId, attempt, attribution, countsAsCall } = hold;
  return {
    callId,
    number: attempt,
    plan: JSON.parse(plan) as CallPlan,
    attribution,
    // The store knows the amounts and the scopes by the hold's id.
    hold: { holdId, admittedBy, amounts: NO_AMOUNTS, scopes: [] },
    countsAsCall,
    startedAtMs: createdAtMs,
  };
}

/** Undefined for what holds nothing. */
export function openJobOf({ key, hold, createdAtMs }: JobRecord, nowMs: number): OpenJob | undefined {
  if (hold === null) return undefined;
  const { holdId, callId, endpoint, model, requests, attribution, heldNanoUsd, expiresAtMs } = hold;
  return {
    provider: key.provider,
    jobId: key.jobId,
    holdId,
    callId,
    endpoint,
    model,
    requests,
    attribution,
    heldNanoUsd,
    createdAtMs,
    expiresAtMs,
    state: expiresAtMs > nowMs ? "held" : "overdue",
  };
}
