/**
 * @module Upper estimate of the input tokens of any JSON-like content.
 *
 * Walks whatever the request contains, so that a content part that did not exist when this was written is counted by
 * its text. Known media parts are counted by what they are billed as instead of by their base64 text.
 *
 * Media bounds:
 * - image: the largest that a model bills for one picture (OpenAI vision guide, 2026-11): 8 tiles of gpt-4o-mini at
 *   5,667 + 2,833; 1,536 patches x 2.46 of the nano models; the other models less. With `detail: "original"` up to
 *   10,000 patches x 2.46.
 * - audio: 10 tokens per second (OpenAI audio guide, 2026-11); seconds bounded by the lowest usual bit rates, 8 kB/s
 *   for PCM in a WAV file and 0.64 kB/s for compressed audio.
 */
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import { isObject, stringOf, type Body } from "../../request/request-shape.ts";

const IMAGE_TOKENS = 4_000;
const IMAGE_TOKENS_ORIGINAL = 26_000;
/** gpt-4o-mini bills pictures at 33 times the tokens of gpt-4o, so that they cost the same. */
const GPT_4O_MINI_TOKENS = 48_200;
const GPT_4O_MINI_TOKENS_LOW = 2_833;
const AUDIO_TOKENS_PER_SECOND = 10;
const WAV_BYTES_PER_SECOND = 8_000;
const COMPRESSED_AUDIO_BYTES_PER_SECOND = 640;
/** Markup around a message, an object or a list entry in the model's own format. */
const OBJECT_OVERHEAD = 4;
const KEY_OVERHEAD = 2;
const SCALAR_TOKENS = 8;
/** Words of the format itself, in every request; each is at most KEY_OVERHEAD tokens in both of OpenAI's vocabularies. */
const COMMON: ReadonlySet<string> = new Set([
  "role",
  "content",
  "type",
  "text",
  "name",
  "user",
  "system",
  "assistant",
  "developer",
  "tool",
  "function",
  "description",
  "parameters",
  "properties",
  "object",
  "string",
  "number",
  "required",
]);
/** Deeper content than any API accepts; it is counted as text of its JSON. */
const DEPTH_LIMIT = 64;

export class ContentTokens {
  readonly #estimator: TokenEstimator;
  readonly #model: string;
  textTokens = 0;
  imageTokens = 0;
  audioTokens = 0;
  /** The first reference to content that is not in the request. */
  refersTo: string | null = null;

  constructor(estimator: TokenEstimator, model: string) {
    this.#estimator = estimator;
    this.#model = model;
  }

  add(value: unknown, depth = 0): void {
    switch (typeof value) {
      case "string":
        this.addText(value);
        return;
      case "number":
      case "boolean":
      case "bigint":
        this.textTokens += SCALAR_TOKENS;
        return;
      case "object":
        if (value === null) this.textTokens += 1;
        else if (depth > DEPTH_LIMIT) this.addText(safeJson(value));
        else if (Array.isArray(value)) this.#addArray(value, depth);
        else this.#addObject(value as Body, depth);
        return;
      default:
        // Nothing of it is sent.
        return;
    }
  }

  addText(text: string): void {
    if (COMMON.has(text)) this.textTokens += KEY_OVERHEAD;
    else if (text.length > 0) this.textTokens += this.#estimator.estimate(text, this.#model);
  }

  refer(to: string): void {
    this.refersTo ??= to;
  }

  #addArray(values: readonly unknown[], depth: number): void {
    this.textTokens += OBJECT_OVERHEAD;
    for (const value of values) this.add(value, depth + 1);
  }

  #addObject(part: Body, depth: number): void {
    this.textTokens += OBJECT_OVERHEAD;
    const media = this.#addMedia(part);
    for (const key in part) {
      if (key === media) continue;
      const value = part[key];
      if (value === undefined) continue;
      this.textTokens += KEY_OVERHEAD;
      if (!COMMON.has(key)) this.addText(key);
      this.add(value, depth + 1);
    }
  }

  #imageTokens(part: Body): number {
    const detail = isObject(part["image_url"]) ? part["image_url"]["detail"] : part["detail"];
    if (detail === "original") return IMAGE_TOKENS_ORIGINAL;
    if (!this.#model.includes("4o-mini")) return IMAGE_TOKENS;
    return detail === "low" ? GPT_4O_MINI_TOKENS_LOW : GPT_4O_MINI_TOKENS;
  }

  /** Counts a media part by what it is billed as. Returns the field that needs no counting as text any more. */
  #addMedia(part: Body): string | undefined {
    switch (part["type"]) {
      case "image_url":
      case "input_image":
      case "computer_screenshot":
        this.imageTokens += this.#imageTokens(part);
        return "image_url";
      case "input_audio": {
        const audio = part["input_audio"];
        if (!isObject(audio)) return undefined;
        this.audioTokens += audioTokens(base64Bytes(stringOf(audio["data"])), stringOf(audio["format"]));
        return "input_audio";
      }
      case "file":
        this.refer("a file");
        return "file";
      case "input_file":
        this.refer("a file");
        return "file_data";
      case "item_reference":
        this.refer("an item of an earlier response");
        return undefined;
      default: {
        // An earlier spoken answer, named by its id.
        const audio = part["audio"];
        if (part["role"] === "assistant" && isObject(audio) && audio["id"] !== undefined) {
          this.refer("an earlier audio answer");
        }
        return undefined;
      }
    }
  }
}

export function audioTokens(bytes: number, format: string): number {
  return Math.ceil((audioMilliseconds(bytes, format) * AUDIO_TOKENS_PER_SECOND) / 1_000);
}

/** The longest that audio of so many bytes can be. */
export function audioMilliseconds(bytes: number, format: string): number {
  const perSecond = format === "wav" ? WAV_BYTES_PER_SECOND : COMPRESSED_AUDIO_BYTES_PER_SECOND;
  return Math.ceil((bytes * 1_000) / perSecond);
}

function base64Bytes(data: string): number {
  return Math.ceil((data.length * 3) / 4);
}

/** A cycle cannot be sent, so the SDK will fail on it; it must not fail here. */
function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}
