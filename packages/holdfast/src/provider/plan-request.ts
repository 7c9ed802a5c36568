/** @module From what matters of a request to its plan: the worst case, what it costs, and what is added to the request. */
import type { ModelPrice } from "@holdfast/prices";
import { CallNotBoundedError } from "../error/call-not-bounded-error.ts";
import { PriceUnknownError } from "../error/price-unknown-error.ts";
import type { CallEstimate, CallPlan, InputBound, OutputBound } from "../guard/call-plan.ts";
import type { Guard } from "../guard/guard.ts";
import {
  costNanoUsd,
  dearestTier,
  priceInRegion,
  serviceTierMultiplier,
  unpricedUsage,
} from "../price/cost.ts";
import { FREE_PRICE, UNMETERED_PRICE } from "../price/no-price.ts";
import type { Usage, UsageBucket } from "../usage/usage.ts";
import type { ProviderAdapter } from "./adapter.ts";
import type { Body, CacheWrites, RequestShape } from "./request/request-shape.ts";
import { addUsage } from "./usage/usage-reading.ts";

export interface PlannedRequest {
  readonly plan: CallPlan;
  /** Fields to add to the body before it is sent. */
  readonly additions: Readonly<Record<string, unknown>>;
  /** Fees that the response will not report. */
  readonly unreportedFees: Usage;
}

/**
 * @param provider the name in the price list
 * @param billedModel what is billed, whatever model the body names: the Azure deployment that the request goes to, or
 * the model in the path
 * @param exactInputTokens what the provider itself says that the input is; taken instead of the estimate
 * @param region see {@link RequestShape}
 * @throws {PriceUnknownError} when no price is known for the model and unknown models are refused.
 * @throws {CallNotBoundedError} when no worst case can be stated.
 * @throws {CallNotAllowedError} when part of the request would be billed where no hold can follow it.
 */
export function planRequest<E extends string>(
  guard: Guard,
  adapter: ProviderAdapter<E>,
  provider: string,
  endpoint: E,
  body: Body,
  billedModel?: string,
  exactInputTokens?: number,
  region?: string,
): PlannedRequest {
  const read = adapter.shapeOf(endpoint, body, guard.settings);
  const counted =
    exactInputTokens === undefined
      ? read
      : { ...read, textTokens: exactInputTokens, otherInput: {}, isExact: true };
  const named = billedModel === undefined ? counted : { ...counted, model: billedModel };
  const shape = region === undefined ? named : { ...named, region };
  return planShape(guard, provider, endpoint, shape, adapter.isFree?.(endpoint) === true);
}

/** The same from a shape, for requests that no adapter reads (a model under another SDK's abstraction). */
export function planShape(
  guard: Guard,
  provider: string,
  endpoint: string,
  shape: RequestShape,
  isFree = false,
): PlannedRequest {
  const price = isFree ? FREE_PRICE : priceInRegion(priceOf(guard, provider, shape.model), shape.region);
  const heldServiceTier = heldTier(guard, provider, shape, price);
  const { estimate, additions } = estimateOf(guard, provider, shape, price);
  const plan: CallPlan = {
    provider,
    endpoint,
    model: shape.model,
    stream: shape.stream,
    serviceTier: shape.serviceTier,
    heldServiceTier,
    price,
    ...(shape.region === undefined ? {} : { region: shape.region }),
    estimate,
    worstCaseNanoUsd: worstCaseCost(estimate.usage, price, heldServiceTier),
    ...(shape.mayReason === undefined ? {} : { mayReason: shape.mayReason }),
    ...((shape.mayReadAgain ?? shape.refersTo !== null) ? { mayReadAgain: true } : {}),
  };
  return {
    plan: (shape.also ?? []).reduce(
      (whole, other) => plusPart(whole, planShape(guard, provider, endpoint, other, isFree).plan),
      plan,
    ),
    additions,
    unreportedFees: shape.unreportedFees,
  };
}

/** The same call with what it may cost besides, on a model of its own. */
function plusPart(plan: CallPlan, part: CallPlan): CallPlan {
  const worstCaseNanoUsd = plan.worstCaseNanoUsd + part.worstCaseNanoUsd;
  if (!Number.isSafeInteger(worstCaseNanoUsd)) throw tooLarge();
  return {
    ...plan,
    estimate: {
      ...plan.estimate,
      usage: addUsage(plan.estimate.usage, part.estimate.usage),
      // What all of them read together says nothing about the text of the request.
      uncalibratedInputTokens: null,
    },
    worstCaseNanoUsd,
    besides: {
      usage: addUsage(plan.besides?.usage ?? {}, part.estimate.usage),
      nanoUsd: (plan.besides?.nanoUsd ?? 0) + part.worstCaseNanoUsd,
    },
  };
}

