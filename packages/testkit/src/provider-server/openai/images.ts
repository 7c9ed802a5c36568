/** @module POST /images/generations and /images/edits. */
import { jsonReply } from "../reply.ts";
import { eventStream } from "./streams.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import { imageUsage, svgUsage } from "./usage-shapes.ts";

/** One transparent pixel. */
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** A field that multipart sends as text. */
function numberOf(value: unknown, fallback: number): number {
  const parsed = Number(value ?? Number.NaN);
  return Number.isInteger(parsed) && parsed > 0 ? parsed : fallback;
}

export function imageCount({ body }: ServedRequest): number {
  return numberOf(body["n"], 1);
}

/** The old models report no usage: they are priced by count, size and quality. */
export function pricedByImage({ model }: ServedRequest): boolean {
  return model.startsWith("dall-e");
}

function look({ body }: ServedRequest): Record<string, unknown> {
  const known = (value: unknown, fallback: string): unknown =>
    value === undefined || value === "auto" ? fallback : value;
  return {
    background: known(body["background"], "opaque"),
    output_format: known(body["output_format"], "png"),
    quality: known(body["quality"], "medium"),
    size: known(body["size"], "1024x1024"),
  };
}

export function images({ request, generation }: EndpointContext): Reply {
  const count = imageCount(request);
  if (pricedByImage(request)) {
    const image = { url: "http://127.0.0.1/image.png", revised_prompt: "an image" };
    return jsonReply({ created: generation.createdAt, data: Array.from({ length: count }, () => image) });
  }
  const usage = generation.reported(imageUsage(generation.quantities));
  const svg = svgUsage(generation.quantities, "gpt-svg");
  if (!request.stream) {
    return jsonReply({
      created: generation.createdAt,
      ...look(request),
      data: Array.from({ length: count }, () => ({ b64_json: pixel })),
      ...usage,
      ...(svg === undefined ? {} : { svg_usage: svg }),
    });
  }
  const kind = request.route.endsWith("/edits") ? "image_edit" : "image_generation";
  const base = { b64_json: pixel, created_at: generation.createdAt, ...look(request) };
  const partials = Array.from({ length: numberOf(request.body["partial_images"], 0) }, (_, index) => ({
    type: `${kind}.partial_image`,
    ...base,
    partial_image_index: index,
  }));
  const completed = { type: `${kind}.completed`, ...base, ...usage };
  return eventStream({ content: [...partials, completed], coda: [] });
}
