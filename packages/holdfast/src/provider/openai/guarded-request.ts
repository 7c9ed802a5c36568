/** @module One logical request to OpenAI under the guard, from its options to its attempts. */
import type { Attribution } from "../../attribution/attribution.ts";
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import type { AttributionDefaults } from "../../guard/attribution-context.ts";
import type { GuardedCall } from "../../guard/guarded-call.ts";
import type { Guard } from "../../guard/guard.ts";
import { chain, type MaybePromise } from "../../kernel/maybe-promise.ts";
import type { Usage } from "../../usage/usage.ts";
import { perCallAttribution } from "../per-call-attribution.ts";
import type { FinalRequestOptions } from "./client-shape.ts";
import { classifyEndpoint } from "./endpoint.ts";
import { planRequest } from "./plan.ts";
import { isObject } from "./request/request-shape.ts";
import { fieldsOf } from "./request/upload.ts";

/** Travels with the options of a request into the `init` of each of its fetches. */
export const CALL: unique symbol = Symbol.for("holdfast.openai.call");

export interface RequestContext {
  readonly guard: Guard;
  readonly defaults: AttributionDefaults;
  /** The provider in the price list: "openai", or "azure". */
  readonly provider: string;
  /** Whether to ask for usage in streams; some compatible servers reject the option. */
  readonly includeUsage: boolean;
}

/**
 * A metered request on its way. Its parts are private, since it travels in the SDK's own options, which the SDK may
 * log.
 */
export class GuardedRequest {
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

  /** The application did not ask for usage in its stream. */
  get hideUsage(): boolean {
    return this.#hideUsage;
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
  deployment: string | undefined,
): MaybePromise<FinalRequestOptions> {
  const { guard } = context;
  const endpoint = classifyEndpoint(options.method, options.path);
  switch (endpoint.kind) {
    case "free":
      return options;
    case "bypass":
      if (!guard.settings.allow.has(endpoint.bypass)) {
        throw new CallNotAllowedError(
          `${describe(options)} starts work that is billed where no hold can follow it (${endpoint.bypass}). ` +
            `To let it through unmetered, allow it: createHoldfast({ allow: ["${endpoint.bypass}"] }).`,
        );
      }
      reportUnmetered(context, "allowed-bypass", options);
      return options;
    case "unknown":
      if (guard.settings.unknownEndpoint === "refuse") {
        throw new CallNotAllowedError(
          `${describe(options)} is not an endpoint that Holdfast knows, so it may be billed unseen. ` +
            `To let such requests through with an event, set unknownEndpoint: "alarm".`,
        );
      }
      reportUnmetered(context, "unknown-endpoint", options);
      return options;
    case "metered": {
      // The SDK refuses an aborted request by itself; it must not be held for.
      if (options.signal?.aborted === true) return options;
      const fields = fieldsOf(options.body);
      const { plan, additions, unreportedFees } = planRequest(
        guard,
        context.provider,
        endpoint.endpoint,
        fields,
        deployment ?? metadataModel(options),
      );
      const usage = usageAddition(context, endpoint.endpoint, fields);
      const call = guard.startCall(plan, attribution);
      const request = new GuardedRequest(call, unreportedFees, usage !== undefined);
      const prepared = withAdditions(options, { ...additions, ...usage });
      prepared.fetchOptions = { ...options.fetchOptions, [CALL]: request };
      return chain(call.reserve(), () => prepared);
    }
  }
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

/** A shallow copy: the caller's own objects are never touched. */
function withAdditions(
  options: FinalRequestOptions,
  additions: Readonly<Record<string, unknown>>,
): FinalRequestOptions {
  if (Object.keys(additions).length === 0 || !isObject(options.body)) return { ...options };
  return { ...options, body: { ...options.body, ...additions } };
}

function metadataModel(options: FinalRequestOptions): string | undefined {
  const model = options.__metadata?.["model"];
  return typeof model === "string" ? model : undefined;
}

function reportUnmetered(
  { guard, provider }: RequestContext,
  what: "unknown-endpoint" | "allowed-bypass",
  options: FinalRequestOptions,
): void {
  guard.emitter.emit("call-unmetered", () => ({
    id: guard.nextId(),
    atMs: guard.clock.now(),
    provider,
    what,
    subject: describe(options),
  }));
}

/** Method and path without query: a path can carry ids, a query can carry anything. */
function describe(options: FinalRequestOptions): string {
  return `${options.method.toUpperCase()} ${options.path.replace(/[?#].*$/s, "").slice(0, 120)}`;
}
