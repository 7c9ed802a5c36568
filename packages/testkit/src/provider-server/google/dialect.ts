/** @module How Google talks: paths, errors, headers, tiers. */
import { isSchema } from "../content.ts";
import { free } from "../endpoint.ts";
import type { Dialect, Endpoint } from "../endpoint.ts";
import { textDefaults } from "../generation.ts";
import { defaultTokens } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { JsonObject, ServedRequest } from "../served-request.ts";
import { batchEndpoint, createBatch } from "./batches.ts";
import { cacheEndpoint, modelDetails, modelList } from "./catalogue.ts";
import { generationConfig } from "./content.ts";
import { batchEmbed, embed } from "./embed.ts";
import { googleError } from "./errors.ts";
import { generateContent } from "./generate.ts";
import { interactionEndpoint } from "./interactions.ts";
import { fetchOperation, operationDetails, predict, predictLongRunning } from "./predict.ts";
import { promptModalities, usageMetadata } from "./usage.ts";

function countTokens({ generation }: EndpointContext): Reply {
  const tokens = generation.quantities.inputTokens ?? defaultTokens;
  return jsonReply({
    totalTokens: tokens,
    promptTokensDetails: promptModalities(generation.quantities, tokens),
  });
}

const generate: Endpoint = {
  answer: generateContent,
  bills: () => textDefaults,
  shape: usageMetadata,
};

function unknownPath(billable: boolean): Endpoint {
  return {
    answer: ({ request, generation }) =>
      generation.step.status === undefined
        ? jsonReply(googleError(404, `Unknown path ${request.method} ${request.path}`), 404)
        : jsonReply(generation.reportedAs("usageMetadata", usageMetadata(generation.quantities, generation))),
    bills: billable ? () => textDefaults : undefined,
    shape: usageMetadata,
    unknown: true,
  };
}

const posts: Readonly<Record<string, Endpoint>> = {
  ":generateContent": generate,
  ":streamGenerateContent": generate,
  ":countTokens": free(countTokens),
  ":embedContent": embed,
  ":batchEmbedContents": batchEmbed,
  ":predict": predict,
  ":predictLongRunning": predictLongRunning,
  ":fetchPredictOperation": fetchOperation,
  ":batchGenerateContent": createBatch,
  ":asyncBatchEmbedContent": createBatch,
};

function findEndpoint(request: ServedRequest): Endpoint {
  const { method, endpoint, route } = request;
  const own = interactionEndpoint(request) ?? batchEndpoint(request) ?? cacheEndpoint(request);
  if (own !== undefined) return own;
  if (method === "POST") {
    const known = Object.hasOwn(posts, endpoint) ? posts[endpoint] : undefined;
    return known ?? unknownPath(true);
  }
  if (method === "GET" && route === "/models") return modelList;
  if (method === "GET" && /^\/models\/[^/]+$/.test(route)) return modelDetails;
  if (method === "GET" && /\/operations\/[^/]+$/.test(route)) return operationDetails;
  return unknownPath(false);
}

function maximum(body: JsonObject): number | undefined {
  const interaction = body["generation_config"];
  if (isSchema(interaction)) {
    const { max_output_tokens: most } = interaction;
    return typeof most === "number" ? most : undefined;
  }
  const { maxOutputTokens, candidateCount } = generationConfig(body);
  if (typeof maxOutputTokens !== "number") return undefined;
  return maxOutputTokens * (typeof candidateCount === "number" ? Math.max(1, candidateCount) : 1);
}

/** "SERVICE_TIER_FLEX", "flex": Vertex and the Gemini API spell it differently; standard unless asked for. */
function servedTier({ body }: ServedRequest): string {
  const asked = body["serviceTier"] ?? body["service_tier"];
  const name = typeof asked === "string" ? asked.toLowerCase().replace("service_tier_", "") : "";
  return name === "" || name === "unspecified" ? "standard" : name;
}

export const googleDialect: Dialect = {
  findEndpoint,
  errorBody: (_request, status, message) => googleError(status, message),
  requestId: ({ id }) => `req_${String(id).padStart(6, "0")}`,
  headers: (_request, contentType) => ({
    "content-type": contentType,
    "server-timing": "gfet4t7; dur=12",
    vary: "Origin, X-Origin, Referer",
  }),
  maximum,
  datedModel: (model) => (/-\d{3}$/.test(model) ? model : `${model}-001`),
  servedTier,
};
