/** @module What a provider adapter states about a request before it is sent. */
import type { ModelPrice } from "@holdfast/prices";
import type { Amounts } from "../ledger/amounts.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../usage/usage.ts";

/** What bounds the output that is held for. */
export type OutputBound =
  /** A limit in the caller's request. */
  | "request"
  /** A limit that Holdfast added to the request, by configuration. */
  | "injected"
  /** The model's own maximum. */
  | "model-maximum"
  /** The endpoint has no generated output. */
  | "none";

/** What bounds the input that is held for. */
export type InputBound =
  /** An upper bound on what the request itself contains. */
  | "request"
  /** The model's context window: the provider adds content that the request only refers to. */
  | "context-window"
  /** A figure from the configuration, which nobody enforces. */
  | "configured";

/** The stated worst case of one attempt. */
export interface CallEstimate {
  readonly usage: Usage;
  readonly outputBound: OutputBound;
  readonly inputBound: InputBound;
  /** Choices that are generated; each may use the whole output limit. */
  readonly choices: number;
  readonly outputTokensPerChoice: number;
  /** Whether the request can carry an output limit of its own. */
  readonly limitable: boolean;
  /** Held on top of that, all choices together, whatever the limit. */
  readonly extraOutputTokens: number;
  /** Input tokens as estimated before what was learned was applied; null when there is nothing to learn from. */
  readonly uncalibratedInputTokens: number | null;
  /**
   * What a complete answer consumed when the endpoint reports no usage of its own (speech, for one); null when every
   * complete answer must report it.
   */
  readonly usageWhenSilent: Usage | null;
}

/** What is particular to work that goes on at the provider after the request that created it has returned. */
export interface JobPlan {
  /** Requests that the provider runs under it: the lines of a batch, or 1. Each counts as a call. */
  readonly requests: number;
  /** What the other models cost that its requests name, as it was when they were planned. */
  readonly otherPrices?: readonly { readonly model: string; readonly price: ModelPrice }[];
  /**
   * None of its requests reaches a long-context price list, though their sum, which is what is reported, may.
   * @default false
   */
  readonly hasOnlyShortContexts?: boolean;
  /** Fees that its result will not report. */
  readonly unreportedFees?: Usage;
}

export interface CallPlan {
  readonly provider: string;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  /** As requested; null when the request leaves it to the account's settings. */
  readonly serviceTier: string | null;
  /** The dearest tier that the request may be served at: the one that is held for. */
  readonly heldServiceTier: string;
  readonly price: ModelPrice;
  /** The tier of the price list that the region is billed at, which is in `price`; absent when it adds nothing. */
  readonly region?: string;
  readonly estimate: CallEstimate;
  /** Cost of `estimate.usage` at the held tier, nano-USD; what other models may bill is in it at their own prices. */
  readonly worstCaseNanoUsd: number;
  /** What of the worst case other models, or other steps, may bill; absent when there are none. */
  readonly besides?: { readonly usage: Usage; readonly nanoUsd: number };
  /**
   * Whether the provider may read the input more than once for one answer (a loop of its own tools): what a stream states
   * of its input at its start is only the least then.
   * @default false
   */
  readonly mayReadAgain?: boolean;
  /** Whether the request lets the model generate tokens that are not sent; absent when the request does not say. */
  readonly mayReason?: boolean;
  /** Set when the answer to this request is not the end of what it costs; see jobs.ts. */
  readonly job?: JobPlan;
}

/**
 * What an attempt of this plan holds. The attempts of one request count as one call. A job takes no slot of the calls
 * that are under way at once: it may go on for a day, and nobody waits for it.
 */
export function heldAmounts(plan: CallPlan, countsAsCall: boolean): Amounts {
  const { estimate, worstCaseNanoUsd, job } = plan;
  const amounts = settledAmounts(estimate.usage, worstCaseNanoUsd, countsAsCall, job === undefined ? 1 : 0);
  return countedAmounts(amounts, plan);
}

/** With as many calls as the plan stands for. */
export function countedAmounts(amounts: Amounts, { job }: CallPlan): Amounts {
  if (job === undefined || amounts.calls === 0) return amounts;
  return Object.freeze({ ...amounts, calls: job.requests });
}

/** Usage and cost as ledger amounts. */
export function settledAmounts(
  usage: Usage,
  nanoUsd: number,
  countsAsCall: boolean,
  concurrentCalls = 0,
): Amounts {
  const inputTokens = inputTokensOf(usage);
  const outputTokens = outputTokensOf(usage);
  // Frozen, since the ledger, events and errors share it.
  return Object.freeze({
    nanoUsd,
    calls: countsAsCall ? 1 : 0,
    concurrentCalls,
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
  });
}
