/** @module The token limits that providers enforce: they bound the worst case of a call that states no limit. */
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

/** gpt-5 and every later family: 128,000 (.../models/gpt-5, /gpt-5.4, /gpt-6-sol, 2026-11), unless listed above. */
const OPENAI_FAMILY_OUTPUT = 128_000;
const OPENAI_FAMILY = /^gpt-(?:[5-9]|\d\d)(?:[.-]|$)/;

/**
 * The most output tokens of one choice, for the models of this table; undefined for others. `provider` is the one
 * whose model it is, `model` the name asked for.
 */
export function maxOutputTokensOf(provider: string, model: string): number | undefined {
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

/**
 * The window that the data states, or the enforced one where the data rounds it down: as a bound of the worst case a
 * window may be too large, but never too small.
 */
export function contextWindowTokensOf(provider: string, stated: number | undefined): number | undefined {
  return stated === undefined ? undefined : (ROUNDED_WINDOWS.get(`${provider} ${stated}`) ?? stated);
}

function each(tokens: number, models: readonly string[]): [string, number][] {
  return models.map((model) => [model, tokens]);
}
