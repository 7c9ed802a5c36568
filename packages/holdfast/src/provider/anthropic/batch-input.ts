/** @module What a message batch may cost at most: its requests are in the body, each with its own model and limits. */
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { Guard } from "../../guard/guard.ts";
import type { ProviderAdapter } from "../adapter.ts";
import { BatchSum, planBatch } from "../job/batch-sum.ts";
import { planShape, type PlannedRequest } from "../plan-request.ts";
import { isObject, type Body, type RequestShape } from "../request/request-shape.ts";
import type { MeteredEndpoint } from "./endpoint.ts";

/**
 * @throws {CallNotBoundedError} when a request in it cannot be held for.
 * @throws {PriceUnknownError} when a model in it has no price.
 */
export function planMessageBatch(
  guard: Guard,
  adapter: ProviderAdapter<MeteredEndpoint>,
  provider: string,
  body: Body,
): PlannedRequest {
  const { requests } = body as { requests?: unknown };
  const sum = new BatchSum();
  if (Array.isArray(requests)) {
    for (const request of requests as unknown[]) {
      const params = isObject(request) ? request["params"] : undefined;
      if (!isObject(params)) throw new CallNotBoundedError("A request of the batch has no params.");
      const { also = [], ...main } = adapter.shapeOf("messages", params, guard.settings);
      sum.add(planPart(guard, provider, main));
      for (const part of also) sum.add(planPart(guard, provider, part), 0);
    }
  }
  return planBatch(guard, sum, { provider, endpoint: "batches" });
}

/** Nothing can be added to a request of a batch any more, so what it leaves open is bounded by the model. */
function planPart(guard: Guard, provider: string, shape: RequestShape): PlannedRequest {
  const output = { ...shape.output, limitField: null };
  return planShape(guard, provider, "messages", { ...shape, stream: false, serviceTier: null, output });
}
