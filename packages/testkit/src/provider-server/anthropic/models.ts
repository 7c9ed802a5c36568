/** @module GET /v1/models: the catalogue, which costs nothing. */
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";

const names = ["claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5"];

function model(id: string): Record<string, unknown> {
  return { type: "model", id, display_name: id, created_at: "2026-08-07T00:00:00Z" };
}

export function modelList(): Reply {
  return jsonReply({
    data: names.map(model),
    has_more: false,
    first_id: names[0] ?? null,
    last_id: names.at(-1) ?? null,
  });
}

export function modelDetails({ request }: EndpointContext): Reply {
  return jsonReply(model(decodeURIComponent(request.route.slice("/models/".length))));
}
