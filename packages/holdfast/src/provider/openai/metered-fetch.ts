/** @module The fetch of a wrapped client: each HTTP try of a guarded request is one attempt. */
import { isPromise } from "../../kernel/maybe-promise.ts";
import type { Guard } from "../../guard/guard.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import type { Fetch, RequestInitLike } from "./client-shape.ts";
import { CALL, type GuardedRequest } from "./guarded-request.ts";
import { observeOpenAIResponse } from "./response-observer.ts";

const METERED = Symbol.for("holdfast.openai.metered");

export function isMetered(fetch: Fetch): boolean {
  return (fetch as { [METERED]?: true })[METERED] === true;
}

export function meterFetch(inner: Fetch, guard: Guard): Fetch {
  const metered: Fetch = (input, init) => {
    const request = init?.[CALL] as GuardedRequest | undefined;
    if (init === undefined || request === undefined) return inner(input, init);
    const { [CALL]: _, ...rest } = init;
    if (init.signal?.aborted === true) {
      request.call.abandon();
      return inner(input, rest);
    }
    const begun = request.call.beginAttempt();
    const send = (attempt: Attempt): Promise<Response> =>
      sendAttempt(inner, input, rest, request, attempt, guard);
    return isPromise(begun) ? begun.then(send) : send(begun);
  };
  // The SDK looks for the statics of its fetch (Response, Headers).
  Object.assign(metered, inner);
  Object.defineProperty(metered, METERED, { value: true });
  return metered;
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
