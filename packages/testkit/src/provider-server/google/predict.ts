/** @module :predict (images, and Vertex AI's embeddings) and :predictLongRunning (videos): billed by count. */
import { isSchema } from "../content.ts";
import { free } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { defaultTokens } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import { pixel } from "./content.ts";
import { characterCount, embeddingUsage, predictEmbeddings } from "./embed.ts";

function parameter({ body }: ServedRequest, name: string, otherwise: number): number {
  const parameters = body["parameters"];
  const value = isSchema(parameters) ? parameters[name] : undefined;
  return typeof value === "number" ? value : otherwise;
}

/** An instance of an embedding has a content, one of an image a prompt. */
function embeds({ body }: ServedRequest): boolean {
  const [first] = Array.isArray(body["instances"]) ? (body["instances"] as unknown[]) : [];
  return isSchema(first) && "content" in first;
}

function images({ generation }: EndpointContext): Reply {
  const count = generation.quantities.images ?? 1;
  const prediction = { mimeType: "image/png", bytesBase64Encoded: pixel };
  return jsonReply({ predictions: Array.from({ length: count }, () => prediction) });
}

export const predict: Endpoint = {
  answer: (context) => (embeds(context.request) ? predictEmbeddings(context) : images(context)),
  bills: (request) =>
    embeds(request)
      ? { inputTokens: defaultTokens, characters: characterCount(request) }
      : { images: parameter(request, "sampleCount", 1) },
  shape: (quantities, generation) =>
    quantities.images === undefined ? embeddingUsage(quantities, generation) : undefined,
  without: (request) =>
    embeds(request)
      ? ["outputTokens", "reasoningTokens"]
      : ["inputTokens", "outputTokens", "reasoningTokens"],
};

function operation({ request, generation }: EndpointContext): Reply {
  const project = /\/(projects\/[^/]+\/locations\/[^/]+\/publishers\/[^/]+)\//.exec(request.path)?.[1];
  const place = project === undefined ? "" : `${project}/`;
  return jsonReply({ name: `${place}models/${request.model}/operations/${generation.id("op-")}` });
}

/** The seconds of all samples. */
export const predictLongRunning: Endpoint = {
  answer: operation,
  bills: (request) => ({
    videoSeconds: parameter(request, "durationSeconds", 8) * parameter(request, "sampleCount", 1),
  }),
  shape: () => undefined,
  without: () => ["inputTokens", "outputTokens", "reasoningTokens"],
};

/** Vertex AI asks for its operations by POST. */
export const fetchOperation: Endpoint = free(({ request }) =>
  jsonReply({
    name: request.body["operationName"],
    done: true,
    response: { videos: [{ gcsUri: "gs://bucket/video.mp4", mimeType: "video/mp4" }] },
  }),
);

/** An operation is done when it is asked for. */
export const operationDetails: Endpoint = free(({ request }) =>
  jsonReply({
    name: request.route.slice(1),
    done: true,
    response: {
      generateVideoResponse: {
        generatedSamples: [{ video: { uri: `http://${request.headers["host"] ?? ""}/video.mp4` } }],
      },
    },
  }),
);
