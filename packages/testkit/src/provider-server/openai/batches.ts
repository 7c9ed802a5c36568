/** @module OpenAI's /batches: create, retrieve, list, cancel; the output is a file. */
import { itemPayload, itemsWith, resultOf } from "../batch-job.ts";
import type { BatchItem, BatchJob, BatchRequest } from "../batch-job.ts";
import { free } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { errorBody } from "./error-bodies.ts";
import { endpointParts } from "../parts.ts";
import { sumPresent } from "../quantities.ts";
import type { Quantities } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import type { Stores } from "../stores.ts";

/** `BatchUsage`: without cache writes. */
function batchUsage(quantities: Quantities): Record<string, unknown> {
  const { inputTokens = 0, outputTokens = 0, cachedInputTokens = 0, reasoningTokens = 0 } = quantities;
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInputTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}

function usageOf(job: BatchJob): Record<string, unknown> {
  const parts = itemsWith(job, "succeeded").flatMap(({ endpoint, context }) =>
    endpointParts(endpoint, context),
  );
  return batchUsage(sumPresent(parts.map(({ quantities }) => quantities)));
}

function requestsOf(bytes: Buffer): BatchRequest[] {
  const lines = bytes
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const item = JSON.parse(line) as { custom_id: string; url: string; body: BatchRequest["body"] };
    return { key: item.custom_id, body: item.body, path: item.url };
  });
}

function statusOf(job: BatchJob, ended: boolean): string {
  if (job.cancelled) return "cancelled";
  if (!ended) return "in_progress";
  return itemsWith(job, "expired").length > 0 ? "expired" : "completed";
}

function described(job: BatchJob, ended: boolean): Record<string, unknown> {
  const { request, generation } = job.context;
  const { createdAt } = generation;
  const status = statusOf(job, ended);
  const completed = itemsWith(job, "succeeded").length;
  const done = ended && !job.cancelled;
  return {
    id: job.id,
    object: "batch",
    endpoint: request.body["endpoint"],
    model: job.items[0]?.context.generation.model ?? null,
    errors: null,
    input_file_id: request.body["input_file_id"],
    completion_window: request.body["completion_window"] ?? "24h",
    status,
    output_file_id: done && completed > 0 ? outputId(job, "output") : null,
    error_file_id: done && completed < job.items.length ? outputId(job, "errors") : null,
    created_at: createdAt,
    in_progress_at: createdAt,
    expires_at: createdAt + 86_400,
    completed_at: status === "completed" ? createdAt : null,
    expired_at: status === "expired" ? createdAt : null,
    cancelled_at: job.cancelled ? createdAt : null,
    request_counts: {
      total: job.items.length,
      completed: done ? completed : 0,
      failed: done ? job.items.length - completed : 0,
    },
    metadata: request.body["metadata"] ?? null,
    ...(done ? job.context.generation.reported(usageOf(job)) : {}),
  };
}

function outputId(job: BatchJob, kind: "output" | "errors"): string {
  return `file-${job.id}-${kind}`;
}

function outputLine(job: BatchJob, item: BatchItem, stores: Stores): object {
  const request_id = job.context.generation.id("req_");
  const result = resultOf(job, item);
  const common = { id: `batch_req_${item.context.request.id}`, custom_id: item.key };
  if (result === "succeeded") {
    return {
      ...common,
      response: { status_code: 200, request_id, body: itemPayload(item, stores) },
      error: null,
    };
  }
  if (result === "errored") {
    const body = errorBody("Invalid request.", "invalid_request_error");
    return { ...common, response: { status_code: 400, request_id, body }, error: null };
  }
  return { ...common, response: null, error: { code: `batch_${result}`, message: `The item is ${result}.` } };
}

/** Makes the files of a finished batch; the order is not that of the input. */
function writeOutputs(job: BatchJob, stores: Stores): void {
  for (const kind of ["output", "errors"] as const) {
    const wanted = job.items.filter((item) => (resultOf(job, item) === "succeeded") === (kind === "output"));
    const lines = wanted.toReversed().map((item) => JSON.stringify(outputLine(job, item, stores)));
    if (lines.length === 0) continue;
    stores.files.keep({
      id: outputId(job, kind),
      filename: `${job.id}_${kind}.jsonl`,
      purpose: "batch_output",
      createdAt: job.context.generation.createdAt,
      bytes: Buffer.from(`${lines.join("\n")}\n`),
    });
  }
}

function reply(job: BatchJob, ended: boolean, stores: Stores): Reply {
  if (ended && !job.cancelled) writeOutputs(job, stores);
  return jsonReply(described(job, ended));
}

function create(context: EndpointContext, stores: Stores): Reply {
  const fileId = context.request.body["input_file_id"];
  const file = typeof fileId === "string" ? stores.files.find(fileId) : undefined;
  if (file === undefined) {
    return jsonReply(errorBody(`No such File object: ${String(fileId)}`, "invalid_request_error"), 404);
  }
  const job = stores.batches.open(context, context.generation.id("batch_"), requestsOf(file.bytes));
  return jsonReply({ ...described(job, false), status: "validating" });
}

const createBatch: Endpoint = {
  answer: create,
  bills: () => ({}),
  shape: batchUsage,
  keep: ({ generation }, account, { batches }) => batches.attach(generation.id("batch_"), account),
};

function found(id: string, answer: (job: BatchJob, stores: Stores) => Reply): Endpoint {
  return free((_context, stores) => {
    const job = stores.batches.find(id);
    return job === undefined
      ? jsonReply(errorBody(`No batch found with id '${id}'.`, "invalid_request_error"), 404)
      : answer(job, stores);
  });
}

/** undefined: not a path of batches. */
export function batchEndpoint({ method, route }: ServedRequest): Endpoint | undefined {
  const [, batches, id, action] = route.split("/");
  if (batches !== "batches") return undefined;
  if (id === undefined) {
    if (method === "POST") return createBatch;
    return free(({ request }, stores) => {
      const jobs = stores.batches.of(request).toReversed();
      const data = jobs.map((job) => described(job, stores.batches.ended(job)));
      return jsonReply({ object: "list", data, has_more: false });
    });
  }
  if (action === "cancel") {
    return found(id, (job, stores) => {
      stores.batches.cancel(job);
      return jsonReply({ ...described(job, true), ...(job.cancelled ? { status: "cancelling" } : {}) });
    });
  }
  return found(id, (job, stores) => reply(job, stores.batches.poll(job), stores));
}
