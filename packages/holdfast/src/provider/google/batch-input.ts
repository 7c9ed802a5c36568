/** @module What a batch of the Gemini API may cost at most, when its requests are in the body. */
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { Guard } from "../../guard/guard.ts";
import { BatchSum, planBatch, planBatchRequest } from "../job/batch-sum.ts";
import type { PlannedRequest } from "../plan-request.ts";
import { isObject, stringOf, type Body } from "../request/request-shape.ts";
import { googleAdapter } from "./adapter.ts";
import { plainModelName } from "./endpoint.ts";
import { camelFields } from "./request/spelling.ts";

/**
 * @param url whose action says whether it is a batch of embeddings
 * @param body with the model of the path as `model`
 * @throws {CallNotBoundedError} when its requests are in a file, or one of them cannot be held for.
 * @throws {PriceUnknownError} when a model in it has no price.
 */
export function planGoogleBatch(guard: Guard, provider: string, url: string, body: Body): PlannedRequest {
  const endpoint = /:asyncBatchEmbedContent\b/.test(url) ? "embedContent" : "generateContent";
  const sum = new BatchSum();
  for (const item of requestsOf(body)) {
    const request = isObject(item) && isObject(item["request"]) ? item["request"] : item;
    if (!isObject(request)) throw new CallNotBoundedError("A request of the batch has no content.");
    const own = stringOf(request["model"]);
    const model = own === "" ? stringOf(body["model"]) : plainModelName(own);
    sum.add(planBatchRequest(guard, googleAdapter, provider, endpoint, { ...request, model }));
  }
  return planBatch(guard, sum, { provider, endpoint: "batches" });
}

function requestsOf(body: Body): readonly unknown[] {
  const batch = isObject(body["batch"]) ? camelFields(body["batch"]) : {};
  const config = isObject(batch["inputConfig"]) ? camelFields(batch["inputConfig"]) : {};
  const { requests } = config;
  if (Array.isArray(requests)) return requests as unknown[];
  if (isObject(requests) && Array.isArray(requests["requests"])) return requests["requests"] as unknown[];
  throw new CallNotBoundedError(
    "The requests of this batch are in a file, which cannot be read here, so no worst case can be stated for it. Pass " +
      'them with the batch (inlined requests), or let batches through unmetered with allow: ["batches"].',
  );
}
