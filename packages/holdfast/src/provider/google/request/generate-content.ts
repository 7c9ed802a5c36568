/**
 * @module Worst case of generateContent.
 *
 * `maxOutputTokens` bounds thoughts and visible output together, although the documentation of thinking reads otherwise;
 * `thinkingBudget` is no bound (googleapis/python-genai#2062 and vectorize-io/hindsight#3365, measured on Gemini 3 and
 * 3.6, 2026). Each candidate may use all of it.
 */
import { googleServiceTier } from "@holdfast/prices";
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import {
  isObject,
  positiveInteger,
  stringOf,
  type Body,
  type OutputShape,
  type RequestShape,
} from "../../request/request-shape.ts";
import { ContentTokens } from "./content-tokens.ts";
import { groundingFees, refuseUnmeteredTools, serverToolsOf } from "./tools.ts";

/** Primes the reply, and wraps the contents, in the model's own format. */
const REQUEST_OVERHEAD = 16;

/** Parts of the request that become input. Everything else is a setting. */
const INPUT_FIELDS = ["contents", "systemInstruction", "system_instruction", "tools", "toolConfig"] as const;

/** Parts of the settings that become input. */
const INPUT_SETTINGS = ["responseSchema", "responseJsonSchema", "response_schema"] as const;

/** @param body as it will be sent, and the model of the path as `model` */
export function shapeOfGeneration(body: Body, settings: GuardSettings, stream: boolean): RequestShape {
  const model = stringOf(body["model"]);
  const config = isObject(body["generationConfig"]) ? body["generationConfig"] : {};
  const tools = serverToolsOf(body["tools"]);
  refuseUnmeteredTools(tools, settings);
  const input = new ContentTokens(settings.estimator, model, config["mediaResolution"]);
  input.textTokens += REQUEST_OVERHEAD;
  for (const field of INPUT_FIELDS)
    if (body[field] !== undefined && body[field] !== null) input.add(body[field]);
  for (const field of INPUT_SETTINGS) if (config[field] !== undefined) input.add(config[field]);
  if (isPresent(body["cachedContent"])) input.refer("a context cache", true);
  if (isPresent(body["continuationToken"])) input.refer("what was generated before", false);
  if (tools.length > 0)
    input.refer(`results of the provider's tools (${tools.join(", ").slice(0, 80)})`, false);
  if (tools.some((tool) => tool === "urlContext" || tool === "fileSearch")) input.refersToMedia = true;
  const choices = positiveInteger(config["candidateCount"]) ?? 1;
  return {
    model,
    stream,
    serviceTier: requestedTier(body["serviceTier"] ?? body["service_tier"]),
    textTokens: input.textTokens,
    otherInput: { inputImageTokens: input.imageTokens, inputAudioTokens: input.audioTokens },
    refersTo: input.refersTo,
    refersToMedia: input.refersTo !== null && input.refersToMedia,
    output: {
      ...generatedOutput(model, config["responseModalities"], config["maxOutputTokens"], choices),
      limitField: "maxOutputTokens",
    },
    toolFees: groundingFees(tools, model, choices),
    unreportedFees: {},
    usageWhenSilent: null,
  };
}

/** Without a stated tier a request is served at the standard one, so the account's settings have no say. */
export function requestedTier(tier: unknown): string {
  return googleServiceTier({ serviceTier: typeof tier === "string" ? tier : null });
}

/** The dearest kind that may be generated: models for pictures and speech generate them unless told otherwise. */
export function generatedOutput(
  model: string,
  modalities: unknown,
  limit: unknown,
  choices: number,
): Omit<OutputShape, "limitField"> {
  const asked = Array.isArray(modalities)
    ? (modalities as unknown[]).map((one) => (typeof one === "string" ? one.toUpperCase() : ""))
    : null;
  const pictures = asked === null ? /image|banana/.test(model) : asked.includes("IMAGE");
  const speech = asked === null ? /-tts|audio/.test(model) : asked.includes("AUDIO");
  return {
    kind: pictures ? "image" : speech ? "audio" : "text",
    limit: positiveInteger(limit),
    choices,
    extraTokens: 0,
    limitable: true,
  };
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
