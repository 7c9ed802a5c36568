/** @module Requests that cost nothing, and whose answers tell how a batch has ended. */
import type { Guard } from "../../guard/guard.ts";
import { observeBytes, observeJsonBody, type ResponseWatch } from "../job/observe-free.ts";
import { isObject } from "../request/request-shape.ts";
import type { ResponseReader } from "../response-reader.ts";
import { wirePath } from "./endpoint.ts";
import { BatchResults, settleIfUnbilled, type SeenIn } from "./jobs.ts";

export interface WatchContext {
  readonly guard: Guard;
  readonly provider: string;
  readonly reader: ResponseReader;
}

const BATCHES = /^\/v1\/messages\/batches$/;
const BATCH = /^\/v1\/messages\/batches\/[^/]+(\/cancel)?$/;
const RESULTS = /^\/v1\/messages\/batches\/([^/]+)\/results$/;

/** What to do with the answer to this request; undefined when it is of no interest. */
export function watchOf(
  method: string,
  path: string,
  { guard, provider, reader }: WatchContext,
): ResponseWatch | undefined {
  const wire = wirePath(path);
  if (!wire.startsWith("/v1/messages/batches")) return undefined;
  const verb = method.toLowerCase();
  if (verb !== "get" && !(verb === "post" && wire.endsWith("/cancel"))) return undefined;
  if (BATCH.test(wire)) return json((batch, seen) => settleIfUnbilled(guard, provider, batch, seen));
  if (BATCHES.test(wire)) {
    return json((answer, seen) => {
      const batches = isObject(answer) ? answer["data"] : undefined;
      if (!Array.isArray(batches)) return;
      for (const batch of batches as unknown[]) settleIfUnbilled(guard, provider, batch, seen);
    });
  }
  const batchId = RESULTS.exec(wire)?.[1];
  if (batchId === undefined) return undefined;
  return (response) => {
    if (!response.ok) return;
    const seen = seenIn(response, reader);
    observeBytes(response, () => {
      const results = new BatchResults(guard, provider, decoded(batchId), reader, seen);
      return {
        push: (bytes) => results.push(bytes),
        end: (how) => {
          if (how === "done") results.end();
        },
      };
    });
  };

  function json(onBody: (body: unknown, seen: SeenIn) => void): ResponseWatch {
    return (response) => {
      if (!response.ok) return;
      const seen = seenIn(response, reader);
      observeJsonBody(response, (body) => onBody(body, seen));
    };
  }
}

function seenIn(response: Response, reader: ResponseReader): SeenIn {
  return { status: response.status, providerRequestId: response.headers.get(reader.requestIdHeader) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
