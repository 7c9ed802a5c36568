/**
 * @module A fetch under the guard, for clients whose only seam is their `fetch`.
 *
 * Every request is one call with one attempt: a client that tries again by itself makes another call, which has to find
 * room again. A denial rejects the fetch, so the client's own error may carry it as its `cause`.
 */
import type { Attribution } from "../attribution/attribution.ts";
import { CallNotBoundedError } from "../error/call-not-bounded-error.ts";
import { AttributionDefaults } from "../guard/attribution-context.ts";
import type { ProviderAdapter } from "./adapter.ts";
import { admitEndpoint, describeRequest } from "./admit-endpoint.ts";
import { guardOf } from "./guard-access.ts";
import { holdForRequest } from "./hold-for-request.ts";
import { planRequest } from "./plan-request.ts";
import { regionOf } from "./request/region.ts";
import { isObject } from "./request/request-shape.ts";
import { sendAttempt } from "./send-attempt.ts";

/** What `fetch` takes and gives, without a type of the DOM or of Node. */
export type FetchLike = (input: never, init?: never) => Promise<object>;

export interface GuardFetchOptions<E extends string> {
  readonly adapter: ProviderAdapter<E>;
  /** The provider in the price list. */
  readonly provider: string;
  /** Tags of every call; `holdfast.with(...)` wins over them. */
  readonly attribution?: Attribution;
}

/**
 * @param inner what sends the requests: the client's own fetch, or the global one
 * @param holdfast what createHoldfast returned
 * @throws {ConfigError} when this is not a Holdfast
 */
export function guardFetch<F extends FetchLike, E extends string>(
  inner: F,
  holdfast: object,
  { adapter, provider, attribution }: GuardFetchOptions<E>,
): F {
  const guard = guardOf(holdfast);
  const defaults = new AttributionDefaults(guard.context, attribution);
  const send = inner as unknown as (input: unknown, init?: RequestInit) => Promise<Response>;
  const guarded = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    // Read at once: the context is the one in which the call is made.
    const current = defaults.resolve();
    const { method, url } = addressOf(input, init);
    const endpoint = admitEndpoint(guard, provider, adapter.classifyEndpoint(method, url), () =>
      describeRequest(method, new URL(url).pathname),
    );
    // What is let through is not looked into: reading a body, or making another request of it, uses it up.
    if (endpoint === undefined || signalOf(input, init)?.aborted === true) return send(input, init);
    const request = new Request(input, init);
    const body = await bodyOf(request);
    const planned = planRequest(
      guard,
      adapter,
      provider,
      endpoint,
      body,
      undefined,
      undefined,
      regionOf(provider, url),
    );
    const call = await holdForRequest(guard, planned, current, request.signal);
    try {
      await call.prepareAttempt();
    } catch (error) {
      call.abandon();
      throw error;
    }
    const added = Object.keys(planned.additions).length > 0;
    const text = added ? { body: JSON.stringify({ ...body, ...planned.additions }) } : {};
    return sendAttempt(
      guard,
      { call, reader: adapter.reader, unreportedFees: planned.unreportedFees },
      request.signal,
      () => (added ? send(new Request(request, text)) : send(request)),
    );
  };
  return guarded as unknown as F;
}

/** Where the request goes, as `new Request(input, init)` would say it. */
function addressOf(
  input: string | URL | Request,
  init: RequestInit | undefined,
): { method: string; url: string } {
  if (typeof input === "string" || input instanceof URL) {
    return { method: (init?.method ?? "GET").toUpperCase(), url: String(input) };
  }
  return { method: (init?.method ?? input.method).toUpperCase(), url: input.url };
}

function signalOf(
  input: string | URL | Request,
  init: RequestInit | undefined,
): AbortSignal | null | undefined {
  if (init?.signal !== undefined) return init.signal;
  return typeof input === "string" || input instanceof URL ? undefined : input.signal;
}

/** @throws {CallNotBoundedError} when it is not an object in JSON. */
async function bodyOf(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = await request.clone().text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (isObject(body)) return body;
  throw new CallNotBoundedError(
    "The body of this request is not an object in JSON, so no worst case can be stated for it.",
  );
}
