/** @module The service tiers that a request asks for, and those that it may be served at. */
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import { stringOf, type Body } from "../../request/request-shape.ts";
import { tierName, type Platform } from "../platform.ts";

export interface RequestTiers {
  /** Null when the request leaves it to the account. */
  readonly serviceTier: string | null;
  readonly possibleTiers: readonly string[];
}

/** The answer for requests that say nothing about it, which are most. */
const unstated = new WeakMap<Platform, { readonly settings: GuardSettings; readonly tiers: RequestTiers }>();

/**
 * @param speed of the request, or of the fallback that it names
 */
export function tiersOf(
  body: Body,
  settings: GuardSettings,
  platform: Platform,
  speed: unknown = body["speed"],
): RequestTiers {
  if (speed !== undefined || body["inference_geo"] !== undefined || body["service_tier"] !== undefined) {
    return computeTiers(body, settings, platform, speed);
  }
  const known = unstated.get(platform);
  if (known?.settings === settings) return known.tiers;
  const tiers = computeTiers(body, settings, platform, speed);
  unstated.set(platform, { settings, tiers });
  return tiers;
}

function computeTiers(
  body: Body,
  { serviceTiers }: GuardSettings,
  platform: Platform,
  speed: unknown,
): RequestTiers {
  const geography = stringOf(body["inference_geo"]);
  const asked = tierName(platform, { speed: stringOf(speed), inferenceGeo: geography });
  const listed = tierName(platform, {});
  const geographies = geography === "" ? platform.defaultGeographies : [geography];
  const tiers = body["service_tier"] === "standard_only" ? ["default"] : serviceTiers;
  const possible = geographies.flatMap((inferenceGeo) =>
    tiers.map((serviceTier) => tierName(platform, { serviceTier, speed: stringOf(speed), inferenceGeo })),
  );
  return {
    // The location of a client is not the request's own choice.
    serviceTier: asked === listed ? null : asked,
    possibleTiers: [...new Set(["default", asked, ...possible])],
  };
}
