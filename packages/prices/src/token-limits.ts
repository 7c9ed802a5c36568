/** @module The token limits that providers enforce: they bound the worst case of a call that states no limit. */
import { parseClaudeName } from "./claude-name.ts";
import { baseOfFineTuned, withoutDate } from "./match.ts";

const OPENAI_OUTPUT: ReadonlyMap<string, number> = new Map<string, number>([
  // developers.openai.com/api/docs/models/gpt-4o and /gpt-4o-mini, 2026-11.
  ...each(16_384, [
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4o-search-preview",
    "gpt-4o-mini-search-preview",
    "chatgpt-4o-latest",
  ]),
  ...each(4_096, ["gpt-4o-2024-05-13"]),
  // .../models/gpt-audio and /gpt-4o-audio-preview, 2026-11.
  ...each(16_384, [
    "gpt-audio",
    "gpt-audio-1.5",
    "gpt-audio-mini",
    "gpt-4o-audio-preview",
    "gpt-4o-mini-audio-preview",
  ]),
  // .../models/gpt-4.1, 2026-11.
  ...each(32_768, ["gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"]),
  ...each(16_384, ["gpt-4.5-preview"]),
  // .../models/gpt-4-turbo, 2026-11, with the previews it replaced.
  ...each(4_096, [
    "gpt-4-turbo",
    "gpt-4-turbo-preview",
    "gpt-4-turbo-0125-preview",
    "gpt-4-0125-preview",
    "gpt-4-1106-preview",
    "gpt-4-vision-preview",
    "gpt-4-1106-vision-preview",
  ]),
  // .../models/gpt-4, 2026-11.
  ...each(8_192, ["gpt-4", "gpt-4-0314", "gpt-4-0613"]),
  ...each(32_768, ["gpt-4-32k", "gpt-4-32k-0314", "gpt-4-32k-0613"]),
  // .../models/gpt-3.5-turbo, 2026-11.
  ...each(4_096, [
    "gpt-3.5-turbo",
    "gpt-3.5-turbo-0125",
    "gpt-3.5-turbo-0301",
    "gpt-3.5-turbo-0613",
    "gpt-3.5-turbo-1106",
    "gpt-3.5-turbo-16k",
    "gpt-3.5-turbo-16k-0613",
    "gpt-3.5-turbo-instruct",
    "gpt-3.5-turbo-instruct-0914",
    "gpt-35-turbo",
    "gpt-35-turbo-16k",
    "gpt-35-turbo-16k-0613",
  ]),
  // .../models/o1, /o1-pro, /o3, /o3-pro, /o3-mini, /o4-mini and the deep-research models, 2026-11.
  ...each(100_000, [
    "o1",
    "o1-pro",
    "o3",
    "o3-pro",
    "o3-mini",
    "o3-mini-high",
    "o3-deep-research",
    "o4-mini",
    "o4-mini-high",
    "o4-mini-deep-research",
    "codex-mini",
    "codex-mini-latest",
  ]),
  ...each(65_536, ["o1-mini"]),
  ...each(32_768, ["o1-preview"]),
  // .../models/gpt-5-chat-latest and /gpt-5-pro, 2026-11.
  ...each(16_384, ["gpt-5-chat-latest", "gpt-5-chat"]),
  ...each(272_000, ["gpt-5-pro"]),
  // The legacy completion models, community.openai.com and the deprecations page, 2026-11.
  ...each(4_096, ["text-davinci-002", "text-davinci-003", "davinci", "curie", "babbage", "ada"]),
]);

const CLAUDE_PLATFORMS: ReadonlySet<string> = new Set(["anthropic", "aws", "azure", "google"]);

/** gpt-5 and every later family: 128,000 (.../models/gpt-5, /gpt-5.4, /gpt-6-sol, 2026-11), unless listed above. */
const OPENAI_FAMILY_OUTPUT = 128_000;
const OPENAI_FAMILY = /^gpt-(?:[5-9]|\d\d)(?:[.-]|$)/;

/**
 * Claude's output limits, on every platform, the newest first: platform.claude.com/docs/en/models/<model>/overview and
 * the table of @ai-sdk/anthropic 4.0.105, 2026-11. Batches with the beta header `output-300k-2026-03-24` allow 300,000;
 * such a request states its own `max_tokens`, as every request to Claude does.
 */
