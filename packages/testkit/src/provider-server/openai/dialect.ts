/** @module How OpenAI talks: paths, errors, headers, tiers. */
import type { Dialect } from "../endpoint.ts";
import { defaultErrorBody, errorBody } from "./error-bodies.ts";
import { requestIdOf, responseHeaders } from "./response-headers.ts";
import { findEndpoint } from "./routes.ts";
import type { JsonObject, ServedRequest } from "../served-request.ts";

function maximum(body: JsonObject): number | undefined {
  const perChoice = body["max_completion_tokens"] ?? body["max_output_tokens"] ?? body["max_tokens"];
  if (typeof perChoice !== "number") return undefined;
  const choices = [body["n"], body["best_of"]].filter((value) => typeof value === "number");
  const prompts =
    Array.isArray(body["prompt"]) && typeof body["prompt"][0] !== "number" ? body["prompt"].length : 1;
  return perChoice * Math.max(1, ...choices) * prompts;
}

function servedTier({ body }: ServedRequest): string {
  const requested = body["service_tier"];
  if (requested === "fast") return "priority";
  return typeof requested === "string" && requested !== "auto" ? requested : "default";
}

export const openaiDialect: Dialect = {
  findEndpoint,
  errorBody: (_request, status, message) =>
    message === undefined ? defaultErrorBody(status) : errorBody(message, "invalid_request_error"),
  requestId: requestIdOf,
  headers: responseHeaders,
  maximum,
  datedModel: (model) => (/\d{4}-\d{2}-\d{2}$/.test(model) ? model : `${model}-2026-08-07`),
  servedTier,
};
