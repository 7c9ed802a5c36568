/** @module How one model call of the AI SDK ended, as the guard's outcome. */
import { HoldfastError } from "../../error/holdfast-error.ts";
import {
  NOTHING_SERVED,
  type AttemptOutcome,
  type Complete,
  type Served,
} from "../../guard/attempt-outcome.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import type { Usage, UsageBucket } from "../../usage/usage.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import { endFailed } from "../send-attempt.ts";
import type { UsageReading } from "../usage/usage-reading.ts";
import { searchesAlways, type BilledProvider } from "./billed-provider.ts";
import { readModelUsage, type ModelUsage } from "./model-usage.ts";
import type { ToolFee } from "./provider-tools.ts";
import { servedTier } from "./service-tier.ts";

/** What is known of a call besides its answer. */
export interface AskedFor {
  readonly provider: BilledProvider;
  readonly model: string;
  /** The worst case that is held. */
  readonly held: Usage;
  readonly feeByName: ReadonlyMap<string, ToolFee>;
}

/** Statuses with which a gateway gives up on a request that the provider may be working on, and billing. */
const GATEWAY_TIMEOUTS: ReadonlySet<number> = new Set([504, 524]);

/**
 * Errors that the SDK and its providers throw before they send anything: options, prompts and settings that cannot be
 * used. As in @ai-sdk/provider 3 and 4.
 */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set([
  "AI_InvalidArgumentError",
  "AI_InvalidPromptError",
  "AI_LoadAPIKeyError",
  "AI_LoadSettingError",
  "AI_NoSuchModelError",
  "AI_NoSuchProviderReferenceError",
  "AI_TooManyEmbeddingValuesForCallError",
  "AI_UnsupportedFunctionalityError",
  "AI_UnsupportedModelVersionError",
]);

/** Ends an attempt whose model call failed. */
export function endWithError(attempt: Attempt, error: unknown): void {
  const { name, statusCode, responseHeaders, requestBodyValues } = Object(error) as Body;
  // A model below that is guarded as well has refused it.
  if (HoldfastError.isHoldfastError(error) || BEFORE_SENDING.has(name)) {
    return attempt.end({ class: "not-sent" });
  }
  if (typeof statusCode !== "number") return endFailed(attempt, error);
  const answer = { status: statusCode, providerRequestId: requestIdOf(responseHeaders) };
  // A success whose body could not be used was billed; so may be a stream that began with an error, whose status the
  // provider package makes up.
  const billed =
    GATEWAY_TIMEOUTS.has(statusCode) || isStream(responseHeaders) || continues(requestBodyValues);
  attempt.end({ class: statusCode >= 400 && !billed ? "refused" : "ambiguous", ...answer });
}

/** Google's provider makes several requests of one long answer; those before this one were billed. */
function continues(body: unknown): boolean {
  return isObject(body) && (body["continuationToken"] ?? null) !== null;
}

function isStream(headers: unknown): boolean {
  const type = isObject(headers) ? headers["content-type"] : undefined;
  return typeof type === "string" && type.includes("text/event-stream");
}

const REQUEST_ID_HEADERS: readonly string[] = ["x-request-id", "request-id", "x-amzn-requestid"];

export function requestIdOf(headers: unknown): string | null {
  if (!isObject(headers)) return null;
  for (const name of REQUEST_ID_HEADERS) if (typeof headers[name] === "string") return headers[name];
  return null;
}

/** The SDK hands on no status of an answer that it could use. */
const OK = 200;

/** Of what `doGenerate` resolved to. */
export function outcomeOfResult(result: object, asked: AskedFor): AttemptOutcome {
  const { usage, providerMetadata, response, content } = result as Body;
  const { headers, body, modelId } = isObject(response) ? response : ({} as Body);
  // Google's provider leaves the name in the body.
  const name = modelId ?? (isObject(body) ? body["modelVersion"] : undefined);
  const served = {
    model: typeof name === "string" ? name : null,
    serviceTier: servedTier(asked.provider, usage, providerMetadata, body),
  };
  return completeOf(
    {
      usage,
      metadata: providerMetadata,
      body,
      served,
      uses: toolUses(Array.isArray(content) ? content : [], asked),
    },
    requestIdOf(headers),
    asked,
  );
}

export interface Finished {
  readonly usage: unknown;
  readonly metadata: unknown;
  readonly body: unknown;
  readonly served: Served;
  /** Of the provider's own tools, as counted in the answer. */
  readonly uses: Usage;
}

