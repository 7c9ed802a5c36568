/**
 * @module Worst case of embeddings, moderations, images and audio.
 *
 * What the provider does not report is stated here and flagged as estimated when it is settled.
 */
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import type { Usage } from "../../../usage/usage.ts";
import { addPrompts } from "./chat.ts";
import { audioMilliseconds, audioTokens, ContentTokens } from "./content-tokens.ts";
import {
  NO_OUTPUT,
  positiveInteger,
  serviceTierOf,
  stringOf,
  type Body,
  type RequestShape,
} from "../../request/request-shape.ts";

function inputOnly(body: Body, textTokens: number, otherInput: Usage): RequestShape {
  return {
    model: stringOf(body["model"]),
    stream: body["stream"] === true,
    serviceTier: serviceTierOf(body),
    textTokens,
    otherInput,
    refersTo: null,
    output: NO_OUTPUT,
    toolFees: {},
    unreportedFees: {},
    usageWhenSilent: null,
  };
}

export function shapeOfEmbedding(body: Body, estimator: TokenEstimator): RequestShape {
  const input = new ContentTokens(estimator, stringOf(body["model"]));
  addPrompts(body["input"], input);
  return inputOnly(body, input.textTokens, {});
}

/** Free (OpenAI moderation guide, 2026-11); counted as a call. */
export function shapeOfModeration(body: Body): RequestShape {
  return { ...inputOnly(body, 0, {}), usageWhenSilent: {} };
}

/**
 * Output tokens of one image by quality: the largest size of gpt-image-1 (1024x1536), from OpenAI's image generation
 * guide, 2026-11. The newer qualities above "high" have no published maximum; four times "high" is held for them.
 */
const IMAGE_OUTPUT_TOKENS: ReadonlyMap<unknown, number> = new Map([
  ["low", 408],
  ["medium", 1_584],
  ["standard", 1_584],
  ["high", 6_240],
  ["hd", 6_240],
  ["xhigh", 24_960],
  ["max", 24_960],
]);
/** The sizes that those figures cover; a larger picture is held at four times as much, which nobody enforces. */
const USUAL_SIZES: ReadonlySet<unknown> = new Set([
  undefined,
  null,
  "auto",
  "256x256",
  "512x512",
  "1024x1024",
  "1024x1536",
  "1536x1024",
]);
const LARGE_PICTURE = 4;
const IMAGE_OUTPUT_TOKENS_DEFAULT = 6_240;
/** Each partial image of a stream costs 100 output tokens (the same guide). */
const PARTIAL_IMAGE_TOKENS = 100;
/** An input image at high fidelity, with room. */
const IMAGE_INPUT_TOKENS = 6_500;

export function shapeOfImage(body: Body, estimator: TokenEstimator, inputImages: number): RequestShape {
  const model = stringOf(body["model"]);
  const text = new ContentTokens(estimator, model);
  text.add(body["prompt"] ?? "");
  // Multipart fields arrive as text.
  const images = positiveInteger(Number(body["n"] ?? 1)) ?? 1;
  const partials = positiveInteger(Number(body["partial_images"] ?? 0)) ?? 0;
  const usual = IMAGE_OUTPUT_TOKENS.get(body["quality"]) ?? IMAGE_OUTPUT_TOKENS_DEFAULT;
  const each = USUAL_SIZES.has(body["size"]) ? usual : usual * LARGE_PICTURE;
  return {
    ...inputOnly(body, text.textTokens, { inputImageTokens: inputImages * IMAGE_INPUT_TOKENS, images }),
    stream: body["stream"] === true || body["stream"] === "true",
    output: {
      kind: "image",
      limit: each + partials * PARTIAL_IMAGE_TOKENS,
      choices: images,
      extraTokens: 0,
      limitable: false,
      limitField: null,
    },
  };
}

/**
 * Output tokens of speech: 20 per second (from OpenAI's price per minute of gpt-4o-mini-tts, 2026-11), and nobody speaks
 * fewer than 10 letters a second; a digit, a symbol or a character of another script can be a word.
 */
const SPEECH_TOKENS_PER_LETTER = 2;
const SPEECH_TOKENS_PER_OTHER = 12;
const LETTERS: RegExp = /[A-Za-z\s.,;:!?'"()-]/g;
const SLOWEST_SPEECH = 0.25;

function speechTokens(characters: number, spoken: string, speed: unknown): number {
  const letters = spoken.match(LETTERS)?.length ?? 0;
  const atNormalSpeed = letters * SPEECH_TOKENS_PER_LETTER + (characters - letters) * SPEECH_TOKENS_PER_OTHER;
  const pace = typeof speed === "number" && speed > 0 ? Math.max(SLOWEST_SPEECH, Math.min(1, speed)) : 1;
  return Math.ceil(atNormalSpeed / pace);
}

/** The answer is audio without usage; what it consumed follows from the text that was spoken. */
export function shapeOfSpeech(body: Body, estimator: TokenEstimator): RequestShape {
  const model = stringOf(body["model"]);
  const spoken = stringOf(body["input"]);
  const text = new ContentTokens(estimator, model);
  text.addText(spoken);
  text.add(body["instructions"] ?? "");
  const characters = [...spoken].length;
  const limit = speechTokens(characters, spoken, body["speed"]);
  return {
    ...inputOnly(body, text.textTokens, { characters }),
    output: { kind: "audio", limit, choices: 1, extraTokens: 0, limitable: false, limitField: null },
    usageWhenSilent: { inputTextTokens: text.textTokens, characters, outputAudioTokens: limit },
  };
}

/** The largest upload that the API takes, bytes (OpenAI speech-to-text guide, 2026-11). */
const UPLOAD_LIMIT = 25 * 1024 * 1024;
/** The longest transcript of the token-billed models (OpenAI model pages, 2026-11). */
const TRANSCRIPT_TOKENS = 2_000;

/** Formats in which a transcript is bare text, without usage. */
const BARE_TRANSCRIPTS: ReadonlySet<unknown> = new Set(["text", "srt", "vtt"]);

/** @param reportsUsage whether the endpoint reports usage at all, in the formats that can carry it */
export function shapeOfTranscription(
  body: Body,
  estimator: TokenEstimator,
  file: { readonly bytes: number | null; readonly name: string },
  reportsUsage: boolean,
): RequestShape {
  const text = new ContentTokens(estimator, stringOf(body["model"]));
  text.add(body["prompt"] ?? "");
  // The size of a stream is not known; the API's own limit bounds it.
  const bytes = Math.min(file.bytes ?? UPLOAD_LIMIT, UPLOAD_LIMIT);
  const format = file.name.toLowerCase().endsWith(".wav") ? "wav" : "";
  const audio = { inputAudioTokens: audioTokens(bytes, format), audioMs: audioMilliseconds(bytes, format) };
  const silent = !reportsUsage || BARE_TRANSCRIPTS.has(body["response_format"]);
  return {
    ...inputOnly(body, text.textTokens, audio),
    stream: body["stream"] === true || body["stream"] === "true",
    output: {
      kind: "text",
      limit: TRANSCRIPT_TOKENS,
      choices: 1,
      extraTokens: 0,
      limitable: false,
      limitField: null,
    },
    usageWhenSilent: silent
      ? { ...audio, inputTextTokens: text.textTokens, outputTextTokens: TRANSCRIPT_TOKENS }
      : null,
  };
}
