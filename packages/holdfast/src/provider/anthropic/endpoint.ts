/**
 * @module What a request to the Claude API is: metered, free, a way around metering, or unknown.
 *
 * Decided by method and wire path, not by SDK method, so that `client.post(...)`, helpers and new resources are all
 * seen. Paths as in @anthropic-ai/sdk 0.60 to 1.12 (2026-11), before a cloud client rewrites them.
 */
import { isFreeMethod, pathnameOf, type EndpointClass } from "../endpoint-class.ts";

export type MeteredEndpoint =
  | "messages"
  | "completions"
  /** Held for by its requests, and settled when its results are seen: see batch-input.ts and jobs.ts. */
  | "batches";

type AnthropicEndpointClass = EndpointClass<MeteredEndpoint>;

const FREE: AnthropicEndpointClass = { kind: "free" };
const UNKNOWN: AnthropicEndpointClass = { kind: "unknown" };
const MESSAGES: AnthropicEndpointClass = { kind: "metered", endpoint: "messages" };
const AGENTS: AnthropicEndpointClass = { kind: "bypass", bypass: "agents" };

/** First match wins. Order: exceptions before the families that they belong to. */
const POSTS: readonly (readonly [RegExp, AnthropicEndpointClass])[] = [
  [/^\/v1\/messages$/, MESSAGES],
  [/^\/v1\/complete$/, { kind: "metered", endpoint: "completions" }],
  [/^\/v1\/messages\/count_tokens$/, FREE],
  [/^\/v1\/messages\/batches$/, { kind: "metered", endpoint: "batches" }],
  [/^\/v1\/messages\/batches\/[^/]+\/cancel$/, FREE],
  // Ending work, or putting it away, starts none.
  [/^\/v1\/(sessions|dreams|environments|deployments)\/.+\/(archive|cancel|pause|stop)$/, FREE],
  // Server-side loops, and what lets them run: no request of theirs comes by here.
  [/^\/v1\/(sessions|dreams|environments|deployments)(\/|$)/, AGENTS],
  // Definitions, stores, keys and the like, which cost nothing by themselves.
  [
    /^\/v1\/(agents|files|memory_stores|models|organizations|skills|tunnels|user_profiles|vaults)(\/|$)/,
    FREE,
  ],
];

/** Reading and deleting cost nothing; everything that is posted is looked at. */
export function classifyEndpoint(method: string, path: string): AnthropicEndpointClass {
  if (isFreeMethod(method)) return FREE;
  // By far the usual path, as the SDK itself writes it.
  if (path === "/v1/messages") return MESSAGES;
  const normal = wirePath(path);
  return POSTS.find(([pattern]) => pattern.test(normal))?.[1] ?? UNKNOWN;
}

/** The first names of the API's own paths. */
const OWN =
  /^\/v1\/(messages|complete|sessions|dreams|environments|deployments|agents|files|memory_stores|models|organizations|skills|tunnels|user_profiles|vaults)(\/|$)/;

/**
 * Without origin, query, trailing slash, and whatever a gateway or a platform puts before the version, which may be a
 * version as well: the base address of a Vertex client ends in one. In a whole address the last of the API's own paths
 * counts, since the gateway's own address may look like one; a path that the SDK writes begins with it.
 */
export function wirePath(path: string): string {
  const pathname = pathnameOf(path);
  if (pathname === undefined) return path;
  const own = pathname
    .split(/(?=\/v1\/)/)
    .map((_, index, parts) => parts.slice(index).join(""))
    .filter((rest) => OWN.test(rest));
  return (/^[a-z][a-z0-9+.-]*:\/\//i.test(path) ? own.at(-1) : own[0]) ?? pathname;
}
