/** @module POST /embeddings. */
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import { embeddingUsage } from "./usage-shapes.ts";

function inputCount(input: unknown): number {
  if (!Array.isArray(input)) return 1;
  return typeof input[0] === "number" ? 1 : input.length;
}

/** Quarters of small integers: exact in 32 bits, so base64 and float agree. */
function vector(index: number, dimensions: number): Float32Array {
  return Float32Array.from({ length: dimensions }, (_, position) => ((index + position) % 8) / 4 - 1);
}

export function embeddings({ request, generation }: EndpointContext): Reply {
  const { input, dimensions, encoding_format: format } = request.body;
  const length = typeof dimensions === "number" ? dimensions : 1_536;
  const data = Array.from({ length: inputCount(input) }, (_, index) => {
    const values = vector(index, length);
    const embedding = format === "base64" ? Buffer.from(values.buffer).toString("base64") : [...values];
    return { object: "embedding", index, embedding };
  });
  return jsonReply({
    object: "list",
    data,
    model: generation.model,
    ...generation.reported(embeddingUsage(generation.quantities)),
  });
}
