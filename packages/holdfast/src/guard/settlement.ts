/**
 * @module What an attempt is charged, by how it ended. Pure.
 *
 * | outcome    | charged                                                                     | usage     |
 * | ---------- | --------------------------------------------------------------------------- | --------- |
 * | not-sent   | nothing, the hold is released                                               | -         |
 * | refused    | nothing, the hold is released                                               | -         |
 * | complete   | the provider's usage at the price of the served model and tier              | provider  |
 * |            | without usable usage: what the endpoint is known to consume, else the hold  | estimated |
 * | partial    | input as stated, or as estimated, + the output seen + what may be unseen    | estimated |
 * |            | when it may be read again: the dearer of both; what others may bill: as held |           |
 * | ambiguous  | the hold (or nothing, by configuration)                                     | estimated |
 */
import type { ModelPrice } from "@holdfast/prices";
import { NO_AMOUNTS, type Amounts } from "../ledger/amounts.ts";
import { costNanoUsd, IS_UNIT, serviceTierMultiplier } from "../price/cost.ts";
import {
  inputTokensOf,
  outputTokensOf,
  type Usage,
  type UsageBucket,
  type UsageSource,
} from "../usage/usage.ts";
import type { AttemptOutcome, BilledPart, PartialStream } from "./attempt-outcome.ts";
import { settledAmounts, type CallPlan } from "./call-plan.ts";

export interface SettlementPolicy {
  /** An attempt that was sent and has no usable answer. */
  readonly ambiguous: "charge" | "release";
  /** A stream that ended early: what was seen, or everything that was held. */
  readonly partial: "seen" | "hold";
  /**
   * Output tokens that the provider may have generated behind the last byte that arrived, before it noticed that
   * nobody listens. Added to what was seen.
   */
  readonly unseenOutputTokens: number;
  /** The fastest that a model which reasons out of sight is taken to generate, tokens per second. */
  readonly hiddenOutputTokensPerSecond: number;
}

export type Anomaly =
  | "usage-missing"
  | "usage-invalid"
  | "usage-zero"
  | "cost-above-hold"
  | "served-model-unpriced"
  | "service-tier-unpriced"
  | "bucket-unpriced";

export interface Settlement {
  readonly verb: "settle" | "release";
  readonly usage: Usage;
  readonly source: UsageSource;
  readonly costNanoUsd: number;
  readonly amounts: Amounts;
  /** The price that was applied. */
  readonly price: ModelPrice;
  readonly anomalies: readonly { readonly anomaly: Anomaly; readonly detail: string }[];
}

/**
 * @param priceOf the price of the model that the response names, or undefined when it has none
 * @param countsAsCall whether this attempt is the one that counts in `calls`
 */
export function settlementOf(
  outcome: AttemptOutcome,
  plan: CallPlan,
  policy: SettlementPolicy,
  priceOf: (model: string) => ModelPrice | undefined,
  countsAsCall: boolean,
): Settlement {
  switch (outcome.class) {
    case "not-sent":
    case "refused":
      return released(plan);
    case "ambiguous":
      return policy.ambiguous === "release"
        ? released(plan)
        : estimated(plan.estimate.usage, plan, countsAsCall, []);
    case "partial": {
      const missing = { anomaly: "usage-missing" as const, detail: "the stream ended without its usage" };
      const anomalies = outcome.finished ? [missing] : [];
      return policy.partial === "hold"
        ? estimated(plan.estimate.usage, plan, countsAsCall, anomalies)
        : seen(outcome, plan, policy, priceOf, countsAsCall, anomalies);
    }
    case "complete": {
      if (outcome.usage === undefined) {
        if (plan.estimate.usageWhenSilent !== null && outcome.problem === undefined) {
          return estimated(plan.estimate.usageWhenSilent, plan, countsAsCall, []);
        }
        const anomaly = outcome.problem === undefined ? "usage-missing" : "usage-invalid";
        const detail = outcome.problem ?? "the response carries no usage";
        return estimated(plan.estimate.usage, plan, countsAsCall, [{ anomaly, detail }]);
      }
      const { usage, served, also = [] } = outcome;
      return reported({ ...served, usage }, also, plan, priceOf, countsAsCall);
    }
  }
}

type Anomalies = Settlement["anomalies"][number][];

/** The price of the model that served the call; undefined when it has none. */
function appliedPrice(
  model: string | null,
  { model: planned, price }: CallPlan,
  priceOf: (model: string) => ModelPrice | undefined,
): ModelPrice | undefined {
  if (model === null || model === planned) return price;
  const served = priceOf(model);
  if (served === undefined) return undefined;
  // A price of the application's own is for what it asked for, under whatever name that is served.
  return price.source === "override" && served.source !== "override" ? price : served;
}

