/** @module What tests of budgets need: a provider server that knows the true bill, and a clock that obeys. */
export { createFakeClock } from "./fake-clock.ts";
export type { FakeClock } from "./fake-clock.ts";
export {
  defaultText,
  malformedUsages,
  omitted,
  quantityNames,
  startProviderServer,
  sumTotals,
  usageByLength,
} from "./provider-server/index.ts";
export type {
  Billed,
  JsonObject,
  LedgerEntry,
  MalformedUsage,
  Outcome,
  ProviderServer,
  ProviderServerOptions,
  ProviderStep,
  Quantities,
  QuantityName,
  Responder,
  ScriptedToolCall,
  ServedRequest,
  Totals,
} from "./provider-server/index.ts";
