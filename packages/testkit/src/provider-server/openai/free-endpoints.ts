/** @module Endpoints that cost nothing: moderations, models. */
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";

const categories = ["harassment", "hate", "illicit", "self-harm", "sexual", "violence"] as const;

function each<Value>(value: Value): Record<string, Value> {
  return Object.fromEntries(categories.map((category) => [category, value]));
}

export function moderation({ request, generation }: EndpointContext): Reply {
  const input = request.body["input"];
  const count = Array.isArray(input) && typeof input[0] === "string" ? input.length : 1;
  const result = {
    flagged: false,
    categories: each(false),
    category_scores: each(0),
    category_applied_input_types: each(["text"]),
  };
  return jsonReply({
    id: generation.id("modr-"),
    model: generation.model || "omni-moderation-latest",
    results: Array.from({ length: count }, () => result),
  });
}

const modelNames = ["gpt-5", "gpt-5-mini", "gpt-5-nano", "text-embedding-3-small", "gpt-image-1"];

function model(id: string): Record<string, unknown> {
  return { id, object: "model", created: 1_754_524_800, owned_by: "system" };
}

export function modelList(): Reply {
  return jsonReply({ object: "list", data: modelNames.map(model), has_more: false });
}

export function modelDetails({ request }: EndpointContext): Reply {
  return jsonReply(model(decodeURIComponent(request.route.slice("/models/".length))));
}
