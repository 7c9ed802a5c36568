/** @module A provider test server that speaks the wire formats of OpenAI, Anthropic and Google, and knows what every attempt really cost. */
export { startProviderServer } from "./server.ts";
export type { ProviderServer, ProviderServerOptions } from "./server.ts";
export type { BatchResultType, ProviderStep, Responder, ScriptedToolCall } from "./script.ts";
export type { AnthropicStep } from "./anthropic/step.ts";
export type { GoogleStep } from "./google/step.ts";
export type { Platform, ProviderName } from "./address.ts";
export type { BilledPart, PartType, ScriptedIteration } from "./parts.ts";
export type { Billed, LedgerEntry, Outcome, Served } from "./truth-ledger.ts";
export { quantityNames, sumTotals } from "./quantities.ts";
export type { Quantities, QuantityName, Totals } from "./quantities.ts";
export { malformedUsages, malformedUsagesOf, omitted } from "./malformed-usage.ts";
export type { MalformedUsage } from "./malformed-usage.ts";
export { usageByLength } from "./generation.ts";
export type { JsonObject, ServedRequest } from "./served-request.ts";
export { defaultText } from "./content.ts";
