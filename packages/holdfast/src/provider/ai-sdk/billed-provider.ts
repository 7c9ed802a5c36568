/**
 * @module Whose bill a model of the AI SDK is on, and what differs by that.
 *
 * The SDK's provider names as of 2026-11: ai 7.0.173 with @ai-sdk/{openai,anthropic,google} 4, ai 6.0.326 with version 3
 * of them; the others by their documentation (ai-sdk.dev/providers).
 */

/** Whose wire format, and so whose rules for files, tools and usage. */
export type WireFamily = "openai" | "anthropic" | "google" | "other";

export interface BilledProvider {
  /** The name in the price list. */
  readonly name: string;
  readonly family: WireFamily;
}

/** First part of the SDK's provider name to the price list's name, where they differ. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["amazon-bedrock", "aws"],
  ["bedrock", "aws"],
  ["azure-openai", "azure"],
  ["vertex", "google"],
  ["google-vertex", "google"],
  ["xai", "x-ai"],
  ["togetherai", "together"],
]);

/**
 * @param configured what the application says instead; a name that is not known has no price, and is refused as that
 */
export function billedProvider(sdkProvider: string, modelId: string, configured?: string): BilledProvider {
  const first = sdkProvider.split(".", 1)[0] ?? "";
  return { name: configured ?? NAMES.get(first) ?? first, family: familyOf(sdkProvider, modelId) };
}

function familyOf(sdkProvider: string, modelId: string): WireFamily {
  if (/anthropic/.test(sdkProvider) || /(^|[./])claude-/.test(modelId)) return "anthropic";
  if (/^(google|vertex)/.test(sdkProvider)) return "google";
  if (/^(openai|azure)/.test(sdkProvider)) return "openai";
  return "other";
}

/** OpenAI's chat models that search for every answer, and do not say so (OpenAI pricing, 2026-11). */
export function searchesAlways(model: string): boolean {
  return /^gpt-.*-search-preview(?:-|$)/.test(model);
}

/** Names that are known not to generate anything out of sight. */
const SPEAKS_ITS_MIND =
  /^(ft:)?(gpt-3\.5|gpt-4|chatgpt-4o|gpt-35|gpt-5-chat|gpt-audio|davinci|babbage)|claude-(instant|2|3-(haiku|sonnet|opus|5))|^(models\/)?gemini-(1|2\.0)|^(mistral|ministral|codestral|open-mixtral)-/;

/** Names that do so only when they are asked to. */
const THINKS_WHEN_ASKED = /claude-(3-7|(opus|sonnet|haiku)-4)/;

/**
 * Whether a stream of this model may have cost more than what arrived of it. Not knowing the name counts as yes.
 *
 * @param asked whether the call asks for thoughts
 */
export function mayReason(model: string, asked: boolean): boolean {
  if (SPEAKS_ITS_MIND.test(model)) return false;
  return asked || !THINKS_WHEN_ASKED.test(model);
}
