/**
 * For those who wrap another provider's client: the adapter contract, and the steps that every wrapper goes through.
 * See docs/wrap-another-provider.md.
 *
 * @module
 */
export type { ProviderAdapter } from "./adapter.ts";
export { admitEndpoint, describeRequest } from "./admit-endpoint.ts";
export { BYPASSES, isFreeMethod, pathnameOf, type Bypass, type EndpointClass } from "./endpoint-class.ts";
export { guardFetch, type FetchLike, type GuardFetchOptions } from "./guard-fetch.ts";
export {
  isObject,
  NO_OUTPUT,
  positiveInteger,
  stringOf,
  type Body,
  type OutputShape,
  type RequestShape,
} from "./request/request-shape.ts";
export { eventData, parseJson } from "./observe/event-data.ts";
export type { AnswerReading, ResponseReader, StreamReading } from "./response-reader.ts";
export {
  addUsage,
  countOf,
  detailsOf,
  MISSING,
  optionalCount,
  readingOf,
  UnusableUsage,
  withoutZeros,
  type UsageReading,
} from "./usage/usage-reading.ts";
export type { GuardSettings } from "../guard/guard-settings.ts";
export type { BilledPart, Served } from "../guard/attempt-outcome.ts";
export type { CallPlan } from "../guard/call-plan.ts";
