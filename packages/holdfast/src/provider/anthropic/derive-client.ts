/**
 * @module A client of the same class, under the guard.
 *
 * Derived, not proxied: the SDK's own constructor makes the new client, and its prototype gets one class in front. The
 * overrides are
 * - `makeRequest`: every request comes through it, and every try of one. A new request is planned and held for here, outside
 *   of what the SDK retries and inside of what it traces; each later try is held for anew. A hold whose try never began is
 *   given back at its end.
 * - `prepareRequest`: the last step before the wire where the SDK runs it behind its middleware (since 1.0): a try that
 *   fails earlier (no credentials) was never sent.
 * Each try is metered by a middleware of the SDK's own, the innermost: it is added to the options of each metered request,
 * behind the client's middleware and the request's, so that nothing of the application's can come between it and the wire,
 * and `withOptions({ middleware })` cannot take it away. A cloud client adapts and signs the request inside of it and makes
 * the answer canonical again, so what is read here is the same on all platforms. Before 0.101, when there was no
 * middleware, the client's `fetch` meters.
 * `withOptions` builds through `this.constructor`, so that clones are guarded too.
 */
import { mergeAttribution } from "../../attribution/attribution.ts";
import { watchSafely, type ResponseWatch } from "../job/observe-free.ts";
import { perCallAttribution } from "../per-call-attribution.ts";
import { asSdkError } from "../sdk-error.ts";
import { sendCancellable } from "./bedrock-stream.ts";
import {
  adaptsInside,
  hasMiddleware,
  type ClientClass,
  type DerivableClient,
  type FinalRequestOptions,
  type MaybeFinalOptions,
  type Middleware,
  type Next,
} from "./client-shape.ts";
import { classifyEndpoint } from "./endpoint.ts";
import { inputCounter } from "./exact-count.ts";
import { admit, bodyOf, GuardedRequest, type RequestContext } from "./guarded-request.ts";
import { CALL, isMetered, meterFetch } from "./metered-fetch.ts";
import { watchOf, type WatchContext } from "./watched-request.ts";

const DERIVED: unique symbol = Symbol.for("holdfast.anthropic.derived") as never;

/** On middleware of ours, so that options which come by twice carry it once. */
const OURS: unique symbol = Symbol("holdfast.anthropic.ours");

function own(middleware: Middleware): Middleware {
  return Object.assign(middleware, { [OURS]: true });
}

export function isDerived(client: object): boolean {
  return (client as { [DERIVED]?: boolean })[DERIVED] === true;
}

export function deriveClient<C extends object>(client: C, context: RequestContext): C {
  const base = client as unknown as DerivableClient;
  const Guarded = guardedClass(base.constructor as unknown as ClientClass, context);
  const derived = base.withOptions(
    hasMiddleware(base) ? {} : { fetch: meterFetch(base.fetch, watchContextOf(context)) },
  );
  Object.setPrototypeOf(derived, Guarded.prototype);
  return derived as unknown as C;
}

