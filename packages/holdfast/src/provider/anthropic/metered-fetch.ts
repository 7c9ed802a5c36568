/** @module The fetch of a wrapped client of before the SDK's middleware: each HTTP try of a guarded request is one attempt. */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { watchSafely } from "../job/observe-free.ts";
import type { Fetch, RequestInitLike } from "./client-shape.ts";
import { classifyEndpoint } from "./endpoint.ts";
import type { GuardedRequest } from "./guarded-request.ts";
import { watchOf, type WatchContext } from "./watched-request.ts";

/** Travels with the options of a request into the `init` of each of its fetches. */
export const CALL: unique symbol = Symbol.for("holdfast.anthropic.call") as never;

const METERED = Symbol.for("holdfast.anthropic.metered");

export function isMetered(fetch: Fetch): boolean {
  return (fetch as { [METERED]?: true })[METERED] === true;
}

export function meterFetch(inner: Fetch, context: WatchContext): Fetch {
  const metered: Fetch = (input, init) => {
    const request = init?.[CALL] as GuardedRequest | undefined;
    if (init === undefined || request === undefined) {
      const { method, url } = addressOf(input, init);
      const refusal = refusalOf(method, url, context);
      if (refusal !== undefined) return Promise.reject(refusal);
      const watch = watchOf(method, url, context);
      const answer = inner(input, init);
      if (watch === undefined) return answer;
      return answer.then((response) => {
        watchSafely(response, watch);
        return response;
      });
    }
    const { [CALL]: _, ...rest } = init;
    return request.sendPrepared(init.signal, () => inner(input, rest), false);
  };
  // The SDK looks for the statics of its fetch (Response, Headers).
  Object.assign(metered, inner);
  Object.defineProperty(metered, METERED, { value: true });
  return metered;
}

function addressOf(input: unknown, init: RequestInitLike | undefined): { method: string; url: string } {
  const given = input as { url?: unknown; method?: unknown };
  const method = init?.["method"] ?? given.method ?? "GET";
  const url = input instanceof URL ? input.href : typeof given.url === "string" ? given.url : input;
  return {
    method: typeof method === "string" ? method : "GET",
    url: typeof url === "string" ? url : "",
  };
}

/** A billable request that came past the guard (the client's fetch called by hand) does not leave. */
function refusalOf(method: string, url: string, { guard }: WatchContext): Error | undefined {
  const endpoint = classifyEndpoint(method, url);
  const allowed = endpoint.kind === "bypass" && guard.settings.allow.has(endpoint.bypass);
  if (allowed || endpoint.kind === "free" || endpoint.kind === "unknown") return undefined;
  return new CallNotAllowedError(
    "This request did not come through the client's own methods, so nothing is held for it. Use client.post(...) or a resource.",
  );
}
