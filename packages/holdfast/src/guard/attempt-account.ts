/**
 * @module From how an attempt ended to what it is charged, what is told of it and what is learned from it; the same for
 * an attempt that this process has seen end and for a job that another one has created.
 */
import type { ModelPrice } from "@holdfast/prices";
import type { Attribution } from "../attribution/attribution.ts";
import type { MeterAnomalyEvent } from "../event/events.ts";
import { priceInRegion } from "../price/cost.ts";
import { withFees } from "../usage/usage.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import { countedAmounts, type CallPlan } from "./call-plan.ts";
import type { CarriedHold } from "./carried-hold.ts";
import type { Guard } from "./guard.ts";
import { settlementOf, type Settlement } from "./settlement.ts";

/** One attempt, as far as its account goes. */
export interface AccountedAttempt {
  readonly callId: string;
  /** Within the request, from 1. */
  readonly number: number;
  readonly plan: CallPlan;
  readonly attribution: Attribution;
  readonly hold: CarriedHold;
  readonly countsAsCall: boolean;
  /** Ms since the epoch. */
  readonly startedAtMs: number;
}

/** Below this, what the provider adds to every request outweighs the text, and the ratio says nothing. */
const LEARNED_FROM_TOKENS = 200;

/** Never throws. */
export function accountOf(guard: Guard, attempt: AccountedAttempt, outcome: AttemptOutcome): Settlement {
  const { plan, countsAsCall } = attempt;
  const { settlement: policy } = guard.settings;
  const priceOf = (model: string): ModelPrice | undefined => servedPrice(guard, attempt, model);
  let settlement: Settlement;
  try {
    settlement = settlementOf(withUnreportedFees(outcome, plan), plan, policy, priceOf, countsAsCall);
  } catch (error) {
    // A price source or an estimator of the application's own failed: the hold is what is known.
    const name = error instanceof Error ? error.name : typeof error;
    reportAnomaly(guard, attempt, "settlement-failed", `pricing failed: ${name}`);
    const unknown = { class: "ambiguous", status: null, providerRequestId: null } as const;
    settlement = settlementOf(unknown, plan, { ...policy, ambiguous: "charge" }, priceOf, countsAsCall);
  }
  const amounts = countedAmounts(settlement.amounts, plan);
  return amounts === settlement.amounts ? settlement : { ...settlement, amounts };
}

/** Tells of what was charged, and learns from it. */
export function reportAccount(
  guard: Guard,
  attempt: AccountedAttempt,
  outcome: AttemptOutcome,
  settlement: Settlement,
): void {
  learn(guard, attempt.plan, settlement);
  for (const { anomaly, detail } of settlement.anomalies) reportAnomaly(guard, attempt, anomaly, detail);
  recordAttempt(guard, attempt, outcome, settlement);
}

export function reportAnomaly(
  guard: Guard,
  { callId, number }: AccountedAttempt,
  anomaly: MeterAnomalyEvent["anomaly"],
  detail: string,
): void {
  guard.emitter.emit("meter-anomaly", () => ({
    id: `${callId}:${number}:${anomaly}`,
    atMs: guard.clock.now(),
    callId,
    attempt: number,
    anomaly,
    detail,
  }));
}

/** A job is billed at the prices of when it was created, whoever settles it and when. */
function servedPrice(
  guard: Guard,
  { plan, startedAtMs }: AccountedAttempt,
  model: string,
): ModelPrice | undefined {
  const pricedNow = (atMs?: number): ModelPrice | undefined => {
    const price = guard.servedPrice(plan.provider, model, atMs);
    return price === undefined ? undefined : priceInRegion(price, plan.region);
  };
  if (plan.job === undefined) return pricedNow();
  const planned = plan.job.otherPrices?.find((other) => other.model === model)?.price;
  const price = planned ?? pricedNow(startedAtMs);
  if (price === undefined || plan.job.hasOnlyShortContexts !== true || price.longContext.length === 0)
    return price;
  return { ...price, longContext: [] };
}

/** Of an attempt that has seen its answer, the adapter has added them already. */
function withUnreportedFees(outcome: AttemptOutcome, { job }: CallPlan): AttemptOutcome {
  if (job?.unreportedFees === undefined || outcome.class !== "complete" || outcome.usage === undefined)
    return outcome;
  return { ...outcome, usage: withFees(outcome.usage, job.unreportedFees) };
}

/** What the provider reports teaches the next estimate; what we made up does not. */
function learn(guard: Guard, plan: CallPlan, settlement: Settlement): void {
  if (settlement.source !== "provider" || settlement.verb === "release") return;
  guard.holdRatio.observeRatio(plan.worstCaseNanoUsd, settlement.costNanoUsd);
  const estimated = plan.estimate.uncalibratedInputTokens;
  if (estimated !== null && estimated >= LEARNED_FROM_TOKENS) {
    const name = `${plan.provider}/${plan.model}`;
    guard.calibration.observe(name, estimated, settlement.amounts.inputTokens);
  }
}

function recordAttempt(
  guard: Guard,
  attempt: AccountedAttempt,
  outcome: AttemptOutcome,
  settlement: Settlement,
): void {
  const { plan, callId, attribution, hold, number } = attempt;
  guard.emitter.emit("usage", () => {
    const atMs = guard.clock.now();
    return {
      id: `${callId}:${number}`,
      atMs,
      callId,
      requestId: attribution.requestId ?? callId,
      attempt: number,
      holdId: hold.holdId,
      admittedBy: hold.admittedBy,
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
      // Another process may have begun it, by another clock.
      latencyMs: Math.max(0, atMs - attempt.startedAtMs),
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
