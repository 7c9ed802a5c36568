/**
 * @module What all requests of a batch may use and cost at most, added up one by one.
 *
 * Only sums are kept, per model, so that a batch of any size takes a few hundred bytes, and nothing of what is asked.
 */
import type { ModelPrice } from "@holdfast/prices";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import { PriceUnknownError } from "../../error/price-unknown-error.ts";
import type { CallPlan, JobPlan } from "../../guard/call-plan.ts";
import type { Guard } from "../../guard/guard.ts";
import { costNanoUsd, dearestTier, priceInRegion, serviceTierMultiplier } from "../../price/cost.ts";
import { FREE_PRICE, UNMETERED_PRICE } from "../../price/no-price.ts";
import { inputTokensOf, type Usage, type UsageBucket } from "../../usage/usage.ts";
import type { ProviderAdapter } from "../adapter.ts";
import { planShape, type PlannedRequest } from "../plan-request.ts";
import { isObject, type Body } from "../request/request-shape.ts";

/** What the requests of one model add up to. */
interface ModelSum {
  readonly model: string;
  requests: number;
  usage: { [B in UsageBucket]?: number };
  /** Input tokens of the largest request. */
  longest: number;
  isFree: boolean;
}

/** Models in one batch; providers take one, or a few. */
const MODELS_MAX = 100;

export class BatchSum {
  readonly #models = new Map<string, ModelSum>();
  /** Fees that the results will not report. */
  #fees: { [B in UsageBucket]?: number } = {};

