/**
 * @module Gemini's `usageMetadata` as disjoint buckets.
 *
 * Four counts are disjoint and sum to the total: prompt, candidates, tool-use prompt, thoughts. The cached tokens are
 * part of the prompt. Each of them may be divided by modality; what the details leave open is text. Thoughts are billed
 * as output, and what a tool put into the prompt as input (ai.google.dev/gemini-api/docs/pricing, 2026-11).
 *
 * What comes out here sums to the provider's own totals; a usage object that contradicts itself is rejected, never bent
 * into shape. Shapes as in the types of @google/genai 3.1: GenerateContentResponseUsageMetadata, UsageMetadata.
 */
import type { Usage } from "../../usage/usage.ts";
import {
  countOf,
  isObject,
  optionalCount,
  readingOf,
  UnusableUsage,
  withoutZeros,
  type Loose,
  type UsageReading,
} from "./usage-reading.ts";

/** Whether grounding on the model is billed by the query instead of by the prompt. */
export function billedByQuery(model: string): boolean {
  return !/^gemini-(?:1|2)(?:[.-]|$)/.test(model);
}

/** The bucket of output tokens whose kind the provider does not state. */
export type PlainOutput =
  "outputTextTokens" | "outputAudioTokens" | "outputImageTokens" | "outputVideoTokens";

/** Text, image, video, audio: the kinds that have a price of their own. */
type Kind = "text" | "image" | "video" | "audio";
export type ByKind = Record<Kind, number>;

const KINDS: readonly Kind[] = ["text", "image", "video", "audio"];

/** Pages of a document are read, and billed, as images. */
const KIND_OF: Readonly<Record<string, Kind>> = {
  TEXT: "text",
  IMAGE: "image",
  DOCUMENT: "image",
  VIDEO: "video",
  AUDIO: "audio",
};

function kindNamed(modality: string): Kind {
  const name = modality.toUpperCase();
  // A modality that did not exist when this was written has no price of its own.
  return Object.hasOwn(KIND_OF, name) ? KIND_OF[name]! : "text";
}

/** @param value the `usageMetadata` of a response or of a chunk */
export function readUsageMetadata(
  value: unknown,
  plainOutput: PlainOutput = "outputTextTokens",
): UsageReading {
  return readingOf(() => (isObject(value) ? readObject(value, plainOutput) : undefined));
}

function readObject(usage: Loose, plainOutput: PlainOutput): Usage | undefined {
  const counts = {
    prompt: optionalCount(usage, "promptTokenCount"),
    // The live API's name for the same.
    candidates: optionalCount(
      usage,
      usage["candidatesTokenCount"] === undefined ? "responseTokenCount" : "candidatesTokenCount",
    ),
    toolUse: optionalCount(usage, "toolUsePromptTokenCount"),
    thoughts: optionalCount(usage, "thoughtsTokenCount"),
  };
  const sum = counts.prompt + counts.candidates + counts.toolUse + counts.thoughts;
  const stated = usage["totalTokenCount"];
  if (sum === 0 && (stated === undefined || stated === null || stated === 0)) {
    return usage["promptTokenCount"] === undefined ? undefined : {};
  }
  const total = stated === undefined || stated === null ? sum : countOf(stated, "totalTokenCount");
  if (total !== sum) throw new UnusableUsage(`totalTokenCount is ${total} but the parts sum to ${sum}`);
  const candidateDetails = usage["candidatesTokensDetails"] ?? usage["responseTokensDetails"];
  return sumOfParts({
    prompt: divide(counts.prompt, kindsOf(usage["promptTokensDetails"]), "prompt"),
    cached: optionalCount(usage, "cachedContentTokenCount"),
    cachedKinds: kindsOf(usage["cacheTokensDetails"]),
    toolUse: divide(counts.toolUse, kindsOf(usage["toolUsePromptTokensDetails"]), "tool-use prompt"),
    output: outputOf(counts.candidates, kindsOf(candidateDetails), plainOutput),
    thoughts: counts.thoughts,
  });
}

export interface Parts {
  readonly prompt: ByKind;
  readonly cached: number;
  /** Null when the provider does not divide them. */
  readonly cachedKinds: ByKind | null;
  readonly toolUse: ByKind;
  readonly output: Usage;
  readonly thoughts: number;
}

/** @throws {UnusableUsage} when more is cached than was sent. */
export function sumOfParts({ prompt, cached, cachedKinds, toolUse, output, thoughts }: Parts): Usage {
  const plain = { ...prompt };
  const read = takeCached(plain, cached, cachedKinds);
  return withoutZeros({
    inputTextTokens: plain.text + toolUse.text,
    inputImageTokens: plain.image + toolUse.image,
    inputVideoTokens: plain.video + toolUse.video,
    inputAudioTokens: plain.audio + toolUse.audio,
    cacheReadTextTokens: read.text,
    cacheReadImageTokens: read.image,
    cacheReadVideoTokens: read.video,
    cacheReadAudioTokens: read.audio,
    ...output,
    reasoningTokens: thoughts,
  });
}

/** Moves the cached tokens out of the prompt: first those whose kind is stated, then text, image, video, audio. */
function takeCached(prompt: ByKind, cached: number, stated: ByKind | null): ByKind {
  const total = totalOf(prompt);
  if (cached > total || (stated !== null && totalOf(stated) > cached)) {
    throw new UnusableUsage(`${cached} cached tokens do not fit into ${total} prompt tokens`);
  }
  const read: ByKind = { text: 0, image: 0, video: 0, audio: 0 };
  let left = cached;
  const move = (kind: Kind, tokens: number): void => {
    const moved = Math.min(tokens, prompt[kind]);
    prompt[kind] -= moved;
    read[kind] += moved;
    left -= moved;
  };
  if (stated !== null) for (const kind of KINDS) move(kind, stated[kind]);
  for (const kind of KINDS) move(kind, left);
  return read;
}

/** A list of `{ modality, tokenCount }` by kind; null when there is none. */
export function kindsOf(details: unknown, modality = "modality", tokens = "tokenCount"): ByKind | null {
  if (!Array.isArray(details)) return null;
  const kinds: ByKind = { text: 0, image: 0, video: 0, audio: 0 };
  for (const detail of details as unknown[]) {
    if (!isObject(detail)) throw new UnusableUsage("a modality detail is not an object");
    const name = detail[modality];
    const kind = typeof name === "string" ? kindNamed(name) : "text";
    kinds[kind] += optionalCount(detail, tokens);
  }
  return kinds;
}

/** What the details leave open is text. @throws {UnusableUsage} when they exceed the total. */
export function divide(total: number, kinds: ByKind | null, what: string): ByKind {
  if (kinds === null) return { text: total, image: 0, video: 0, audio: 0 };
  const stated = totalOf(kinds);
  if (stated > total) {
    throw new UnusableUsage(`the stated modalities (${stated}) exceed ${total} ${what} tokens`);
  }
  return { ...kinds, text: kinds.text + total - stated };
}

/** Output whose kind is not stated at all is of the kind that was held for. */
export function outputOf(total: number, kinds: ByKind | null, plainOutput: PlainOutput): Usage {
  if (kinds === null || totalOf(kinds) === 0) return total === 0 ? {} : { [plainOutput]: total };
  const { text, image, video, audio } = divide(total, kinds, "output");
  return {
    outputTextTokens: text,
    outputImageTokens: image,
    outputVideoTokens: video,
    outputAudioTokens: audio,
  };
}

function totalOf({ text, image, video, audio }: ByKind): number {
  return text + image + video + audio;
}
