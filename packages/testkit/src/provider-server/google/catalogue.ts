/** @module Models and cached contents. */
import { free } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { defaultTokens } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";

const names = ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-embedding-001"];

function model(name: string): Record<string, unknown> {
  return {
    name: `models/${name}`,
    version: "001",
    displayName: name,
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods: ["generateContent", "countTokens"],
  };
}

export const modelList: Endpoint = free(({ request }) => {
  const vertex = request.platform === "vertex";
  return jsonReply({ [vertex ? "publisherModels" : "models"]: names.map(model) });
});

export const modelDetails: Endpoint = free(({ request }) =>
  jsonReply(model(decodeURIComponent(request.route.replace(/^\/models\//, "")))),
);

/** "300s" */
function hoursOf(ttl: unknown): number {
  const seconds = typeof ttl === "string" ? Number.parseFloat(ttl) : Number.NaN;
  return (Number.isFinite(seconds) ? seconds : 3_600) / 3_600;
}

function cachedTokens(inputTokens: number | undefined): number {
  return inputTokens ?? defaultTokens;
}

function cached({ request, generation }: EndpointContext): Reply {
  const time = new Date(generation.createdAt * 1_000);
  const expires = new Date(time.getTime() + hoursOf(request.body["ttl"]) * 3_600_000);
  return jsonReply({
    name: generation.id("cachedContents/"),
    model: `models/${request.model.replace(/^models\//, "")}`,
    displayName: request.body["displayName"] ?? "",
    createTime: time.toISOString(),
    updateTime: time.toISOString(),
    expireTime: expires.toISOString(),
    usageMetadata: { totalTokenCount: cachedTokens(generation.quantities.inputTokens) },
  });
}

/** Billed: the input that is stored, and its storage in token-hours (rounded up); scripted apart from each other. */
export const createCache: Endpoint = {
  answer: cached,
  bills: ({ body }) => ({
    inputTokens: defaultTokens,
    storedTokenHours: Math.ceil(defaultTokens * hoursOf(body["ttl"])),
  }),
  shape: ({ inputTokens }) => ({ totalTokenCount: cachedTokens(inputTokens) }),
  without: () => ["outputTokens", "reasoningTokens"],
};

/** Get, update and delete answer with as little as the SDKs need. */
export function cacheEndpoint({ method, route }: ServedRequest): Endpoint | undefined {
  if (!/^\/cachedContents(\/|$)/.test(route)) return undefined;
  if (method === "POST") return createCache;
  if (method === "DELETE") return free(() => jsonReply({}));
  if (route === "/cachedContents") return free(() => jsonReply({ cachedContents: [] }));
  return free(({ request }) => jsonReply({ name: request.route.slice(1) }));
}
