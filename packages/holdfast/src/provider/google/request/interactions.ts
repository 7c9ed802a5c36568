/** @module Worst case of interactions with a model. */
import { CallNotAllowedError } from "../../../error/call-not-allowed-error.ts";
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import { isObject, stringOf, type Body, type RequestShape } from "../../request/request-shape.ts";
import { plainModelName } from "../endpoint.ts";
import { ContentTokens, type Place } from "./content-tokens.ts";
import { generatedOutput, requestedTier } from "./generate-content.ts";
import { listOf, snakeFields } from "./spelling.ts";
import { groundingFees, refuseUnmeteredTools, serverToolsOf } from "./tools.ts";

const REQUEST_OVERHEAD = 16;

/** Parts of the request that become input. */
const INPUT_FIELDS: Readonly<Record<string, Place>> = {
  input: "interaction",
  system_instruction: "interaction",
  tools: "data",
  response_format: "data",
};

/** Content that lives with the provider; the request only names it. */
const REFERENCES: Readonly<Record<string, string>> = {
  previous_interaction_id: "an earlier interaction",
  cached_content: "a context cache",
  continuation_token: "what was generated before",
};

/**
 * @throws {CallNotAllowedError} when it is an agent's, which decides by itself how much it generates, or runs in a sandbox
 * of the provider's.
 */
export function shapeOfInteraction(request: Body, settings: GuardSettings): RequestShape {
  const body = snakeFields(request);
  refuseAgents(body, settings);
  refuseEnvironments(body, settings);
  const model = plainModelName(stringOf(body["model"]));
  const config = isObject(body["generation_config"]) ? snakeFields(body["generation_config"]) : {};
  const tools = serverToolsOf(body["tools"]);
  refuseUnmeteredTools(tools, settings);
  const input = new ContentTokens(settings.estimator, model);
  input.textTokens += REQUEST_OVERHEAD;
  for (const [field, place] of Object.entries(INPUT_FIELDS))
    if (isPresent(body[field])) input.add(body[field], place);
  for (const [field, what] of Object.entries(REFERENCES)) {
    if (typeof body[field] === "string" && body[field] !== "") input.refer(what, true);
  }
  if (isPresent(body["environment"])) input.refer("an environment", true);
  if (tools.length > 0)
    input.refer(`results of the provider's tools (${tools.join(", ").slice(0, 80)})`, true);
  return {
    model,
    stream: body["stream"] === true,
    mayReadAgain: tools.length > 0 || isPresent(body["environment"]),
    serviceTier: requestedTier(body["service_tier"]),
    textTokens: input.textTokens,
    otherInput: { inputImageTokens: input.imageTokens, inputAudioTokens: input.audioTokens },
    refersTo: input.refersTo,
    refersToMedia: input.refersTo !== null && input.refersToMedia,
    output: {
      ...generatedOutput(model, modalitiesOf(body), config["max_output_tokens"], 1),
      limitField: "max_output_tokens",
    },
    toolFees: groundingFees(tools, model, 1),
    unreportedFees: {},
    usageWhenSilent: null,
  };
}

/**
 * The kinds of output that are asked for; null when the model decides.
 *
 * @param body an interaction or a request for one
 */
export function modalitiesOf(body: Body): readonly string[] | null {
  const asked = Array.isArray(body["response_modalities"]) ? (body["response_modalities"] as unknown[]) : [];
  const formats = listOf(body["response_format"]).map((format) =>
    isObject(format) && typeof format["type"] === "string" ? kindOfFormat(format["type"]) : undefined,
  );
  const named = [...asked, ...formats].filter((one): one is string => typeof one === "string");
  return named.length === 0 ? null : named;
}

/** A format is one of media, or a schema of what is written, whose type is that of JSON. */
function kindOfFormat(type: string): string {
  return ["image", "audio", "video"].includes(type) ? type : "text";
}

function refuseAgents(body: Body, { allow }: GuardSettings): void {
  if (!(isPresent(body["agent"]) || isPresent(body["agent_config"])) || allow.has("agents")) return;
  throw new CallNotAllowedError(
    'An interaction with an agent generates as much as the agent decides, so no hold can follow it. Use a model, or allow it unmetered with allow: ["agents"].',
  );
}

/** An environment is a machine of the provider's, made by the interaction itself, and billed by its time. */
function refuseEnvironments(body: Body, { allow }: GuardSettings): void {
  if (!isPresent(body["environment"]) || allow.has("containers")) return;
  throw new CallNotAllowedError(
    'An interaction with an environment runs in a sandbox that is billed apart from the model\'s usage. Leave it out, or allow it with allow: ["containers"]; its own fee is then not counted.',
  );
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
