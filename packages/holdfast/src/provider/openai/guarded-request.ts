/** @module One logical request to OpenAI under the guard, from its options to its attempts. */
import type { Attribution } from "../../attribution/attribution.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { AttributionDefaults } from "../../guard/attribution-context.ts";
import type { GuardedCall } from "../../guard/guarded-call.ts";
import type { Guard } from "../../guard/guard.ts";
import { chain, type MaybePromise } from "../../kernel/maybe-promise.ts";
import type { Usage } from "../../usage/usage.ts";
import { admitEndpoint, describeRequest, reportUnmetered } from "../admit-endpoint.ts";
import { holdForRequest } from "../hold-for-request.ts";
import { planBatch } from "../job/batch-sum.ts";
import { perCallAttribution } from "../per-call-attribution.ts";
import { planRequest, type PlannedRequest } from "../plan-request.ts";
import type { BatchInputs } from "./batch-input.ts";
import type { FinalRequestOptions } from "./client-shape.ts";
import { classifyEndpoint, type MeteredEndpoint } from "./endpoint.ts";
import { openaiAdapter } from "./adapter.ts";
import { UsageHider } from "./hide-usage.ts";
import { openaiReader } from "./reader.ts";
import type { StreamFilter } from "../observe/observe-answer.ts";
import type { ResponseReader } from "../response-reader.ts";
import type { OnTheWay } from "../send-attempt.ts";
import { isObject, stringOf, type Body } from "../request/request-shape.ts";
import { snapshot } from "../request/snapshot.ts";
import { fieldsOf } from "../request/upload.ts";
import { watchOf } from "./watched-request.ts";

/** Travels with the options of a request into the `init` of each of its fetches. */
export const CALL: unique symbol = Symbol.for("holdfast.openai.call");

/** The same, on requests that cost nothing: what their answers are good for. */
export const WATCH: unique symbol = Symbol.for("holdfast.openai.watch");

const createUsageHider = (): StreamFilter => new UsageHider();

/** What the client adds to each of its requests. */
export interface ClientState {
  /** Azure: the deployment that will be billed, whatever model the body names. */
  readonly deployment: string | undefined;
  /** The tier that the region of its address is billed at; see `regionOf`. */
  readonly region: string | undefined;
  readonly fetchOptions: Readonly<Record<PropertyKey, unknown>> | undefined;
  /** Fetches the content of a file, as the application would. */
  readonly readFile: (fileId: string, signal: AbortSignal | null | undefined) => Promise<Response>;
}

export interface RequestContext {
  readonly guard: Guard;
  readonly defaults: AttributionDefaults;
  /** The provider in the price list: "openai", or "azure". */
  readonly provider: string;
  /** Whether to ask for usage in streams; some compatible servers reject the option. */
  readonly includeUsage: boolean;
  /** The files of requests that this client has uploaded. */
  readonly inputs: BatchInputs;
}

/**
 * A metered request on its way. Its parts are private, since it travels in the SDK's own options, which the SDK may
 * log.
 */
export class GuardedRequest implements OnTheWay {
  readonly #call: GuardedCall;
  readonly #unreportedFees: Usage;
  readonly #hideUsage: boolean;

  constructor(call: GuardedCall, unreportedFees: Usage, hideUsage: boolean) {
    this.#call = call;
    this.#unreportedFees = unreportedFees;
    this.#hideUsage = hideUsage;
  }

  get call(): GuardedCall {
    return this.#call;
  }

  /** Fees that the response will not report. */
  get unreportedFees(): Usage {
    return this.#unreportedFees;
  }

  get reader(): ResponseReader {
    return openaiReader;
  }

  /** The application did not ask for usage in its stream. */
  get createFilter(): (() => StreamFilter) | undefined {
    return this.#hideUsage ? createUsageHider : undefined;
  }
}

/**
 * Decides about a request and holds its worst case.
 *
 * @param attribution as it was where the call was made
 * @returns the options to send: the same object when the request is none of our business
 * @throws any HoldfastError; nothing has been sent then
 */
export function guardRequest(
  context: RequestContext,
  options: FinalRequestOptions,
  attribution: Attribution,
  client: ClientState,
): MaybePromise<FinalRequestOptions> {
  const { guard } = context;
  const endpoint = admitEndpoint(
    guard,
    context.provider,
    classifyEndpoint(options.method, options.path),
    () => describeRequest(options.method, options.path),
  );
  // The SDK refuses an aborted request by itself; it must not be held for.
  if (options.signal?.aborted === true) return options;
  if (endpoint === undefined) return watched(options, context);
  const sent = bodyOf(options, endpoint, client);
  if (endpoint === "batches") return guardBatch(context, options, attribution, client, sent.fields);
  const request = planRequest(
    guard,
    openaiAdapter,
    context.provider,
    endpoint,
    sent.fields,
    client.deployment,
    undefined,
    client.region,
  );
  const isBackground = endpoint === "responses" && sent.fields["background"] === true;
  const planned = isBackground ? asJob(request) : request;
  const usage = usageAddition(context, endpoint, sent.fields);
  return chain(holdForRequest(guard, planned, attribution, options.signal), (call) => ({
    ...options,
    // Additions are only ever made to requests that are plain objects.
    body: sent.isJson ? { ...sent.fields, ...planned.additions, ...usage } : options.body,
    fetchOptions: {
      ...options.fetchOptions,
      [CALL]: new GuardedRequest(call, planned.unreportedFees, usage !== undefined),
    },
  }));
}

