/** @module Anthropic's usage objects, derived from quantities. */
import type { Generation } from "../generation.ts";
import type { BilledPart } from "../parts.ts";
import type { Quantities } from "../quantities.ts";
import type { ProviderStep } from "../script.ts";
import type { ServedRequest } from "../served-request.ts";

type Wire = Record<string, unknown>;

/** Apart, as the wire has them: `input_tokens` is what neither came from the cache nor went into it. */
function input(quantities: Quantities): { fresh: number; written: number; read: number } {
  const { cacheWriteTokens, cacheWrite5mTokens = 0, cacheWrite1hTokens = 0 } = quantities;
  const written = cacheWriteTokens ?? cacheWrite5mTokens + cacheWrite1hTokens;
  const read = quantities.cachedInputTokens ?? 0;
  const fresh = (quantities.inputTokens ?? 0) - written - read;
  if (fresh < 0) throw new Error("inputTokens is all input: it cannot be less than its cached part");
  return { fresh, written, read };
}

function split({ cacheWriteTokens, cacheWrite5mTokens, cacheWrite1hTokens }: Quantities): Wire | null {
  const known = cacheWrite5mTokens ?? cacheWrite1hTokens;
  if (cacheWriteTokens !== undefined && known === undefined) return null;
  return {
    ephemeral_5m_input_tokens: cacheWrite5mTokens ?? 0,
    ephemeral_1h_input_tokens: cacheWrite1hTokens ?? 0,
  };
}

function serverTools({ webSearchRequests, webFetchRequests }: Quantities): Wire | null {
  if ((webSearchRequests ?? webFetchRequests) === undefined) return null;
  return { web_search_requests: webSearchRequests ?? 0, web_fetch_requests: webFetchRequests ?? 0 };
}

function counts(quantities: Quantities): Wire {
  const { fresh, written, read } = input(quantities);
  return {
    input_tokens: fresh,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: quantities.outputTokens ?? 0,
  };
}

function details({ reasoningTokens }: Quantities): Wire {
  return {
    output_tokens_details: reasoningTokens === undefined ? null : { thinking_tokens: reasoningTokens },
  };
}

function iterations(generation: Generation, parts: readonly BilledPart[]): Wire {
  if (generation.step.anthropic?.iterations === undefined) return {};
  const list = parts.map(({ type, model, quantities }) => ({
    type,
    ...(type === "compaction" ? {} : { model }),
    ...counts(quantities),
    cache_creation: split(quantities),
  }));
  return { iterations: list };
}

/** What is priced beside the tokens. */
export function servedAlso(
  { body }: ServedRequest,
  step: ProviderStep,
): { speed: string | null; inferenceGeo: string | null } {
  const text = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);
  const { speed, inferenceGeo } = step.anthropic ?? {};
  return {
    speed: speed === undefined ? text(body["speed"], "standard") : speed,
    inferenceGeo: inferenceGeo === undefined ? text(body["inference_geo"], "global") : inferenceGeo,
  };
}

/** `Usage` and `BetaUsage`: of a whole message, and of `message_start`. */
export function messageUsage(
  quantities: Quantities,
  generation: Generation,
  parts: readonly BilledPart[],
): Wire {
  const { step, served } = generation;
  const { anthropic } = step;
  return {
    ...counts(quantities),
    cache_creation: anthropic?.unsplitCacheWrites === true ? null : split(quantities),
    ...details(quantities),
    server_tool_use: serverTools(quantities),
    service_tier: generation.serviceTier,
    speed: served.speed,
    inference_geo: served.inferenceGeo,
    ...(anthropic?.fallbackCredit === undefined ? {} : { fallback_credit: anthropic.fallbackCredit }),
    ...iterations(generation, parts),
  };
}

/** `MessageDeltaUsage`: cumulative, without what never changes. */
export function deltaUsage(
  quantities: Quantities,
  generation: Generation,
  parts: readonly BilledPart[],
): Wire {
  const { anthropic } = generation.step;
  const kind = anthropic?.deltaUsage ?? "all";
  const { output_tokens: output, ...others } = counts(quantities);
  if (kind === "output") return { output_tokens: output };
  const nulls = Object.fromEntries(Object.keys(others).map((name) => [name, null]));
  return {
    ...(kind === "null" ? nulls : others),
    output_tokens: output,
    ...(kind === "null" ? { output_tokens_details: null, server_tool_use: null } : details(quantities)),
    ...(kind === "null"
      ? {}
      : { server_tool_use: serverTools(quantities), ...iterations(generation, parts) }),
  };
}
