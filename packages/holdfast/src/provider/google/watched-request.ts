/** @module Requests that cost nothing, and whose answers tell how a job has ended. */
import type { Guard } from "../../guard/guard.ts";
import { observeBytes, observeJsonBody, type ResponseWatch } from "../job/observe-free.ts";
import { parseJson, eventData } from "../observe/event-data.ts";
import { StreamEnd } from "./stream-end.ts";
import { pathnameOf } from "../endpoint-class.ts";
import { isObject } from "../request/request-shape.ts";
import { settleBatch, settleInteraction, type SeenIn } from "./jobs.ts";

/** What to do with the answer to this request; undefined when it is of no interest. */
export function watchOf(
  guard: Guard,
  provider: string,
  method: string,
  url: string,
): ResponseWatch | undefined {
  const verb = method.toUpperCase();
  const path = pathnameOf(url) ?? "";
  if (verb === "GET" && /\/batches\/[^/:]+$/.test(path)) {
    return json((answer, seen) => settleBatch(guard, provider, answer, seen));
  }
  if (verb === "GET" && path.endsWith("/batches")) {
    return json((answer, seen) => {
      const batches = isObject(answer) ? (answer["operations"] ?? answer["batches"]) : undefined;
      if (Array.isArray(batches)) for (const batch of batches) settleBatch(guard, provider, batch, seen);
    });
  }
  const isCancel = verb === "POST" && /\/interactions\/[^/]+\/cancel$/.test(path);
  if (!isCancel && !(verb === "GET" && /\/interactions\/[^/]+$/.test(path))) return undefined;
  return (response) => {
    if (!response.ok) return;
    const seen = seenIn(response);
    if (!(response.headers.get("content-type") ?? "").includes("event-stream")) {
      observeJsonBody(response, (body) => settleInteraction(guard, provider, body, seen));
      return;
    }
    observeBytes(response, () => {
      const end = new StreamEnd();
      return {
        push: (bytes) => end.push(bytes),
        end: () => {
          for (const data of eventData(end.text)) {
            const event = parseJson(data);
            if (!isObject(event) || event["event_type"] !== "interaction.completed") continue;
            settleInteraction(guard, provider, event["interaction"], seen);
          }
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

function seenIn(response: Response): SeenIn {
  return { status: response.status, providerRequestId: response.headers.get("x-request-id") };
}
