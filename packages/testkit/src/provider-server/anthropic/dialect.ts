/** @module How Anthropic talks: paths, errors, headers, tiers. */
import { free } from "../endpoint.ts";
import type { Dialect, Endpoint } from "../endpoint.ts";
import { textDefaults } from "../generation.ts";
import { defaultTokens } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import { batchEndpoint } from "./batches.ts";
import { anthropicError } from "./errors.ts";
import { createMessage } from "./messages.ts";
import { modelDetails, modelList } from "./models.ts";
import { messageUsage, servedAlso } from "./usage.ts";

function requestId(request: ServedRequest): string {
  return `req_${String(request.id).padStart(6, "0")}`;
}

/** The exact count is the input that the same call would bill. */
function countTokens({ generation }: EndpointContext): Reply {
  return jsonReply({ input_tokens: generation.quantities.inputTokens ?? defaultTokens });
}

const messages: Endpoint = { answer: createMessage, bills: () => textDefaults, shape: messageUsage };

function unknownPath(billable: boolean): Endpoint {
  return {
    answer: ({ request, generation }) =>
      generation.step.status === undefined
        ? jsonReply(anthropicError(404, requestId(request), "Not found"), 404)
        : jsonReply({
            id: generation.id("obj_"),
            ...generation.reported(messageUsage(generation.quantities, generation, generation.parts)),
          }),
    bills: billable ? () => textDefaults : undefined,
    shape: messageUsage,
    unknown: true,
  };
}

function findEndpoint(request: ServedRequest): Endpoint {
  const { method, route } = request;
  const batch = batchEndpoint(request);
  if (batch !== undefined) return batch;
  if (method === "POST") {
    if (route === "/messages") return messages;
    if (route === "/messages/count_tokens") return free(countTokens);
  }
  if (method === "GET" && route === "/models") return free(modelList);
  if (method === "GET" && /^\/models\/[^/]+$/.test(route)) return free(modelDetails);
  return unknownPath(method === "POST");
}

/** Fixed numbers: a test that needs others scripts them. */
function headers(request: ServedRequest, contentType: string): Record<string, string> {
  const limits: Record<string, string> = {};
  for (const [kind, limit] of [
    ["requests", 4_000],
    ["input-tokens", 2_000_000],
    ["output-tokens", 400_000],
  ] as const) {
    limits[`anthropic-ratelimit-${kind}-limit`] = String(limit);
    limits[`anthropic-ratelimit-${kind}-remaining`] = String(limit - 1);
    limits[`anthropic-ratelimit-${kind}-reset`] = "2026-11-21T00:00:00Z";
  }
  return {
    "content-type": contentType,
    "request-id": requestId(request),
    "anthropic-organization-id": "org-holdfast",
    ...limits,
    ...(request.platform === "bedrock" ? { "x-amzn-requestid": requestId(request) } : {}),
  };
}

export const anthropicDialect: Dialect = {
  findEndpoint,
  errorBody: (request, status, message) => {
    const body = anthropicError(status, requestId(request), message);
    return request.path.startsWith("/model/") ? { message: body.error.message } : body;
  },
  requestId,
  headers,
  maximum: ({ max_tokens: maximum }) => (typeof maximum === "number" ? maximum : undefined),
  datedModel: (model) => (/\d{8}$/.test(model) ? model : `${model}-20260807`),
  servedTier: () => "standard",
  batchTier: "batch",
  servedAlso,
};
