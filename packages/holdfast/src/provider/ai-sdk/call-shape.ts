/** @module Worst case of one model call, from the options that the AI SDK gives to the model. */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { GuardSettings } from "../../guard/guard-settings.ts";
import type { Usage } from "../../usage/usage.ts";
import {
  isObject,
  NO_OUTPUT,
  positiveInteger,
  stringOf,
  type Body,
  type OutputShape,
  type RequestShape,
} from "../request/request-shape.ts";
import { mayReason, searchesAlways, type BilledProvider } from "./billed-provider.ts";
import { PromptTokens } from "./prompt-tokens.ts";
import { providerTools, type ProviderTools } from "./provider-tools.ts";
import { requestedTiers } from "./service-tier.ts";
import type { EmbeddingCallOptions, ImageCallOptions, LanguageCallOptions } from "./sdk-types.ts";

/** Primes the reply, and wraps each message, in the model's own format. */
const REPLY_OVERHEAD = 32;
const MESSAGE_OVERHEAD = 8;

/** Content that lives with the provider; the options only name it. */
const REFERENCES: readonly (readonly [option: string, what: string])[] = [
  ["previousResponseId", "an earlier response"],
  ["previousInteractionId", "an earlier interaction"],
  ["conversation", "a conversation"],
  ["continuationToken", "an earlier response"],
  ["cachedContent", "cached content"],
  ["mcpServers", "results of the provider's tools (MCP)"],
];

/** Names under which providers take a limit besides the SDK's own; the largest is held for. */
const LIMITS: readonly string[] = [
  "maxCompletionTokens",
  "maxTokens",
  "maxOutputTokens",
  "max_completion_tokens",
  "max_tokens",
  "max_output_tokens",
];

export interface LanguageShape extends RequestShape {
  readonly tools: ProviderTools;
}

/**
 * @param model the name in the price list
 * @throws {CallNotAllowedError} when part of the call would be billed where no hold can follow it
 */
export function shapeOfLanguageCall(
  params: LanguageCallOptions,
  model: string,
  provider: BilledProvider,
  stream: boolean,
  { estimator, allow }: GuardSettings,
): LanguageShape {
  const { family } = provider;
  const options = providerOptionsOf(params.providerOptions);
  const input = new PromptTokens(estimator, model, family);
  input.textTokens += REPLY_OVERHEAD + MESSAGE_OVERHEAD * params.prompt.length;
  for (const part of [params.prompt, params.tools, params.toolChoice, params.responseFormat]) {
    if (part !== undefined && part !== null) input.add(part);
  }
  if (family === "google") refuseAgents(options, allow);
  for (const one of options) {
    // Instructions, predictions, schemas: whatever is text in them may become input.
    input.add(one);
    for (const [option, what] of REFERENCES) {
      if (one[option] !== undefined && one[option] !== null) input.refer(what);
    }
  }
  const callsMax = firstOf(options, (one) => positiveInteger(one["maxToolCalls"]));
  const tools = providerTools(params.tools, callsMax, allow);
  if (tools.refersTo !== null) input.refer(tools.refersTo);
  // A summary of the conversation is generated, and billed, before the answer.
  const passes = options.some(isCompacting) ? 2 : 1;
  const shape: LanguageShape = {
    model,
    stream,
    ...requestedTiers(provider, options),
    textTokens: input.textTokens * passes,
    prompts: passes,
    ...(family === "anthropic" ? { cacheWrites: input.cacheWrites } : {}),
    mayReason: mayReason(model, asksToThink(params, options)),
    otherInput: {
      inputImageTokens: input.imageTokens * passes,
      inputAudioTokens: input.audioTokens * passes,
    },
    refersTo: input.refersTo,
    // A conversation with Gemini may have sound and pictures in it.
    refersToMedia: family === "google" && input.refersTo !== null,
    output: outputOf(params, model, options, passes, estimator.estimate.bind(estimator)),
    toolFees: searchesAlways(model) ? { webSearchPreviews: 1, ...tools.fees } : tools.fees,
    unreportedFees: {},
    usageWhenSilent: null,
    tools,
  };
  const also = fallbacksOf(options).map((fallback) => ({ ...shape, model: fallback }));
  return also.length === 0 ? shape : { ...shape, also };
}