const CLAUDE_OUTPUT: readonly (readonly [family: RegExp, fromVersion: number, tokens: number])[] = [
  [/^/, 406, 128_000],
  [/^(?:opus|sonnet|haiku)$/, 405, 64_000],
  [/^opus$/, 400, 32_000],
  [/^sonnet$/, 400, 64_000],
  // With the beta header `output-128k-2025-02-19`, otherwise 64,000.
  [/^sonnet$/, 307, 128_000],
  [/^(?:sonnet|haiku)$/, 305, 8_192],
  [/^/, 200, 4_096],
  // A name without a version, such as claude-mythos-preview.
  [/^/, 0, 128_000],
];

/**
 * Gemini's output limits: ai.google.dev/gemini-api/docs/models, by way of models.dev (2026-07) and LiteLLM's list
 * (2026-07), which states 65,535 for some; the larger counts. Gemini 4: "up to 1M tokens" of output within one limit for
 * input and output together (ai.google.dev/gemini-api/docs/latest-model, 2026-11).
 */
const GOOGLE_OUTPUT: readonly (readonly [family: RegExp, tokens: number])[] = [
  [/^gemini-2\.5-(?:flash|pro|flash-lite)(?:-preview)?-tts/, 16_384],
  [/^gemini-(?:2\.5-flash|3-pro)-image/, 32_768],
  [/^gemini-2\.5/, 65_536],
  [/^gemini-(?:1|2\.0|flash-1|pro-1|pro$)/, 8_192],
  [/^gemini-(?:3|nano-banana)/, 65_536],
  [/^gemini-4/, 1_048_576],
  [/^gemma-4/, 32_768],
  // ai.google.dev/gemma/docs, from memory.
  [/^gemma-[23]/, 8_192],
];

function claudeOutput(model: string): number | undefined {
  const name = parseClaudeName(model);
  if (name === undefined) return undefined;
  return CLAUDE_OUTPUT.find(([family, from]) => name.version >= from && family.test(name.family))?.[2];
}

/**
 * The most output tokens of one choice, for the models of this table; undefined for others. `provider` is the one
 * whose model it is, `model` the name asked for.
 */
export function maxOutputTokensOf(provider: string, model: string): number | undefined {
  const claude = CLAUDE_PLATFORMS.has(provider) ? claudeOutput(model) : undefined;
  if (claude !== undefined) return claude;
  if (provider === "google") return GOOGLE_OUTPUT.find(([family]) => family.test(model))?.[1];
  if (provider !== "openai") return undefined;
  const base = baseOfFineTuned(model);
  const listed = OPENAI_OUTPUT.get(base) ?? OPENAI_OUTPUT.get(withoutDate(base));
  return listed ?? (OPENAI_FAMILY.test(base) ? OPENAI_FAMILY_OUTPUT : undefined);
}

/** genai-prices' rounded windows and what the providers enforce (their model pages, 2026-11). */
const ROUNDED_WINDOWS: ReadonlyMap<string, number> = new Map([
  ["openai 16000", 16_384],
  ["openai 32000", 32_768],
  ["openai 1000000", 1_050_000],
  ["google 1000000", 1_048_576],
  ["google 2000000", 2_097_152],
]);

/** Gemini's text models since 1.5 Flash, where genai-prices has no window (models.dev, 2026-07; Gemini 4's page, 2026-11). */
const GEMINI_WINDOW = 1_048_576;
const GEMINI = /^gemini-(?:2\.5|[3-9])/;
/** Speech: genai-prices has the limit of the input alone, 8,192 (models.dev, 2026-07). */
const GEMINI_SPEECH_WINDOW = 32_768;
const GEMINI_SPEECH = /^gemini-.*-tts(?:$|-)/;

/**
 * The window that the data states, or the enforced one where the data rounds it down or lacks it: as a bound of the worst
 * case a window may be too large, but never too small.
 */
export function contextWindowTokensOf(
  provider: string,
  model: string,
  stated: number | undefined,
): number | undefined {
  if (provider === "google" && GEMINI_SPEECH.test(model)) return GEMINI_SPEECH_WINDOW;
  if (stated !== undefined) return ROUNDED_WINDOWS.get(`${provider} ${stated}`) ?? stated;
  return provider === "google" && GEMINI.test(model) ? GEMINI_WINDOW : undefined;
}

function each(tokens: number, models: readonly string[]): [string, number][] {
  return models.map((model) => [model, tokens]);
}