function guardedClass(Base: ClientClass, context: RequestContext): ClientClass {
  const translate = (error: unknown): unknown => asSdkError(error, Base.AnthropicError);

  const guarded = async (
    client: DerivableClient,
    given: MaybeFinalOptions,
  ): Promise<{ readonly options: FinalRequestOptions; readonly request: GuardedRequest | undefined }> => {
    // Options may be prepared asynchronously; the attribution is the one that holds now.
    let attribution = context.defaults.resolve();
    const options = await given;
    const here = context.at(client);
    const method = methodOf(client, options);
    const endpoint = admit(here, method, options.path);
    const theirs = theirsOf(options);
    const isBetween = (client.middleware?.length ?? 0) > 0 || theirs.length > 0;
    if (endpoint === undefined && !isBetween) {
      return { options: watched(client, options, method), request: undefined };
    }
    // The SDK refuses an aborted request by itself; it must not be held for.
    if (options.signal?.aborted === true) return { options, request: undefined };
    const perCall = perCallAttribution(options);
    if (perCall !== undefined) attribution = mergeAttribution(attribution, perCall);
    const request = new GuardedRequest(
      here,
      attribution,
      endpoint,
      options.signal,
      context.exactInputTokens ? inputCounter(client, options) : undefined,
    );
    if (isBetween) {
      const ours =
        endpoint === undefined
          ? unlessFree(method, options.path, through(client, request))
          : through(client, request);
      return { options: withMiddleware(options, theirs, ours, request), request };
    }
    const body = await request.hold(bodyOf(options, client.fetchOptions));
    const held = typeof options.body === "string" ? options : { ...options, body };
    if (!hasMiddleware(client)) {
      return { options: { ...held, fetchOptions: { ...held.fetchOptions, [CALL]: request } }, request };
    }
    return { options: withMiddleware(held, theirs, straight(client, request, held.body), request), request };
  };

  /** A request that costs nothing, and whose answer may tell how a batch has ended. */
  const watched = (
    client: DerivableClient,
    options: FinalRequestOptions,
    method: string,
  ): FinalRequestOptions => {
    const watch = hasMiddleware(client) ? watchOf(method, options.path, watchContextOf(context)) : undefined;
    if (watch === undefined) return options;
    return { ...options, middleware: [...theirsOf(options), own(watching(watch))] };
  };

  /** A request that was let through for what it is stays let through, unless middleware makes another of it. */
  const unlessFree = (method: string, path: string, guard: Middleware): Middleware => {
    const before = classifyEndpoint(method, path).kind;
    return (request, next) => {
      const verb = request.method ?? "GET";
      if (classifyEndpoint(verb, request.url).kind !== before) return guard(request, next);
      const watch = watchOf(verb, request.url, watchContextOf(context));
      return watch === undefined ? next(request) : watching(watch)(request, next);
    };
  };

  const withMiddleware = (
    options: FinalRequestOptions,
    theirs: readonly Middleware[],
    ours: Middleware,
    request: GuardedRequest,
  ): FinalRequestOptions => ({ ...options, middleware: [...theirs, own(ours)], [CALL]: request });

  const watching =
    (watch: ResponseWatch): Middleware =>
    async (request, next) => {
      const response = await next(request);
      watchSafely(response, watch);
      return response;
    };

  const sender = (next: Next): Next =>
    context.platform.name === "bedrock" ? (request) => sendCancellable(request, next) : next;

  const through =
    (client: DerivableClient, request: GuardedRequest): Middleware =>
    (canonical, next) =>
      request.sendThrough(canonical, sender(next), adaptsInside(client), translate);

  const straight =
    (client: DerivableClient, request: GuardedRequest, body: unknown): Middleware =>
    (canonical, next, ...[call]: readonly { readonly options?: FinalRequestOptions }[]) =>
      // A subclass of the application's own may have replaced the body on the way here.
      call?.options?.body === body
        ? request.sendPrepared(canonical.signal, () => sender(next)(canonical), adaptsInside(client))
        : request.sendThrough(canonical, sender(next), adaptsInside(client), translate);

  // No private members: the derived client was not constructed by this class.
  class Guarded extends Base {
    constructor(options: object) {
      super(options);
      if (!hasMiddleware(this) && !isMetered(this.fetch)) {
        this.fetch = meterFetch(this.fetch, watchContextOf(context));
      }
    }

    override async makeRequest(
      given: MaybeFinalOptions,
      retriesRemaining: number | null,
      retryOf: string | undefined,
      ...more: unknown[]
    ): Promise<unknown> {
      let request = retryOf === undefined ? undefined : requestOf(given as FinalRequestOptions);
      let options = given;
      if (retryOf === undefined) {
        try {
          ({ options, request } = await guarded(this, given));
        } catch (error) {
          throw translate(error);
        }
      }
      if (request === undefined) return super.makeRequest(options, retriesRemaining, retryOf, ...more);
      // The SDK takes some errors for failed connections by their words; this one is not to be tried again.
      request.throwDenial();
      let answer: unknown;
      try {
        await prepare(request);
        answer = await super.makeRequest(options, retriesRemaining, retryOf, ...more);
        return answer;
      } catch (error) {
        if (Base.APIConnectionError !== undefined && error instanceof Base.APIConnectionError) {
          request.throwDenial();
        }
        throw error;
      } finally {
        request.giveBack();
        if (retryOf === undefined) request.over((answer as { response?: unknown } | undefined)?.response);
      }
    }

    // A subclass may have one that is not asynchronous: the SDK only awaits it.
    override async prepareRequest(
      prepared: unknown,
      given: { url: string; options: FinalRequestOptions },
    ): Promise<void> {
      await super.prepareRequest(prepared, given);
      requestOf(given.options)?.reachWire();
    }
  }

  const prepare = async (request: GuardedRequest): Promise<void> => {
    try {
      await request.prepareAttempt();
    } catch (error) {
      throw translate(error);
    }
  };
  // The SDK sends the name of its class in the User-Agent.
  Object.defineProperty(Guarded, "name", { value: Base.name });
  Object.defineProperty(Guarded.prototype, DERIVED, { value: true });
  return Guarded as unknown as ClientClass;
}

/** As it will be sent: the SDK lets `fetchOptions` replace the method, the request's own last. */
function methodOf(client: DerivableClient, options: FinalRequestOptions): string {
  const replaced = options.fetchOptions?.["method"] ?? client.fetchOptions?.["method"];
  return typeof replaced === "string" ? replaced : options.method;
}

/** The pages of a list are asked for with the options of the page before. */
function theirsOf({ middleware = [] }: FinalRequestOptions): readonly Middleware[] {
  return middleware.filter((one) => !(OURS in one));
}

function watchContextOf({ guard, provider, adapter }: RequestContext): WatchContext {
  return { guard, provider, reader: adapter.reader };
}

function requestOf(options: FinalRequestOptions): GuardedRequest | undefined {
  return (options[CALL] ?? options.fetchOptions?.[CALL]) as GuardedRequest | undefined;
}
