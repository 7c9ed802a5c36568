/**
 * @module Worst case of embeddings and of Vertex's predictions (embeddings and Imagen's pictures).
 *
 * The Gemini API often reports no usage for embeddings; a complete answer is then charged what was estimated. The API
 * cuts a text at the model's limit (ai.google.dev/gemini-api/docs/embeddings, 2026-11), so the estimate is never too low.
 */
import { CallNotBoundedError } from "../../../error/call-not-bounded-error.ts";
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import type { Usage } from "../../../usage/usage.ts";
import { isObject, NO_OUTPUT, stringOf, type Body, type RequestShape } from "../../request/request-shape.ts";
import { ContentTokens } from "./content-tokens.ts";
import { wholeNumber } from "./spelling.ts";

function inputOnly(model: string, input: ContentTokens, prompts: number): RequestShape {
  const otherInput: Usage = { inputImageTokens: input.imageTokens, inputAudioTokens: input.audioTokens };
  return {
    model,
    stream: false,
    serviceTier: "default",
    textTokens: input.textTokens,
    prompts,
    otherInput,
    refersTo: input.refersTo,
    refersToMedia: input.refersTo !== null && input.refersToMedia,
    output: NO_OUTPUT,
    toolFees: {},
    unreportedFees: {},
    usageWhenSilent: input.refersTo === null ? { ...otherInput, inputTextTokens: input.textTokens } : null,
  };
}

/** @param body as it will be sent, and the model of the path as `model` */
export function shapeOfEmbedding(body: Body, estimator: TokenEstimator): RequestShape {
  const model = stringOf(body["model"]);
  const input = new ContentTokens(estimator, model);
  const requests = Array.isArray(body["requests"]) ? (body["requests"] as unknown[]) : [body];
  for (const request of requests) {
    if (!isObject(request)) continue;
    input.add(request["content"] ?? "", "contents");
    input.add(request["title"] ?? "");
  }
  return inputOnly(model, input, Math.max(1, requests.length));
}

/** Pictures that one request generates when it does not say (types of @google/genai 3.1, GenerateImagesConfig). */
const PICTURES_DEFAULT = 4;

/**
 * @throws {CallNotBoundedError} when the prediction is of a kind that is not known: what a model of the application's own
 * does and costs cannot be told from the request.
 */
export function shapeOfPrediction(body: Body, estimator: TokenEstimator): RequestShape {
  const model = stringOf(body["model"]);
  const instances = Array.isArray(body["instances"]) ? (body["instances"] as unknown[]) : [];
  const input = new ContentTokens(estimator, model);
  if (model.startsWith("imagen")) {
    const parameters = isObject(body["parameters"]) ? body["parameters"] : {};
    const images = wholeNumber(parameters["sampleCount"] ?? parameters["sample_count"]) ?? PICTURES_DEFAULT;
    const pictures = images * Math.max(1, instances.length);
    return { ...inputOnly(model, input, 1), otherInput: { images: pictures }, usageWhenSilent: null };
  }
  if (!/embedding/.test(model)) {
    throw new CallNotBoundedError(
      `A prediction on ${model.slice(0, 80)} is neither an embedding nor a picture of Imagen, so no worst case can be stated for it.`,
    );
  }
  for (const instance of instances) {
    if (isObject(instance)) input.add(instance["content"] ?? instance);
    if (isObject(instance)) input.add(instance["title"] ?? "");
  }
  return inputOnly(model, input, Math.max(1, instances.length));
}
