/** @module Worst case of the legacy completions, which report no usage. */
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import { positiveInteger, stringOf, type Body, type RequestShape } from "../../request/request-shape.ts";
import { pricedModel, type Platform } from "../platform.ts";
import { MessageTokens } from "./message-tokens.ts";
import { tiersOf } from "./tiers.ts";

const PROMPT_OVERHEAD = 16;

export function shapeOfCompletion(body: Body, settings: GuardSettings, platform: Platform): RequestShape {
  const model = pricedModel(platform, stringOf(body["model"]));
  const input = new MessageTokens(settings.estimator, model);
  input.textTokens += PROMPT_OVERHEAD;
  input.add(body["prompt"] ?? "");
  const limit = positiveInteger(body["max_tokens_to_sample"]);
  return {
    model,
    stream: body["stream"] === true,
    ...tiersOf(body, settings, platform),
    cacheWrites: "none",
    mayReason: false,
    textTokens: input.textTokens,
    otherInput: {},
    refersTo: null,
    output: {
      kind: "text",
      limit,
      choices: 1,
      extraTokens: 0,
      limitable: true,
      limitField: "max_tokens_to_sample",
    },
    toolFees: {},
    unreportedFees: {},
    usageWhenSilent: { inputTextTokens: input.textTokens, outputTextTokens: limit ?? 0 },
  };
}
