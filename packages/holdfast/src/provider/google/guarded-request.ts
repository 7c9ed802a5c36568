/** @module One request to Google under the guard: from the body as it will be sent to its attempts. */
import type { Attribution } from "../../attribution/attribution.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { AttributionDefaults } from "../../guard/attribution-context.ts";
import type { Guard } from "../../guard/guard.ts";
import type { GuardedCall } from "../../guard/guarded-call.ts";
import { chain, type MaybePromise } from "../../kernel/maybe-promise.ts";
import type { Usage } from "../../usage/usage.ts";
import { admitEndpoint, describeRequest, reportUnmetered } from "../admit-endpoint.ts";
import type { EndpointClass } from "../endpoint-class.ts";
import { holdForRequest } from "../hold-for-request.ts";
import { parseJson } from "../observe/event-data.ts";
import { planShape, type PlannedRequest } from "../plan-request.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import type { ResponseReader } from "../response-reader.ts";
import type { OnTheWay } from "../send-attempt.ts";
import { googleAdapter } from "./adapter.ts";
import { planGoogleBatch } from "./batch-input.ts";
import { classifyEndpoint, modelIn, type MeteredEndpoint } from "./endpoint.ts";
import { googleReader } from "./reader.ts";
import { camelFields, spellingIn } from "./request/spelling.ts";
import { serverToolsOf } from "./request/tools.ts";

export interface RequestContext {
  readonly guard: Guard;
  readonly defaults: AttributionDefaults;
  /** The provider in the price list: "google", for the Gemini API and for Vertex AI. */
  readonly provider: string;
  /** Whether to ask for the exact count of the input before each call. */
  readonly exactInputTokens: boolean;
}

/** A request as the SDK is about to send it. */
export interface WireRequest {
  readonly method: string;
  readonly url: string;
  /** As it will be sent. */
  readonly body: unknown;
  /** The caller's own. */
  readonly signal: AbortSignal | null | undefined;
}

/** Input tokens by bucket as the provider counts them; undefined when it could not be asked. */
export type CountInput = (model: string, body: Body) => Promise<Usage | undefined>;

/** A metered request on its way. Its parts are private, since it may be logged with what it travels in. */
export class GuardedRequest implements OnTheWay {
  readonly #call: GuardedCall;
  readonly #unreportedFees: Usage;
  readonly #body: string;

  constructor(call: GuardedCall, unreportedFees: Usage, body: string) {
    this.#call = call;
    this.#unreportedFees = unreportedFees;
    this.#body = body;
  }

  get call(): GuardedCall {
    return this.#call;
  }

  get unreportedFees(): Usage {
    return this.#unreportedFees;
  }

  get reader(): ResponseReader {
    return googleReader;
  }

  /** The SDK only lets go of its reader when the application leaves a stream early. */
  get releaseCancels(): boolean {
    return true;
  }

  /** What is to be sent: the body that is held for. */
  get body(): string {
    return this.#body;
  }
}

/**
 * Decides about a request and holds its worst case.
 *
 * @param attribution as it was where the call was made
 * @returns undefined when the request is none of our business
 * @throws any HoldfastError, or rejects with it; nothing has been sent then
 */
export function guardRequest(
  context: RequestContext,
  request: WireRequest,
  attribution: Attribution,
  count?: CountInput,
): MaybePromise<GuardedRequest | undefined> {
  const { guard, provider } = context;
  const classified = classifyEndpoint(request.method, request.url);
  const body = classified.kind === "metered" ? fieldsOf(request.body) : {};
  const describe = (): string =>
    describeRequest(request.method, request.url.replace(/^[a-z]+:\/\/[^/]+/i, ""));
  const endpoint = admitEndpoint(guard, provider, classOf(classified, body), describe);
  // An aborted request is refused by the SDK itself; it must not be held for.
  if (endpoint === undefined || request.signal?.aborted === true) return undefined;
  const named = modelIn(request.url);
  const fields = named === undefined ? body : { ...body, model: named };
  if (endpoint === "batches") {
    return holdFor(context, request, attribution, planBatchOrAllow(context, request, fields, describe));
  }
  const counted =
    context.exactInputTokens && count !== undefined && named !== undefined && isGeneration(endpoint)
      ? count(named, body)
      : undefined;
  return chain(counted, (exact) => {
    const planned = planFields(context, endpoint, fields, exact);
    const text = withAdditions(request.body as string, body, planned, endpoint);
    const isBackground = endpoint === "interactions" && body["background"] === true;
    return holdFor(context, { ...request, body: text }, attribution, isBackground ? asJob(planned) : planned);
  });
}

