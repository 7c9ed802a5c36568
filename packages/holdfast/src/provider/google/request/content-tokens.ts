/**
 * @module Upper estimate of the input tokens of the contents of a request to Gemini.
 *
 * Walks whatever the request contains, so that a part that did not exist when this was written is counted by its text.
 * Known media parts are counted by what they are billed as instead of by their base64 text, but only where the API takes
 * media: what a function takes or returns is read as text, whatever it looks like. Both of Google's wire formats are known:
 * `inlineData` and `fileData` of generateContent, `{ type, data, mime_type, uri }` of interactions.
 */
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import { isObject, stringOf, type Body } from "../../request/request-shape.ts";
import { mediaTokens } from "./media-tokens.ts";
import { spellingIn } from "./spelling.ts";

/** Markup around a turn, an object or a list entry in the model's own format. */
const OBJECT_OVERHEAD = 4;
const KEY_OVERHEAD = 2;
/** The least that a number or a boolean is counted as. */
const SCALAR_TOKENS = 8;
const SEPARATOR_TOKENS = 1;
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

/**
 * Where a value is: in a list of `Content`s (or in what holds such a list), in a list of `Part`s, where an interaction
 * takes content, or in anything else, which is text.
 */
export type Place = "contents" | "parts" | "interaction" | "data";

/** What is within a field of an object at a place; "data" where it is not here. */
const WITHIN: Readonly<Record<Exclude<Place, "data">, Readonly<Record<string, Place>>>> = {
  contents: { parts: "parts" },
  // What a function returns is JSON in `response`, and media in `parts` of its own.
  parts: {
    functionResponse: "contents",
    function_response: "contents",
    toolResponse: "contents",
    tool_response: "contents",
  },
  interaction: { content: "interaction" },
};

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

  add(value: unknown, place: Place = "data", depth = 0): void {
    switch (typeof value) {
      case "string":
        this.addText(value);
        return;
      case "number":
      case "boolean":
      case "bigint":
        this.textTokens += Math.max(
          SCALAR_TOKENS,
          SEPARATOR_TOKENS + this.#estimator.estimate(String(value), this.#model),
        );
        return;
      case "object":
        if (value === null) this.textTokens += 1;
        else if (depth > DEPTH_LIMIT) this.addText(JSON.stringify(value));
        else if (Array.isArray(value)) {
          this.textTokens += OBJECT_OVERHEAD;
          for (const one of value as unknown[]) this.add(one, place, depth + 1);
        } else this.#addObject(value as Body, place, depth);
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

  #addObject(object: Body, place: Place, depth: number): void {
    this.textTokens += OBJECT_OVERHEAD;
    const counted = this.#addMedia(object, place);
    for (const key in object) {
      if (key === counted || object[key] === undefined) continue;
      this.textTokens += KEY_OVERHEAD;
      if (!COMMON.has(key)) this.addText(key);
      this.add(object[key], placeWithin(object, key, place), depth + 1);
    }
  }

  /** Counts a media part by what it is billed as. Returns the field that needs no counting as text any more. */
  #addMedia(part: Body, place: Place): string | undefined {
    if (place === "parts") return this.#addPart(part);
    return place === "interaction" ? this.#addInteractionContent(part) : undefined;
  }

  #addPart(part: Body): string | undefined {
    const [inlineField, fileField] = [spellingIn(part, "inlineData"), spellingIn(part, "fileData")];
    const inline = part[inlineField];
    if (isObject(inline) && typeof inline["data"] === "string") {
      return this.#addInline(part, mimeTypeOf(inline), inline["data"]) ? inlineField : undefined;
    }
    const file = part[fileField];
    if (!isObject(file)) return undefined;
    this.#referToFile(mimeTypeOf(file));
    return fileField;
  }

  #addInteractionContent(content: Body): string | undefined {
    const mimeType = mimeTypeOf(content) || typeOf(content["type"]);
    if (mimeType === "") return undefined;
    if (typeof content["data"] === "string")
      return this.#addInline(content, mimeType, content["data"]) ? "data" : undefined;
    if (typeof content["uri"] === "string") {
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

function placeWithin(object: Body, key: string, place: Place): Place {
  if (place === "data") return "data";
  // A list is of content, any other result is JSON (types of @google/genai 3.1, FunctionResultStep, 2026-11).
  if (place === "interaction" && key === "result" && Array.isArray(object[key])) return "interaction";
  return Object.hasOwn(WITHIN[place], key) ? WITHIN[place][key]! : "data";
}

function mimeTypeOf(of: Body): string {
  return stringOf(of["mimeType"]) || stringOf(of["mime_type"]);
}

/** `mediaResolution: { level }` of generateContent, `resolution` of interactions. */
function resolutionOf(part: Body): string {
  const own = part["mediaResolution"] ?? part["media_resolution"];
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
