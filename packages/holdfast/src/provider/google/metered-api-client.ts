/**
 * @module The transport of a GoogleGenAI client, guarded.
 *
 * `apiCall` is one HTTP request with all of its tries: what the SDK calls automatic function calling, automatic
 * continuation and chats is one `apiCall` for each request that is billed, and each of them is held for by itself. It gets
 * the body and the headers as they will be sent, and the dispatcher without time limits that the SDK sets.
 */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { HoldfastError } from "../../error/holdfast-error.ts";
import { isPromise, type MaybePromise } from "../../kernel/maybe-promise.ts";
import { watchSafely } from "../job/observe-free.ts";
import { asSdkError } from "../sdk-error.ts";
import { sendAttempt } from "../send-attempt.ts";
import {
  retryOptionsOf,
  takesFetch,
  type ApiClient,
  type Fetch,
  type RequestInitLike,
} from "./client-shape.ts";
import { inputCounter } from "./exact-count.ts";
import {
  guardRequest,
  type CountInput,
  type GuardedRequest,
  type RequestContext,
} from "./guarded-request.ts";
import { OpenedResponses } from "./opened-responses.ts";
import { watchOf } from "./watched-request.ts";
import { apiErrorClass } from "./sdk-error-class.ts";

const METERED = Symbol.for("holdfast.google.metered");

export function isMetered(client: object): boolean {
  return (client as { [METERED]?: true })[METERED] === true;
}

/** A client of the same class with the same state. The given one is left as it is. */
export function meterApiClient(client: ApiClient, context: RequestContext): ApiClient {
  const metered = Object.create(
    Object.getPrototypeOf(client) as object,
    Object.getOwnPropertyDescriptors(client),
  ) as ApiClient;
  const send = takesFetch(client) ? throughOwnFetch : asOneTry;
  const apiCall = async (...request: ApiCall): Promise<Response> => {
    try {
      const response = await send({ context, client, metered }, request);
      OpenedResponses.note(context.guard.context.current(), response);
      return response;
    } catch (error) {
      // A denial of a stream's later request must not be taken for a lost connection.
      throw HoldfastError.isHoldfastError(error) ? asSdkError(error, await apiErrorClass(client)) : error;
    }
  };
  Object.defineProperty(metered, "apiCall", { value: apiCall, configurable: true, writable: true });
  Object.defineProperty(metered, METERED, { value: true });
  return metered;
}

type ApiCall = Parameters<ApiClient["apiCall"]>;

interface Transport {
  readonly context: RequestContext;
  readonly client: ApiClient;
  readonly metered: ApiClient;
}

/** The SDK takes a fetch for each request: every try comes through it. */
async function throughOwnFetch(transport: Transport, request: ApiCall): Promise<Response> {
  const { context, client, metered } = transport;
  const [url, init, retries, timeout, signal, own] = request;
  const count = inputCounter(client, url, init, own, signal);
  const guarded = await hold(context, url, init, signal, count);
  if (guarded === undefined) return sendFree(transport, request);
  const tries = new Tries(context, guarded, own);
  const sent = { ...init, body: guarded.body };
  try {
    const response = await client.apiCall.call(metered, url, sent, retries, timeout, signal, tries.fetch);
    if (tries.denial === undefined) return response;
  } catch (error) {
    if (tries.denial === undefined) throw error;
  } finally {
    guarded.call.abandon();
  }
  throw tries.denial.error;
}

/** Before 2.23 the SDK sends by the global fetch: without retries of its own, a request is one try. */
async function asOneTry(transport: Transport, request: ApiCall): Promise<Response> {
  const { context, client, metered } = transport;
  const [url, init, retries, timeout, given] = request;
  const signal = given ?? init.signal;
  const guarded = await hold(context, url, init, signal);
  if (guarded === undefined) return sendFree(transport, request);
  try {
    if ((retries ?? retryOptionsOf(metered)) !== undefined) throw new CallNotAllowedError(HIDDEN_TRIES);
    const ready = guarded.call.prepareAttempt();
    if (isPromise(ready)) await ready;
    const sent = { ...init, body: guarded.body };
    return await sendAttempt(context.guard, guarded, signal, () =>
      client.apiCall.call(metered, url, sent, retries, timeout, given, undefined),
    );
  } finally {
    guarded.call.abandon();
  }
}

const HIDDEN_TRIES =
  "This version of @google/genai hides the tries that httpOptions.retryOptions makes, so they cannot be held for. Leave " +
  "retryOptions out, or use version 2.23 or later.";

function hold(
  context: RequestContext,
  url: string,
  init: RequestInitLike,
  signal: AbortSignal | null | undefined,
  count?: CountInput,
): MaybePromise<GuardedRequest | undefined> {
  const wire = { method: init.method ?? "GET", url, body: init.body, signal };
  return guardRequest(context, wire, context.defaults.resolve(), count);
}

async function sendFree({ context, client, metered }: Transport, request: ApiCall): Promise<Response> {
  const answer = await client.apiCall.apply(metered, request);
  const [url, { method = "GET" }] = request;
  const watch = watchOf(context.guard, context.provider, method, url);
  if (watch !== undefined) watchSafely(answer, watch);
  return answer;
}

/** The tries of one request. */
class Tries {
  /** Set when a later try was not let through. */
  denial: { readonly error: unknown } | undefined;
  readonly fetch: Fetch;

  constructor({ guard }: RequestContext, request: GuardedRequest, own: Fetch | undefined) {
    this.fetch = async (input, init) => {
      // Late bound, as in the SDK. One that was aborted is refused by fetch itself.
      const send = own ?? (fetch as Fetch);
      if (init?.signal?.aborted === true) return send(input, init);
      try {
        const ready = request.call.prepareAttempt();
        if (isPromise(ready)) await ready;
      } catch (error) {
        this.denial = { error };
        // Any error would be tried again, or rewrapped; this answer ends the tries, and is read by nobody.
        return new Response(null);
      }
      return sendAttempt(guard, request, init?.signal, () => send(input, init));
    };
  }
}