/** One part of the bill at the price of its model. */
function partCost(
  { usage, model, serviceTier }: { usage: Usage; model: string | null; serviceTier: string | null },
  plan: CallPlan,
  priceOf: (model: string) => ModelPrice | undefined,
  anomalies: Anomalies,
): { readonly cost: number | undefined; readonly price: ModelPrice } {
  const applied = appliedPrice(model, plan, priceOf);
  let price = applied ?? plan.price;
  if (applied === undefined) {
    anomalies.push({
      anomaly: "served-model-unpriced",
      detail: `the response names ${JSON.stringify(model?.slice(0, 80))}; the requested model's price was used`,
    });
  }
  let tier = serviceTier ?? plan.serviceTier ?? plan.heldServiceTier;
  if (serviceTierMultiplier(price, tier) === undefined) {
    if (serviceTier !== null) {
      anomalies.push({
        anomaly: "service-tier-unpriced",
        detail: `tier ${JSON.stringify(tier.slice(0, 40))} has no price; the held tier ${plan.heldServiceTier} was used`,
      });
    }
    tier = plan.heldServiceTier;
  }
  let cost = countableCost(usage, price, tier);
  if (serviceTierMultiplier(price, tier) === undefined) {
    // The served model does not have that tier either: the dearer of its list price and of what was held for.
    const listed = countableCost(usage, price, undefined);
    cost = countableCost(usage, plan.price, tier);
    if (cost !== undefined && (listed === undefined || listed > cost)) cost = listed;
    else price = plan.price;
  }
  for (const bucket of price.unpriced) {
    if ((usage[bucket] ?? 0) > 0)
      anomalies.push({ anomaly: "bucket-unpriced", detail: `${bucket} has no price` });
  }
  return { cost, price };
}

function reported(
  main: { readonly usage: Usage; readonly model: string | null; readonly serviceTier: string | null },
  also: readonly BilledPart[],
  plan: CallPlan,
  priceOf: (model: string) => ModelPrice | undefined,
  countsAsCall: boolean,
): Settlement {
  const anomalies: Anomalies = [];
  const { cost: ownCost, price } = partCost(main, plan, priceOf, anomalies);
  let cost = ownCost;
  let { usage } = main;
  for (const part of also) {
    const own = plan.price.source === "override" && part.model !== plan.model;
    // The application's price of one model says nothing about another that the answer bills by name.
    const other = partCost(
      part,
      own ? { ...plan, price: priceOf(part.model) ?? plan.price } : plan,
      priceOf,
      anomalies,
    );
    cost = cost === undefined || other.cost === undefined ? undefined : cost + other.cost;
    usage = sumOfUsage(usage, part.usage);
  }
  if (cost !== undefined && !Number.isSafeInteger(cost)) cost = undefined;
  if (cost === 0 && plan.worstCaseNanoUsd > 0) {
    // Believed, since a gateway may have answered from its own cache, but never silently.
    anomalies.push({ anomaly: "usage-zero", detail: "the response says that it consumed nothing" });
  }
  if (cost === undefined || !Number.isSafeInteger(inputTokensOf(usage) + outputTokensOf(usage))) {
    const detail = "the usage is larger than can be counted exactly";
    return estimated(plan.estimate.usage, plan, countsAsCall, [{ anomaly: "usage-invalid", detail }]);
  }
  if (cost > plan.worstCaseNanoUsd) {
    anomalies.push({
      anomaly: "cost-above-hold",
      detail: `${cost} nano-USD were billed and ${plan.worstCaseNanoUsd} were held`,
    });
  }
  return {
    verb: "settle",
    usage,
    source: "provider",
    costNanoUsd: cost,
    amounts: settledAmounts(usage, cost, countsAsCall),
    price,
    anomalies,
  };
}

function sumOfUsage(a: Usage, b: Usage): Usage {
  const sum: { [B in UsageBucket]?: number } = { ...a };
  for (const bucket of Object.keys(b) as UsageBucket[]) sum[bucket] = (sum[bucket] ?? 0) + (b[bucket] ?? 0);
  return sum;
}

