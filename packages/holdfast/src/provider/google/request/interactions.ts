/** @module Worst case of interactions with a model. */
import { CallNotAllowedError } from "../../../error/call-not-allowed-error.ts";
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import { isObject, stringOf, type Body, type RequestShape } from "../../request/request-shape.ts";
import { plainModelName } from "../endpoint.ts";
import { ContentTokens } from "./content-tokens.ts";
import { generatedOutput, requestedTier } from "./generate-content.ts";
import { groundingFees, refuseUnmeteredTools, serverToolsOf } from "./tools.ts";

const REQUEST_OVERHEAD = 16;

/** Parts of the request that become input. */
const INPUT_FIELDS = ["input", "system_instruction", "tools", "response_format"] as const;

/** Content that lives with the provider; the request only names it. */
const REFERENCES: Readonly<Record<string, string>> = {
  previous_interaction_id: "an earlier interaction",
  cached_content: "a context cache",
  continuation_token: "what was generated before",
};

/** @throws {CallNotAllowedError} when it is an agent's, which decides by itself how much it generates */
export function shapeOfInteraction(body: Body, settings: GuardSettings): RequestShape {
  refuseAgents(body, settings);
  const model = plainModelName(stringOf(body["model"]));
  const config = isObject(body["generation_config"]) ? body["generation_config"] : {};
  const tools = serverToolsOf(body["tools"]);
  refuseUnmeteredTools(tools, settings);
  const input = new ContentTokens(settings.estimator, model);
  input.textTokens += REQUEST_OVERHEAD;
  for (const field of INPUT_FIELDS)
    if (body[field] !== undefined && body[field] !== null) input.add(body[field]);
  for (const [field, what] of Object.entries(REFERENCES)) {
    if (typeof body[field] === "string" && body[field] !== "") input.refer(what, true);
  }
  if (tools.length > 0)
    input.refer(`results of the provider's tools (${tools.join(", ").slice(0, 80)})`, true);
  return {
    model,
    stream: body["stream"] === true,
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

/** The kinds of output that are asked for; null when the model decides. */
function modalitiesOf(body: Body): readonly string[] | null {
  const asked = Array.isArray(body["response_modalities"]) ? (body["response_modalities"] as unknown[]) : [];
  const formats = Array.isArray(body["response_format"])
    ? (body["response_format"] as unknown[])
    : [body["response_format"]];
  const named = [
    ...asked,
    ...formats.map((format) => (isObject(format) ? format["type"] : undefined)),
  ].filter((one): one is string => typeof one === "string");
  return named.length === 0 ? null : named;
}

function refuseAgents(body: Body, { allow }: GuardSettings): void {
  const agent = [body["agent"], body["agent_config"]].some((value) => value !== undefined && value !== null);
  if (!agent || allow.has("agents")) return;
  throw new CallNotAllowedError(
    'An interaction with an agent generates as much as the agent decides, so no hold can follow it. Use a model, or allow it unmetered with allow: ["agents"].',
  );
}