function tooLarge(cause?: unknown): CallNotBoundedError {
  return new CallNotBoundedError(
    "The worst case of this request is larger than can be counted; lower n and its limits.",
    { cause },
  );
}

function worstCaseCost(usage: Usage, price: ModelPrice, serviceTier: string): number {
  const fee = unpricedUsage(usage, price).find(
    (bucket) => bucket === "webSearches" || bucket === "webSearchPreviews" || bucket === "fileSearches",
  );
  if (fee !== undefined) throw new PriceUnknownError(price.provider, price.model, `no price for its ${fee}`);
  try {
    return costNanoUsd(usage, price, serviceTier);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw tooLarge(cause);
  }
}

function priceOf(guard: Guard, provider: string, model: string): ModelPrice {
  const lookup = guard.prices.lookup(provider, model, guard.clock.now());
  if (lookup.kind === "priced") return lookup.price;
  if (lookup.policy === "refuse") throw new PriceUnknownError(provider, model);
  guard.emitter.emit("call-unmetered", () => ({
    id: guard.nextId(),
    atMs: guard.clock.now(),
    provider,
    what: "unknown-model",
    subject: model,
  }));
  return UNMETERED_PRICE;
}

/**
 * The tier to hold for. A request may always be served at the default tier (a flex request that was upgraded, a
 * priority request that was downgraded); one that names no tier may be served at any that the configuration expects.
 */
function heldTier(guard: Guard, provider: string, shape: RequestShape, price: ModelPrice): string {
  const possible =
    shape.possibleTiers ??
    (shape.serviceTier === null ? guard.settings.serviceTiers : ["default", shape.serviceTier]);
  const priced = possible.filter((tier) => serviceTierMultiplier(price, tier) !== undefined);
  if (shape.serviceTier !== null && !priced.includes(shape.serviceTier)) {
    if (price === UNMETERED_PRICE || price === FREE_PRICE) return "default";
    throw new PriceUnknownError(
      provider,
      shape.model,
      `service tier ${JSON.stringify(shape.serviceTier.slice(0, 40))}`,
    );
  }
  return dearestTier(price, priced) ?? "default";
}

/** A few odd calls must not make every later one unaffordable. */
const LEARNED_FACTOR_MAX = 4;

function estimateOf(
  guard: Guard,
  provider: string,
  shape: RequestShape,
  price: ModelPrice,
): { estimate: CallEstimate; additions: Readonly<Record<string, unknown>> } {
  const output = boundOutput(guard, shape, price);
  const learned =
    shape.isExact === true
      ? 1
      : Math.min(guard.calibration.factor(`${provider}/${shape.model}`), LEARNED_FACTOR_MAX);
  const calibrated = Math.ceil(shape.textTokens * learned);
  const teaches =
    shape.isExact !== true &&
    shape.refersTo === null &&
    NOT_TEXT.every((bucket) => (shape.otherInput[bucket] ?? 0) === 0);
  let textTokens = calibrated;
  let inputBound: InputBound = "request";
  if (shape.refersTo !== null) {
    const { serverContext } = guard.settings;
    if (serverContext === "refuse") {
      throw new CallNotBoundedError(
        `The request refers to ${shape.refersTo}, which is not part of it, and estimate.serverContext is "refuse".`,
      );
    }
    if (typeof serverContext === "object") {
      inputBound = "configured";
      textTokens = calibrated + serverContext.tokens;
    } else {
      if (price.contextWindowTokens === undefined && price !== UNMETERED_PRICE) {
        throw new CallNotBoundedError(
          `The request refers to ${shape.refersTo}, and no context window is known for ${shape.model} to hold for it. ` +
            `State it under prices.overrides, or set estimate.serverContext to { tokens }.`,
        );
      }
      inputBound = "context-window";
      textTokens = Math.max(calibrated, price.contextWindowTokens ?? 0);
    }
  }
  // The provider refuses a request that is larger than the window, so nothing above it can be billed.
  const window = enforcedWindow(price);
  if (inputBound !== "configured" && shape.output.kind !== "none" && window !== undefined) {
    textTokens = Math.min(textTokens, window * (shape.prompts ?? 1));
  }
  const tokens = output.perChoice * shape.output.choices + shape.output.extraTokens;
  const usage: Usage = {
    ...addUsage(
      shape.otherInput,
      shape.refersToMedia === true
        ? inputOfAnyKind(price, textTokens)
        : inputAtDearestRate(price, textTokens, shape.cacheWrites),
    ),
    ...shape.toolFees,
    [outputBucketOf(shape.output.kind, price)]: tokens,
  };
  return {
    estimate: {
      usage,
      outputBound: output.bound,
      inputBound,
      choices: shape.output.choices,
      outputTokensPerChoice: output.perChoice,
      limitable: shape.output.limitable,
      extraOutputTokens: shape.output.extraTokens,
      uncalibratedInputTokens: teaches ? shape.textTokens : null,
      usageWhenSilent: shape.usageWhenSilent,
    },
    additions: output.additions,
  };
}

