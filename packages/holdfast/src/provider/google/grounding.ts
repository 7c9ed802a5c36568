/**
 * @module What grounding cost, from what a response says about it.
 *
 * Since Gemini 3, Google Search and Google Maps are billed per query that the model decided to make; before, per prompt
 * that was answered with their help (ai.google.dev/gemini-api/docs/pricing, "Grounding with Google Search" and "...Maps",
 * 2026-11). What is free every day or month is shared with calls that are not seen here, so it is not assumed.
 *
 * A response lists its search queries, but not those for Maps: one is counted for each candidate that used them.
 */
import type { Usage } from "../../usage/usage.ts";
import { billedByQuery } from "../usage/google-usage.ts";
import { isObject, withoutZeros } from "../usage/usage-reading.ts";

export { billedByQuery };

/** Collects what the chunks of a stream, or the candidates of an answer, say about grounding. */
export class Grounding {
  /** Queries by candidate: the chunks of one candidate repeat them. */
  readonly #queries = new Map<unknown, Set<string>>();
  readonly #searched = new Set<unknown>();
  readonly #mapped = new Set<unknown>();

  /** @param response a GenerateContentResponse, or a chunk of one */
  add(response: unknown): void {
    const candidates = isObject(response) ? response["candidates"] : undefined;
    if (!Array.isArray(candidates)) return;
    (candidates as unknown[]).forEach((candidate, position) => {
      if (!isObject(candidate) || !isObject(candidate["groundingMetadata"])) return;
      const index = typeof candidate["index"] === "number" ? candidate["index"] : position;
      this.#addMetadata(index, candidate["groundingMetadata"]);
    });
  }

  fees(model: string): Usage {
    let queries = 0;
    for (const own of this.#queries.values()) queries += own.size;
    if (billedByQuery(model)) {
      // A candidate that was grounded and lists no query has made at least one.
      const unlisted = [...this.#searched].filter((index) => !this.#queries.has(index)).length;
      return withoutZeros({ webSearches: queries + unlisted, mapGroundings: this.#mapped.size });
    }
    return withoutZeros({
      webSearches: this.#searched.size > 0 ? 1 : 0,
      mapGroundings: this.#mapped.size > 0 ? 1 : 0,
    });
  }

  #addMetadata(index: unknown, metadata: Readonly<Record<string, unknown>>): void {
    for (const field of ["webSearchQueries", "imageSearchQueries"]) {
      const queries = metadata[field];
      if (!Array.isArray(queries)) continue;
      for (const query of queries as unknown[]) {
        if (typeof query !== "string" || query === "") continue;
        let own = this.#queries.get(index);
        if (own === undefined) this.#queries.set(index, (own = new Set()));
        own.add(`${field} ${query}`);
        this.#searched.add(index);
      }
    }
    const chunks = metadata["groundingChunks"];
    for (const chunk of Array.isArray(chunks) ? (chunks as unknown[]) : []) {
      if (!isObject(chunk)) continue;
      if (isObject(chunk["web"])) this.#searched.add(index);
      if (isObject(chunk["maps"])) this.#mapped.add(index);
    }
  }
}
