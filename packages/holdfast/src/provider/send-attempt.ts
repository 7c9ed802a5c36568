/** @module One HTTP try of a call that is held for: sent, watched, and settled when it ends. */
import type { Attempt, GuardedCall } from "../guard/guarded-call.ts";
import type { Guard } from "../guard/guard.ts";
import { CallNotAllowedError } from "../error/call-not-allowed-error.ts";
import type { Usage } from "../usage/usage.ts";
import { observeAnswer, type StreamFilter } from "./observe/observe-answer.ts";
import type { StreamOptions } from "./observe/observe-stream.ts";
import type { ResponseReader } from "./response-reader.ts";

/** A metered request on its way, as far as its tries are concerned. */
export interface OnTheWay extends StreamOptions {
  readonly call: GuardedCall;
  readonly reader: ResponseReader;
  /** Fees that the response will not report. */
  readonly unreportedFees: Usage;
  /** Whether the try came as far as the wire, where the SDK tells. @default true */
  readonly reachedWire?: (() => boolean) | undefined;
  /** Hears of each answer, when it is being watched. */
  readonly onAnswer?: ((response: Response, attempt: Attempt) => void) | undefined;
  /** For a stream that carries more than the application asked for. */
  readonly createFilter?: (() => StreamFilter) | undefined;
}

/**
 * Sends the attempt that `call.prepareAttempt()` has made ready.
 *
 * @param send starts the request; its errors and its response are passed on as they are
 */
export function sendAttempt(
  guard: Guard,
  request: OnTheWay,
  signal: AbortSignal | null | undefined,
  send: () => Promise<Response>,
): Promise<Response> {
  const attempt = request.call.takeAttempt();
  if (signal?.aborted === true) {
    // Nothing is held for it any more, or was ever; `fetch` refuses it with the error that the application expects.
    attempt?.end({ class: "not-sent" });
    return send();
  }
  if (attempt === undefined) {
    return Promise.reject(
      new CallNotAllowedError("This try of the request was not held for, so it was not sent."),
    );
  }
  const fail = (error: unknown): void => {
    if (request.reachedWire?.() === false) attempt.end({ class: "not-sent" });
    else endFailed(attempt, error);
  };
  let answer: Promise<Response>;
  try {
    answer = send();
  } catch (error) {
    fail(error);
    throw error;
  }
  return answer.then(
    (response) => {
      observeAnswer(response, {
        plan: request.call.plan,
        attempt,
        reader: request.reader,
        settings: guard.settings,
        unreportedFees: request.unreportedFees,
        createFilter: request.createFilter,
        releaseCancels: request.releaseCancels,
        signal: signal ?? undefined,
        now: () => guard.clock.now(),
      });
      request.onAnswer?.(response, attempt);
      return response;
    },
    (error: unknown) => {
      fail(error);
      throw error;
    },
  );
}

/** Ends an attempt whose request failed without a response. */
export function endFailed(attempt: Attempt, error: unknown): void {
  attempt.end(
    neverLeft(error) ? { class: "not-sent" } : { class: "ambiguous", status: null, providerRequestId: null },
  );
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