function watched(options: FinalRequestOptions, context: RequestContext): FinalRequestOptions {
  if (options.fetchOptions?.[WATCH] !== undefined) return options;
  const watch = watchOf(options, context);
  if (watch === undefined) return options;
  return { ...options, fetchOptions: { ...options.fetchOptions, [WATCH]: watch } };
}

/** The response goes on after the request has returned. */
function asJob({ plan, unreportedFees, ...rest }: PlannedRequest): PlannedRequest {
  return { ...rest, plan: { ...plan, job: { requests: 1, unreportedFees } }, unreportedFees };
}

/** Holds for all requests of the batch, which are in a file. */
async function guardBatch(
  { guard, provider, inputs }: RequestContext,
  options: FinalRequestOptions,
  attribution: Attribution,
  { readFile, region }: ClientState,
  body: Body,
): Promise<FinalRequestOptions> {
  let planned: PlannedRequest;
  try {
    const sum = await inputs.of(stringOf(body["input_file_id"]), (id) => readFile(id, options.signal));
    planned = planBatch(guard, sum, { provider, endpoint: "batches", region });
  } catch (error) {
    // The SDK refuses an aborted request by itself.
    if (options.signal?.aborted === true) return options;
    if (!(error instanceof CallNotBoundedError) || !guard.settings.allow.has("batches")) throw error;
    reportUnmetered(guard, provider, "allowed-bypass", () => describeRequest(options.method, options.path));
    return { ...options, fetchOptions: { ...options.fetchOptions, [WATCH]: () => undefined } };
  }
  const call = await holdForRequest(guard, planned, attribution, options.signal);
  return {
    ...options,
    body,
    fetchOptions: { ...options.fetchOptions, [CALL]: new GuardedRequest(call, {}, false) },
  };
}

export function attributionOf(context: RequestContext, options: FinalRequestOptions): Attribution {
  return context.defaults.resolve(perCallAttribution(options));
}

export function guardedRequestOf(options: FinalRequestOptions | undefined): GuardedRequest | undefined {
  return options?.fetchOptions?.[CALL] as GuardedRequest | undefined;
}

function usageAddition(
  context: RequestContext,
  endpoint: string,
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  if (!context.includeUsage || body["stream"] !== true) return undefined;
  if (endpoint !== "chat.completions" && endpoint !== "completions") return undefined;
  const asked = isObject(body["stream_options"]) ? body["stream_options"] : {};
  if (asked["include_usage"] === true) return undefined;
  return { stream_options: { ...asked, include_usage: true } };
}

/**
 * What will be sent, as one copy that nobody changes.
 *
 * @throws {CallNotBoundedError} when it cannot be read, so that no worst case can be stated.
 */
function bodyOf(
  options: FinalRequestOptions,
  endpoint: MeteredEndpoint,
  { fetchOptions }: ClientState,
): { fields: Body; isJson: boolean } {
  for (const given of [fetchOptions, options.fetchOptions]) {
    if (given === undefined || (given["body"] === undefined && given["method"] === undefined)) continue;
    throw new CallNotBoundedError(
      "fetchOptions replaces the body or the method of the request, so what is sent cannot be held for. Put it into the request itself.",
    );
  }
  const { body } = options;
  if (typeof FormData !== "undefined" && body instanceof FormData)
    return { fields: fieldsOf(body), isJson: false };
  if (body === undefined || body === null) return { fields: {}, isJson: false };
  if (isObject(body) && !isOpaque(body)) {
    const copied = snapshot(body);
    // Uploads are turned into a form by the SDK later; they take no additions.
    return { fields: copied, isJson: true };
  }
  const model = options.__metadata?.["model"];
  if (typeof model === "string" && endpoint.startsWith("audio.trans")) {
    // An upload that is streamed: its fields cannot be seen, and the API's own limits bound it.
    return { fields: { model }, isJson: false };
  }
  if (typeof model === "string" && endpoint.startsWith("images.")) {
    return { fields: { model, ...LARGEST_PICTURES }, isJson: false };
  }
  throw new CallNotBoundedError(
    "The body of this request cannot be read before it is sent, so no worst case can be stated for it. Pass an object, " +
      "and files as a File, Blob or Buffer instead of a stream.",
  );
}

/** The most that the API takes in one request (OpenAI image API reference, 2026-11). */
const LARGEST_PICTURES = { n: "10", quality: "max", size: "large" };

/** Bodies that are sent as they are. */
function isOpaque(body: object): boolean {
  return (
    ArrayBuffer.isView(body) ||
    body instanceof ArrayBuffer ||
    body instanceof Blob ||
    body instanceof ReadableStream ||
    body instanceof URLSearchParams ||
    Symbol.asyncIterator in body ||
    (Symbol.iterator in body && "next" in body)
  );
}
