/** @module The provider's own count of a request's input, asked for before the request is held for. */
import { isObject, type Body } from "../request/request-shape.ts";
import type { DerivableClient, FinalRequestOptions } from "./client-shape.ts";
import type { CountInput } from "./guarded-request.ts";

/** How long a call waits for its count. */
const TIMEOUT_MS = 2_000;

/** What the count takes of a request (@anthropic-ai/sdk 1.12, MessageCountTokensParams, stable and beta, 2026-11). */
const COUNTED = [
  "model",
  "messages",
  "system",
  "tools",
  "tool_choice",
  "thinking",
  "cache_control",
  "context_management",
  "mcp_servers",
  "output_config",
  "output_format",
  "speed",
] as const;

/**
 * "Token count should be considered an estimate. In some cases, the actual number of input tokens used when creating a
 * message may differ by a small amount" (platform.claude.com/docs/en/build-with-claude/token-counting, 2026-11): 2 %, and
 * a few more for short requests.
 */
export function countWithMargin(tokens: number): number {
  return Math.ceil(tokens * 1.02) + 16;
}

/** Asks through the same client, with the headers of the call. Whatever fails leaves the estimate. */
export function inputCounter(client: DerivableClient, options: FinalRequestOptions): CountInput {
  const beta = options.path.includes("beta=true") ? "?beta=true" : "";
  return async (fields: Body) => {
    // The earlier turns of a thread are at the provider, and the count cannot be asked for them.
    if (isObject(fields["thread"])) return undefined;
    const body = Object.fromEntries(
      COUNTED.flatMap((field) => (fields[field] === undefined ? [] : [[field, fields[field]]])),
    );
    try {
      const answer = await client.post(`/v1/messages/count_tokens${beta}`, {
        body,
        headers: options.headers,
        maxRetries: 0,
        timeout: TIMEOUT_MS,
        signal: options.signal,
      });
      const tokens = isObject(answer) ? answer["input_tokens"] : undefined;
      return Number.isSafeInteger(tokens) && (tokens as number) >= 0 ? (tokens as number) : undefined;
    } catch {
      return undefined;
    }
  };
}
