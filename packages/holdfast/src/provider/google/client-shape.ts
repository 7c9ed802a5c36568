/**
 * @module What the wrapper needs of a GoogleGenAI client, in types of our own.
 *
 * No SDK is imported, neither its code nor its types: CJS, ESM, bundled and duplicate copies of @google/genai all fit.
 * What is listed here is internal to the SDK ("may change without notice"). It was the same in 2.23.0 to 3.1.0; 1.10.0 to
 * 2.20.0 send by the global fetch, so their retries and their interactions cannot be guarded and are refused (2026-11).
 * Whatever is missing, or is there and not known, is a reason not to wrap: a surface that could not be guarded would be
 * billed unseen.
 */
import { isObject } from "../request/request-shape.ts";

export type Fetch = (input: unknown, init?: RequestInitLike) => Promise<Response>;

export interface RequestInitLike {
  signal?: AbortSignal | null;
  method?: string;
  body?: unknown;
  [key: PropertyKey]: unknown;
}

/** The transport under all of `models`, `chats`, `batches`, `files` and so on. */
export interface ApiClient {
  /** One logical HTTP request with all of its tries. `fetchFn` is the application's own, if it set one. */
  apiCall(
    url: string,
    init: RequestInitLike,
    retryOptions: unknown,
    timeout: unknown,
    signal: AbortSignal | null | undefined,
    fetchFn: Fetch | undefined,
  ): Promise<Response>;
  /** The same, which turns an answer that is an error into one. */
  unaryApiCall(url: string, init: RequestInitLike, method: string): Promise<unknown>;
  /** What the interactions, agents, ... send with; absent before 2.23. */
  getFetch?(): Fetch | undefined;
  readonly clientOptions?: { readonly httpOptions?: { readonly retryOptions?: unknown } };
}

export interface Live {
  connect: (params: unknown) => Promise<unknown>;
  music?: { connect: (params: unknown) => Promise<unknown> };
}

/** The client's inner side. */
export interface GenAI {
  vertexai: boolean;
  apiClient: ApiClient;
  models: object;
  live: Live;
  interactions?: Interactions;
  [member: string]: unknown;
}

export interface Interactions {
  create(params: unknown, options?: unknown): Promise<unknown>;
}

/** Made anew over the guarded transport by their own constructor, which takes only that. */
export const MODULES: readonly string[] = [
  "models",
  "batches",
  "caches",
  "files",
  "operations",
  "authTokens",
  "tunings",
  "fileSearchStores",
];

/** What the client keeps of what it makes on demand, over the transport that it has then. */
export const ON_DEMAND: readonly string[] = [
  "_nextGenClient",
  "_interactions",
  "_webhooks",
  "_agents",
  "_triggers",
  "_environments",
  "_credentials",
  "_voices",
];

/** Settings, and what has a clone of its own. */
const OTHERS: readonly string[] = [
  "vertexai",
  "apiKey",
  "project",
  "location",
  "apiVersion",
  "httpOptions",
  "apiClient",
  "live",
  "chats",
];

const KNOWN: ReadonlySet<string> = new Set([...MODULES, ...ON_DEMAND, ...OTHERS]);

/** The parameters of `apiCall` where each request brings a fetch of its own. */
const WITH_FETCH = 6;
/** Those where it does not: address and init, or retries, time limit and signal as well. */
const WITHOUT_FETCH: readonly number[] = [2, 5];

/** Whether every try of a request can be seen. */
export function takesFetch(client: ApiClient): boolean {
  return client.apiCall.length === WITH_FETCH && typeof client.getFetch === "function";
}

/** The retries that a client makes of each of its requests. */
export function retryOptionsOf({ clientOptions }: ApiClient): unknown {
  return clientOptions?.httpOptions?.retryOptions;
}

/** What keeps the client from being wrapped, in words; empty when it fits. */
export function misfits(client: object): readonly string[] {
  const candidate = client as Partial<GenAI>;
  const problems: string[] = [];
  const api = candidate.apiClient as unknown;
  if (!isObject(api)) return ["it has no apiClient"];
  for (const method of ["apiCall", "unaryApiCall", "request", "requestStream"]) {
    if (typeof api[method] !== "function") problems.push(`its apiClient has no ${method}`);
  }
  if (typeof api["apiCall"] === "function" && !isKnownCall(api as unknown as ApiClient)) {
    problems.push("its apiClient.apiCall takes other parameters");
  }
  for (const name of ["models", "chats", "live"]) {
    if (!isObject(candidate[name])) problems.push(`it has no ${name}`);
  }
  for (const name of MODULES) {
    const module = candidate[name];
    if (module === undefined) continue;
    if (!isObject(module) || module["apiClient"] !== api)
      problems.push(`its ${name} does not use its apiClient`);
  }
  const chats = candidate["chats"];
  if (isObject(chats) && (chats["modelsModule"] !== candidate.models || chats["apiClient"] !== api)) {
    problems.push("its chats do not use its models");
  }
  const live = candidate.live as unknown;
  if (isObject(live) && typeof live["connect"] !== "function") problems.push("its live has no connect");
  for (const name of Object.keys(client)) {
    const value = candidate[name];
    if (!KNOWN.has(name) && typeof value === "object" && value !== null)
      problems.push(`its ${name} is not known`);
  }
  return problems;
}

function isKnownCall(api: ApiClient): boolean {
  return takesFetch(api) || (api.getFetch === undefined && WITHOUT_FETCH.includes(api.apiCall.length));
}
