/**
 * @module What the wrapper needs of an OpenAI client, in types of our own.
 *
 * No SDK is imported, neither its code nor its types: CJS, ESM, bundled and duplicate copies of openai 5, 6 and 7 all
 * fit. What is listed here was the same in 5.23.2, 6.49.0 and 7.57.0 (2026-11).
 */
import type { OpenAIClient } from "./openai-client.ts";

export type Fetch = (input: unknown, init?: RequestInitLike) => Promise<Response>;

export interface RequestInitLike {
  signal?: AbortSignal | null;
  [key: PropertyKey]: unknown;
}

/** The options of one logical request, as the SDK's methods build them. */
export interface FinalRequestOptions {
  method: string;
  path: string;
  body?: unknown;
  stream?: boolean;
  signal?: AbortSignal | null;
  fetchOptions?: Record<PropertyKey, unknown>;
  __metadata?: Record<string, unknown>;
  [key: PropertyKey]: unknown;
}

/** The client's inner side: extension points of its class, all of them on the prototype. */
export interface DerivableClient extends OpenAIClient {
  fetch: Fetch;
  fetchOptions?: Record<PropertyKey, unknown>;
  /** Azure: the deployment that every request goes to. */
  deploymentName?: string;
  apiVersion?: string;
  readonly files: {
    content(fileId: string, options: { signal?: AbortSignal | null | undefined }): PromiseLike<Response>;
  };
  request(
    options: FinalRequestOptions | Promise<FinalRequestOptions>,
    remainingRetries?: number | null,
  ): unknown;
  prepareRequest(request: unknown, context: { url: string; options: FinalRequestOptions }): Promise<void>;
  makeRequest(
    options: FinalRequestOptions | Promise<FinalRequestOptions>,
    retriesRemaining: number | null,
    retryOf: string | undefined,
  ): Promise<unknown>;
  buildRequest(...args: unknown[]): Promise<unknown>;
  buildURL(path: string, query: unknown, defaultBaseURL?: string): string;
}

export interface ClientClass {
  new (options: object): DerivableClient;
  readonly prototype: DerivableClient;
  readonly name: string;
  /** The SDK's base error. */
  readonly OpenAIError?: new (message: string) => Error;
}

/**
 * Whether the client sends its requests by a fetch of its own that nobody can replace: workload identity with an X.509
 * certificate (openai 7).
 */
export function hidesItsFetch(client: object): boolean {
  const { _workloadIdentityAuth: auth } = client as { _workloadIdentityAuth?: { headerSnapshots?: unknown } };
  return typeof auth?.headerSnapshots === "function";
}

const METHODS = [
  "withOptions",
  "request",
  "prepareRequest",
  "makeRequest",
  "buildRequest",
  "buildURL",
] as const;

/** What is missing for the client to be derived from; empty when it fits. */
export function missingParts(client: object): readonly string[] {
  const candidate = client as Partial<Record<string, unknown>>;
  const missing: string[] = METHODS.filter((method) => typeof candidate[method] !== "function");
  if (typeof candidate["fetch"] !== "function") missing.push("fetch");
  if (typeof candidate["baseURL"] !== "string") missing.push("baseURL");
  return missing;
}