/**
 * Models that Anthropic answers with when the requested one refuses; both are billed.
 *
 * @throws {CallNotBoundedError} when they are not named.
 */
function fallbacksOf(options: readonly Body[]): readonly string[] {
  return options.flatMap(({ fallbacks }) => {
    if (fallbacks === undefined || fallbacks === null) return [];
    if (!Array.isArray(fallbacks)) {
      throw new CallNotBoundedError(
        "The fallbacks of this call are not named, so what they cost is not known. Name their models.",
      );
    }
    return (fallbacks as unknown[]).map((one) => (isObject(one) ? stringOf(one["model"]) : ""));
  });
}

/** @throws {CallNotAllowedError} for an agent (Google's interactions), which decides by itself how much it generates */
function refuseAgents(options: readonly Body[], allow: ReadonlySet<string>): void {
  const isSet = (value: unknown): boolean => value !== undefined && value !== null;
  const isAgent = options.some(({ agent, agentConfig, environment }) =>
    [agent, agentConfig, environment].some(isSet),
  );
  if (!isAgent || allow.has("agents")) return;
  throw new CallNotAllowedError(
    'A call of an agent generates as much as the agent decides, so no hold can follow it. Use a model, or allow it with allow: ["agents"].',
  );
}

/** Whether the options ask for thoughts, in the words of any provider or of ai 7. */
function asksToThink(params: LanguageCallOptions, options: readonly Body[]): boolean {
  const level = (params as { reasoning?: unknown }).reasoning;
  if (level !== undefined && level !== "none" && level !== "provider-default") return true;
  return options.some((one) => {
    const thinking = one["thinking"] ?? one["reasoningConfig"];
    return (isObject(thinking) && thinking["type"] !== "disabled") || one["effort"] !== undefined;
  });
}

function outputOf(
  params: LanguageCallOptions,
  model: string,
  options: readonly Body[],
  passes: number,
  estimate: (text: string, model: string) => number,
): OutputShape {
  const limits = options.flatMap((one) => LIMITS.map((name) => positiveInteger(one[name])));
  const stated = Math.max(0, positiveInteger(params.maxOutputTokens) ?? 0, ...limits.map((one) => one ?? 0));
  const thinking = thinkingBudget(options);
  const choices = Math.max(
    1,
    ...options.flatMap((one) => [
      positiveInteger(one["n"]) ?? 1,
      positiveInteger(one["candidateCount"]) ?? 1,
    ]),
  );
  // Anthropic's provider adds the budget for thinking to the limit, and one that it works out itself cannot be seen.
  const derived = thinking === "unknown" || hasReasoningLevel(params, model);
  const limit = stated === 0 || derived ? null : stated + thinking;
  return {
    kind: kindOf(model, options),
    limit,
    choices: choices * passes,
    extraTokens: predictedTokens(options, model, estimate) * choices,
    limitable: true,
    // A limit that the application gave is not replaced, and one that the provider would add to is no limit.
    limitField: stated > 0 || thinking !== 0 || derived ? null : "maxOutputTokens",
  };
}

/** The largest budget that is stated for thinking; "unknown" when thinking is on and the provider decides. */
function thinkingBudget(options: readonly Body[]): number | "unknown" {
  let largest = 0;
  for (const one of options) {
    const thinking = isObject(one["thinking"]) ? one["thinking"] : one["reasoningConfig"];
    if (!isObject(thinking) || thinking["type"] !== "enabled") continue;
    const budget = positiveInteger(thinking["budgetTokens"]);
    if (budget === null) return "unknown";
    largest = Math.max(largest, budget);
  }
  return largest;
}

/** ai 7 turns its own `reasoning` level into a budget for Claude, on top of the limit. */
function hasReasoningLevel(params: LanguageCallOptions, model: string): boolean {
  const level = (params as { reasoning?: unknown }).reasoning;
  if (level === undefined || level === "none" || level === "provider-default") return false;
  return /claude/.test(model);
}

function kindOf(model: string, options: readonly Body[]): OutputShape["kind"] {
  const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
  const modalities = options.flatMap((one) => [
    ...listOf(one["responseModalities"] ?? one["modalities"]),
    // Of Google's interactions.
    ...listOf(one["responseFormat"]).map((format) => (isObject(format) ? format["type"] : undefined)),
  ]);
  const has = (kind: string): boolean =>
    modalities.some((one) => typeof one === "string" && one.toLowerCase() === kind);
  if (has("video")) return "any";
  if (has("image") || /-image(-|$)|nano-banana/.test(model)) return "image";
  return has("audio") ? "audio" : "text";
}

