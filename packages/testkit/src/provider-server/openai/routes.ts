/** @module Which endpoint answers a path, what it bills by default, and in which wire shape. */
import {
  billedByCharacter,
  billedBySecond,
  characterCount,
  speech,
  transcription,
  translation,
} from "./audio.ts";
import { batchEndpoint } from "./batches.ts";
import { chatCompletion } from "./chat.ts";
import { legacyCompletion } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { free } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { unknownPath } from "./error-bodies.ts";
import { fileEndpoint } from "./files.ts";
import { modelDetails, modelList, moderation } from "./free-endpoints.ts";
import { textDefaults } from "../generation.ts";
import { imageCount, images, pricedByImage } from "./images.ts";
import { defaultTokens } from "../quantities.ts";
import type { Quantities } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import { compactResponse, countInputTokens, createResponse, decide, responsesBill } from "./responses.ts";
import type { ServedRequest } from "../served-request.ts";
import {
  chatUsage,
  embeddingUsage,
  imageUsage,
  plainUsage,
  svgUsage,
  transcriptionUsage,
} from "./usage-shapes.ts";

const text = (): Quantities => textDefaults;

const imageEndpoint: Endpoint = {
  answer: images,
  bills: (request) => ({ images: imageCount(request), ...(pricedByImage(request) ? {} : textDefaults) }),
  shape: imageBill,
  without: (request) => (pricedByImage(request) ? ["inputTokens", "outputTokens"] : []),
};

function imageBill(quantities: Quantities): Record<string, unknown> {
  const svg = svgUsage(quantities, "gpt-svg");
  return { ...imageUsage(quantities), ...(svg === undefined ? {} : { svg_usage: svg }) };
}

const keepResponse: Endpoint["keep"] = (context, account, { responses }) => responses.keep(context, account);

const posts: Readonly<Record<string, Endpoint>> = {
  "/chat/completions": { answer: chatCompletion, bills: text, shape: chatUsage },
  "/completions": { answer: legacyCompletion, bills: text, shape: chatUsage },
  "/responses": { answer: createResponse, bills: text, shape: responsesBill, keep: keepResponse },
  "/responses/input_tokens": free(countInputTokens),
  "/responses/compact": { answer: compactResponse, bills: text, shape: responsesBill },
  "/decisions": { answer: decide, bills: text, shape: responsesBill },
  "/embeddings": {
    answer: embeddings,
    bills: () => ({ inputTokens: defaultTokens }),
    shape: embeddingUsage,
    without: () => ["outputTokens", "reasoningTokens"],
  },
  "/images/generations": imageEndpoint,
  "/images/edits": imageEndpoint,
  "/audio/transcriptions": {
    answer: transcription,
    bills: (request) => (billedBySecond(request) ? { audioSeconds: 60 } : textDefaults),
    shape: transcriptionUsage,
    without: (_request, { audioSeconds }) =>
      audioSeconds === undefined ? [] : ["inputTokens", "outputTokens"],
  },
  "/audio/translations": {
    answer: translation,
    bills: () => ({ audioSeconds: 60 }),
    shape: transcriptionUsage,
    without: () => ["inputTokens", "outputTokens"],
  },
  "/audio/speech": {
    answer: speech,
    bills: (request) => ({
      characters: characterCount(request),
      ...(billedByCharacter(request) ? {} : textDefaults),
    }),
    shape: plainUsage,
    without: (request) => (billedByCharacter(request) ? ["inputTokens", "outputTokens"] : []),
  },
  "/moderations": free(moderation),
};

const unknown: Endpoint = {
  answer: ({ request, generation }) =>
    generation.step.status === undefined
      ? jsonReply(unknownPath(request.method, request.path), 404)
      : jsonReply({ id: generation.id("obj_"), ...generation.reported(plainUsage(generation.quantities)) }),
  bills: text,
  shape: plainUsage,
  unknown: true,
};

export function findEndpoint(request: ServedRequest): Endpoint {
  const { method, route } = request;
  const own = fileEndpoint(request) ?? batchEndpoint(request);
  if (own !== undefined) return own;
  if (method === "POST") {
    const known = Object.hasOwn(posts, route) ? posts[route] : undefined;
    if (known !== undefined) return known;
    if (/^\/responses\/[^/]+\/cancel$/.test(route))
      return free((context, { responses }) => responses.cancel(context));
    return unknown;
  }
  if (method === "GET" && route === "/models") return free(modelList);
  if (method === "GET" && /^\/models\/[^/]+$/.test(route)) return free(modelDetails);
  if (/^\/responses\/[^/]+$/.test(route)) {
    if (method === "GET") return free((context, { responses }) => responses.retrieve(context));
    if (method === "DELETE") return free((context, { responses }) => responses.remove(context));
  }
  return { ...unknown, bills: undefined };
}
