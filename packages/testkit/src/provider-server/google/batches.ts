/** @module The Gemini API's batches with inlined requests: create, get, list, cancel, delete. */
import { itemPayload, itemsWith, resultOf } from "../batch-job.ts";
import type { BatchJob, BatchRequest } from "../batch-job.ts";
import { isSchema } from "../content.ts";
import { free } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { JsonObject, ServedRequest } from "../served-request.ts";
import type { Stores } from "../stores.ts";
import { googleError } from "./errors.ts";
import { usageMetadata } from "./usage.ts";

function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const name of path) here = isSchema(here) ? here[name] : undefined;
  return here;
}

/** `batch.inputConfig.requests.requests[]`, each { request, metadata: { key } }. */
function inlined({ body, model, endpoint }: ServedRequest): BatchRequest[] {
  const list = at(body, "batch", "inputConfig", "requests", "requests");
  const embeddings = endpoint === ":asyncBatchEmbedContent";
  return (Array.isArray(list) ? (list as unknown[]) : []).map((item, index) => {
    const own = at(item, "request");
    const key = at(item, "metadata", "key");
    return {
      key: typeof key === "string" ? key : String(index),
      body: (isSchema(own) ? own : item) as JsonObject,
      path: `/v1beta/models/${model}:${embeddings ? "embedContent" : "generateContent"}`,
    };
  });
}

function stateOf(job: BatchJob, ended: boolean): string {
  if (job.cancelled) return "BATCH_STATE_CANCELLED";
  if (!ended) return "BATCH_STATE_RUNNING";
  if (itemsWith(job, "expired").length === job.items.length) return "BATCH_STATE_EXPIRED";
  return "BATCH_STATE_SUCCEEDED";
}

function responses(job: BatchJob, stores: Stores): object[] {
  return job.items.map((item) => {
    const metadata = { key: item.key };
    if (resultOf(job, item) === "succeeded") return { response: itemPayload(item, stores), metadata };
    const { error } = googleError(400);
    return { error: { code: error.code, message: error.message }, metadata };
  });
}

function described(job: BatchJob, ended: boolean, stores: Stores): Record<string, unknown> {
  const { request, generation } = job.context;
  const time = new Date(generation.createdAt * 1_000).toISOString();
  const kind = request.endpoint === ":asyncBatchEmbedContent" ? "EmbedContentBatch" : "GenerateContentBatch";
  const done = ended && !job.cancelled;
  const list = done ? responses(job, stores) : [];
  const output =
    kind === "EmbedContentBatch"
      ? { inlinedEmbedContentResponses: { inlinedResponses: list } }
      : { inlinedResponses: { inlinedResponses: list } };
  return {
    name: job.id,
    metadata: {
      "@type": `type.googleapis.com/google.ai.generativelanguage.v1main.${kind}`,
      model: `models/${request.model}`,
      displayName: at(request.body, "batch", "displayName") ?? "",
      createTime: time,
      updateTime: time,
      ...(ended ? { endTime: time } : {}),
      batchStats: { requestCount: String(job.items.length) },
      state: stateOf(job, ended),
      name: job.id,
      ...(done ? { output } : {}),
    },
    ...(ended ? { done: true } : {}),
    ...(done ? { response: output } : {}),
  };
}

function create(context: EndpointContext, stores: Stores): Reply {
  const requests = inlined(context.request);
  if (requests.length === 0) return jsonReply(googleError(400, "Only inlined requests are served."), 400);
  const job = stores.batches.open(context, context.generation.id("batches/"), requests);
  return jsonReply(described(job, false, stores));
}

export const createBatch: Endpoint = {
  answer: create,
  bills: () => ({}),
  shape: usageMetadata,
  keep: ({ generation }, account, { batches }) => batches.attach(generation.id("batches/"), account),
};

function found(id: string, answer: (job: BatchJob, stores: Stores) => Reply): Endpoint {
  return free((_context, stores) => {
    const job = stores.batches.find(id);
    return job === undefined
      ? jsonReply(googleError(404, `Batch ${id} is not found.`), 404)
      : answer(job, stores);
  });
}

/** undefined: not a path of batches. */
export function batchEndpoint({ method, route }: ServedRequest): Endpoint | undefined {
  const [, id, cancel] = /^\/(batches(?:\/[^/:]+)?)(:cancel)?$/.exec(route) ?? [];
  if (id === undefined) return undefined;
  if (id === "batches") {
    return free(({ request }, stores) => {
      const operations = stores.batches
        .of(request)
        .map((job) => described(job, stores.batches.ended(job), stores));
      return jsonReply({ operations });
    });
  }
  if (cancel !== undefined) {
    return found(id, (job, stores) => {
      stores.batches.cancel(job);
      return jsonReply({});
    });
  }
  if (method === "DELETE") {
    return found(id, (job, stores) => {
      stores.batches.remove(job.id);
      return jsonReply({});
    });
  }
  return found(id, (job, stores) => jsonReply(described(job, stores.batches.poll(job), stores)));
}
