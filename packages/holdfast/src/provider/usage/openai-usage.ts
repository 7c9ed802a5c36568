/**
 * @module OpenAI's usage objects as disjoint buckets.
 *
 * Two conventions meet in one object: text/audio/image counts divide a total by kind, while cached and cache-write
 * counts say how much of the same total was read from or written to the cache. Subtracting all of them would count
 * tokens twice. What comes out here sums to the provider's own totals; a usage object that contradicts itself is
 * rejected, never bent into shape.
 *
 * Shared, since the same objects arrive through the AI SDK.
 *
 * Shapes as in the types of openai 7.57 (2026-11): CompletionUsage, ResponseUsage, CreateEmbeddingResponse.Usage,
 * ImagesResponse.Usage, Transcription.Tokens and Transcription.Duration.
 */
import type { Usage } from "../../usage/usage.ts";
import {
  addUsage,
  countOf,
  describeValue,
  detailsOf,
  isObject,
  MISSING,
  optionalCount,
  readingOf,
  UnusableUsage,
  withoutZeros,
  type Loose,
  type UsageReading,
} from "./usage-reading.ts";

/** The bucket of output tokens whose kind the provider does not state. */
export type PlainOutput = "outputTextTokens" | "outputAudioTokens" | "outputImageTokens";

/** The usage of a whole response body (JSON), with the fees of the provider's own tools. */
export function readUsage(body: unknown, plainOutput: PlainOutput = "outputTextTokens"): UsageReading {
  if (!isObject(body)) return MISSING;
  return readingOf(() => {
    if (isObject(body["svg_usage"]))
      throw new UnusableUsage("part of the bill is another model's (svg_usage)");
    const usage = body["usage"];
    const main = isObject(usage) ? readUsageObject(usage, plainOutput) : undefined;
    const tools = readTools(body);
    if (main === undefined && tools === undefined) return undefined;
    // Tool fees alone are not the usage of the request itself.
    if (main === undefined) return undefined;
    return addUsage(main, tools ?? {});
  });
}

/**
 * Answers do not say which tool has searched. Where searches by the preview tool are held for, all of them are: its fee
 * is not the lower one.
 *
 * @param held the worst case of the request
 */
export function searchesAsHeld(reading: UsageReading, held: Usage): UsageReading {
  if (reading.kind !== "usage" || (held.webSearchPreviews ?? 0) === 0) return reading;
  const { webSearches, ...usage } = reading.usage;
  if (webSearches === undefined) return reading;
  return {
    kind: "usage",
    usage: { ...usage, webSearchPreviews: (usage.webSearchPreviews ?? 0) + webSearches },
  };
}

/** A bare usage object, as in the last chunk of a stream. */
export function readBareUsage(usage: unknown, plainOutput: PlainOutput = "outputTextTokens"): UsageReading {
  return readingOf(() => (isObject(usage) ? readUsageObject(usage, plainOutput) : undefined));
}

function readUsageObject(usage: Loose, plainOutput: PlainOutput): Usage | undefined {
  if (
    usage["type"] === "duration" ||
    (usage["seconds"] !== undefined && usage["input_tokens"] === undefined)
  ) {
    return { audioMs: milliseconds(usage["seconds"]) };
  }
  const chat = usage["prompt_tokens"] !== undefined || usage["completion_tokens"] !== undefined;
  const input = chat ? usage["prompt_tokens"] : usage["input_tokens"];
  const output = chat ? usage["completion_tokens"] : usage["output_tokens"];
  if (input === undefined && output === undefined) return undefined;
  const inputDetails = detailsOf(
    usage[chat ? "prompt_tokens_details" : "input_tokens_details"] ?? usage["input_token_details"],
  );
  const outputDetails = detailsOf(
    usage[chat ? "completion_tokens_details" : "output_tokens_details"] ?? usage["output_token_details"],
  );
  const result = {
    ...readInput(countOf(input, "input tokens"), inputDetails),
    ...readOutput(output === undefined ? 0 : countOf(output, "output tokens"), outputDetails, plainOutput),
  };
  checkTotal(usage["total_tokens"], result);
  return result;
}

