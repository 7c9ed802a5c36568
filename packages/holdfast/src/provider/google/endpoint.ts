/**
 * @module What a request to the Gemini API or to Vertex AI is: metered, free, a way around metering, or unknown.
 *
 * Decided by method and wire path, not by SDK method, so that helpers and new resources are all seen. Only the end of the
 * path counts: versions, projects, locations, publishers and the prefix of a gateway stand before it. Paths as in
 * @google/genai 2.32 and 3.1 and @google/generative-ai 0.24 (2026-11).
 */
import { isFreeMethod, pathnameOf, type EndpointClass } from "../endpoint-class.ts";

export type MeteredEndpoint =
  | "generateContent"
  | "streamGenerateContent"
  | "embedContent"
  | "batchEmbedContents"
  | "predict"
  | "interactions"
  /** Held for by the requests in it, and settled when its result is seen: see batch-input.ts and jobs.ts. */
  | "batches";

type GoogleEndpointClass = EndpointClass<MeteredEndpoint>;

const FREE: GoogleEndpointClass = { kind: "free" };
const UNKNOWN: GoogleEndpointClass = { kind: "unknown" };
const metered = (endpoint: MeteredEndpoint): GoogleEndpointClass => ({ kind: "metered", endpoint });

/**
 * What is done to a resource: the word behind the colon.
 *
 * Counting tokens is free (ai.google.dev/gemini-api/docs/tokens, 2026-11), as are cancelling and asking after an
 * operation. Files that go into a file search store are embedded, which is billed at indexing time; context caches are
 * billed by token and hour (ai.google.dev/gemini-api/docs/pricing, 2026-11).
 */
const ACTIONS: Readonly<Record<string, GoogleEndpointClass>> = {
  generateContent: metered("generateContent"),
  streamGenerateContent: metered("streamGenerateContent"),
  embedContent: metered("embedContent"),
  batchEmbedContents: metered("batchEmbedContents"),
  predict: metered("predict"),
  countTokens: FREE,
  computeTokens: FREE,
  fetchPredictOperation: FREE,
  cancel: FREE,
  register: FREE,
  predictLongRunning: { kind: "bypass", bypass: "videos" },
  batchGenerateContent: metered("batches"),
  asyncBatchEmbedContent: metered("batches"),
  validateReinforcementTuningReward: { kind: "bypass", bypass: "fine-tuning" },
  rebaseTunedModel: { kind: "bypass", bypass: "fine-tuning" },
  evaluateInstances: { kind: "bypass", bypass: "evals" },
  evaluateDataset: { kind: "bypass", bypass: "evals" },
  uploadToFileSearchStore: { kind: "bypass", bypass: "storage" },
  importFile: { kind: "bypass", bypass: "storage" },
  ping: FREE,
  rotateSigningSecret: FREE,
  transferOwnership: FREE,
};

/** The name of such a file is a path of the application's own, in which anything may occur. */
const FILE_OF_ENVIRONMENT = /\/environments\/[^/]+\/files\/.+$/;

/** Everything else, by the end of its path. First match wins. */
const COLLECTIONS: readonly (readonly [RegExp, GoogleEndpointClass])[] = [
  [/\/interactions\/[^/]+\/cancel$/, FREE],
  [/\/interactions$/, metered("interactions")],
  // The requests of a batch on Vertex AI are in a bucket or a table.
  [/\/(batchPredictionJobs|batches)$/, { kind: "bypass", bypass: "batches" }],
  [/\/(tuningJobs|tunedModels)$/, { kind: "bypass", bypass: "fine-tuning" }],
  [/\/cachedContents(\/[^/]+)?$/, { kind: "bypass", bypass: "storage" }],
  // A token is for a session of the live API.
  [/\/auth_?tokens$/i, { kind: "bypass", bypass: "realtime" }],
  [/\/triggers(\/[^/]+(\/executions)?)?$/, { kind: "bypass", bypass: "agents" }],
  // A definition costs nothing; running it is an interaction.
  [/\/agents(\/[^/]+)?$/, FREE],
  [/\/environments$/, { kind: "bypass", bypass: "containers" }],
  [FILE_OF_ENVIRONMENT, FREE],
  [/\/(credentials|webhooks|files|fileSearchStores)(\/[^/]+)?$/, FREE],
  [/\/fileSearchStores\/[^/]+\/documents(\/[^/]+)?$/, FREE],
  [/\/(environments|models|tunedModels)\/[^/]+$/, FREE],
];

/** Reading and deleting cost nothing; everything that is posted is looked at. */
export function classifyEndpoint(method: string, path: string): GoogleEndpointClass {
  if (isFreeMethod(method)) return FREE;
  const { pathname, decoded } = wirePath(path);
  if (pathname === undefined) return UNKNOWN;
  // Whatever is behind the colon is an action: one that is not known may be billed, so it is no resource either.
  const action = /:([^/:]*)$/.exec(decoded)?.[1];
  if (action !== undefined) {
    if (Object.hasOwn(ACTIONS, action)) return ACTIONS[action]!;
    return FILE_OF_ENVIRONMENT.test(pathname) ? FREE : UNKNOWN;
  }
  return COLLECTIONS.find(([pattern]) => pattern.test(pathname))?.[1] ?? UNKNOWN;
}

/**
 * The model that a path names, as prices know it: `gemini-2.5-flash`, `tunedModels/x`, `endpoints/123`, `meta/llama`.
 * Undefined when it names none.
 */
export function modelIn(path: string): string | undefined {
  const { decoded } = wirePath(path);
  const found =
    /(?:\/publishers\/([^/]+))?\/(models|tunedModels|endpoints)\/([^:]+):[A-Za-z]+$/.exec(decoded) ??
    undefined;
  return found === undefined ? undefined : nameOf(found[1], found[2]!, found[3]!);
}

function nameOf(publisher: string | undefined, collection: string, id: string): string {
  if (collection !== "models") return `${collection}/${id}`;
  // Claude on Vertex is priced under its own name.
  return publisher === undefined || publisher === "google" || publisher === "anthropic"
    ? id
    : `${publisher}/${id}`;
}

/** The model that a body names (interactions, lines of a batch), without the collection that it is in. */
export function plainModelName(model: string): string {
  // By far the usual name, which is in no collection.
  if (/^[\w.-]+$/.test(model)) return model;
  return modelIn(`/${model.replace(/^\/+/, "")}:x`) ?? model;
}

interface WirePath {
  readonly address: string;
  /** Undefined when the address is none. */
  readonly pathname: string | undefined;
  readonly decoded: string;
}

let latest: WirePath | undefined;

/** The same address is looked at several times for one request, and often for the next as well. */
function wirePath(address: string): WirePath {
  if (latest?.address !== address) {
    const pathname = pathnameOf(address);
    latest = { address, pathname, decoded: decode(pathname ?? "") };
  }
  return latest;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
