/**
 * @module Worst case of generateContent.
 *
 * `maxOutputTokens` bounds thoughts and visible output together, although the documentation of thinking reads otherwise;
 * `thinkingBudget` is no bound (googleapis/python-genai#2062 and vectorize-io/hindsight#3365, measured on Gemini 3 and
 * 3.6, 2026). Each candidate may use all of it.
 */
import { googleServiceTier } from "@holdfast/prices";
import { CallNotBoundedError } from "../../../error/call-not-bounded-error.ts";
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import {
  isObject,
  positiveInteger,
  stringOf,
  type Body,
  type OutputShape,
  type RequestShape,
} from "../../request/request-shape.ts";
import { plainModelName } from "../endpoint.ts";
import { ContentTokens, type Place } from "./content-tokens.ts";
import { camelFields, listOf, wholeNumber } from "./spelling.ts";
import { groundingFees, refuseUnmeteredTools, serverToolsOf } from "./tools.ts";

/** Primes the reply, and wraps the contents, in the model's own format. */
const REQUEST_OVERHEAD = 16;

/** Parts of the request that become input, and what they hold. Everything else is a setting. */
const INPUT_FIELDS: Readonly<Record<string, Place>> = {
  contents: "contents",
  systemInstruction: "contents",
  tools: "data",
  toolConfig: "data",
};

/** Parts of the settings that become input. */
const INPUT_SETTINGS = ["responseSchema", "responseJsonSchema", "responseFormat"] as const;

/**
 * @param request as it will be sent, and the model of the path as `model`
 * @throws {CallNotBoundedError} when the request lets another model answer, or states a field twice.
 */
export function shapeOfGeneration(request: Body, settings: GuardSettings, stream: boolean): RequestShape {
  const body = camelFields(request);
  const model = stringOf(body["model"]);
  const config = isObject(body["generationConfig"]) ? camelFields(body["generationConfig"]) : {};
  refuseRouting(config, model);
  const tools = serverToolsOf(body["tools"]);
  refuseUnmeteredTools(tools, settings);
  const input = new ContentTokens(settings.estimator, model, config["mediaResolution"]);
  input.textTokens += REQUEST_OVERHEAD;
  for (const [field, place] of Object.entries(INPUT_FIELDS))
    if (body[field] !== undefined && body[field] !== null) input.add(body[field], place);
  for (const field of INPUT_SETTINGS) if (config[field] !== undefined) input.add(config[field]);
  if (isPresent(body["cachedContent"])) input.refer("a context cache", true);
  if (isPresent(body["continuationToken"])) input.refer("what was generated before", false);
  if (tools.length > 0)
    input.refer(`results of the provider's tools (${tools.join(", ").slice(0, 80)})`, false);
  if (tools.some((tool) => tool === "urlContext" || tool === "fileSearch")) input.refersToMedia = true;
  const choices = wholeNumber(config["candidateCount"]) ?? 1;
  return {
    model,
    stream,
    // The first chunk states files and caches in full, but not what the tools will put into the prompt.
    mayReadAgain: tools.length > 0,
    serviceTier: requestedTier(body["serviceTier"]),
    textTokens: input.textTokens,
    otherInput: { inputImageTokens: input.imageTokens, inputAudioTokens: input.audioTokens },
    refersTo: input.refersTo,
    refersToMedia: input.refersTo !== null && input.refersToMedia,
    output: {
      ...generatedOutput(model, modalitiesOf(config), config["maxOutputTokens"], choices),
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

/** The kinds of output that are asked for; null when the model decides. */
function modalitiesOf(config: Body): readonly string[] | null {
  const modalities = Array.isArray(config["responseModalities"])
    ? (config["responseModalities"] as unknown[])
    : [config["responseModalities"]];
  const formats = listOf(config["responseFormat"]).flatMap((one) => (isObject(one) ? Object.keys(one) : []));
  const asked = [...modalities, ...formats].filter(
    (one): one is string => typeof one === "string" && one !== "" && one !== "MODALITY_UNSPECIFIED",
  );
  return asked.length === 0 ? null : asked;
}

/** What a model generates unless it is told otherwise; the dearest where there are several. */
export function ownOutputKind(model: string): "text" | "image" | "audio" {
  if (/image|banana/.test(model)) return "image";
  return /-tts|audio/.test(model) ? "audio" : "text";
}

/**
 * The dearest kind that may be generated: models for pictures and speech generate them unless told otherwise, and what
 * something costs that is none of the known kinds is not known.
 */
export function outputKindOf(model: string, modalities: readonly string[] | null): OutputShape["kind"] {
  if (modalities === null) return ownOutputKind(model);
  const asked = modalities.map((one) => one.toUpperCase());
  if (asked.some((one) => !["TEXT", "IMAGE", "AUDIO"].includes(one))) return "any";
  return asked.includes("IMAGE") ? "image" : asked.includes("AUDIO") ? "audio" : "text";
}

export function generatedOutput(
  model: string,
  modalities: readonly string[] | null,
  limit: unknown,
  choices: number,
): Omit<OutputShape, "limitField"> {
  return {
    kind: outputKindOf(model, modalities),
    limit: positiveInteger(limit),
    choices,
    extraTokens: 0,
    limitable: true,
  };
}

/** On Vertex AI the settings may choose another model than the address names, which may cost more. */
function refuseRouting(config: Body, model: string): void {
  const routing = isObject(config["routingConfig"]) ? camelFields(config["routingConfig"]) : {};
  const manual = isObject(routing["manualMode"]) ? camelFields(routing["manualMode"]) : {};
  const other = plainModelName(stringOf(manual["modelName"]));
  if (!isPresent(routing["autoMode"]) && (other === "" || other === model)) return;
  throw new CallNotBoundedError(
    "generationConfig.routingConfig lets another model answer than the one that is asked, so no worst case can be stated. " +
      "Leave it out, and ask the model that is to answer.",
  );
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
