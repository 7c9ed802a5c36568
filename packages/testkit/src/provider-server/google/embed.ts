/** @module :embedContent, :batchEmbedContents, and Vertex AI's :predict of text embeddings. */
import { isSchema } from "../content.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Generation } from "../generation.ts";
import { defaultTokens } from "../quantities.ts";
import type { Quantities } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { JsonObject, ServedRequest } from "../served-request.ts";
import { promptModalities } from "./usage.ts";

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? (value as unknown[]).filter(isSchema) : [];
}

/** Quarters of small integers: exact in 32 bits. */
function vector(index: number, dimensions: unknown): number[] {
  const length = typeof dimensions === "number" ? dimensions : 768;
  return Array.from({ length }, (_, position) => ((index + position) % 8) / 4 - 1);
}

export function embeddingUsage(quantities: Quantities, { step }: Generation): Record<string, unknown> {
  const tokens = quantities.inputTokens ?? 0;
  return {
    promptTokenCount: tokens,
    ...(step.google?.withoutDetails === true
      ? {}
      : { promptTokensDetails: promptModalities(quantities, tokens) }),
  };
}

function usage(generation: Generation): object {
  if (generation.step.google?.withoutUsage === true) return {};
  return generation.reportedAs("usageMetadata", embeddingUsage(generation.quantities, generation));
}

function embedContent({ request, generation }: EndpointContext): Reply {
  const config = request.body["embedContentConfig"];
  const dimensions =
    request.body["outputDimensionality"] ?? (isSchema(config) ? config["outputDimensionality"] : undefined);
  return jsonReply({ embedding: { values: vector(0, dimensions) }, ...usage(generation) });
}

function batchEmbedContents({ request, generation }: EndpointContext): Reply {
  const embeddings = listOf(request.body["requests"]).map((one, index) => ({
    values: vector(index, one["outputDimensionality"]),
  }));
  return jsonReply({ embeddings, ...usage(generation) });
}

const bills = (): Quantities => ({ inputTokens: defaultTokens });
const without: Endpoint["without"] = () => ["outputTokens", "reasoningTokens"];

export const embed: Endpoint = { answer: embedContent, bills, shape: embeddingUsage, without };
export const batchEmbed: Endpoint = { answer: batchEmbedContents, bills, shape: embeddingUsage, without };

/** All characters of the texts, which older models bill. */
export function characterCount({ body }: ServedRequest): number {
  const texts = listOf(body["instances"]).map(({ content }) => (typeof content === "string" ? content : ""));
  return texts.reduce((sum, text) => sum + Array.from(text).length, 0);
}

/** The tokens are shared out over the texts; the first has the remainder. */
export function predictEmbeddings({ request, generation }: EndpointContext): Reply {
  const instances = listOf(request.body["instances"]);
  const parameters = request.body["parameters"];
  const dimensions = isSchema(parameters) ? parameters["outputDimensionality"] : undefined;
  const tokens = generation.quantities.inputTokens ?? 0;
  const share = Math.floor(tokens / Math.max(1, instances.length));
  const predictions = instances.map((_, index) => ({
    embeddings: {
      values: vector(index, dimensions),
      statistics: {
        token_count: index === 0 ? tokens - share * (instances.length - 1) : share,
        truncated: false,
      },
    },
  }));
  const characters = generation.quantities.characters ?? characterCount(request);
  return jsonReply({ predictions, metadata: { billableCharacterCount: characters } });
}
