/**
 * @module Gemini's own usage object (`usageMetadata`), as the AI SDK hands it on under `raw`.
 *
 * Four disjoint totals: the prompt, what the provider's tools added to it, the candidates, the thoughts. The lists by
 * modality divide them; cached tokens are a part of the prompt. As in the types of @google/genai 3.1 (2026-11).
 */
import type { Usage } from "../../usage/usage.ts";
import {
  countOf,
  isObject,
  MISSING,
  optionalCount,
  readingOf,
  UnusableUsage,
  withoutZeros,
  type Loose,
  type UsageReading,
} from "../usage/usage-reading.ts";

type Kind = "image" | "video" | "audio";

export function readGoogleUsage(raw: unknown): UsageReading {
  if (!isObject(raw)) return MISSING;
  return readingOf(() => {
    if ((raw["promptTokenCount"] ?? null) === null && (raw["totalTokenCount"] ?? null) === null)
      return undefined;
    return withoutZeros({ ...readInput(raw), ...readOutput(raw) });
  });
}

function readInput(raw: Loose): Usage {
  const prompt = optionalCount(raw, "promptTokenCount");
  const tools = optionalCount(raw, "toolUsePromptTokenCount");
  const cached = optionalCount(raw, "cachedContentTokenCount");
  if (cached > prompt) throw new UnusableUsage(`${cached} cached tokens exceed ${prompt} prompt tokens`);
  const cachedKinds = kindsOf(raw["cacheTokensDetails"], cached);
  const kinds = kindsOf(raw["promptTokensDetails"], prompt);
  const image = Math.max(0, kinds.image - cachedKinds.image);
  const video = Math.max(0, kinds.video - cachedKinds.video);
  const audio = Math.max(0, kinds.audio - cachedKinds.audio);
  // Kinds that are not told of the cached part are told of the prompt: what is left is text.
  const text = prompt - cached - image - video - audio;
  if (text < 0)
    throw new UnusableUsage("the kinds of the prompt and of its cached part contradict each other");
  return {
    inputTextTokens: text + tools,
    inputImageTokens: image,
    inputVideoTokens: video,
    inputAudioTokens: audio,
    cacheReadTextTokens: cached - sumOf(cachedKinds),
    cacheReadImageTokens: cachedKinds.image,
    cacheReadVideoTokens: cachedKinds.video,
    cacheReadAudioTokens: cachedKinds.audio,
  };
}

function readOutput(raw: Loose): Usage {
  const candidates = optionalCount(raw, "candidatesTokenCount");
  const kinds = kindsOf(raw["candidatesTokensDetails"], candidates);
  return {
    outputTextTokens: candidates - sumOf(kinds),
    outputImageTokens: kinds.image,
    outputVideoTokens: kinds.video,
    outputAudioTokens: kinds.audio,
    reasoningTokens: optionalCount(raw, "thoughtsTokenCount"),
  };
}

/** Pages of a document are read, and billed, as images; what is not named here has no price of its own. */
const KIND_OF: ReadonlyMap<unknown, Kind> = new Map([
  ["IMAGE", "image"],
  ["DOCUMENT", "image"],
  ["VIDEO", "video"],
  ["AUDIO", "audio"],
]);

function sumOf({ image, video, audio }: Readonly<Record<Kind, number>>): number {
  return image + video + audio;
}

/** What is not text. */
function kindsOf(details: unknown, total: number): Readonly<Record<Kind, number>> {
  const kinds = { image: 0, video: 0, audio: 0 };
  for (const entry of Array.isArray(details) ? (details as unknown[]) : []) {
    if (!isObject(entry) || (entry["tokenCount"] ?? null) === null) continue;
    const kind = KIND_OF.get(entry["modality"]);
    if (kind !== undefined) kinds[kind] += countOf(entry["tokenCount"], "tokens of a modality");
  }
  if (sumOf(kinds) > total) {
    throw new UnusableUsage(`the stated modalities exceed ${total} tokens`);
  }
  return kinds;
}
