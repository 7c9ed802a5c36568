/**
 * @module What a request to the OpenAI API is: metered, free, a way around metering, or unknown.
 *
 * Decided by method and wire path, not by SDK method, so that `client.post(...)`, helpers and new resources are all
 * seen. Paths as in the OpenAI SDK 5.23 to 7.57 (2026-11).
 */

import { isFreeMethod, pathnameOf, type EndpointClass } from "../endpoint-class.ts";

export type MeteredEndpoint =
  | "chat.completions"
  | "completions"
  | "responses"
  | "responses.compact"
  | "decisions"
  | "embeddings"
  | "moderations"
  | "images.generations"
  | "images.edits"
  | "images.variations"
  | "audio.speech"
  | "audio.transcriptions"
  | "audio.translations"
  /** Held for by its input, and settled when its result is seen: see batch-input.ts and jobs.ts. */
  | "batches";

type OpenAIEndpointClass = EndpointClass<MeteredEndpoint>;

const METERED: Readonly<Record<string, MeteredEndpoint>> = {
  "/chat/completions": "chat.completions",
  "/completions": "completions",
  "/responses": "responses",
  "/responses/compact": "responses.compact",
  "/decisions": "decisions",
  "/embeddings": "embeddings",
  "/moderations": "moderations",
  "/images/generations": "images.generations",
  "/images/edits": "images.edits",
  "/images/variations": "images.variations",
  "/audio/speech": "audio.speech",
  "/audio/transcriptions": "audio.transcriptions",
  "/audio/translations": "audio.translations",
  "/batches": "batches",
};

/** First match wins. Order: exceptions before the families that they belong to. */
const OTHERS: readonly (readonly [RegExp, OpenAIEndpointClass])[] = [
  [
    /^\/fine_tuning\/(jobs(\/[^/]+\/resume)?|alpha\/graders\/run)$/,
    { kind: "bypass", bypass: "fine-tuning" },
  ],
  [/^\/evals\/[^/]+\/runs$/, { kind: "bypass", bypass: "evals" }],
  [/^\/threads(\/[^/]+)?\/runs(\/[^/]+\/submit_tool_outputs)?$/, { kind: "bypass", bypass: "agents" }],
  [/^\/chatkit\/sessions$/, { kind: "bypass", bypass: "agents" }],
  [/^\/agents\//, { kind: "bypass", bypass: "agents" }],
  [/^\/realtime\/calls\/[^/]+\/(hangup|refer|reject)$/, { kind: "free" }],
  [/^\/live\/sessions\/[^/]+\/(hangup|refer|reject)$/, { kind: "free" }],
  [/^\/(realtime|live)\//, { kind: "bypass", bypass: "realtime" }],
  [/^\/videos(\/|$)/, { kind: "bypass", bypass: "videos" }],
  [/^\/containers$/, { kind: "bypass", bypass: "containers" }],
  [/^\/responses\/(input_tokens|[^/]+\/cancel)$/, { kind: "free" }],
  [/^\/chat\/completions\/[^/]+$/, { kind: "free" }],
  [/^\/audio\/(voices|voice_consents)(\/|$)/, { kind: "free" }],
  [/^\/agents$/, { kind: "free" }],
  [
    /^\/(assistants|batches|chatkit|containers|content_provenance_checks|conversations|evals|files|fine_tuning|models|organization|projects|skills|threads|uploads|vaults|vector_stores|webhook_endpoints)(\/|$)/,
    { kind: "free" },
  ],
];

const FREE: OpenAIEndpointClass = { kind: "free" };
const UNKNOWN: OpenAIEndpointClass = { kind: "unknown" };
const metered = new Map(
  Object.entries(METERED).map(([path, endpoint]) => [
    path,
    { kind: "metered", endpoint } satisfies OpenAIEndpointClass,
  ]),
);

/** Reading and deleting cost nothing; everything that is posted is looked at. */
export function classifyEndpoint(method: string, path: string): OpenAIEndpointClass {
  if (isFreeMethod(method)) return FREE;
  const exact = metered.get(path);
  if (exact !== undefined) return exact;
  const normal = wirePath(path);
  const found = metered.get(normal);
  if (found !== undefined) return found;
  return OTHERS.find(([pattern]) => pattern.test(normal))?.[1] ?? UNKNOWN;
}

/** Without origin, query, trailing slash, version prefix and Azure deployment. */
export function wirePath(path: string): string {
  const pathname = pathnameOf(path);
  if (pathname === undefined) return path;
  return pathname.replace(/^(?:\/openai)?(?:\/v\d+)?(?:\/deployments\/[^/]+)?(?=\/)/, "");
}

/** The Azure deployment that a path or a base address names. */
export function deploymentIn(address: string): string | undefined {
  const found = /\/deployments\/([^/?#]+)/.exec(address)?.[1];
  return found === undefined ? undefined : segmentOf(found);
}

/** A segment of a path as it was before it was put there. */
export function segmentOf(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