function readInput(total: number, detail: Loose): Usage {
  const cachedDetail = detailsOf(detail["cached_tokens_details"]);
  const write = optionalCount(detail, "cache_write_tokens");
  const writeLong = optionalCount(detailsOf(detail["cache_write_tokens_details"]), "ttl_12h_tokens");
  const cached = optionalCount(detail, "cached_tokens");
  const audio = optionalCount(detail, "audio_tokens");
  const image = optionalCount(detail, "image_tokens");
  const writeShort = optionalCount(detailsOf(detail["cache_write_tokens_details"]), "ttl_30m_tokens");
  const text = optionalCount(detail, "text_tokens");
  if (text + audio + image > total) throw new UnusableUsage(`the stated kinds exceed ${total} input tokens`);
  if (cached + write > total || writeLong + writeShort > write) {
    throw new UnusableUsage(
      `${cached} cached and ${write} cache-write tokens do not fit into ${total} input tokens`,
    );
  }
  // By far the usual case: text, and nothing of it in a cache.
  if (cached === 0 && write === 0 && audio === 0 && image === 0 && !isObject(detail["cached_tokens_details"]))
    return total === 0 ? {} : { inputTextTokens: total };
  // What is not in a cache yet, by kind. The cached tokens are taken out of it: first those whose kind is stated,
  // then the rest out of text, images and audio in this order.
  const plain = { text: total - audio - image, image, audio };
  const read = { text: 0, image: 0, audio: 0 };
  const move = (kind: "text" | "image" | "audio", tokens: number): number => {
    const moved = Math.min(tokens, plain[kind]);
    plain[kind] -= moved;
    read[kind] += moved;
    return tokens - moved;
  };
  const stated = {
    audio: optionalCount(cachedDetail, "audio_tokens"),
    image: optionalCount(cachedDetail, "image_tokens"),
  };
  if (stated.audio > audio || stated.image > image || stated.audio + stated.image > cached) {
    throw new UnusableUsage(`the cached audio and image tokens exceed the tokens that they are part of`);
  }
  move("audio", stated.audio);
  move("image", stated.image);
  move("audio", move("image", move("text", cached - stated.audio - stated.image)));
  let written = write;
  for (const kind of ["text", "image", "audio"] as const) {
    const taken = Math.min(written, plain[kind]);
    plain[kind] -= taken;
    written -= taken;
  }
  return withoutZeros({
    inputTextTokens: plain.text,
    inputAudioTokens: plain.audio,
    inputImageTokens: plain.image,
    cacheReadTextTokens: read.text,
    cacheReadAudioTokens: read.audio,
    cacheReadImageTokens: read.image,
    cacheWriteTokens: write - writeLong,
    cacheWriteLongTokens: writeLong,
  });
}

function readOutput(total: number, detail: Loose, plainOutput: PlainOutput): Usage {
  const audio = optionalCount(detail, "audio_tokens");
  const image = optionalCount(detail, "image_tokens");
  // Rejected predictions are billed like output and, like reasoning, are not seen by the caller.
  const hidden =
    optionalCount(detail, "reasoning_tokens") + optionalCount(detail, "rejected_prediction_tokens");
  const rest = total - audio - image - hidden;
  if (rest < 0 || optionalCount(detail, "text_tokens") + audio + image > total) {
    throw new UnusableUsage(`the stated kinds exceed ${total} output tokens`);
  }
  if (optionalCount(detail, "accepted_prediction_tokens") + hidden > total) {
    throw new UnusableUsage(`the stated predictions exceed ${total} output tokens`);
  }
  // Where the kinds are stated, the rest is text.
  const restBucket =
    audio + image > 0 || detail["text_tokens"] !== undefined ? "outputTextTokens" : plainOutput;
  if (audio === 0 && image === 0 && hidden === 0) return total === 0 ? {} : { [restBucket]: total };
  const kinds = {
    outputTextTokens: 0,
    reasoningTokens: hidden,
    outputAudioTokens: audio,
    outputImageTokens: image,
  };
  kinds[restBucket] += rest;
  return withoutZeros(kinds);
}

/**
 * Fees and tokens of the provider's own tools, which are not part of `usage`: the Responses API reports image
 * generation and searches under `tool_usage`, and lists each call under `output`.
 */
function readTools(body: Loose): Usage | undefined {
  const toolUsage = detailsOf(body["tool_usage"]);
  const output = Array.isArray(body["output"]) ? (body["output"] as unknown[]) : [];
  const calls = (type: string): number =>
    output.filter((item) => isObject(item) && item["type"] === type).length;
  const webSearch = detailsOf(toolUsage["web_search"]);
  const webSearches =
    webSearch["num_requests"] === undefined
      ? calls("web_search_call")
      : countOf(webSearch["num_requests"], "web searches");
  const fileSearches = calls("file_search_call");
  const imageGeneration = toolUsage["image_gen"];
  const image = isObject(imageGeneration)
    ? (readUsageObject(imageGeneration, "outputImageTokens") ?? {})
    : {};
  if (webSearches === 0 && fileSearches === 0 && Object.keys(image).length === 0) return undefined;
  return addUsage(image, withoutZeros({ webSearches, fileSearches }));
}

function checkTotal(total: unknown, usage: Usage): void {
  if (total === undefined || total === null) return;
  let sum = 0;
  for (const tokens of Object.values(usage)) sum += tokens;
  const stated = countOf(total, "total tokens");
  if (stated !== sum) throw new UnusableUsage(`total_tokens is ${stated} but the parts sum to ${sum}`);
}

/** Rounded up to a whole millisecond. */
function milliseconds(seconds: unknown): number {
  if (typeof seconds !== "number" || !Number.isFinite(seconds) || seconds < 0 || seconds > 1e9) {
    throw new UnusableUsage(`seconds must be a number >= 0, not ${describeValue(seconds)}`);
  }
  return Math.ceil(seconds * 1_000);
}
