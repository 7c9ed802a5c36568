/** @module `holdfastMiddleware` and its siblings: models of the AI SDK that cannot overspend. */
import type { Attribution } from "../../attribution/attribution.ts";
import { AttributionDefaults } from "../../guard/attribution-context.ts";
import { guardOf } from "../guard-access.ts";
import { isObject } from "../request/request-shape.ts";
import { shapeOfEmbedding, shapeOfImageCall, shapeOfLanguageCall } from "./call-shape.ts";
import { ModelGuard, type HoldfastMiddlewareOptions } from "./guarded-model.ts";
import { completeWith, outcomeOfResult, requestIdOf } from "./model-outcome.ts";
import { readEmbeddingUsage, readImageUsage } from "./model-usage.ts";
import type {
  HoldfastEmbeddingMiddleware,
  HoldfastImageMiddleware,
  HoldfastLanguageMiddleware,
} from "./sdk-types.ts";
import { watchParts } from "./watch-parts.ts";

/**
 * Middleware for `wrapLanguageModel` of ai 6 and 7: every call of the model is held for before it is sent and settled
 * when it ends. A retry of the SDK and a step of a tool loop are calls of their own. Put it last in a list of
 * middlewares, next to the model, so that it sees what is sent.
 *
 * A denial is the BudgetExceededError itself, and the SDK does not retry it: `generateText` rejects with it, `streamText`
 * reports it as the SDK reports any failure to start, to `onError` and as an error part. After a retry that was
 * refused for another reason the SDK rejects with its RetryError, whose `lastError` it then is.
 *
 * Tags of one call: `providerOptions: { holdfast: { user: "u-42" } }`. They go no further than here, and win over
 * `holdfast.with(...)`, which wins over `attribution`.
 *
 * A model whose provider's `fetch` belongs to a client that is wrapped by Holdfast must not be wrapped again: each call
 * would be charged twice.
 *
 * @param holdfast what createHoldfast returned
 * @param attribution tags of every call of this model
 * @throws {ConfigError} when it is not a Holdfast
 * @throws {AttributionError} when an attribution value is not a string
 */
export function holdfastMiddleware(
  holdfast: object,
  attribution?: Attribution,
  options: HoldfastMiddlewareOptions = {},
): HoldfastLanguageMiddleware {
  const model = modelGuard(holdfast, attribution, options);
  const { guard } = model;
  return {
    specificationVersion: "v3",
    transformParams: async ({ type, params, model: sdkModel }) =>
      model.plan(params, sdkModel, "ai-sdk.language", (own, asked) =>
        shapeOfLanguageCall(own, asked.model, asked.provider, type === "stream", guard.settings),
      ),
    wrapGenerate: ({ doGenerate, params }) =>
      model.call(params, doGenerate, (result, { asked }) => outcomeOfResult(result, asked)),
    wrapStream: async ({ doStream, params }) => {
      let stream: ReadableStream<unknown> | undefined;
      const result = await model.call(params, doStream, (answer, { planned, asked }, attempt) => {
        stream = watchParts(answer.stream as ReadableStream<unknown>, {
          guard,
          plan: planned.plan,
          attempt,
          asked,
          providerRequestId: requestIdOf(answer.response?.headers),
          signal: params.abortSignal as AbortSignal | undefined,
        });
        return undefined;
      });
      return stream === undefined ? result : { ...result, stream };
    },
  };
}

/**
 * The same for `wrapEmbeddingModel` of ai 6 and 7. `embedMany` calls the model once per batch; each is held for.
 *
 * @throws as {@link holdfastMiddleware}
 */
export function holdfastEmbeddingMiddleware(
  holdfast: object,
  attribution?: Attribution,
  options: HoldfastMiddlewareOptions = {},
): HoldfastEmbeddingMiddleware {
  const model = modelGuard(holdfast, attribution, options);
  const { guard } = model;
  return {
    specificationVersion: "v3",
    transformParams: async ({ params, model: sdkModel }) =>
      model.plan(params, sdkModel, "ai-sdk.embedding", (own, asked) =>
        shapeOfEmbedding(own, asked.model, asked.provider, guard.settings),
      ),
    wrapEmbed: ({ doEmbed, params }) =>
      model.call(params, doEmbed, (result) => {
        const { usage, response } = result as { usage?: unknown; response?: unknown };
        const { headers, body } = isObject(response) ? response : {};
        const served = isObject(body) ? body["model"] : undefined;
        return completeWith(readEmbeddingUsage(usage), headers, served);
      }),
  };
}

/**
 * The same for `wrapImageModel` of ai 6 and 7. Models that report no tokens are charged what was held: their pictures.
 *
 * @throws as {@link holdfastMiddleware}
 */
export function holdfastImageMiddleware(
  holdfast: object,
  attribution?: Attribution,
  options: HoldfastMiddlewareOptions = {},
): HoldfastImageMiddleware {
  const model = modelGuard(holdfast, attribution, options);
  const { guard } = model;
  return {
    specificationVersion: "v3",
    transformParams: async ({ params, model: sdkModel }) =>
      model.plan(params, sdkModel, "ai-sdk.image", (own, asked) =>
        shapeOfImageCall(own, asked.model, asked.provider, guard.settings),
      ),
    wrapGenerate: ({ doGenerate, params }) =>
      model.call(params, doGenerate, (result) => {
        const { usage, response } = result as { usage?: unknown; response?: unknown };
        const { headers, modelId } = isObject(response) ? response : {};
        const hasSources = Array.isArray(params.files) && params.files.length > 0;
        return completeWith(readImageUsage(usage, hasSources), headers, modelId);
      }),
  };
}

function modelGuard(
  holdfast: object,
  attribution: Attribution | undefined,
  options: HoldfastMiddlewareOptions,
): ModelGuard {
  const guard = guardOf(holdfast);
  return new ModelGuard({ guard, defaults: new AttributionDefaults(guard.context, attribution), options });
}
