/**
 * @module One call of a model of the AI SDK under the guard: from its options to its end.
 *
 * The SDK calls the model anew for each of its retries and for each step of a tool loop, so a call of the model is one
 * attempt with a hold of its own.
 */
import type { Attribution } from "../../attribution/attribution.ts";
import type { AttributionDefaults } from "../../guard/attribution-context.ts";
import type { AttemptOutcome } from "../../guard/attempt-outcome.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import type { Guard } from "../../guard/guard.ts";
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { holdForRequest } from "../hold-for-request.ts";
import { planShape, type PlannedRequest } from "../plan-request.ts";
import { regionOf } from "../request/region.ts";
import type { RequestShape } from "../request/request-shape.ts";
import { billedProvider } from "./billed-provider.ts";
import { endWithError, type AskedFor } from "./model-outcome.ts";
import { ownParams } from "./own-params.ts";
import { NO_TOOLS, type ProviderTools } from "./provider-tools.ts";
import type { CallOptionsLike, ModelLike } from "./sdk-types.ts";

export interface HoldfastMiddlewareOptions {
  /**
   * The provider in the price list.
   * @default by the first part of the model's `provider`: "openai", "azure", "anthropic", "google" (also for Vertex),
   * "aws" (for Bedrock), and so on
   */
  readonly provider?: string;
  /**
   * The model in the price list, for names that are not its own: deployments, profiles.
   * @default the model's `modelId`
   */
  readonly model?: string;
}

export interface ModelContext {
  readonly guard: Guard;
  readonly defaults: AttributionDefaults;
  readonly options: HoldfastMiddlewareOptions;
}

/** A call that has been planned; nothing is held yet. */
interface PlannedCall {
  readonly planned: PlannedRequest;
  readonly attribution: Attribution;
  readonly asked: AskedFor;
}

/**
 * Where the model's requests go, as far as it can be seen: models of @ai-sdk/openai 3 and 4 keep it in their settings.
 * Empty for a model that hides it, or that is wrapped by another middleware.
 */
function addressOf(model: ModelLike): string {
  try {
    const { config } = model as { config?: { url?: (to: object) => unknown } };
    const address = config?.url?.({ path: "", modelId: model.modelId });
    return typeof address === "string" ? address : "";
  } catch {
    return "";
  }
}

/** An answer of which nothing can be told. */
const UNREADABLE: AttemptOutcome = { class: "ambiguous", status: null, providerRequestId: null };

export class ModelGuard {
  readonly #context: ModelContext;
  /** By the very options that the model will be called with. */
  readonly #planned = new WeakMap<object, PlannedCall>();

  constructor(context: ModelContext) {
    this.#context = context;
  }

  get guard(): Guard {
    return this.#context.guard;
  }

  /**
   * Plans a call.
   *
   * @param endpoint as in usage records
   * @returns the options to call the model with
   * @throws any HoldfastError
   */
  plan<P extends CallOptionsLike>(
    given: P,
    model: ModelLike,
    endpoint: string,
    shapeOf: (
      params: P,
      asked: Omit<AskedFor, "feeByName" | "held">,
    ) => RequestShape & { readonly tools?: ProviderTools },
  ): P {
    const { guard, defaults, options } = this.#context;
    const { params: own, perCall } = ownParams(given);
    const attribution = defaults.resolve(perCall);
    const name = options.model ?? model.modelId;
    const asked = { provider: billedProvider(model.provider, name, options.provider), model: name };
    const region = regionOf(asked.provider.name, addressOf(model));
    const shape = { ...shapeOf(own, asked), ...(region === undefined ? {} : { region }) };
    const planned = planShape(guard, asked.provider.name, endpoint, shape);
    const params = Object.assign(own, planned.additions);
    const { feeByName } = shape.tools ?? NO_TOOLS;
    const held = planned.plan.estimate.usage;
    this.#planned.set(params, { planned, attribution, asked: { ...asked, feeByName, held } });
    return params;
  }

  /**
   * Holds, calls the model, and ends the attempt when the call fails.
   *
   * @param ended what the answer says of the attempt; undefined when it goes on (a stream)
   * @throws any HoldfastError, before the model is called; else what the model throws
   */
  async call<R>(
    params: CallOptionsLike,
    callModel: () => PromiseLike<R>,
    ended: (result: R, call: PlannedCall, attempt: Attempt) => AttemptOutcome | undefined,
  ): Promise<R> {
    const planned = this.#planned.get(params);
    if (planned === undefined) {
      throw new CallNotAllowedError(
        "This call of the model was not planned, so nothing is held for it: its options were replaced between " +
          "transformParams and the call. Use the middleware with the SDK's own wrap functions.",
      );
    }
    const { guard } = this.#context;
    const signal = params.abortSignal as AbortSignal | undefined;
    signal?.throwIfAborted();
    const call = await holdForRequest(guard, planned.planned, planned.attribution, signal);
    let attempt: Attempt;
    try {
      signal?.throwIfAborted();
      await call.prepareAttempt();
      signal?.throwIfAborted();
      attempt = call.takeAttempt()!;
    } catch (error) {
      call.abandon();
      throw error;
    }
    let result: R;
    try {
      result = await callModel();
    } catch (error) {
      endWithError(attempt, error);
      throw error;
    }
    try {
      const outcome = ended(result, planned, attempt);
      if (outcome !== undefined) attempt.end(outcome);
    } catch {
      // An answer that is not the SDK's kind is the application's to deal with; it was billed.
      attempt.end(UNREADABLE);
    }
    return result;
  }
}
