/** @module The fetch of a wrapped client: each HTTP try of a guarded request is one attempt. */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import type { Guard } from "../../guard/guard.ts";
import type { Fetch, RequestInitLike } from "./client-shape.ts";
import { classifyEndpoint } from "./endpoint.ts";
import { CALL, WATCH, type GuardedRequest } from "./guarded-request.ts";
import { watchSafely, type ResponseWatch } from "../job/observe-free.ts";
import { sendAttempt } from "../send-attempt.ts";

const METERED = Symbol.for("holdfast.openai.metered");

export function isMetered(fetch: Fetch): boolean {
  return (fetch as { [METERED]?: true })[METERED] === true;
}

export function meterFetch(inner: Fetch, guard: Guard): Fetch {
  const metered: Fetch = (input, init) => {
    const request = init?.[CALL] as GuardedRequest | undefined;
    const watch = init?.[WATCH] as ResponseWatch | undefined;
    if (init !== undefined && watch !== undefined) {
      const { [WATCH]: _, ...rest } = init;
      return inner(input, rest).then((response) => {
        watchSafely(response, watch);
        return response;
      });
    }
    if (init === undefined || request === undefined) {
      const refusal = refusalOf(input, init, guard);
      return refusal === undefined ? inner(input, init) : Promise.reject(refusal);
    }
    const { [CALL]: _, ...rest } = init;
    return sendAttempt(guard, request, init.signal, () => inner(input, rest));
  };
  // The SDK looks for the statics of its fetch (Response, Headers).
  Object.assign(metered, inner);
  Object.defineProperty(metered, METERED, { value: true });
  return metered;
}

/** A billable request that came past the guard (the client's fetch called by hand) does not leave. */
function refusalOf(input: unknown, init: RequestInitLike | undefined, guard: Guard): Error | undefined {
  const given = input as { url?: unknown; method?: unknown };
  const method = init?.["method"] ?? given.method ?? "GET";
  const url = input instanceof URL ? input.href : typeof given.url === "string" ? given.url : input;
  if (typeof url !== "string" || typeof method !== "string") return undefined;
  const endpoint = classifyEndpoint(method, url);
  const allowed = endpoint.kind === "bypass" && guard.settings.allow.has(endpoint.bypass);
  if (allowed || endpoint.kind === "free" || endpoint.kind === "unknown") return undefined;
  return new CallNotAllowedError(
    "This request did not come through the client's own methods, so nothing is held for it. Use client.post(...) or a resource.",
  );
}
