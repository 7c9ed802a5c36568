/**
 * @module Upper estimate of the input tokens of the contents of a request to Gemini.
 *
 * Walks whatever the request contains, so that a part that did not exist when this was written is counted by its text.
 * Known media parts are counted by what they are billed as instead of by their base64 text. The same for both of Google's
 * wire formats: `inlineData` and `fileData` of generateContent, `{ type, data, mime_type, uri }` of interactions.
 */
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import { isObject, stringOf, type Body } from "../../request/request-shape.ts";
import { mediaTokens } from "./media-tokens.ts";

/** Markup around a turn, an object or a list entry in the model's own format. */
const OBJECT_OVERHEAD = 4;
const KEY_OVERHEAD = 2;
const SCALAR_TOKENS = 8;
/** Deeper content than any API accepts; it is counted as text of its JSON. */
const DEPTH_LIMIT = 64;
/** Words of the format itself. */
const COMMON: ReadonlySet<string> = new Set([
  "role",
  "parts",
  "text",
  "type",
  "content",
  "user",
  "model",
  "system",
  "function",
  "name",
  "description",
  "parameters",
  "properties",
  "required",
  "OBJECT",
  "STRING",
  "NUMBER",
  "ARRAY",
  "object",
  "string",
  "number",
  "array",
]);

export class ContentTokens {
  readonly #estimator: TokenEstimator;
  readonly #model: string;
  readonly #resolution: string;
  textTokens = 0;
  imageTokens = 0;
  audioTokens = 0;
  /** The first reference to content that is not in the request, or whose size cannot be told from it. */
  refersTo: string | null = null;
  /** Whether what it refers to may be something else than text. */
  refersToMedia = false;

  /** @param resolution of pictures, where a part does not say its own */
  constructor(estimator: TokenEstimator, model: string, resolution?: unknown) {
    this.#estimator = estimator;
    this.#model = model;
    this.#resolution = stringOf(resolution);
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
        else if (depth > DEPTH_LIMIT) this.addText(JSON.stringify(value));
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

  addText(text: string): void {
    if (COMMON.has(text)) this.textTokens += KEY_OVERHEAD;
    else if (text.length > 0) this.textTokens += this.#estimator.estimate(text, this.#model);
  }

  /** @param media whether it may be something else than text */
  refer(to: string, media: boolean): void {
    this.refersTo ??= to;
    if (media) this.refersToMedia = true;
  }

  #addObject(part: Body, depth: number): void {
    this.textTokens += OBJECT_OVERHEAD;
    const counted = this.#addMedia(part);
    for (const key in part) {
      if (key === counted || part[key] === undefined) continue;
      this.textTokens += KEY_OVERHEAD;
      if (!COMMON.has(key)) this.addText(key);
      this.add(part[key], depth + 1);
    }
  }

  /** Counts a media part by what it is billed as. Returns the field that needs no counting as text any more. */
  #addMedia(part: Body): string | undefined {
    const inline = part["inlineData"];
    if (isObject(inline) && typeof inline["data"] === "string") {
      return this.#addInline(part, stringOf(inline["mimeType"]), inline["data"]) ? "inlineData" : undefined;
    }
    const file = part["fileData"];
    if (isObject(file)) {
      this.#referToFile(stringOf(file["mimeType"]));
      return "fileData";
    }
    const mimeType = stringOf(part["mime_type"]) || typeOf(part["type"]);
    if (mimeType === "") return undefined;
    if (typeof part["data"] === "string")
      return this.#addInline(part, mimeType, part["data"]) ? "data" : undefined;
    if (typeof part["uri"] === "string") {
      this.#referToFile(mimeType);
      return "uri";
    }
    return undefined;
  }

  #addInline(part: Body, mimeType: string, base64: string): boolean {
    const media = mediaTokens(mimeType, base64, this.#model, resolutionOf(part) || this.#resolution);
    switch (media.kind) {
      case "image":
        this.imageTokens += media.tokens;
        return true;
      case "audio":
        this.audioTokens += media.tokens;
        return true;
      case "unbounded":
        this.refer(media.what, true);
        return true;
      case "text":
        this.addText(Buffer.from(base64, "base64").toString("utf8"));
        return true;
    }
  }

  #referToFile(mimeType: string): void {
    this.refer("a file", !mimeType.toLowerCase().startsWith("text/"));
  }
}

/** `mediaResolution: { level }` of generateContent, `resolution` of interactions. */
function resolutionOf(part: Body): string {
  const own = part["mediaResolution"];
  return stringOf(isObject(own) ? own["level"] : own) || stringOf(part["resolution"]);
}

/** A media part of an interaction names its kind: "image", "audio", "video", "document". */
function typeOf(type: unknown): string {
  switch (type) {
    case "image":
    case "audio":
    case "video":
      return `${type}/unknown`;
    case "document":
      return "application/pdf";
    default:
      return "";
  }
}
