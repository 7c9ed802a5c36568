/** @module The headers OpenAI sends with every reply. */
import type { ServedRequest } from "../served-request.ts";

export function requestIdOf(request: ServedRequest): string {
  return `req_${String(request.id).padStart(6, "0")}`;
}

/** Fixed numbers: a test that needs others scripts them. */
export function responseHeaders(request: ServedRequest, contentType: string): Record<string, string> {
  return {
    "content-type": contentType,
    "x-request-id": requestIdOf(request),
    "openai-organization": "org-holdfast",
    "openai-processing-ms": "12",
    "openai-version": "2020-10-01",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-tokens": "30ms",
    ...(request.azure ? { "x-ms-region": "West Europe", "apim-request-id": requestIdOf(request) } : {}),
  };
}
