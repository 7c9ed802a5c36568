/** @module How much output a request could still have. Pure. */
import type { Limits } from "../ledger/amounts.ts";
import { costNanoUsd } from "../price/cost.ts";
import { inputTokensOf, type Usage } from "../usage/usage.ts";
import type { CallPlan } from "./call-plan.ts";

/**
 * The largest output limit, in tokens per choice, with which the plan fits what is available; 0 when not even its
 * input fits, null when the request takes no output limit or something other than output is missing.
 */
export function affordableOutputTokens(plan: CallPlan, available: Limits): number | null {
  const { estimate } = plan;
  if (estimate.outputTokensPerChoice === 0 || !estimate.limitable) return null;
  if (available.calls === 0 || available.concurrentCalls === 0) return null;
  const fits = (perChoice: number): boolean => {
    const output = perChoice * estimate.choices + estimate.extraOutputTokens;
    const usage = withOutput(estimate.usage, output);
    const input = inputTokensOf(usage);
    return (
      within(available.inputTokens, input) &&
      within(available.outputTokens, output) &&
      within(available.totalTokens, input + output) &&
      within(available.nanoUsd, costNanoUsd(usage, plan.price, plan.heldServiceTier))
    );
  };
  if (!fits(0)) return 0;
  // Cost grows with output, so the boundary can be bisected.
  let low = 0;
  let high = estimate.outputTokensPerChoice;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function within(available: number | undefined, needed: number): boolean {
  return available === undefined || needed <= available;
}

function withOutput(worstCase: Usage, tokens: number): Usage {
  if ((worstCase.outputAudioTokens ?? 0) > 0) return { ...worstCase, outputAudioTokens: tokens };
  if ((worstCase.outputImageTokens ?? 0) > 0) return { ...worstCase, outputImageTokens: tokens };
  return { ...worstCase, outputTextTokens: tokens };
}