/** Undefined when the tokens or the cost leave the safe integers. */
function countableCost(usage: Usage, price: ModelPrice, tier: string | undefined): number | undefined {
  if (!Number.isSafeInteger(inputTokensOf(usage) + outputTokensOf(usage))) return undefined;
  try {
    return costNanoUsd(usage, price, tier);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * A stream that ended early, by what was seen of it.
 *
 * Its start states what was read once. A loop of the provider's tools reads it again, with what they found, so that the
 * statement is only the least then; what other models may have billed by now was not stated at all, and is charged as
 * it was held. A dearer model than the planned one may be answering: the dearer price is applied.
 */
function seen(
  { finished, seenOutputTokens, statedInput, served }: PartialStream,
  plan: CallPlan,
  policy: SettlementPolicy,
  priceOf: (model: string) => ModelPrice | undefined,
  countsAsCall: boolean,
  anomalies: Settlement["anomalies"],
): Settlement {
  const { besides, mayReadAgain = false, heldServiceTier } = plan;
  const own = besides === undefined ? plan.estimate.usage : withoutPart(plan.estimate.usage, besides.usage);
  const tokens = seenOutputTokens + (finished ? 0 : policy.unseenOutputTokens);
  const isLeast = mayReadAgain || besides !== undefined;
  const readings =
    statedInput === undefined || !isLeast
      ? [withOutput(own, tokens, statedInput)]
      : [withOutput(own, tokens, undefined), withOutput(own, tokens, statedInput)];
  const servedPrice = appliedPrice(served.model, plan, priceOf);
  const prices =
    servedPrice === undefined || servedPrice === plan.price ? [plan.price] : [plan.price, servedPrice];
  let dearest: { readonly usage: Usage; readonly price: ModelPrice; readonly cost: number } | undefined;
  for (const usage of readings) {
    for (const price of prices) {
      const tier = serviceTierMultiplier(price, heldServiceTier) === undefined ? undefined : heldServiceTier;
      const cost = countableCost(usage, price, tier);
      // More was stated than can be counted.
      if (cost === undefined) return estimated(plan.estimate.usage, plan, countsAsCall, anomalies);
      if (dearest === undefined || cost > dearest.cost) dearest = { usage, price, cost };
    }
  }
  const { price, cost } = dearest!;
  const usage = besides === undefined ? dearest!.usage : sumOfUsage(dearest!.usage, besides.usage);
  const total = cost + (besides?.nanoUsd ?? 0);
  return {
    verb: "settle",
    usage,
    source: "estimated",
    costNanoUsd: total,
    amounts: settledAmounts(usage, total, countsAsCall),
    price,
    anomalies,
  };
}

function withoutPart(whole: Usage, part: Usage): Usage {
  const rest: { [B in UsageBucket]?: number } = { ...whole };
  for (const bucket of Object.keys(part) as UsageBucket[])
    rest[bucket] = (rest[bucket] ?? 0) - (part[bucket] ?? 0);
  return rest;
}

function estimated(
  usage: Usage,
  plan: CallPlan,
  countsAsCall: boolean,
  anomalies: Settlement["anomalies"],
): Settlement {
  const cost =
    usage === plan.estimate.usage
      ? plan.worstCaseNanoUsd
      : costNanoUsd(usage, plan.price, plan.heldServiceTier);
  return {
    verb: "settle",
    usage,
    source: "estimated",
    costNanoUsd: cost,
    amounts: settledAmounts(usage, cost, countsAsCall),
    price: plan.price,
    anomalies,
  };
}

function released(plan: CallPlan): Settlement {
  return {
    verb: "release",
    usage: {},
    source: "provider",
    costNanoUsd: 0,
    amounts: NO_AMOUNTS,
    price: plan.price,
    anomalies: [],
  };
}

/** The worst case with its output cut down to `tokens`; dearer kinds of output are kept first. */
function withOutput(worstCase: Usage, tokens: number, statedInput: Usage | undefined): Usage {
  let left = tokens;
  const take = (held: number | undefined): number => {
    const taken = Math.min(held ?? 0, left);
    left -= taken;
    return taken;
  };
  const video =
    worstCase.outputVideoTokens === undefined ? {} : { outputVideoTokens: take(worstCase.outputVideoTokens) };
  const outputAudioTokens = take(worstCase.outputAudioTokens);
  const outputImageTokens = take(worstCase.outputImageTokens);
  const outputTextTokens = take(worstCase.outputTextTokens);
  const reasoningTokens = take(worstCase.reasoningTokens);
  const input = statedInput === undefined ? worstCase : { ...feesOf(worstCase), ...statedInput };
  return { ...input, ...video, outputAudioTokens, outputImageTokens, outputTextTokens, reasoningTokens };
}

/** What is neither input nor output tokens. */
function feesOf(usage: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([bucket]) => IS_UNIT[bucket as UsageBucket]));
}
