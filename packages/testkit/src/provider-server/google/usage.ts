/** @module Google's usage objects, derived from quantities. */
import type { Generation } from "../generation.ts";
import type { Quantities } from "../quantities.ts";

type Wire = Record<string, unknown>;

interface Modality {
  readonly modality: "TEXT" | "IMAGE" | "AUDIO" | "VIDEO" | "DOCUMENT";
  readonly tokens: number | undefined;
}

/** Text is what the other modalities leave, unless it is scripted. */
function byModality(total: number, text: number | undefined, others: readonly Modality[]): Wire[] {
  const rest = total - others.reduce((sum, { tokens }) => sum + (tokens ?? 0), 0);
  const list: Modality[] = [{ modality: "TEXT", tokens: text ?? rest }, ...others];
  return list
    .filter(({ tokens }) => tokens !== undefined && tokens > 0)
    .map(({ modality, tokens }) => ({ modality, tokenCount: tokens }));
}

/** The four disjoint counts of the wire. */
export interface Sides {
  readonly prompt: number;
  readonly candidates: number;
  readonly thoughts: number;
  readonly toolUse: number;
}

export function sidesOf(quantities: Quantities): Sides {
  const thoughts = quantities.reasoningTokens ?? 0;
  const toolUse = quantities.toolUseInputTokens ?? 0;
  const prompt = (quantities.inputTokens ?? 0) - toolUse;
  const candidates = (quantities.outputTokens ?? 0) - thoughts;
  if (prompt < 0) throw new Error("inputTokens is all input: it cannot be less than toolUseInputTokens");
  if (candidates < 0) throw new Error("outputTokens is all output: it cannot be less than reasoningTokens");
  return { prompt, candidates, thoughts, toolUse };
}

export function promptModalities(quantities: Quantities, prompt: number): Wire[] {
  return byModality(prompt, quantities.inputTextTokens, [
    { modality: "IMAGE", tokens: quantities.inputImageTokens },
    { modality: "AUDIO", tokens: quantities.inputAudioTokens },
    { modality: "VIDEO", tokens: quantities.inputVideoTokens },
    { modality: "DOCUMENT", tokens: quantities.inputDocumentTokens },
  ]);
}

export function cachedModalities(quantities: Quantities): Wire[] {
  return byModality(quantities.cachedInputTokens ?? 0, quantities.cachedTextTokens, [
    { modality: "IMAGE", tokens: quantities.cachedImageTokens },
    { modality: "AUDIO", tokens: quantities.cachedAudioTokens },
    { modality: "VIDEO", tokens: quantities.cachedVideoTokens },
    { modality: "DOCUMENT", tokens: quantities.cachedDocumentTokens },
  ]);
}

export function outputModalities(quantities: Quantities, candidates: number): Wire[] {
  return byModality(candidates, quantities.outputTextTokens, [
    { modality: "IMAGE", tokens: quantities.outputImageTokens },
    { modality: "AUDIO", tokens: quantities.outputAudioTokens },
    { modality: "VIDEO", tokens: quantities.outputVideoTokens },
  ]);
}

export function toolUseModalities(toolUse: number): Wire[] {
  return byModality(toolUse, undefined, []);
}

const traffic: Readonly<Record<string, string>> = {
  flex: "ON_DEMAND_FLEX",
  priority: "ON_DEMAND_PRIORITY",
  batch: "ON_DEMAND",
};

/** Vertex AI names the traffic, the Gemini API the tier. */
function tier({ step, serviceTier, onVertex }: Generation): Wire {
  if (step.google?.trafficType !== undefined) return { trafficType: step.google.trafficType };
  if (onVertex) return { trafficType: traffic[serviceTier ?? ""] ?? "ON_DEMAND" };
  return serviceTier === null ? {} : { serviceTier };
}

/** `usageMetadata` of generateContent. Counts of nothing are left out, as the API does. */
export function usageMetadata(quantities: Quantities, generation: Generation): Wire {
  const { prompt, candidates, thoughts, toolUse } = sidesOf(quantities);
  const details = generation.step.google?.withoutDetails !== true;
  const cached = quantities.cachedInputTokens;
  return {
    promptTokenCount: prompt,
    ...(candidates > 0 ? { candidatesTokenCount: candidates } : {}),
    totalTokenCount: prompt + candidates + thoughts + toolUse,
    ...(cached === undefined ? {} : { cachedContentTokenCount: cached }),
    ...(details ? { promptTokensDetails: promptModalities(quantities, prompt) } : {}),
    ...(details && cached !== undefined ? { cacheTokensDetails: cachedModalities(quantities) } : {}),
    ...(details && candidates > 0
      ? { candidatesTokensDetails: outputModalities(quantities, candidates) }
      : {}),
    ...(toolUse > 0 ? { toolUsePromptTokenCount: toolUse } : {}),
    ...(details && toolUse > 0 ? { toolUsePromptTokensDetails: toolUseModalities(toolUse) } : {}),
    ...(quantities.reasoningTokens === undefined ? {} : { thoughtsTokenCount: thoughts }),
    ...tier(generation),
  };
}
