/** @module A provider test server that speaks OpenAI's wire formats and knows what every attempt really cost. */
export { startProviderServer } from "./server.ts";
export type { ProviderServer, ProviderServerOptions } from "./server.ts";
export type { ProviderStep, Responder, ScriptedToolCall } from "./script.ts";
export type { Billed, LedgerEntry, Outcome } from "./truth-ledger.ts";
export { quantityNames, sumTotals } from "./quantities.ts";
export type { Quantities, QuantityName, Totals } from "./quantities.ts";
export { malformedUsages, omitted } from "./malformed-usage.ts";
export type { MalformedUsage } from "./malformed-usage.ts";
export { usageByLength } from "./generation.ts";
export type { JsonObject, ServedRequest } from "./served-request.ts";
export { defaultText } from "./content.ts";