export function completeOf(
  { usage, metadata, body, served, uses }: Finished,
  providerRequestId: string | null,
  asked: AskedFor,
): Complete {
  const { usage: reading, also } = usageIn(usage, body, served.model, asked);
  const own = searchesAlways(asked.model) ? { webSearchPreviews: 1, ...uses } : uses;
  const fees = asked.provider.family === "google" ? groundingFees(metadata, asked) : own;
  return {
    class: "complete",
    status: OK,
    providerRequestId,
    served,
    ...usageOf(reading, fees),
    ...(also === undefined ? {} : { also }),
  };
}

/** The usage of an answer; what it leaves open is as it was held for. */
export function usageIn(
  usage: unknown,
  body: unknown,
  servedModel: string | null,
  { provider, model, held }: AskedFor,
): ModelUsage {
  const isHeld = (bucket: UsageBucket): boolean => (held[bucket] ?? 0) > 0;
  return readModelUsage(usage, body, provider.family, servedModel, {
    mayWriteLong: isHeld("cacheWriteLongTokens"),
    hasLongContextPrice: false,
    model,
    held,
    plainOutput: isHeld("outputImageTokens")
      ? "outputImageTokens"
      : isHeld("outputAudioTokens")
        ? "outputAudioTokens"
        : "outputTextTokens",
  });
}

export function usageOf(
  reading: UsageReading,
  fees: Usage = {},
): { readonly usage: Usage | undefined; readonly problem?: string } {
  switch (reading.kind) {
    case "missing":
      return { usage: undefined };
    case "invalid":
      return { usage: undefined, problem: reading.problem };
    case "usage": {
      const sum: { [B in UsageBucket]?: number } = { ...reading.usage };
      // Where the provider states the fee itself, it has the say.
      for (const bucket of Object.keys(fees) as UsageBucket[]) sum[bucket] ??= fees[bucket] ?? 0;
      return { usage: sum };
    }
  }
}

/** Of an answer that only has a reading, such as an embedding. */
export function completeWith(reading: UsageReading, headers: unknown, model: unknown): Complete {
  const served = typeof model === "string" ? { ...NOTHING_SERVED, model } : NOTHING_SERVED;
  return {
    class: "complete",
    status: OK,
    providerRequestId: requestIdOf(headers),
    served,
    ...usageOf(reading),
  };
}

/** Calls of the provider's own tools in an answer's content, or among the parts of a stream. */
export function toolUses(parts: readonly unknown[], { feeByName }: AskedFor): Usage {
  const uses: { [F in ToolFee]?: number } = {};
  for (const part of parts) {
    const fee = feeOfPart(part, feeByName);
    if (fee !== undefined) uses[fee] = (uses[fee] ?? 0) + 1;
  }
  return uses;
}

export function feeOfPart(part: unknown, feeByName: ReadonlyMap<string, ToolFee>): ToolFee | undefined {
  if (!isObject(part) || part["type"] !== "tool-call" || part["providerExecuted"] !== true) return undefined;
  return typeof part["toolName"] === "string" ? feeByName.get(part["toolName"]) : undefined;
}

/** Gemini tells in its metadata what an answer was grounded on: by query since Gemini 3, before that by answer. */
function groundingFees(metadata: unknown, { model }: AskedFor): Usage {
  const byAnswer = /gemini-[12]\b/.test(model);
  let webSearches = 0;
  let mapGroundings = 0;
  for (const one of isObject(metadata) ? Object.values(metadata) : []) {
    if (!isObject(one)) continue;
    const several = one["groundingMetadataPerRequest"];
    const groundings: unknown[] = Array.isArray(several) ? several : [one["groundingMetadata"]];
    for (const grounding of groundings.filter(isObject)) {
      const queries = Array.isArray(grounding["webSearchQueries"]) ? grounding["webSearchQueries"].length : 0;
      webSearches += byAnswer ? Math.min(queries, 1) : queries;
      const chunks = Array.isArray(grounding["groundingChunks"])
        ? (grounding["groundingChunks"] as unknown[])
        : [];
      if (chunks.some((chunk) => isObject(chunk) && isObject(chunk["maps"]))) mapGroundings += 1;
    }
  }
  return {
    ...(webSearches > 0 ? { webSearches } : {}),
    ...(mapGroundings > 0 ? { mapGroundings } : {}),
  };
}
