/** @module Service tiers of a model call, under the names that prices list them by: asked for, and served. */
import { anthropicServiceTier, googleServiceTier } from "@holdfast/prices";
import { isObject, type Body } from "../request/request-shape.ts";
import type { BilledProvider } from "./billed-provider.ts";

export interface RequestedTiers {
  /** Null when the account's settings decide. */
  readonly serviceTier: string | null;
  /** Where the request leaves more open than one tier and the default. */
  readonly possibleTiers?: readonly string[];
}

export function requestedTiers({ name, family }: BilledProvider, options: readonly Body[]): RequestedTiers {
  const stated = (field: string): string | undefined => {
    for (const one of options) if (typeof one[field] === "string") return one[field];
    return undefined;
  };
  const tier = stated("serviceTier") ?? stated("service_tier");
  if (family === "anthropic") {
    const asked = { serviceTier: tier, speed: stated("speed") };
    const geography = stated("inferenceGeo");
    const geographies = geography === undefined ? geographiesOf(name) : [geography];
    const tiers = geographies.map((inferenceGeo) => anthropicServiceTier({ ...asked, inferenceGeo }));
    const settled = asked.speed === "fast" ? (tiers[0] ?? null) : null;
    return { serviceTier: settled, possibleTiers: settled === null ? ["default", ...tiers] : tiers };
  }
  if (tier === undefined || tier === "auto") return { serviceTier: null };
  return { serviceTier: family === "google" ? googleServiceTier({ serviceTier: tier }) : tier };
}

/** Geographies that a request which names none may be served in, and pay for. */
function geographiesOf(provider: string): readonly (string | null)[] {
  // A workspace may have "us" as its default; where a Google Cloud model is served is not seen here.
  if (provider === "anthropic") return [null, "us"];
  return provider === "google" ? [null, "regional"] : [null];
}

/**
 * The tier that served, or null when the answer does not say.
 *
 * @param usage the SDK's usage object
 * @param metadata its provider metadata
 * @param body the provider's answer, where there is one
 */
export function servedTier(
  { name, family }: BilledProvider,
  usage: unknown,
  metadata: unknown,
  body: unknown,
): string | null {
  const raw = isObject(usage) && isObject(usage["raw"]) ? usage["raw"] : {};
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const told = text(isObject(body) ? body["service_tier"] : undefined) ?? metadataTier(metadata);
  if (family === "anthropic") {
    if (name !== "anthropic" && name !== "azure") return null;
    const serviceTier = text(raw["service_tier"]) ?? told;
    const [speed, inferenceGeo] = [text(raw["speed"]), text(raw["inference_geo"])];
    if (serviceTier === undefined && speed === undefined && inferenceGeo === undefined) return null;
    return anthropicServiceTier({ serviceTier, speed, inferenceGeo });
  }
  if (family === "google") {
    const serviceTier = text(raw["serviceTier"]) ?? told;
    const trafficType = text(raw["trafficType"]);
    if (serviceTier === undefined && trafficType === undefined) return null;
    return googleServiceTier({ serviceTier, trafficType });
  }
  return told ?? null;
}

function metadataTier(metadata: unknown): string | undefined {
  if (!isObject(metadata)) return undefined;
  for (const one of Object.values(metadata)) {
    if (isObject(one) && typeof one["serviceTier"] === "string") return one["serviceTier"];
  }
  return undefined;
}