/** Predicted output that does not come true is billed as output (OpenAI, predicted outputs guide, 2026-11). */
function predictedTokens(
  options: readonly Body[],
  model: string,
  estimate: (text: string, model: string) => number,
): number {
  let tokens = 0;
  for (const { prediction } of options as readonly { prediction?: unknown }[]) {
    if (isObject(prediction)) tokens += estimate(JSON.stringify(prediction["content"] ?? ""), model);
  }
  return tokens;
}

function isCompacting(options: Body): boolean {
  if (isObject(options["compaction"]) || options["compactionTrigger"] === true) return true;
  const management = options["contextManagement"];
  const edits = Array.isArray(management)
    ? (management as unknown[])
    : isObject(management) && Array.isArray(management["edits"])
      ? (management["edits"] as unknown[])
      : [];
  return edits.some((edit) => isObject(edit) && stringOf(edit["type"]).startsWith("compact"));
}

export function shapeOfEmbedding(
  params: EmbeddingCallOptions,
  model: string,
  provider: BilledProvider,
  { estimator }: GuardSettings,
): RequestShape {
  const input = new PromptTokens(estimator, model, provider.family);
  input.add(params.values);
  for (const one of providerOptionsOf(params.providerOptions)) input.add(one);
  return {
    model,
    stream: false,
    serviceTier: null,
    textTokens: input.textTokens,
    otherInput: { inputImageTokens: input.imageTokens, inputAudioTokens: input.audioTokens },
    refersTo: input.refersTo,
    output: NO_OUTPUT,
    toolFees: {},
    unreportedFees: {},
    usageWhenSilent: null,
  };
}

/**
 * Output tokens of one picture: the largest usual size of gpt-image-1 at quality "high" (OpenAI image generation guide,
 * 2026-11). The qualities above it and larger sizes have no published maximum; four times as much is held for each.
 */
const PICTURE_TOKENS = 6_240;
const FINE_PICTURE = 4;
const LARGE_PICTURE = 4;
const FINE: ReadonlySet<unknown> = new Set(["xhigh", "max"]);
const USUAL_SIZE = /^(auto|256x256|512x512|1024x1024|1024x1536|1536x1024)$/;
/** An input image at high fidelity, with room (the same guide). */
const IMAGE_INPUT_TOKENS = 6_500;

export function shapeOfImageCall(
  params: ImageCallOptions,
  model: string,
  provider: BilledProvider,
  { estimator }: GuardSettings,
): RequestShape {
  const options = providerOptionsOf(params.providerOptions);
  const text = new PromptTokens(estimator, model, provider.family);
  text.add(params.prompt ?? "");
  const images = positiveInteger(params.n) ?? 1;
  const sources =
    (Array.isArray(params.files) ? params.files.length : 0) + (params.mask === undefined ? 0 : 1);
  const fine = options.some((one) => FINE.has(one["quality"])) ? FINE_PICTURE : 1;
  const size =
    params.size ?? firstOf(options, (one) => (typeof one["size"] === "string" ? one["size"] : null));
  const large = typeof size === "string" && !USUAL_SIZE.test(size) ? LARGE_PICTURE : 1;
  const byThePiece: Usage = { inputImageTokens: sources * IMAGE_INPUT_TOKENS, images };
  return {
    model,
    stream: false,
    ...requestedTiers(provider, options),
    textTokens: text.textTokens,
    otherInput: byThePiece,
    refersTo: null,
    output: {
      kind: "image",
      limit: PICTURE_TOKENS * fine * large,
      choices: images,
      extraTokens: 0,
      limitable: false,
      limitField: null,
    },
    toolFees: {},
    unreportedFees: {},
    usageWhenSilent: null,
  };
}

function providerOptionsOf(given: LanguageCallOptions["providerOptions"]): readonly Body[] {
  return Object.values(given ?? {}).filter(isObject);
}

function firstOf<T>(options: readonly Body[], read: (one: Body) => T | null): T | null {
  for (const one of options) {
    const value = read(one);
    if (value !== null) return value;
  }
  return null;
}
