/**
 * @module Upper estimate of the input tokens of a Messages request.
 *
 * Walks whatever the request contains, so that a content block that did not exist when this was written is counted by its
 * text. Pictures are counted by what they are billed as instead of by their base64 text, where they are content: the same
 * fields in the input of a tool, or in a schema, are data of the application's own and billed as text. What the request
 * only refers to is named.
 *
 * Bounds of media:
 * - a picture is held at the most that the model takes (estimate/claude-media.ts); its size is not looked at;
 * - a page of a PDF is billed as text and as a picture; how many there are is not seen without parsing it.
 */
import { claudeImageTokens } from "../../../estimate/claude-media.ts";
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import { isObject, type Body, type CacheWrites } from "../../request/request-shape.ts";

/** Markup around a message, a block or a list entry in the model's own format. */
const OBJECT_OVERHEAD = 4;
const KEY_OVERHEAD = 2;
/** The comma or bracket after a number, and what it may be split into beside its digits. */
const SCALAR_OVERHEAD = 2;
/** Words of the format itself, in every request. */
const COMMON: ReadonlySet<string> = new Set([
  "role",
  "content",
  "type",
  "text",
  "name",
  "user",
  "system",
  "assistant",
  "description",
  "input_schema",
  "properties",
  "object",
  "string",
  "number",
  "required",
]);
/** Deeper content than the API accepts; it is counted as text of its JSON. */
const DEPTH_LIMIT = 64;

/** Where a value stands: a message or a block of one, the definition of a tool, or what the application put into either. */
export type Position = "content" | "tool" | "data";

/** Fields of a message or a block that hold further blocks. */
const HOLDS_BLOCKS: ReadonlySet<string> = new Set(["content", "source"]);
const PICTURE_SOURCES: readonly unknown[] = [undefined, "base64", "url", "file"];
/** `type`, `ttl`, and room for what the API may add. */
const CONTROL_FIELDS_MAX = 6;
const CONTROL_WORD_MAX = 24;

export class MessageTokens {
  readonly #estimator: TokenEstimator;
  readonly #model: string;
  textTokens = 0;
  imageTokens = 0;
  /** What of the input the request asks to be written to the cache, at most. */
  cacheWrites: CacheWrites = "none";
  /** The first reference to content that is not in the request. */
  refersTo: string | null = null;

  constructor(estimator: TokenEstimator, model: string) {
    this.#estimator = estimator;
    this.#model = model;
  }

  refer(to: string): void {
    this.refersTo ??= to;
  }

  /** @param control `cache_control` of a block, or `caching` of a tool */
  addCacheControl(control: unknown): void {
    if (!isObject(control)) return;
    if (control["ttl"] === "1h") this.cacheWrites = "long";
    else if (this.cacheWrites === "none") this.cacheWrites = "short";
  }

  add(value: unknown, position: Position = "data", depth = 0): void {
    switch (typeof value) {
      case "string":
        if (COMMON.has(value)) this.textTokens += KEY_OVERHEAD;
        else if (value.length > 0) this.textTokens += this.#estimator.estimate(value, this.#model);
        return;
      case "number":
      case "boolean":
        this.textTokens += this.#estimator.estimate(String(value), this.#model) + SCALAR_OVERHEAD;
        return;
      case "object":
        if (value === null) this.textTokens += 1 + SCALAR_OVERHEAD;
        else if (depth > DEPTH_LIMIT) this.add(JSON.stringify(value));
        else if (Array.isArray(value)) {
          this.textTokens += OBJECT_OVERHEAD;
          for (const one of value as unknown[]) this.add(one, position, depth + 1);
        } else this.#addObject(value as Body, position, depth);
        return;
      default:
        // Nothing of it is sent.
        return;
    }
  }

  #addObject(part: Body, position: Position, depth: number): void {
    this.textTokens += OBJECT_OVERHEAD;
    const counted = position === "content" ? this.#addMedia(part) : undefined;
    for (const key in part) {
      const value = part[key];
      if (key === counted || value === undefined) continue;
      if (key === "cache_control" || key === "caching") {
        this.addCacheControl(value);
        if (position !== "data" && isControl(value)) continue;
      }
      this.textTokens += KEY_OVERHEAD;
      if (!COMMON.has(key)) this.add(key);
      this.add(value, position === "content" && HOLDS_BLOCKS.has(key) ? "content" : "data", depth + 1);
    }
  }

  /** Counts a media block by what it is billed as. Returns the field that needs no counting as text any more. */
  #addMedia(part: Body): string | undefined {
    const { source } = part as { source?: unknown };
    switch (part["type"]) {
      case "image":
        if (!isObject(source)) return undefined;
        this.imageTokens += claudeImageTokens(this.#model);
        return PICTURE_SOURCES.includes(source["type"]) ? "source" : undefined;
      case "document":
        if (!isObject(source)) return undefined;
        // Plain text, and blocks, are in the request.
        if (source["type"] === "text" || source["type"] === "content") return undefined;
        this.refer("a document");
        return "source";
      case "container_upload":
        this.refer("an uploaded file");
        return undefined;
      default:
        return undefined;
    }
  }
}

/** A setting, which the model does not read; content under the same name is longer. */
function isControl(value: unknown): boolean {
  if (value === null) return true;
  if (!isObject(value)) return false;
  const fields: readonly unknown[] = Object.values(value);
  return (
    fields.length <= CONTROL_FIELDS_MAX &&
    fields.every((field) =>
      typeof field === "string" ? field.length <= CONTROL_WORD_MAX : typeof field !== "object",
    )
  );
}
