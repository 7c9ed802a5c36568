/**
 * @module Upper estimate of the input tokens of a prompt of the AI SDK.
 *
 * Walks whatever the options contain, so that a part that did not exist when this was written is counted by its text.
 * Files are counted by what they are billed as.
 *
 * Media bounds, per file:
 * - image: OpenAI (vision guide, 2026-11) 4,000, with `imageDetail: "original"` 26,000, gpt-4o-mini 48,200; Anthropic
 *   (vision guide, 2026-11: width x height / 750, at most 2,576 pixels a side) 5,000; Google (token guide, 2026-11: 258
 *   per tile, 2,240 at the highest media resolution) and others 8,000.
 * - audio: OpenAI 10 tokens a second, Google 32 (their audio guides, 2026-11); the longest that the bytes can be.
 * - text: its own. Everything else (PDF, video, files by address or id) is content that the request only refers to.
 */
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import { isObject, stringOf, type Body, type CacheWrites } from "../request/request-shape.ts";
import type { WireFamily } from "./billed-provider.ts";

const IMAGE_TOKENS: Readonly<Record<WireFamily, number>> = {
  openai: 4_000,
  anthropic: 5_000,
  google: 8_000,
  other: 8_000,
};
const IMAGE_TOKENS_ORIGINAL = 26_000;
const IMAGE_TOKENS_4O_MINI = 48_200;
const AUDIO_TOKENS_PER_SECOND: Readonly<Record<WireFamily, number>> = {
  openai: 10,
  anthropic: 32,
  google: 32,
  other: 32,
};
const WAV_BYTES_PER_SECOND = 8_000;
const COMPRESSED_AUDIO_BYTES_PER_SECOND = 640;

/** Markup around an object or a list entry in the model's own format; a key; a number. */
const OBJECT_OVERHEAD = 4;
const KEY_OVERHEAD = 2;
const SCALAR_TOKENS = 8;
const COMMON: ReadonlySet<string> = new Set([
  "role",
  "content",
  "type",
  "text",
  "name",
  "user",
  "system",
  "assistant",
  "tool",
  "function",
  "description",
  "properties",
  "object",
  "string",
  "number",
  "required",
  "value",
  "output",
  "input",
]);
/** Deeper content than any API accepts. */
const DEPTH_LIMIT = 64;

/** Parts that carry or name a file: messages, and the content of tool results, in specification v3 and v4. */
const FILE_PARTS: ReadonlySet<unknown> = new Set([
  "file",
  "reasoning-file",
  "file-data",
  "file-url",
  "file-id",
  "file-reference",
  "image-data",
  "image-url",
  "image-file-id",
  "image-file-reference",
]);

export class PromptTokens {
  readonly #estimator: TokenEstimator;
  readonly #model: string;
  readonly #family: WireFamily;
  textTokens = 0;
  imageTokens = 0;
  audioTokens = 0;
  /** The first reference to content that is not in the request. */
  refersTo: string | null = null;
  /** What parts of the prompt ask to be cached, where caching is the request's own choice. */
  cacheWrites: CacheWrites = "none";

  constructor(estimator: TokenEstimator, model: string, family: WireFamily) {
    this.#estimator = estimator;
    this.#model = model;
    this.#family = family;
  }

  refer(to: string): void {
    this.refersTo ??= to;
  }

