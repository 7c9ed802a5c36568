/**
 * @module One logical request to Claude under the guard, from its options to its attempts.
 *
 * It is held for as the application made it, before anything else happens; a denial is then raised once, as it is. When
 * middleware of the application's own may still change it, answer it from a cache or send it several times, it is held for
 * where it leaves that middleware instead, once for each different body.
 */
import type { Attribution } from "../../attribution/attribution.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { AttributionDefaults } from "../../guard/attribution-context.ts";
import type { GuardedCall } from "../../guard/guarded-call.ts";
import type { Guard } from "../../guard/guard.ts";
import type { Usage } from "../../usage/usage.ts";
import type { ProviderAdapter } from "../adapter.ts";
import { admitEndpoint, describeRequest } from "../admit-endpoint.ts";
import { holdForRequest } from "../hold-for-request.ts";
import { parseJson } from "../observe/event-data.ts";
import { planRequest } from "../plan-request.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import { snapshot } from "../request/snapshot.ts";
import { sendAttempt } from "../send-attempt.ts";
import { planMessageBatch } from "./batch-input.ts";
import type { CanonicalRequest, FinalRequestOptions, Next } from "./client-shape.ts";
import type { MeteredEndpoint } from "./endpoint.ts";
import { countWithMargin } from "./exact-count.ts";
import type { Platform } from "./platform.ts";
import { UnclaimedAnswers } from "./unclaimed-answers.ts";

export interface RequestContext {
  readonly guard: Guard;
  readonly defaults: AttributionDefaults;
  /** The provider in the price list: "anthropic", "aws", "google" or "azure". */
  readonly provider: string;
  readonly platform: Platform;
  readonly adapter: ProviderAdapter<MeteredEndpoint>;
  /** Whether to ask for the exact count of the input before each call. */
  readonly exactInputTokens: boolean;
  /** The same for a clone of the client, which may be at another location. */
  readonly at: (client: object) => RequestContext;
}

/** The exact input tokens of a request, or undefined when they could not be had. */
export type CountInput = (fields: Body) => Promise<number | undefined>;

interface Held {
  readonly call: GuardedCall;
  readonly unreportedFees: Usage;
  /** Fields to add to the body before it is sent. */
  readonly additions: Body;
  /** The body that is held for, as it was when it left the application's middleware. */
  readonly text: string | undefined;
}

/** The endpoint of a request that may leave; undefined when it is none of our business. */
export function admit(
  { guard, provider, adapter }: RequestContext,
  method: string,
  path: string,
): MeteredEndpoint | undefined {
  return admitEndpoint(guard, provider, adapter.classifyEndpoint(method, path), () =>
    describeRequest(method, path),
  );
}

/**
 * A metered request on its way. Its parts are private, since it travels in the SDK's own options, which the SDK may
 * log.
 */
export class GuardedRequest {
  readonly #context: RequestContext;
  readonly #attribution: Attribution;
  readonly #endpoint: MeteredEndpoint | undefined;
  readonly #signal: AbortSignal | null | undefined;
  readonly #count: CountInput | undefined;
  #held: Held | undefined;
  /** A try that is under way has come as far as the SDK's own fetch. */
  #reachedWire = false;
  #underWay = 0;
  /** A middleware may send several at once; they are made ready one by one. */
  #turn: Promise<unknown> = Promise.resolve();
  #denial: { readonly error: unknown } | undefined;
  /** Of requests whose answers go through the application's middleware. */
  #answers: UnclaimedAnswers | undefined;

  /** @param endpoint undefined for a request that costs nothing as it is, and that middleware may make another of */
  constructor(
    context: RequestContext,
    attribution: Attribution,
    endpoint: MeteredEndpoint | undefined,
    signal: AbortSignal | null | undefined,
    count: CountInput | undefined,
  ) {
    this.#context = context;
    this.#attribution = attribution;
    this.#endpoint = endpoint;
    this.#signal = signal;
    this.#count = count;
  }

