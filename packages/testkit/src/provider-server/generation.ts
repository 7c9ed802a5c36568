/** @module One generation: the answer and its true usage, fixed before any byte is written. */
import type { Dialect } from "./endpoint.ts";
import { malformUsage, omitted } from "./malformed-usage.ts";
import { billedParts } from "./parts.ts";
import type { BilledPart } from "./parts.ts";
import { defaultTokens, sumPresent } from "./quantities.ts";
import type { Quantities } from "./quantities.ts";
import type { ProviderStep } from "./script.ts";
import type { Served } from "./truth-ledger.ts";
import type { ServedRequest } from "./served-request.ts";

export interface Generation {
  readonly step: ProviderStep;
  /** The truth as the answer totals it: all parts that its totals include. */
  readonly quantities: Quantities;
  /** The whole truth, by model: one part, unless Anthropic's iterations are scripted. */
  readonly parts: readonly BilledPart[];
  readonly model: string;
  readonly serviceTier: string | null;
  /** What decides the price beside the quantities. */
  readonly served: Served;
  /** Google's Vertex AI, which words some things its own way. */
  readonly onVertex: boolean;
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
  /** The same under another name, such as `usageMetadata`. */
  reportedAs(name: string, truth: Record<string, unknown>): Readonly<Record<string, unknown>>;
}

export interface GenerationSettings {
  readonly usage: ((request: ServedRequest) => Quantities) | Quantities | undefined;
  /** true, or the function that dates a model. */
  readonly snapshot: boolean | ((model: string) => string) | undefined;
  readonly now: () => number;
}

function datedModel(model: string, dialect: Dialect, snapshot: GenerationSettings["snapshot"]): string {
  if (typeof snapshot === "function") return snapshot(model);
  return snapshot === true ? dialect.datedModel(model) : model;
}

/**
 * Merges the defaults of the endpoint, the server's usage and the step's. A default output never exceeds the
 * request's own maximum; a scripted one may, as a provider's mistake.
 */
export function startGeneration(
  request: ServedRequest,
  step: ProviderStep,
  endpointDefaults: Quantities,
  dialect: Dialect,
  settings: GenerationSettings,
): Generation {
  const maximum = request.maxOutputTokens;
  const fromServer = typeof settings.usage === "function" ? settings.usage(request) : settings.usage;
  const scripted: Quantities = { ...fromServer, ...step.usage };
  const merged: { -readonly [name in keyof Quantities]: Quantities[name] } = {
    ...endpointDefaults,
    ...scripted,
  };
  const queries = step.google?.webSearchQueries;
  if (queries !== undefined) merged.webSearchRequests ??= queries.length;
  const blocked = request.provider === "google" && step.refusal !== undefined;
  if (blocked && scripted.outputTokens === undefined) delete merged.outputTokens;
  const defaultOutput = merged.outputTokens ?? 0;
  const reachedMaximum =
    scripted.outputTokens === undefined && maximum !== undefined && maximum < defaultOutput;
  if (reachedMaximum) merged.outputTokens = maximum;
  const model = step.model ?? datedModel(request.model, dialect, settings.snapshot);
  const serviceTier = step.serviceTier === undefined ? dialect.servedTier(request) : step.serviceTier;
  const parts = billedParts(model, merged, step.anthropic?.iterations);
  const suffix = String(request.id).padStart(6, "0");
  const reportedAs: Generation["reportedAs"] = (name, truth) => {
    let usage: unknown = truth;
    if (step.malformedUsage !== undefined) usage = malformUsage(step.malformedUsage, truth);
    if (step.reportedUsage !== undefined) usage = step.reportedUsage(truth);
    return usage === omitted ? {} : { [name]: usage };
  };
  return {
    step,
    quantities: sumPresent(parts.filter(({ inTotals }) => inTotals).map(({ quantities }) => quantities)),
    parts,
    model,
    serviceTier,
    served: { model, serviceTier, ...dialect.servedAlso?.(request, step) },
    onVertex: request.platform === "vertex",
    systemFingerprint: step.systemFingerprint ?? "fp_holdfast",
    createdAt: Math.floor(settings.now() / 1_000),
    chunks: step.chunks ?? 5,
    reachedMaximum,
    id: (prefix) => `${prefix}${suffix}`,
    reported: (truth) => reportedAs("usage", truth),
    reportedAs,
  };
}

/** Input and output of a text generation. */
export const textDefaults: Quantities = { inputTokens: defaultTokens, outputTokens: defaultTokens };

/**
 * A `usage` option that follows the texts: one input token per four bytes of the body, and 100 output tokens
 * or the request's own maximum, whichever is smaller.
 */
export function usageByLength(request: ServedRequest): Quantities {
  const maximum = request.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  return { inputTokens: Math.ceil(request.bytes / 4), outputTokens: Math.min(100, maximum) };
}
