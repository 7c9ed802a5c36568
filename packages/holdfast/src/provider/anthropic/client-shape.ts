/**
 * @module What the wrapper needs of an Anthropic client, in types of our own.
 *
 * No SDK is imported, neither its code nor its types: CJS, ESM, bundled and duplicate copies all fit. What is listed here
 * was the same in @anthropic-ai/sdk 0.50.1, 0.60, 0.101 and 1.12 (2026-11); `middleware` came with 0.101.
 */
import type { AnthropicClient } from "./anthropic-client.ts";

export type Fetch = (input: unknown, init?: RequestInitLike) => Promise<Response>;

export interface RequestInitLike {
  signal?: AbortSignal | null;
  [key: PropertyKey]: unknown;
}

/** What the SDK's middleware passes on: the arguments of a fetch in one object. */
export interface CanonicalRequest {
  readonly url: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | null;
}

export type Next = (request: CanonicalRequest) => Promise<Response>;

export type Middleware = (request: CanonicalRequest, next: Next) => Promise<Response>;

/** The options of one logical request, as the SDK's methods build them. */
export interface FinalRequestOptions {
  method: string;
  path: string;
  body?: unknown;
  headers?: unknown;
  query?: unknown;
  stream?: boolean;
  signal?: AbortSignal | null;
  middleware?: readonly Middleware[];
  fetchOptions?: Record<PropertyKey, unknown>;
  [key: PropertyKey]: unknown;
}

export type MaybeFinalOptions = FinalRequestOptions | Promise<FinalRequestOptions>;

/** The client's inner side: extension points of its class, all of them on the prototype. */
export interface DerivableClient extends AnthropicClient {
  fetch: Fetch;
  fetchOptions?: Record<PropertyKey, unknown>;
  /** Since 0.101. */
  readonly middleware?: readonly Middleware[];
  /** Since 1.0: the adaptation to a cloud platform, innermost. */
  backendMiddleware?(): readonly unknown[];
  prepareRequest(request: unknown, context: { url: string; options: FinalRequestOptions }): Promise<void>;
  makeRequest(
    options: MaybeFinalOptions,
    retriesRemaining: number | null,
    retryOf: string | undefined,
    ...more: unknown[]
  ): Promise<unknown>;
  post(path: string, options: object): Promise<unknown>;
}

export interface ClientClass {
  new (options: object): DerivableClient;
  readonly prototype: DerivableClient;
  readonly name: string;
  /** The SDK's base error. */
  readonly AnthropicError?: new (message: string) => Error;
  /** What failed connections and timeouts become. */
  readonly APIConnectionError?: new (...given: never[]) => Error;
}

const METHODS = ["withOptions", "prepareRequest", "makeRequest", "buildRequest", "post"] as const;

/** What is missing for the client to be derived from; empty when it fits. */
export function missingParts(client: object): readonly string[] {
  const candidate = client as Partial<Record<string, unknown>>;
  const missing: string[] = METHODS.filter((method) => typeof candidate[method] !== "function");
  if (typeof candidate["fetch"] !== "function") missing.push("fetch");
  if (typeof candidate["baseURL"] !== "string") missing.push("baseURL");
  if (typeof candidate["messages"] !== "object" || candidate["messages"] === null) missing.push("messages");
  return missing;
}

/** Whether the client adapts requests to its platform, and runs `prepareRequest`, behind the middleware: since 1.0. */
export function adaptsInside(client: DerivableClient): boolean {
  return hasMiddleware(client) && typeof client.backendMiddleware === "function";
}

/** Whether the SDK runs middleware around each HTTP try, inside its retry loop. */
export function hasMiddleware(client: DerivableClient): boolean {
  return Array.isArray(client.middleware);
}
