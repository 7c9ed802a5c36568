/**
 * @module How Google's answers are read.
 *
 * - A request that fails with a 400 or 500 is not charged (ai.google.dev/gemini-api/docs/billing, 2026-11).
 * - A stream that is left early goes on at the provider and is charged in full: "AbortSignal is a client-only operation.
 *   Using it to cancel an operation will not cancel the request in the service. You will still be charged usage for any
 *   applicable operations." (types of @google/genai 3.1, GenerateContentConfig.abortSignal, 2026-11)
 */
import { NOTHING_SERVED } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import type { AnswerReading, ResponseReader, StreamReading } from "../response-reader.ts";
import { addUsage, countOf, MISSING, readingOf, type UsageReading } from "../usage/usage-reading.ts";
import { Grounding } from "./grounding.ts";
import { acceptedJob, BACKGROUND_MS } from "./jobs.ts";
import { interactionServedBy, readInteractionStream, type InteractionReading } from "./read-interaction.ts";
import { readStream } from "./read-stream.ts";
import { servedBy, tierOf } from "./served.ts";
import { readUsageMetadata, type PlainOutput } from "../usage/google-usage.ts";
import { readInteractionUsage } from "./usage-interaction.ts";

export const googleReader: ResponseReader = {
  // Nothing names a request; the response id is in the body.
  requestIdHeader: "x-request-id",
  headBytes: 0,
  goesOnUnheard: true,
  answer: (body, plan) =>
    isObject(body) ? readAnswer(body, plan) : { usage: MISSING, served: NOTHING_SERVED },
  events: (text, plan, estimator) =>
    plan.endpoint === "interactions"
      ? withJob(readInteractionStream(text, estimator, plan.model, plainOutputOf(plan)), plan)
      : readStream(text, estimator, plan.model, plainOutputOf(plan)),
  tierInHeaders: (headers) => tierOf(headers.get("x-gemini-service-tier"), undefined),
  // Grounding may be told by any of the chunks.
  needsAll: ({ estimate: { usage } }) => (usage.webSearches ?? 0) > 0 || (usage.mapGroundings ?? 0) > 0,
  mayReason,
};

/** A stream of work in the background may be left: it goes on. */
function withJob({ interactionId, ...reading }: InteractionReading, { job }: CallPlan): StreamReading {
  return job === undefined ? reading : { ...reading, job: { jobId: interactionId, ttlMs: BACKGROUND_MS } };
}

function readAnswer(body: Body, plan: CallPlan): AnswerReading {
  const job = acceptedJob(body, plan);
  if (job !== undefined) return { usage: MISSING, served: NOTHING_SERVED, job };
  if (plan.endpoint === "interactions") {
    const usage = readInteractionUsage(body["usage"], plan.model, plainOutputOf(plan));
    return { usage, served: interactionServedBy(body) };
  }
  const served = servedBy(body, NOTHING_SERVED);
  if (plan.endpoint === "predict") return { usage: readPredictions(body, plan), served };
  return { usage: readGeneration(body, plan), served };
}

function readGeneration(body: Body, plan: CallPlan): UsageReading {
  const reading = readUsageMetadata(body["usageMetadata"], plainOutputOf(plan));
  if (reading.kind !== "usage") return reading;
  const grounding = new Grounding();
  grounding.add(body);
  return { kind: "usage", usage: addUsage(reading.usage, grounding.fees(plan.model)) };
}

/** Vertex's embeddings state their tokens; images are billed by the piece, and what was filtered is not. */
function readPredictions(body: Body, plan: CallPlan): UsageReading {
  const predictions = Array.isArray(body["predictions"]) ? (body["predictions"] as unknown[]) : [];
  if ((plan.estimate.usage.images ?? 0) > 0) {
    const images = predictions.filter(
      (one) => isObject(one) && (one["bytesBase64Encoded"] !== undefined || one["gcsUri"] !== undefined),
    ).length;
    return { kind: "usage", usage: images === 0 ? {} : { images } };
  }
  return readingOf(() => {
    let tokens = 0;
    for (const one of predictions) {
      const embeddings = isObject(one) ? one["embeddings"] : undefined;
      const statistics = isObject(embeddings) ? embeddings["statistics"] : undefined;
      if (!isObject(statistics)) return undefined;
      tokens += countOf(statistics["token_count"] ?? statistics["tokenCount"], "token_count");
    }
    return predictions.length === 0 ? undefined : { inputTextTokens: tokens };
  });
}

/** Tokens whose kind the response does not state are of the kind that was held for. */
function plainOutputOf({ estimate }: CallPlan): PlainOutput {
  if ((estimate.usage.outputVideoTokens ?? 0) > 0) return "outputVideoTokens";
  if ((estimate.usage.outputImageTokens ?? 0) > 0) return "outputImageTokens";
  return (estimate.usage.outputAudioTokens ?? 0) > 0 ? "outputAudioTokens" : "outputTextTokens";
}

/** Thinking came with Gemini 2.5; its image and speech models do not think. */
export function mayReason(model: string): boolean {
  return !/^(gemini-(1|2\.0|pro$|embedding)|gemini-2\.5-flash-image|gemini-2\.5-(flash|pro)-preview-tts|gemma|imagen|text-embedding|embedding|multimodalembedding)/.test(
    model,
  );
}
