/** @module /v1/messages/batches: create, retrieve, list, cancel, delete, results. */
import { itemPayload, itemsWith, resultOf } from "../batch-job.ts";
import type { BatchItem, BatchJob, BatchRequest } from "../batch-job.ts";
import { isSchema } from "../content.ts";
import { free } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { jsonReply, wholeReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import { linePiece } from "../sse.ts";
import type { Stores } from "../stores.ts";
import { anthropicError } from "./errors.ts";
import { messageUsage } from "./usage.ts";

function requestsOf({ body }: ServedRequest): BatchRequest[] {
  const items = Array.isArray(body["requests"]) ? (body["requests"] as unknown[]) : [];
  return items.flatMap((item) =>
    isSchema(item) && isSchema(item["params"])
      ? [{ key: String(item["custom_id"]), body: item["params"], path: "/v1/messages" }]
      : [],
  );
}

function time(job: BatchJob): string {
  return new Date(job.context.generation.createdAt * 1_000).toISOString();
}

function described(job: BatchJob, ended: boolean, { headers }: ServedRequest): Record<string, unknown> {
  const counts = Object.fromEntries(
    (["succeeded", "errored", "canceled", "expired"] as const).map((result) => [
      result,
      ended ? itemsWith(job, result).length : 0,
    ]),
  );
  const expires = new Date((job.context.generation.createdAt + 86_400) * 1_000).toISOString();
  return {
    id: job.id,
    type: "message_batch",
    processing_status: ended ? "ended" : job.cancelled ? "canceling" : "in_progress",
    request_counts: { processing: ended ? 0 : job.items.length, ...counts },
    created_at: time(job),
    ended_at: ended ? time(job) : null,
    expires_at: expires,
    archived_at: null,
    cancel_initiated_at: job.cancelled ? time(job) : null,
    results_url: ended
      ? `http://${headers["host"] ?? "127.0.0.1"}/v1/messages/batches/${job.id}/results`
      : null,
  };
}

function create(context: EndpointContext, { batches }: Stores): Reply {
  const { request, generation } = context;
  const requests = requestsOf(request);
  if (requests.length === 0) {
    return jsonReply(anthropicError(400, generation.id("req_"), "requests: at least one is required"), 400);
  }
  const job = batches.open(context, generation.id("msgbatch_"), requests);
  return jsonReply(described(job, false, request));
}

export const createBatch: Endpoint = {
  answer: create,
  bills: () => ({}),
  shape: messageUsage,
  keep: ({ generation }, account, { batches }) => batches.attach(generation.id("msgbatch_"), account),
};

function found(answer: (job: BatchJob, context: EndpointContext, stores: Stores) => Reply): Endpoint {
  return free((context, stores) => {
    const id = context.request.route.split("/")[3] ?? "";
    const job = stores.batches.find(id);
    if (job !== undefined) return answer(job, context, stores);
    return jsonReply(anthropicError(404, context.generation.id("req_"), `Batch ${id} not found`), 404);
  });
}

function resultLine(job: BatchJob, item: BatchItem, stores: Stores): Record<string, unknown> {
  const type = resultOf(job, item);
  if (type === "succeeded") {
    return { custom_id: item.key, result: { type, message: itemPayload(item, stores) } };
  }
  const error = type === "errored" ? { error: anthropicError(400, job.context.generation.id("req_")) } : {};
  return { custom_id: item.key, result: { type, ...error } };
}

/** JSONL, in another order than the requests, as the API does not promise one. */
function results(job: BatchJob, { generation }: EndpointContext, stores: Stores): Reply {
  if (!stores.batches.ended(job)) {
    return jsonReply(anthropicError(404, generation.id("req_"), "The batch has not ended yet"), 404);
  }
  const lines = job.items.toReversed().map((item) => linePiece(resultLine(job, item, stores)));
  return wholeReply("application/x-jsonl", lines);
}

function list({ request }: EndpointContext, { batches }: Stores): Reply {
  const data = batches
    .of(request)
    .map((job) => described(job, batches.ended(job), request))
    .toReversed();
  return jsonReply({
    data,
    has_more: false,
    first_id: data[0]?.["id"] ?? null,
    last_id: data.at(-1)?.["id"] ?? null,
  });
}

/** undefined: not a path of batches. */
export function batchEndpoint({ method, route }: ServedRequest): Endpoint | undefined {
  const [, , batches, id, action] = route.split("/");
  if (!route.startsWith("/messages/batches") || batches !== "batches") return undefined;
  if (id === undefined) return method === "POST" ? createBatch : free(list);
  if (action === "results") return found(results);
  if (action === "cancel") {
    return found((job, { request }, stores) => {
      stores.batches.cancel(job);
      return jsonReply(described(job, !job.cancelled, request));
    });
  }
  if (method === "DELETE") {
    return found((job, _context, stores) => {
      stores.batches.remove(job.id);
      return jsonReply({ id: job.id, type: "message_batch_deleted" });
    });
  }
  return found((job, { request }, stores) => jsonReply(described(job, stores.batches.poll(job), request)));
}
