/**
 * @module Requests that cost nothing, and whose answers tell of jobs: how one has ended, or what a batch will be made of.
 */
import type { CallPlan } from "../../guard/call-plan.ts";
import type { Guard } from "../../guard/guard.ts";
import { FREE_PRICE } from "../../price/no-price.ts";
import { observeBytes, observeJsonBody, type ResponseWatch } from "../job/observe-free.ts";
import { StreamTail } from "../observe/stream-tail.ts";
import { isObject, stringOf } from "../request/request-shape.ts";
import { fieldsOf } from "../request/upload.ts";
import { searchesAsHeld } from "../usage/openai-usage.ts";
import type { BatchInputs } from "./batch-input.ts";
import { BatchOutput } from "./batch-output.ts";
import type { FinalRequestOptions } from "./client-shape.ts";
import { segmentOf, wirePath } from "./endpoint.ts";
import { settleBatch, settleResponse, type SeenIn } from "./jobs.ts";
import { openaiReader } from "./reader.ts";

export interface WatchContext {
  readonly guard: Guard;
  readonly provider: string;
  readonly inputs: BatchInputs;
}

const BATCHES = /^\/batches$/;
const BATCH = /^\/batches\/[^/]+(\/cancel)?$/;
const RESPONSE = /^\/responses\/([^/]+)(\/cancel)?$/;
const CONTENT = /^\/files\/([^/]+)\/content$/;

/** What to do with the answer to this request; undefined when it is of no interest. */
export function watchOf(
  { method, path, body }: FinalRequestOptions,
  { guard, provider, inputs }: WatchContext,
): ResponseWatch | undefined {
  const verb = method.toLowerCase();
  const wire = wirePath(path);
  if (verb === "post" && wire === "/files") return watchUpload(body, inputs);
  const isCancel = verb === "post" && wire.endsWith("/cancel");
  if (verb !== "get" && !isCancel) return undefined;
  if (BATCH.test(wire)) {
    return json((answer, seen) => settleBatch(guard, provider, answer, seen));
  }
  if (BATCHES.test(wire)) {
    return json((answer, seen) => {
      const batches = isObject(answer) ? answer["data"] : undefined;
      if (Array.isArray(batches)) for (const batch of batches) settleBatch(guard, provider, batch, seen);
    });
  }
  const responseId = RESPONSE.exec(wire)?.[1];
  if (responseId !== undefined) return watchResponse(guard, provider, segmentOf(responseId));
  const fileId = CONTENT.exec(wire)?.[1];
  if (fileId === undefined) return undefined;
  return (response) => {
    // A part of the file (206, for a Range) is a part of the bill.
    if (response.status !== 200) return;
    const seen = seenIn(response);
    observeBytes(response, () => {
      const output = new BatchOutput(guard, provider, segmentOf(fileId), seen);
      return {
        push: (bytes) => output.push(bytes),
        end: (how) => {
          if (how === "done") output.end();
        },
      };
    });
  };
}

function json(onBody: (body: unknown, seen: SeenIn) => void): ResponseWatch {
  return (response) => {
    if (!response.ok) return;
    const seen = seenIn(response);
    observeJsonBody(response, (body) => onBody(body, seen));
  };
}

function watchUpload(body: unknown, inputs: BatchInputs): ResponseWatch | undefined {
  // An upload that is streamed cannot be seen; the file is then read when a batch is made of it.
  if (typeof FormData === "undefined" || !(body instanceof FormData)) return undefined;
  const { purpose, file } = fieldsOf(body);
  if (purpose !== "batch" || !(file instanceof Blob)) return undefined;
  const sum = inputs.sumUp(file);
  return json((answer) => {
    if (isObject(answer)) inputs.uploaded(stringOf(answer["id"]), sum);
  });
}

/** For the reader of streams: of a response that is retrieved, nothing is known but its name. */
const RETRIEVED: CallPlan = {
  provider: "",
  endpoint: "responses",
  model: "",
  stream: true,
  serviceTier: null,
  heldServiceTier: "default",
  price: FREE_PRICE,
  estimate: {
    usage: {},
    outputBound: "none",
    inputBound: "request",
    choices: 1,
    outputTokensPerChoice: 0,
    limitable: false,
    extraOutputTokens: 0,
    uncalibratedInputTokens: null,
    usageWhenSilent: null,
  },
  worstCaseNanoUsd: 0,
};

function watchResponse(guard: Guard, provider: string, responseId: string): ResponseWatch {
  return (response) => {
    if (!response.ok) return;
    const seen = seenIn(response);
    const contentType = response.headers.get("content-type") ?? "";
    if (!contentType.includes("event-stream")) {
      observeJsonBody(response, (body) => settleResponse(guard, provider, body, seen));
      return;
    }
    observeBytes(response, () => {
      const tail = new StreamTail();
      return {
        push: (bytes) => tail.push(bytes),
        // The SDK may leave right behind the last event.
        end: () => {
          const { usage, served, finished, failed } = tail.read(
            openaiReader,
            RETRIEVED,
            guard.settings.estimator,
          );
          if (!finished) return;
          const key = { provider, jobId: responseId };
          if (usage.kind === "usage") {
            guard.jobs.settle(key, ({ estimate }) => {
              const own = searchesAsHeld(usage, estimate.usage);
              return {
                class: "complete",
                ...seen,
                served,
                usage: own.kind === "usage" ? own.usage : undefined,
              };
            });
          } else if (failed) guard.jobs.fail(key, seen.status, seen.providerRequestId);
        },
      };
    });
  };
}

function seenIn(response: Response): SeenIn {
  return { status: response.status, providerRequestId: response.headers.get("x-request-id") };
}