  /**
   * Holds for the request as the application made it.
   *
   * @returns the body to send
   * @throws any HoldfastError; nothing has been sent then
   */
  async hold(fields: Body): Promise<Body> {
    this.#held = await this.#holdFor(this.#endpoint!, fields, undefined, this.#signal);
    return { ...fields, ...this.#held.additions };
  }

  /** Makes the next try ready, where that can be done before the SDK builds it. */
  async prepareAttempt(): Promise<void> {
    if (this.#held === undefined || this.#held.text !== undefined || this.#signal?.aborted === true) return;
    await this.#held.call.prepareAttempt();
  }

  /** Gives back what is held for a try that never began. */
  giveBack(): void {
    this.#held?.call.abandon();
  }

  /** Throws the error of a try that was not let through from inside the application's middleware. */
  throwDenial(): void {
    if (this.#denial !== undefined) throw this.#denial.error;
  }

  /** The call has returned this to the SDK's methods, or has failed. */
  over(handedOut: unknown): void {
    this.#answers?.over(handedOut);
  }

  reachWire(): void {
    this.#reachedWire = true;
  }

  /** Sends a try that is ready, as it is. */
  sendPrepared(
    signal: AbortSignal | null | undefined,
    send: () => Promise<Response>,
    knowsWire: boolean,
  ): Promise<Response> {
    const { guard, adapter } = this.#context;
    const { call, unreportedFees } = this.#held!;
    const { reader } = adapter;
    // With others under way it cannot be told which of them has, so that all of them may have.
    if (this.#underWay === 0) this.#reachedWire = !knowsWire;
    this.#underWay += 1;
    const sent = sendAttempt(
      guard,
      {
        call,
        reader,
        unreportedFees,
        reachedWire: () => this.#reachedWire,
        onAnswer: (response, attempt) => this.#answers?.add(response, attempt),
      },
      signal,
      send,
    );
    const over = (): void => {
      this.#underWay -= 1;
    };
    sent.then(over, over);
    return sent;
  }

  /**
   * Holds for what leaves the application's middleware, and sends it.
   *
   * @param translate makes an error of ours one of the SDK's family
   */
  async sendThrough(
    request: CanonicalRequest,
    next: Next,
    knowsWire: boolean,
    translate: (error: unknown) => unknown,
  ): Promise<Response> {
    this.#answers ??= new UnclaimedAnswers(this.#context.adapter.reader.requestIdHeader);
    const send = async (): Promise<{ readonly answer: Promise<Response> }> => {
      let own: CanonicalRequest | undefined;
      try {
        const endpoint = admit(this.#context, request.method ?? "GET", request.url);
        // What has become free, or will not leave.
        if (endpoint === undefined || request.signal?.aborted === true) this.giveBack();
        else {
          own = await this.#holdForWhatIsSent(endpoint, request);
          await this.#held!.call.prepareAttempt();
        }
      } catch (error) {
        this.#denial = { error: translate(error) };
        throw this.#denial.error;
      }
      this.#denial = undefined;
      const sent = own;
      if (sent === undefined) return { answer: next(request) };
      return { answer: this.sendPrepared(request.signal, () => next(sent), knowsWire) };
    };
    const turn = this.#turn.then(send);
    this.#turn = turn.catch(() => undefined);
    return (await turn).answer;
  }

  /** The same body again is another try of the same call; a different one is another call. */
  async #holdForWhatIsSent(endpoint: MeteredEndpoint, request: CanonicalRequest): Promise<CanonicalRequest> {
    const { body } = request;
    if (typeof body !== "string") throw notReadable();
    if (this.#held?.text !== body) {
      this.giveBack();
      this.#held = undefined;
      this.#held = await this.#holdFor(endpoint, fieldsOfText(body), body, request.signal);
    }
    const { additions } = this.#held;
    if (Object.keys(additions).length === 0) return request;
    return { ...request, body: JSON.stringify({ ...fieldsOfText(body), ...additions }) };
  }

  async #holdFor(
    endpoint: MeteredEndpoint,
    fields: Body,
    text: string | undefined,
    signal: AbortSignal | null | undefined,
  ): Promise<Held> {
    const { guard, adapter, provider, platform } = this.#context;
    if (endpoint === "batches") {
      const { plan, ...planned } = planMessageBatch(guard, adapter, provider, platform, fields);
      const call = await holdForRequest(guard, { plan, ...planned }, this.#attribution, signal);
      return { call, ...planned, text };
    }
    const counted = endpoint === "messages" ? await this.#count?.(fields) : undefined;
    const bound = counted === undefined ? undefined : countWithMargin(counted);
    const planned = planRequest(guard, adapter, provider, endpoint, fields, undefined, bound);
    const call = await holdForRequest(guard, planned, this.#attribution, signal);
    return { call, unreportedFees: planned.unreportedFees, additions: planned.additions, text };
  }
}

/**
 * What will be sent, as one copy that nobody changes.
 *
 * @throws {CallNotBoundedError} when it cannot be read, so that no worst case can be stated.
 */
export function bodyOf(
  options: FinalRequestOptions,
  clientFetchOptions: Readonly<Record<PropertyKey, unknown>> | undefined,
): Body {
  for (const given of [clientFetchOptions, options.fetchOptions]) {
    if (given === undefined || (given["body"] === undefined && given["method"] === undefined)) continue;
    throw new CallNotBoundedError(
      "fetchOptions replaces the body or the method of the request, so what is sent cannot be held for. Put it into the request itself.",
    );
  }
  const { body } = options;
  if (body === undefined || body === null) return {};
  if (typeof body === "string") return fieldsOfText(body);
  if (!isObject(body) || isOpaque(body)) throw notReadable();
  return snapshot(body);
}

function fieldsOfText(text: string): Body {
  const fields = parseJson(text);
  if (!isObject(fields)) throw notReadable();
  return fields;
}

function notReadable(): CallNotBoundedError {
  return new CallNotBoundedError(
    "The body of this request cannot be read before it is sent, so no worst case can be stated for it. Pass an object.",
  );
}

/** Bodies that are sent as they are. */
function isOpaque(body: object): boolean {
  return (
    ArrayBuffer.isView(body) ||
    body instanceof ArrayBuffer ||
    body instanceof Blob ||
    body instanceof FormData ||
    body instanceof ReadableStream ||
    body instanceof URLSearchParams ||
    Symbol.asyncIterator in body ||
    (Symbol.iterator in body && "next" in body)
  );
}
