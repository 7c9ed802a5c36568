/** @module One generation: the answer and its true usage, fixed before any byte is written. */
import { malformUsage, omitted } from "./malformed-usage.ts";
import { defaultTokens } from "./quantities.ts";
import type { Quantities } from "./quantities.ts";
import type { ProviderStep } from "./script.ts";
import type { ServedRequest } from "./served-request.ts";

export interface Generation {
  readonly step: ProviderStep;
  /** The truth. */
  readonly quantities: Quantities;
  readonly model: string;
  readonly serviceTier: string | null;
  readonly systemFingerprint: string;
  /** Seconds since the Unix epoch. */
  readonly createdAt: number;
  /** Content chunks per choice. */
  readonly chunks: number;
  /** The request's own output maximum ended the answer. */
  readonly reachedMaximum: boolean;
  /** "chatcmpl-000007": the same for every call in one generation. */
  id(prefix: string): string;
  /** `{ usage: ... }`, broken or left out as scripted. */
  reported(truth: Record<string, unknown>): { readonly usage?: unknown };
}

export interface GenerationSettings {
  readonly usage: ((request: ServedRequest) => Quantities) | Quantities | undefined;
  /** true, or the function that dates a model. */
  readonly snapshot: boolean | ((model: string) => string) | undefined;
  readonly now: () => number;
}

/** The output maximum of the request over all of its choices, undefined when it names none. */
export function requestedMaximum({ body }: ServedRequest): number | undefined {
  const perChoice = body["max_completion_tokens"] ?? body["max_output_tokens"] ?? body["max_tokens"];
  if (typeof perChoice !== "number") return undefined;
  const choices = [body["n"], body["best_of"]].filter((value) => typeof value === "number");
  const prompts =
    Array.isArray(body["prompt"]) && typeof body["prompt"][0] !== "number" ? body["prompt"].length : 1;
  return perChoice * Math.max(1, ...choices) * prompts;
}

function servedTier(requested: unknown): string {
  if (requested === "fast") return "priority";
  return typeof requested === "string" && requested !== "auto" ? requested : "default";
}

function datedModel(model: string, snapshot: GenerationSettings["snapshot"]): string {
  if (typeof snapshot === "function") return snapshot(model);
  return snapshot === true && !/\d{4}-\d{2}-\d{2}$/.test(model) ? `${model}-2026-08-07` : model;
}

/**
 * Merges the defaults of the endpoint, the server's usage and the step's. A default output never exceeds the
 * request's own maximum; a scripted one may, as a provider's mistake.
 */
export function startGeneration(
  request: ServedRequest,
  step: ProviderStep,
  endpointDefaults: Quantities,
  settings: GenerationSettings,
): Generation {
  const maximum = requestedMaximum(request);
  const fromServer = typeof settings.usage === "function" ? settings.usage(request) : settings.usage;
  const scripted: Quantities = { ...fromServer, ...step.usage };
  const quantities: { -readonly [name in keyof Quantities]: Quantities[name] } = {
    ...endpointDefaults,
    ...scripted,
  };
  const defaultOutput = endpointDefaults.outputTokens ?? 0;
  const reachedMaximum =
    scripted.outputTokens === undefined && maximum !== undefined && maximum < defaultOutput;
  if (reachedMaximum) quantities.outputTokens = maximum;
  const suffix = String(request.id).padStart(6, "0");
  return {
    step,
    quantities,
    model: step.model ?? datedModel(request.model, settings.snapshot),
    serviceTier: step.serviceTier === undefined ? servedTier(request.body["service_tier"]) : step.serviceTier,
    systemFingerprint: step.systemFingerprint ?? "fp_holdfast",
    createdAt: Math.floor(settings.now() / 1_000),
    chunks: step.chunks ?? 5,
    reachedMaximum,
    id: (prefix) => `${prefix}${suffix}`,
    reported(truth) {
      let usage: unknown = truth;
      if (step.malformedUsage !== undefined) usage = malformUsage(step.malformedUsage, truth);
      if (step.reportedUsage !== undefined) usage = step.reportedUsage(truth);
      return usage === omitted ? {} : { usage };
    },
  };
}

/** Input and output of a text generation. */
export const textDefaults: Quantities = { inputTokens: defaultTokens, outputTokens: defaultTokens };

/**
 * A `usage` option that follows the texts: one input token per four bytes of the body, and 100 output tokens
 * or the request's own maximum, whichever is smaller.
 */
export function usageByLength(request: ServedRequest): Quantities {
  const maximum = requestedMaximum(request) ?? Number.POSITIVE_INFINITY;
  return { inputTokens: Math.ceil(request.bytes / 4), outputTokens: Math.min(100, maximum) };
}
