/**
 * @module Interactions under the guard. They have an HTTP stack of their own, which only takes a fetch.
 *
 * Each `create` gets an Interactions object of its own, so that its fetch belongs to one call: to its attribution and to
 * its requests, one for each continuation. A request is known by its body; the same body again is another try of it.
 * Every error of a fetch is tried again, resumed or rewrapped, but for an abort. So what is denied is aborted, and the
 * denial put in the place of the error that comes of it.
 */
import type { Attribution } from "../../attribution/attribution.ts";
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { isPromise } from "../../kernel/maybe-promise.ts";
import { admitEndpoint, describeRequest } from "../admit-endpoint.ts";
import { watchSafely } from "../job/observe-free.ts";
import { isObject } from "../request/request-shape.ts";
import { perCallAttribution } from "../per-call-attribution.ts";
import { sendAttempt } from "../send-attempt.ts";
import type { ApiClient, Fetch, Interactions } from "./client-shape.ts";
import { classifyEndpoint } from "./endpoint.ts";
import { guardRequest, type GuardedRequest, type RequestContext } from "./guarded-request.ts";
import { watchOf } from "./watched-request.ts";
import { withoutTimeouts } from "./no-timeout-dispatcher.ts";

type InteractionsClass = new (parent: ApiClient) => Interactions;

/** @param own the application's fetch */
function sender(own: Fetch | undefined): (request: Request) => Promise<Response> {
  if (own !== undefined) return (request) => own(request);
  return (request) => (fetch as Fetch)(request, withoutTimeouts());
}

/**
 * The fetch of what has no calls that are metered: agents, webhooks, triggers and so on. A billable request that comes
 * this way does not leave.
 */
export function guardedFetch(context: RequestContext, own: Fetch | undefined): Fetch {
  const send = sender(own);
  return async (input, init) => {
    const request =
      init === undefined && input instanceof Request ? input : new Request(input as string, init as object);
    const { method, url } = request;
    const describe = (): string => describeRequest(method, new URL(url).pathname);
    if (
      admitEndpoint(context.guard, context.provider, classifyEndpoint(method, url), describe) === undefined
    ) {
      const watch = watchOf(context.guard, context.provider, method, url);
      const response = await send(request);
      if (watch !== undefined) watchSafely(response, watch);
      return response;
    }
    throw new CallNotAllowedError(
      "This request did not come through the client's own methods, so nothing is held for it. Use client.interactions.create(...).",
    );
  };
}

/** Puts the guard before the `create` of an Interactions object that belongs to the derived client. */
export function meterInteractions(
  interactions: Interactions,
  parent: ApiClient,
  own: Fetch | undefined,
  context: RequestContext,
): void {
  const Base = interactions.constructor as InteractionsClass;
  const create = async (params: unknown, options?: unknown): Promise<unknown> => {
    const perCall = typeof options === "object" && options !== null ? perCallAttribution(options) : undefined;
    const call = new InteractionCall(context, context.defaults.resolve(perCall), own);
    const ownParent = Object.create(parent, { getFetch: { value: () => call.fetch } }) as ApiClient;
    try {
      const result = await new Base(ownParent).create(params, options);
      return result instanceof ReadableStream && mayContinue(params) ? translateStream(result, call) : result;
    } catch (error) {
      throw call.translated(error);
    } finally {
      call.giveBack();
    }
  };
  Object.defineProperty(interactions, "create", { value: create, configurable: true, writable: true });
}

/** Whether a stream may make later requests, as the SDK decides it. Others are handed out by the SDK as proxies. */
function mayContinue(params: unknown): boolean {
  if (!isObject(params) || params["automatic_continuation"] === false || params["background"] === true)
    return false;
  return [params["agent"], params["agent_config"]].every((agent) => agent === undefined || agent === null);
}

class InteractionCall {
  readonly fetch: Fetch;
  readonly #context: RequestContext;
  readonly #attribution: Attribution;
  readonly #send: (request: Request) => Promise<Response>;
  readonly #requests = new Map<string, GuardedRequest | undefined>();
  #denial: unknown;

  constructor(context: RequestContext, attribution: Attribution, own: Fetch | undefined) {
    this.#context = context;
    this.#attribution = attribution;
    this.#send = sender(own);
    this.fetch = (input) => this.#fetch(input as Request);
  }

  async #fetch(request: Request): Promise<Response> {
    const body = await request.clone().text();
    // One that was aborted is refused by fetch itself.
    if (request.signal.aborted) return this.#send(request);
    let guarded: GuardedRequest | undefined;
    try {
      guarded = await this.#guard(request, body);
      const ready = guarded?.call.prepareAttempt();
      if (isPromise(ready)) await ready;
    } catch (error) {
      this.#denial = error;
      throw new DOMException("Not let through by a budget.", "AbortError");
    }
    if (guarded === undefined) return this.#send(request);
    const sent =
      guarded.body === body ? request : new Request(request, { method: request.method, body: guarded.body });
    return sendAttempt(this.#context.guard, guarded, request.signal, () => this.#send(sent));
  }

  async #guard(request: Request, body: string): Promise<GuardedRequest | undefined> {
    if (this.#requests.has(body)) return this.#requests.get(body);
    const { method, url, signal } = request;
    const guarded = await guardRequest(this.#context, { method, url, body, signal }, this.#attribution);
    this.#requests.set(body, guarded);
    return guarded;
  }

  /** What was denied, in the place of what the SDK made of it. */
  translated(error: unknown): unknown {
    const denial = this.#denial;
    if (denial === undefined) return error;
    if (isInterruption(error) && typeof denial === "object" && denial !== null) {
      // What was generated until then; not enumerable, since it must not get into a log.
      Object.defineProperty(denial, "interrupted", { value: error, configurable: true });
    }
    return denial;
  }

  /** Gives back what is held for tries that never began. */
  giveBack(): void {
    for (const guarded of this.#requests.values()) guarded?.call.abandon();
  }
}

function isInterruption(error: unknown): boolean {
  return error instanceof Error && error.name === "ContinuationInterruptedError";
}

/** A later request of a stream may be denied while it is being read. */
function translateStream(stream: ReadableStream, call: InteractionCall): ReadableStream {
  const fail = (error: unknown): never => {
    throw call.translated(error);
  };
  const translate = <R extends { next?: unknown; read?: unknown }>(reader: R, name: "next" | "read"): R => {
    const read = (reader[name] as (...args: unknown[]) => Promise<unknown>).bind(reader);
    const translated = (...args: unknown[]): Promise<unknown> => read(...args).catch(fail);
    Object.defineProperty(reader, name, { value: translated, configurable: true, writable: true });
    return reader;
  };
  const getReader = stream.getReader.bind(stream) as (options?: unknown) => ReadableStreamDefaultReader;
  // Not by `values`, which may itself ask for the iterator.
  const native = stream[Symbol.asyncIterator] as (options?: object) => AsyncIterator<unknown>;
  const iterate = native.bind(stream);
  const iterator = (options?: object): AsyncIterator<unknown> => translate(iterate(options), "next");
  const methods = {
    getReader: (options?: unknown) => translate(getReader(options), "read"),
    values: iterator,
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(stream, name, { value, configurable: true, writable: true });
  }
  Object.defineProperty(stream, Symbol.asyncIterator, {
    value: iterator,
    configurable: true,
    writable: true,
  });
  return stream;
}