function holdFor(
  { guard }: RequestContext,
  { body, signal }: WireRequest,
  attribution: Attribution,
  planned: PlannedRequest | undefined,
): MaybePromise<GuardedRequest | undefined> {
  if (planned === undefined) return undefined;
  return chain(
    holdForRequest(guard, planned, attribution, signal),
    (call) => new GuardedRequest(call, planned.unreportedFees, body as string),
  );
}

/** The interaction goes on after the request has returned. */
function asJob({ plan, unreportedFees, ...rest }: PlannedRequest): PlannedRequest {
  return { ...rest, plan: { ...plan, job: { requests: 1, unreportedFees } }, unreportedFees };
}

/** Undefined when the batch cannot be held for, and batches are allowed unmetered. */
function planBatchOrAllow(
  { guard, provider }: RequestContext,
  { url }: WireRequest,
  fields: Body,
  describe: () => string,
): PlannedRequest | undefined {
  try {
    return planGoogleBatch(guard, provider, url, fields);
  } catch (error) {
    if (!(error instanceof CallNotBoundedError) || !guard.settings.allow.has("batches")) throw error;
    reportUnmetered(guard, provider, "allowed-bypass", describe);
    return undefined;
  }
}

/** @param exact the provider's own count of the input, by bucket */
export function planFields(
  { guard, provider }: RequestContext,
  endpoint: MeteredEndpoint,
  fields: Body,
  exact?: Usage,
): PlannedRequest {
  const read = googleAdapter.shapeOf(endpoint, fields, guard.settings);
  if (exact === undefined) return planShape(guard, provider, endpoint, read);
  const { inputTextTokens = 0, ...otherInput } = exact;
  const counted = { ...read, textTokens: inputTextTokens, otherInput, isExact: true };
  return planShape(
    guard,
    provider,
    endpoint,
    isAllCounted(fields) ? { ...counted, refersTo: null } : counted,
  );
}

/** Files and addresses of media are in the count; what is only there when the model answers is not. */
function isAllCounted(request: Body): boolean {
  const fields = camelFields(request);
  return (
    serverToolsOf(fields["tools"]).length === 0 &&
    !isPresent(fields["continuationToken"]) &&
    // Vertex AI does not count it.
    !isPresent(fields["cachedContent"])
  );
}

/** An agent is not bounded by its request. */
function classOf(classified: EndpointClass<MeteredEndpoint>, body: Body): EndpointClass<MeteredEndpoint> {
  if (classified.kind !== "metered" || classified.endpoint !== "interactions") return classified;
  if (isPresent(body["agent"]) || isPresent(body["agent_config"] ?? body["agentConfig"]))
    return { kind: "bypass", bypass: "agents" };
  return classified;
}

function isGeneration(endpoint: MeteredEndpoint): boolean {
  return endpoint === "generateContent" || endpoint === "streamGenerateContent";
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** @throws {CallNotBoundedError} when it cannot be read, so that no worst case can be stated. */
function fieldsOf(body: unknown): Body {
  const fields = typeof body === "string" ? parseJson(body) : undefined;
  if (isObject(fields)) return fields;
  throw new CallNotBoundedError(
    "The body of this request cannot be read before it is sent, so no worst case can be stated for it.",
  );
}

/** The body with the limit that Holdfast adds, where the API looks for it. */
function withAdditions(
  text: string,
  body: Body,
  { additions }: PlannedRequest,
  endpoint: MeteredEndpoint,
): string {
  if (Object.keys(additions).length === 0) return text;
  return JSON.stringify(
    withLimit(body, additions, endpoint === "interactions" ? "generation_config" : "generationConfig"),
  );
}

/** In the spelling of the request: the same field in both would be refused, or taken from either. */
export function withLimit(body: Body, additions: Body, field: string): Body {
  const name = spellingIn(body, field);
  const config = isObject(body[name]) ? body[name] : {};
  const own = Object.entries(additions).map(([limit, value]) => [spellingIn(config, limit), value]);
  return { ...body, [name]: { ...config, ...(Object.fromEntries(own) as Body) } };
}