  /** Requests so far. */
  get requests(): number {
    let sum = 0;
    for (const { requests } of this.#models.values()) sum += requests;
    return sum;
  }

  /**
   * One more request, as {@link planBatchRequest} has planned it.
   *
   * @param requests 0 for what a request that was added may bill besides, on a model of its own
   * @throws {CallNotBoundedError} when the sum is larger than can be counted.
   */
  add({ plan, unreportedFees }: PlannedRequest, requests = 1): void {
    let sum = this.#models.get(plan.model);
    if (sum === undefined) {
      if (this.#models.size >= MODELS_MAX) {
        throw new CallNotBoundedError(
          `The batch names more than ${MODELS_MAX} models, which is more than can be held for.`,
        );
      }
      sum = { model: plan.model, requests: 0, usage: {}, longest: 0, isFree: plan.price === FREE_PRICE };
      this.#models.set(plan.model, sum);
    }
    sum.requests += requests;
    sum.longest = Math.max(sum.longest, inputTokensOf(plan.estimate.usage));
    sum.isFree &&= plan.price === FREE_PRICE;
    addTo(sum.usage, plan.estimate.usage);
    addTo(this.#fees, unreportedFees);
  }

  /** For `guard.jobs.remember`. */
  toText(): string {
    return JSON.stringify({ models: [...this.#models.values()], fees: this.#fees });
  }

  /** Undefined when it is not such a text. */
  static fromText(text: string): BatchSum | undefined {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (!isObject(parsed) || !Array.isArray(parsed["models"]) || !isObject(parsed["fees"])) return undefined;
    const sum = new BatchSum();
    for (const one of parsed["models"] as unknown[]) {
      if (!isObject(one) || typeof one["model"] !== "string" || !isObject(one["usage"])) return undefined;
      if (!Number.isSafeInteger(one["requests"]) || !Number.isSafeInteger(one["longest"])) return undefined;
      sum.#models.set(one["model"], { ...(one as unknown as ModelSum) });
    }
    sum.#fees = parsed["fees"] as Usage;
    return sum;
  }

  /** Each model with the most that its requests may use. */
  models(): readonly Readonly<ModelSum>[] {
    return [...this.#models.values()];
  }

  get fees(): Usage {
    return this.#fees;
  }
}

/**
 * The worst case of one request of a batch. Nothing can be added to it any more, so what it leaves open is bounded by
 * the model.
 *
 * @param billedModel what is billed, whatever model the body names
 * @throws as planRequest does.
 */
export function planBatchRequest<E extends string>(
  guard: Guard,
  adapter: ProviderAdapter<E>,
  provider: string,
  endpoint: E,
  body: Body,
  billedModel?: string,
): PlannedRequest {
  const read = adapter.shapeOf(endpoint, body, guard.settings);
  const shape = {
    ...read,
    ...(billedModel === undefined ? {} : { model: billedModel }),
    stream: false,
    serviceTier: null,
    output: { ...read.output, limitField: null },
  };
  return planShape(guard, provider, endpoint, shape, adapter.isFree?.(endpoint) === true);
}

export interface BatchTerms {
  readonly provider: string;
  /** As in usage records: "batches". */
  readonly endpoint: string;
  /**
   * What batches are billed at; a model without such a tier is held and billed at its list price. Null when the requests
   * ask for several, so that a result which does not say is billed at the dearest. @default "batch"
   */
  readonly tier?: string | null;
  /** What else they may be billed at: the dearest is held. @default `tier` alone */
  readonly possibleTiers?: readonly string[];
  /** See `RequestShape`. */
  readonly region?: string | undefined;
}

/**
 * The plan of the request that creates the batch, at the prices of now.
 *
 * @throws {CallNotBoundedError} for a batch without requests, or one that is larger than can be counted.
 * @throws {PriceUnknownError} when a model has no price any more.
 */
export function planBatch(guard: Guard, sum: BatchSum, terms: BatchTerms): PlannedRequest {
  const { provider, endpoint, tier = "batch", possibleTiers = [] } = terms;
  const tiers = tier === null ? possibleTiers : [tier, ...possibleTiers];
  const models = sum.models().map((model) => priced(guard, provider, model, tiers, terms.region));
  const main = models.reduce<(typeof models)[number] | undefined>(
    (dearest, one) => (dearest === undefined || one.cost > dearest.cost ? one : dearest),
    undefined,
  );
  if (main === undefined) {
    throw new CallNotBoundedError("The batch has no requests that could be held for.");
  }
  const usage: { [B in UsageBucket]?: number } = {};
  let worstCaseNanoUsd = 0;
  for (const { model, cost } of models) {
    addTo(usage, model.usage);
    worstCaseNanoUsd += cost;
  }
  if (!Number.isSafeInteger(worstCaseNanoUsd)) throw tooLarge();
  const hasFees = Object.values(sum.fees).some((fee) => fee > 0);
  const others = models
    .filter((one) => one !== main)
    .map(({ model, price }) => ({ model: model.model, price }));
  const job: JobPlan = {
    requests: sum.requests,
    ...(others.length === 0 ? {} : { otherPrices: others }),
    ...(models.every(({ isShort }) => isShort) ? { hasOnlyShortContexts: true } : {}),
    ...(hasFees ? { unreportedFees: sum.fees } : {}),
  };
  const hasTier = tier !== null && serviceTierMultiplier(main.price, tier) !== undefined;
  const plan: CallPlan = {
    provider,
    endpoint,
    model: main.model.model,
    stream: false,
    serviceTier: hasTier ? tier : null,
    heldServiceTier: main.heldTier ?? "default",
    price: main.price,
    ...(terms.region === undefined ? {} : { region: terms.region }),
    estimate: {
      usage,
      outputBound: "request",
      inputBound: "request",
      choices: 1,
      outputTokensPerChoice: 0,
      limitable: false,
      extraOutputTokens: 0,
      uncalibratedInputTokens: null,
      usageWhenSilent: null,
    },
    worstCaseNanoUsd,
    job,
  };
  return { plan, additions: {}, unreportedFees: {} };
}

function priced(
  guard: Guard,
  provider: string,
  model: Readonly<ModelSum>,
  tiers: readonly string[],
  region: string | undefined,
): {
  model: Readonly<ModelSum>;
  price: ModelPrice;
  heldTier: string | undefined;
  cost: number;
  isShort: boolean;
} {
  const listed = model.isFree ? FREE_PRICE : priceInRegion(priceOf(guard, provider, model.model), region);
  const from = listed.longContext[0]?.fromInputTokens ?? Infinity;
  // The sum of many short requests is long, and none of them is billed as such.
  const isShort = model.longest < from;
  const price = isShort && listed.longContext.length > 0 ? { ...listed, longContext: [] } : listed;
  const heldTier = dearestTier(
    price,
    tiers.filter((tier) => serviceTierMultiplier(price, tier) !== undefined),
  );
  try {
    return { model, price, heldTier, isShort, cost: costNanoUsd(model.usage, price, heldTier) };
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge();
    throw cause;
  }
}

function priceOf(guard: Guard, provider: string, model: string): ModelPrice {
  const lookup = guard.prices.lookup(provider, model, guard.clock.now());
  if (lookup.kind === "priced") return lookup.price;
  if (lookup.policy === "refuse") throw new PriceUnknownError(provider, model);
  return UNMETERED_PRICE;
}

function addTo(sum: { [B in UsageBucket]?: number }, more: Usage): void {
  for (const key of Object.keys(more)) {
    const bucket = key as UsageBucket;
    const total = (sum[bucket] ?? 0) + (more[bucket] ?? 0);
    if (!Number.isSafeInteger(total)) throw tooLarge();
    sum[bucket] = total;
  }
}

function tooLarge(): CallNotBoundedError {
  return new CallNotBoundedError(
    "The worst case of this batch is larger than can be counted; lower the limits of its requests, or split it.",
  );
}
