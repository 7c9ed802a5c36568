/**
 * @module What a provider folder must state: the contract of an adapter.
 *
 * An adapter knows wire formats and nothing of budgets: which requests are billed, what each may cost at most, and what
 * an answer says that it did cost. How a client is brought under the guard is the folder's own affair (each SDK has
 * another seam); it ends in the same three steps for all of them: `admitEndpoint`, `holdForRequest`, `sendAttempt`.
 *
 * Every adapter passes the provider suite (test/providers).
 */
import type { GuardSettings } from "../guard/guard-settings.ts";
import type { EndpointClass } from "./endpoint-class.ts";
import type { Body, RequestShape } from "./request/request-shape.ts";
import type { ResponseReader } from "./response-reader.ts";

/** @typeParam E the names of the metered endpoints, as in usage records */
export interface ProviderAdapter<E extends string = string> {
  /** The provider's own name, for messages: "OpenAI". */
  readonly title: string;
  /** By method and wire path (or whole address), not by SDK method: helpers and new resources are all seen. */
  classifyEndpoint(method: string, path: string): EndpointClass<E>;
  /**
   * What matters of a request for its worst case.
   *
   * @param body as it will be sent; what it does not understand is the provider's to reject
   * @throws {CallNotAllowedError} when part of the request would be billed where no hold can follow it
   * @throws {CallNotBoundedError} when no worst case can be stated
   */
  shapeOf(endpoint: E, body: Body, settings: GuardSettings): RequestShape;
  /** Whether the provider charges nothing for this metered endpoint, whatever the model. @default false */
  isFree?(endpoint: E): boolean;
  readonly reader: ResponseReader;
}
