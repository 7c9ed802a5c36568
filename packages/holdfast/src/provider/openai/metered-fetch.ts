/** @module The fetch of a wrapped client: each HTTP try of a guarded request is one attempt. */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import type { Guard } from "../../guard/guard.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import type { Fetch, RequestInitLike } from "./client-shape.ts";
import { classifyEndpoint } from "./endpoint.ts";
import { CALL, type GuardedRequest } from "./guarded-request.ts";
import { observeOpenAIResponse } from "./response-observer.ts";

const METERED = Symbol.for("holdfast.openai.metered");

export function isMetered(fetch: Fetch): boolean {
  return (fetch as { [METERED]?: true })[METERED] === true;
}

export function meterFetch(inner: Fetch, guard: Guard): Fetch {
  const metered: Fetch = (input, init) => {
    const request = init?.[CALL] as GuardedRequest | undefined;
    if (init === undefined || request === undefined) {
      const refusal = refusalOf(input, init, guard);
      return refusal === undefined ? inner(input, init) : Promise.reject(refusal);
    }
    const { [CALL]: _, ...rest } = init;
    const attempt = request.call.takeAttempt();
    if (attempt === undefined) {
      return Promise.reject(
        new CallNotAllowedError("This try of the request was not held for, so it was not sent."),
      );
    }
    if (init.signal?.aborted === true) {
      attempt.end({ class: "not-sent" });
      return inner(input, rest);
    }
    return sendAttempt(inner, input, rest, request, attempt, guard);
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

function sendAttempt(
  inner: Fetch,
  input: unknown,
  init: RequestInitLike,
  request: GuardedRequest,
  attempt: Attempt,
  guard: Guard,
): Promise<Response> {
  const { plan } = request.call;
  const failed = (error: unknown): never => {
    attempt.end(
      neverLeft(error)
        ? { class: "not-sent" }
        : { class: "ambiguous", status: null, providerRequestId: null },
    );
    throw error;
  };
  let answer: Promise<Response>;
  try {
    answer = inner(input, init);
  } catch (error) {
    return failed(error);
  }
  return answer.then((response) => {
    observeOpenAIResponse(response, {
      plan,
      attempt,
      settings: guard.settings,
      unreportedFees: request.unreportedFees,
      hideUsage: request.hideUsage,
      signal: init.signal ?? undefined,
      now: () => guard.clock.now(),
    });
    return response;
  }, failed);
}

/** Failures before a connection was made; everything else may have reached the provider. */
const BEFORE_CONNECTION: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_INVALID_URL",
]);

function neverLeft(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth++) {
    const { code, errors } = at as { code?: unknown; errors?: unknown };
    if (BEFORE_CONNECTION.has(code)) return true;
    // Several addresses were tried, and none could be reached.
    if (Array.isArray(errors) && errors.length > 0) return errors.every((one) => neverLeft(one));
    at = (at as { cause?: unknown }).cause;
  }
  return false;
}
