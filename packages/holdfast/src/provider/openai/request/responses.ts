/** @module Worst case of the Responses API, of compaction and of decisions. */
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import type { Usage } from "../../../usage/usage.ts";
import { ContentTokens } from "./content-tokens.ts";
import {
  isObject,
  positiveInteger,
  serviceTierOf,
  stringOf,
  type Body,
  type RequestShape,
} from "../../request/request-shape.ts";

const REPLY_OVERHEAD = 32;

/** Parts of the request that become input. */
const INPUT_FIELDS = ["input", "instructions", "tools", "text", "tool_choice", "questions"] as const;

/** Content that lives with the provider; the request only names it. */
const REFERENCES: Readonly<Record<string, string>> = {
  previous_response_id: "an earlier response",
  conversation: "a conversation",
  prompt: "a stored prompt",
};

/** Tools that the application runs itself, or that only shape the answer: they add nothing that is not in the request. */
const CLIENT_TOOLS: ReadonlySet<string> = new Set([
  "function",
  "custom",
  "namespace",
  "local_shell",
  "apply_patch",
]);

/** Calls of the provider's own tools that are held for when `max_tool_calls` does not bound them; nobody enforces it. */
const TOOL_CALLS_HELD = 10;

/** @param takesLimit whether the endpoint knows `max_output_tokens` */
export function shapeOfResponse(body: Body, estimator: TokenEstimator, takesLimit: boolean): RequestShape {
  const model = stringOf(body["model"]);
  const input = new ContentTokens(estimator, model);
  input.textTokens += REPLY_OVERHEAD;
  for (const field of INPUT_FIELDS)
    if (body[field] !== undefined && body[field] !== null) input.add(body[field]);
  for (const [field, what] of Object.entries(REFERENCES)) {
    if (body[field] !== undefined && body[field] !== null) input.refer(what);
  }
  // Of a stored prompt, what it is filled with is in the request.
  if (isObject(body["prompt"])) input.add(body["prompt"]["variables"]);
  const tools = serverToolsOf(body);
  if (tools.length > 0) input.refer(`results of the provider's tools (${tools.join(", ").slice(0, 80)})`);
  return {
    model,
    stream: body["stream"] === true,
    serviceTier: serviceTierOf(body),
    textTokens: input.textTokens,
    otherInput: { inputImageTokens: input.imageTokens, inputAudioTokens: input.audioTokens },
    refersTo: input.refersTo,
    output: {
      kind: "text",
      limit: positiveInteger(body["max_output_tokens"]),
      choices: 1,
      extraTokens: 0,
      limitable: takesLimit,
      limitField: takesLimit ? "max_output_tokens" : null,
    },
    toolFees: toolFees(tools, positiveInteger(body["max_tool_calls"]) ?? TOOL_CALLS_HELD),
    unreportedFees: {},
    usageWhenSilent: null,
  };
}

/** Types of the tools that run at the provider. */
export function serverToolsOf(body: Body): readonly string[] {
  if (!Array.isArray(body["tools"])) return [];
  return (body["tools"] as unknown[]).flatMap((tool) => {
    const type = isObject(tool) ? stringOf(tool["type"]) : "";
    return type === "" || CLIENT_TOOLS.has(type) || runsLocally(tool as Body) ? [] : [type];
  });
}

/** A shell runs where its environment is. */
function runsLocally(tool: Body): boolean {
  return tool["type"] === "shell" && isObject(tool["environment"]) && tool["environment"]["type"] === "local";
}

/** It has a fee of its own on models that do not reason. */
function isPreview(type: string): boolean {
  return type.startsWith("web_search_preview");
}

function toolFees(tools: readonly string[], calls: number): Usage {
  return {
    ...(tools.some((type) => type.startsWith("web_search") && !isPreview(type))
      ? { webSearches: calls }
      : {}),
    ...(tools.some(isPreview) ? { webSearchPreviews: calls } : {}),
    ...(tools.includes("file_search") ? { fileSearches: calls } : {}),
  };
}
