/** @module Worst case of chat completions and legacy completions. */
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import { ContentTokens } from "./content-tokens.ts";
import {
  isObject,
  positiveInteger,
  serviceTierOf,
  stringOf,
  type Body,
  type RequestShape,
} from "../../request/request-shape.ts";

/** Primes the reply, and wraps each message, in the model's own format. */
const REPLY_OVERHEAD = 16;
const MESSAGE_OVERHEAD = 8;

/**
 * Models that search for every answer, asked or not. What they find is no billed input (OpenAI pricing, "Web search
 * preview", 2026-11).
 */
const SEARCHES_ALWAYS = /-search-preview(?:-|$)/;

/** Parts of the request that become input. Everything else is a setting. */
const INPUT_FIELDS = [
  "messages",
  "tools",
  "functions",
  "response_format",
  "tool_choice",
  "function_call",
] as const;

export function shapeOfChat(body: Body, estimator: TokenEstimator): RequestShape {
  const model = stringOf(body["model"]);
  const input = new ContentTokens(estimator, model);
  input.textTokens += REPLY_OVERHEAD;
  for (const field of INPUT_FIELDS)
    if (body[field] !== undefined && body[field] !== null) input.add(body[field]);
  const messages = body["messages"];
  if (Array.isArray(messages)) input.textTokens += MESSAGE_OVERHEAD * messages.length;

  const choices = positiveInteger(body["n"]) ?? 1;
  const speaks = Array.isArray(body["modalities"]) && body["modalities"].includes("audio");
  const searches = body["web_search_options"] !== undefined && body["web_search_options"] !== null;
  if (searches) input.refer("web search results");
  const fees = SEARCHES_ALWAYS.test(model) ? { webSearchPreviews: 1 } : searches ? { webSearches: 1 } : {};
  return {
    model,
    stream: body["stream"] === true,
    serviceTier: serviceTierOf(body),
    textTokens: input.textTokens,
    otherInput: { inputImageTokens: input.imageTokens, inputAudioTokens: input.audioTokens },
    refersTo: input.refersTo,
    output: {
      kind: speaks ? "audio" : "text",
      limit: positiveInteger(body["max_completion_tokens"]) ?? positiveInteger(body["max_tokens"]),
      choices,
      extraTokens: predictedTokens(body["prediction"], estimator, model) * choices,
      limitable: true,
      limitField: "max_completion_tokens",
    },
    toolFees: fees,
    unreportedFees: fees,
    usageWhenSilent: null,
  };
}

/** Predicted output that does not come true is billed as output (OpenAI, predicted outputs guide, 2026-11). */
function predictedTokens(prediction: unknown, estimator: TokenEstimator, model: string): number {
  if (!isObject(prediction)) return 0;
  const content = new ContentTokens(estimator, model);
  content.add(prediction["content"]);
  return content.textTokens;
}

/** The legacy API generates 16 tokens when no limit is given (OpenAI API reference, completions, 2026-11). */
const LEGACY_DEFAULT_LIMIT = 16;

export function shapeOfCompletion(body: Body, estimator: TokenEstimator): RequestShape {
  const model = stringOf(body["model"]);
  const input = new ContentTokens(estimator, model);
  const prompts = addPrompts(body["prompt"], input);
  if (typeof body["suffix"] === "string") input.addText(body["suffix"]);
  const generated = Math.max(positiveInteger(body["n"]) ?? 1, positiveInteger(body["best_of"]) ?? 1);
  return {
    model,
    stream: body["stream"] === true,
    serviceTier: serviceTierOf(body),
    textTokens: input.textTokens,
    prompts,
    otherInput: {},
    refersTo: null,
    output: {
      kind: "text",
      limit: positiveInteger(body["max_tokens"]) ?? LEGACY_DEFAULT_LIMIT,
      choices: prompts * generated,
      extraTokens: 0,
      limitable: true,
      limitField: null,
    },
    toolFees: {},
    unreportedFees: {},
    usageWhenSilent: null,
  };
}

/** Adds a string, a list of strings, a list of tokens or a list of those, and returns how many prompts they are. */
export function addPrompts(prompt: unknown, input: ContentTokens): number {
  if (!Array.isArray(prompt)) {
    input.add(prompt ?? "");
    return 1;
  }
  if (prompt.every((token) => typeof token === "number")) {
    input.textTokens += prompt.length;
    return 1;
  }
  for (const one of prompt as unknown[]) {
    if (Array.isArray(one)) input.textTokens += one.length;
    else input.add(one);
    input.textTokens += 1;
  }
  return Math.max(1, prompt.length);
}
