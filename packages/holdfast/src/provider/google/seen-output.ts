/** @module An upper bound on the output that was seen, for a stream that ended without its usage. */
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import { isObject, stringOf, type Body } from "../request/request-shape.ts";

/** The largest picture that a model of Google generates: 4K of gemini-3-pro-image (ai.google.dev pricing, 2026-11). */
const IMAGE_TOKENS = 2_520;
/** Speech is 25 tokens per second of 16 bit PCM at 24 kHz (ai.google.dev/gemini-api/docs/tokens, 2026-11). */
const AUDIO_BYTES_PER_TOKEN = 1_920;

/** Not output: names of things around it. */
const LABELS: ReadonlySet<string> = new Set([
  "role",
  "id",
  "type",
  "index",
  "mimeType",
  "mime_type",
  "thoughtSignature",
  "signature",
  "event_type",
  "event_id",
]);

export class SeenOutput {
  readonly #texts: string[] = [];
  #pieces = 0;
  #mediaTokens = 0;

  /** @param content a `Content` of a candidate */
  addContent(content: Body): void {
    const parts = Array.isArray(content["parts"]) ? (content["parts"] as unknown[]) : [];
    for (const part of parts) this.addPiece(part);
  }

  /** One part of an answer, or one delta: at least one token if there is anything in it. */
  addPiece(piece: unknown): void {
    const before = this.#texts.length;
    this.#collect(piece);
    if (this.#texts.length > before) this.#pieces += 1;
  }

  tokens(estimator: TokenEstimator, model: string): number {
    const text = this.#texts.join("");
    return this.#mediaTokens + (text === "" ? 0 : Math.max(this.#pieces, estimator.estimate(text, model)));
  }

  #collect(value: unknown): void {
    if (typeof value === "string") {
      if (value !== "") this.#texts.push(value);
    } else if (Array.isArray(value)) {
      for (const one of value as unknown[]) this.#collect(one);
    } else if (isObject(value)) {
      if (typeof value["data"] === "string" && this.#isMedia(value)) return;
      for (const key in value) if (!LABELS.has(key)) this.#collect(value[key]);
    }
  }

  #isMedia(value: Body): boolean {
    const type = stringOf(value["mimeType"]) || stringOf(value["mime_type"]);
    const bytes = (stringOf(value["data"]).length * 3) / 4;
    if (type.startsWith("audio/")) this.#mediaTokens += Math.ceil(bytes / AUDIO_BYTES_PER_TOKEN) + 1;
    else if (type.startsWith("image/")) this.#mediaTokens += IMAGE_TOKENS;
    else return false;
    return true;
  }
}
