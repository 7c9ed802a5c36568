/**
 * @module One name for the tier that a call is priced at, from the several fields in which a provider states it.
 *
 * Prices list their multipliers under these names (`ModelPrice.serviceTiers`). A value without a published price keeps
 * its own name, which no price lists: unknown is never taken for the list price.
 */

/** What a request asks for, or what a response says it got; absent, null and "" mean that it is not stated. */
export interface AnthropicTierFields {
  /** `service_tier`: "auto" or "standard_only" of a request; "standard", "priority" or "batch" of a response. */
  readonly serviceTier?: string | null | undefined;
  /** `speed`: "standard" or "fast". */
  readonly speed?: string | null | undefined;
  /** `inference_geo`: "global" or "us"; a response on a model without the choice says "not_available". */
  readonly inferenceGeo?: string | null | undefined;
}

export interface GoogleTierFields {
  /** `service_tier` of a request, `x-gemini-service-tier` or `serviceTier` of a response. */
  readonly serviceTier?: string | null | undefined;
  /** `usageMetadata.trafficType` of Vertex. It wins, because only responses have it. */
  readonly trafficType?: string | null | undefined;
}

const ANTHROPIC_LIST_PRICE: ReadonlySet<string> = new Set([
  "",
  "default",
  "standard",
  "standard_only",
  // A request for "auto" may be served from priority capacity, which costs the list price here: see service-tiers.ts.
  "auto",
]);
const ANTHROPIC_ANYWHERE: ReadonlySet<string> = new Set(["", "global", "not_available"]);

/**
 * The tier of an Anthropic call: "default", or what differs from it in the order geography, service tier, speed, joined
 * by "+": "us", "batch", "us+batch", "priority", "us+priority", "fast", "us+fast".
 *
 * For what may be held: a request without `inference_geo` is served in the workspace's default geography, which may be
 * "us". Pass "us" for a worst case, unless the request says "global".
 */
export function anthropicServiceTier({ serviceTier, speed, inferenceGeo }: AnthropicTierFields): string {
  const parts: string[] = [];
  if (!ANTHROPIC_ANYWHERE.has(inferenceGeo ?? "")) parts.push(inferenceGeo ?? "");
  if (!ANTHROPIC_LIST_PRICE.has(serviceTier ?? "")) parts.push(serviceTier ?? "");
  if (speed !== undefined && speed !== null && speed !== "" && speed !== "standard") parts.push(speed);
  return parts.length === 0 ? "default" : parts.join("+");
}

/** What Google's SDKs and APIs call them: @google/genai 3.1 `ServiceTier` and `TrafficType`. */
const GOOGLE_TIERS: ReadonlyMap<string, string> = new Map([
  ["", "default"],
  ["default", "default"],
  ["unspecified", "default"],
  ["standard", "default"],
  ["flex", "flex"],
  ["priority", "priority"],
  ["batch", "batch"],
]);
const GOOGLE_TRAFFIC: ReadonlyMap<string, string> = new Map([
  ["ON_DEMAND", "default"],
  ["ON_DEMAND_PRIORITY", "priority"],
  ["ON_DEMAND_FLEX", "flex"],
  ["ON_DEMAND_OFFPEAK", "offpeak"],
  ["PROVISIONED_THROUGHPUT", "provisioned"],
]);

/**
 * The tier of a Gemini call: "default", "flex", "priority", "batch" (the caller passes it for a job), "provisioned",
 * or the provider's own word where it has no published price ("offpeak").
 */
export function googleServiceTier({ serviceTier, trafficType }: GoogleTierFields): string {
  const traffic = trafficType ?? "";
  if (traffic !== "" && traffic !== "TRAFFIC_TYPE_UNSPECIFIED") {
    return GOOGLE_TRAFFIC.get(traffic) ?? traffic.toLowerCase();
  }
  const tier = (serviceTier ?? "").toLowerCase().replace(/^service_tier_/, "");
  return GOOGLE_TIERS.get(tier) ?? tier;
}
