/** @module What a message batch may cost at most: its requests are in the body, each with its own model and limits. */
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { Guard } from "../../guard/guard.ts";
import type { ProviderAdapter } from "../adapter.ts";
import { BatchSum, planBatch } from "../job/batch-sum.ts";
import { planShape, type PlannedRequest } from "../plan-request.ts";
import { isObject, stringOf, type Body, type RequestShape } from "../request/request-shape.ts";
import type { MeteredEndpoint } from "./endpoint.ts";
import { tierName, type Platform } from "./platform.ts";

/**
 * @throws {CallNotBoundedError} when a request in it cannot be held for.
 * @throws {PriceUnknownError} when a model in it has no price.
 */
export function planMessageBatch(
  guard: Guard,
  adapter: ProviderAdapter<MeteredEndpoint>,
  provider: string,
  platform: Platform,
  body: Body,
): PlannedRequest {
  const { requests } = body as { requests?: unknown };
  const sum = new BatchSum();
  const asked = new Set<string>();
  const possible = new Set<string>();
  if (Array.isArray(requests)) {
    for (const request of requests as unknown[]) {
      const params = isObject(request) ? request["params"] : undefined;
      if (!isObject(params)) throw new CallNotBoundedError("A request of the batch has no params.");
      const geography = stringOf(params["inference_geo"]);
      const geographies = geography === "" ? platform.defaultGeographies : [geography];
      asked.add(tierOf(platform, geography));
      for (const one of geographies) possible.add(tierOf(platform, one));
      const { also = [], ...main } = adapter.shapeOf("messages", params, guard.settings);
      sum.add(planPart(guard, provider, main));
      for (const part of also) sum.add(planPart(guard, provider, part), 0);
    }
  }
  const [tier = "batch", ...others] = asked;
  return planBatch(guard, sum, {
    provider,
    endpoint: "batches",
    tier: others.length === 0 ? tier : null,
    possibleTiers: [...asked, ...possible],
  });
}

/** Batches are half price in any geography. */
function tierOf(platform: Platform, inferenceGeo: string | null): string {
  return tierName(platform, { serviceTier: "batch", inferenceGeo });
}

/** Nothing can be added to a request of a batch any more, so what it leaves open is bounded by the model. */
function planPart(guard: Guard, provider: string, shape: RequestShape): PlannedRequest {
  const output = { ...shape.output, limitField: null };
  return planShape(guard, provider, "messages", { ...shape, stream: false, serviceTier: null, output });
}