  addText(text: string): void {
    if (COMMON.has(text)) this.textTokens += KEY_OVERHEAD;
    else if (text.length > 0) this.textTokens += this.#estimator.estimate(text, this.#model);
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
        else if (value instanceof URL) this.addText(value.href);
        else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || depth > DEPTH_LIMIT)
          this.refer("content of an unknown kind");
        else if (Array.isArray(value)) {
          this.textTokens += OBJECT_OVERHEAD;
          for (const one of value as unknown[]) this.add(one, depth + 1);
        } else this.#addObject(value as Body, depth);
        return;
      default:
        // Nothing of it is sent.
        return;
    }
  }

  #addObject(part: Body, depth: number): void {
    this.textTokens += OBJECT_OVERHEAD;
    const file = FILE_PARTS.has(part["type"]) && isFile(part);
    if (file) this.#addFile(part);
    else if (part["type"] === "reasoning") this.#addReasoning(part);
    else if (part["providerExecuted"] === true && isNamedItem(part)) this.refer(EARLIER_ITEM);
    for (const key of Object.keys(part)) {
      if (file && (key === "data" || key === "url")) continue;
      const value = part[key];
      if (value === undefined) continue;
      if (CACHE_MARKS.has(key)) this.#addCacheMark(value);
      this.textTokens += KEY_OVERHEAD;
      if (!COMMON.has(key)) this.addText(key);
      this.add(value, depth + 1);
    }
  }

  #addCacheMark(mark: unknown): void {
    const long = isObject(mark) && mark["ttl"] === "1h";
    if (long) this.cacheWrites = "long";
    else if (this.cacheWrites === "none") this.cacheWrites = "short";
  }

  /** OpenAI is sent the id of an earlier thought, whose text it keeps. */
  #addReasoning(part: Body): void {
    const options = part["providerOptions"];
    if (!isNamedItem(part) || !isObject(options)) return;
    const carried = Object.values(options).some(
      (one) => isObject(one) && typeof one["reasoningEncryptedContent"] === "string",
    );
    if (!carried) this.refer(EARLIER_ITEM);
  }

  #addFile(part: Body): void {
    const mediaType = stringOf(part["mediaType"]).toLowerCase();
    const inline = inlineData(part);
    if (stringOf(part["type"]).startsWith("image-") || /^image(\/|$)/.test(mediaType)) {
      this.imageTokens += this.#imageTokens(part);
    } else if (inline?.text !== undefined) {
      this.addText(inline.text);
    } else if (inline !== undefined && /^audio(\/|$)/.test(mediaType)) {
      this.audioTokens += this.#audioTokens(inline.bytes, mediaType);
    } else if (inline !== undefined && /^text(\/|$)/.test(mediaType)) {
      this.addText(inline.decode());
    } else {
      this.refer("a file");
    }
  }

  #imageTokens(part: Body): number {
    if (this.#family !== "openai") return IMAGE_TOKENS[this.#family];
    const options = part["providerOptions"];
    const detailed =
      isObject(options) &&
      Object.values(options).some((one) => isObject(one) && one["imageDetail"] === "original");
    if (detailed) return IMAGE_TOKENS_ORIGINAL;
    return this.#model.includes("4o-mini") ? IMAGE_TOKENS_4O_MINI : IMAGE_TOKENS.openai;
  }

  #audioTokens(bytes: number, mediaType: string): number {
    const perSecond = /wav/.test(mediaType) ? WAV_BYTES_PER_SECOND : COMPRESSED_AUDIO_BYTES_PER_SECOND;
    return Math.ceil((bytes / perSecond) * AUDIO_TOKENS_PER_SECOND[this.#family]);
  }
}

/** Options of parts and messages: Anthropic's in both spellings, Bedrock's. */
const CACHE_MARKS: ReadonlySet<string> = new Set(["cacheControl", "cache_control", "cachePoint"]);

const EARLIER_ITEM = "an item of an earlier response";

/** A schema may have a property "type" with such a value; only a file has a kind or an address. */
function isFile(part: Body): boolean {
  return ["mediaType", "data", "url", "fileId", "reference"].some((key) => part[key] !== undefined);
}

function isNamedItem(part: Body): boolean {
  const options = part["providerOptions"];
  return (
    isObject(options) &&
    Object.values(options).some((one) => isObject(one) && (one["itemId"] ?? null) !== null)
  );
}

interface InlineData {
  readonly bytes: number;
  /** Already text (specification v4). */
  readonly text?: string;
  decode(): string;
}

/** What the request itself carries of a file: v3 has bytes, base64 or a URL; v4 says which. */
function inlineData(part: Body): InlineData | undefined {
  let data = part["data"];
  if (isObject(data) && !ArrayBuffer.isView(data)) {
    if (data["type"] === "text" && typeof data["text"] === "string") {
      const { text } = data as { text: string };
      return { bytes: text.length, text, decode: () => text };
    }
    if (data["type"] !== "data") return undefined;
    data = data["data"];
  }
  if (ArrayBuffer.isView(data)) {
    const { buffer, byteOffset, byteLength } = data;
    return {
      bytes: byteLength,
      decode: () => new TextDecoder().decode(new Uint8Array(buffer, byteOffset, byteLength)),
    };
  }
  if (typeof data !== "string" || /^https?:/i.test(data)) return undefined;
  const base64 = data.replace(/^data:[^,]*,/, "");
  return {
    bytes: Math.ceil((base64.length * 3) / 4),
    decode: () => Buffer.from(base64, "base64").toString("utf8"),
  };
}
