/** @module Dated model prices as integer rates, with service tiers, long-context lists and tool fees. */
export {
  CACHE_READ_BUCKETS,
  INPUT_TOKEN_BUCKETS,
  OUTPUT_TOKEN_BUCKETS,
  USAGE_BUCKETS,
  type ModelPrice,
  type Multiplier,
  type PriceSource,
  type Rates,
  type UsageBucket,
} from "./model-price.ts";
export { parseClaudeName, type ClaudeName } from "./claude-name.ts";
export { ceilingPrice, type CeilingPrices } from "./ceiling.ts";
export { PriceDataError, parsePriceData, type PriceData } from "./price-data.ts";
export { PriceOverrideError, type PriceOverride, type UsdPrices, type UsdTokenPrices } from "./override.ts";
export { createPriceSource, type PriceSourceOptions } from "./price-source.ts";
export {
  anthropicServiceTier,
  googleServiceTier,
  type AnthropicTierFields,
  type GoogleTierFields,
} from "./service-tier-name.ts";
export { serviceTiersOf, type ServiceTiers } from "./service-tiers.ts";
export { GENAI_PRICES_VERSION } from "./version.ts";
