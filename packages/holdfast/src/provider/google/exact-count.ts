/** @module The provider's own count of a request's input, asked for before the request is held for. */
import type { Usage } from "../../usage/usage.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import { optionalCount, readingOf } from "../usage/usage-reading.ts";
import type { ApiClient, Fetch, RequestInitLike } from "./client-shape.ts";
import type { CountInput } from "./guarded-request.ts";
import { camelFields } from "./request/spelling.ts";
import { divide, kindsOf, sumOfParts } from "../usage/google-usage.ts";

/** How long a call waits for its count, ms. */
const TIMEOUT_MS = 2_000;

/** What the count takes of a request on Vertex AI (@google/genai 3.1, countTokensParametersToVertex, 2026-11). */
const COUNTED_ON_VERTEX = ["contents", "systemInstruction", "tools", "generationConfig"] as const;

/** Asks the same address with the same headers. Whatever fails leaves the estimate. */
export function inputCounter(
  client: Pick<ApiClient, "apiCall">,
  url: string,
  init: RequestInitLike,
  fetchFn: Fetch | undefined,
  signal: AbortSignal | null | undefined,
): CountInput {
  return async (_model, body) => {
    try {
      const response = await client.apiCall(
        countAddress(url),
        { ...init, body: JSON.stringify(countedFields(url, body)) },
        undefined,
        TIMEOUT_MS,
        signal,
        fetchFn,
      );
      return response.ok ? readCount(await response.json()) : undefined;
    } catch {
      return undefined;
    }
  };
}

export function countAddress(url: string): string {
  return url.replace(/:(?:streamGenerateContent|generateContent)(?:\?.*)?$/s, ":countTokens");
}

/** The Gemini API counts a whole request; Vertex AI its parts. */
function countedFields(url: string, body: Body): Body {
  const model = /\/((?:models|tunedModels)\/[^/:]+):/.exec(url)?.[1];
  if (!/\/(?:projects|publishers)\//.test(url) && model !== undefined) {
    return { generateContentRequest: { ...body, model } };
  }
  const fields = camelFields(body);
  return Object.fromEntries(
    COUNTED_ON_VERTEX.flatMap((field) => (fields[field] === undefined ? [] : [[field, fields[field]]])),
  );
}

/** The count and the bill of the same request were seen to differ by a few tokens where tools are declared. */
function withMargin(tokens: number): number {
  return Math.ceil(tokens * 1.02) + 16;
}

/** The input by bucket; undefined when the answer is not a count. */
export function readCount(answer: unknown): Usage | undefined {
  if (!isObject(answer) || answer["totalTokens"] === undefined) return undefined;
  const reading = readingOf(() => {
    const prompt = divide(
      optionalCount(answer, "totalTokens"),
      kindsOf(answer["promptTokensDetails"]),
      "counted",
    );
    return sumOfParts({
      prompt: { ...prompt, text: withMargin(prompt.text) },
      // What is cached now may not be any more when the call arrives.
      cached: 0,
      cachedKinds: null,
      toolUse: { text: 0, image: 0, video: 0, audio: 0 },
      output: {},
      thoughts: 0,
    });
  });
  return reading.kind === "usage" ? reading.usage : undefined;
}