/** Input beside which a total says nothing about the estimate of the text. */
const NOT_TEXT: readonly UsageBucket[] = [
  "inputImageTokens",
  "inputAudioTokens",
  "inputVideoTokens",
  "cacheWriteTokens",
  "cacheWriteLongTokens",
];

/**
 * Any input token may turn out to be written to the cache, which costs more than reading it on some models. Where caching
 * is the request's own choice, only as it says.
 */
function inputAtDearestRate(price: ModelPrice, tokens: number, cacheWrites: CacheWrites = "long"): Usage {
  const { inputTextTokens, cacheWriteTokens, cacheWriteLongTokens } = price.rates;
  const short = cacheWrites === "none" ? 0 : cacheWriteTokens;
  const long = cacheWrites === "long" ? cacheWriteLongTokens : 0;
  if (long > Math.max(inputTextTokens, short)) return { cacheWriteLongTokens: tokens };
  if (short > inputTextTokens) return { cacheWriteTokens: tokens };
  return { inputTextTokens: tokens };
}

/** What the request only refers to may be of the kind that costs most. */
function inputOfAnyKind(price: ModelPrice, tokens: number): Usage {
  const kinds = ["inputTextTokens", "inputImageTokens", "inputVideoTokens", "inputAudioTokens"] as const;
  const dearest = kinds.reduce((a, b) => (price.rates[b] > price.rates[a] ? b : a));
  return { [dearest]: tokens };
}

function outputBucketOf(kind: RequestShape["output"]["kind"], { rates }: ModelPrice): UsageBucket {
  switch (kind) {
    case "audio":
      return "outputAudioTokens";
    case "image":
      return "outputImageTokens";
    case "any": {
      const kinds = [
        "outputTextTokens",
        "outputImageTokens",
        "outputAudioTokens",
        "outputVideoTokens",
      ] as const;
      return kinds.reduce((a, b) => (rates[b] > rates[a] ? b : a));
    }
    case "text":
    case "none":
      return "outputTextTokens";
  }
}

/** A price for more input than the window says that some requests get a larger one (a beta, a header). */
function enforcedWindow({ contextWindowTokens, longContext }: ModelPrice): number | undefined {
  const isLarger = longContext.some(({ fromInputTokens }) => fromInputTokens >= (contextWindowTokens ?? 0));
  return isLarger ? undefined : contextWindowTokens;
}

function boundOutput(
  guard: Guard,
  shape: RequestShape,
  price: ModelPrice,
): { perChoice: number; bound: OutputBound; additions: Readonly<Record<string, unknown>> } {
  const { kind, limit, limitField } = shape.output;
  if (kind === "none") return { perChoice: 0, bound: "none", additions: {} };
  if (limit !== null) {
    // Nothing longer than the window can be generated, whatever the request allows.
    return {
      perChoice: Math.min(limit, price.contextWindowTokens ?? Infinity),
      bound: "request",
      additions: {},
    };
  }
  const maximum = price.maxOutputTokens ?? price.contextWindowTokens;
  const { missingOutputLimit } = guard.settings;
  if (typeof missingOutputLimit === "object" && limitField !== null) {
    const send = Math.min(missingOutputLimit.send, maximum ?? Infinity);
    return { perChoice: send, bound: "injected", additions: { [limitField]: send } };
  }
  if (maximum === undefined) {
    if (price === UNMETERED_PRICE) return { perChoice: 0, bound: "none", additions: {} };
    throw new CallNotBoundedError(
      `The request states no output limit and no maximum is known for ${shape.model}. Set ${limitField ?? "a limit"} in the ` +
        `request, set estimate.missingOutputLimit to { send: tokens }, or state maxOutputTokens under prices.overrides.`,
    );
  }
  return { perChoice: maximum, bound: "model-maximum", additions: {} };
}
