/** @module Which model, and which tier, a response says that it was served by. */
import { googleServiceTier } from "@holdfast/prices";
import type { Served } from "../../guard/attempt-outcome.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import { plainModelName } from "./endpoint.ts";

/** @param before what earlier chunks said */
export function servedBy(response: Body, before: Served): Served {
  const model = response["modelVersion"];
  const usage = isObject(response["usageMetadata"]) ? response["usageMetadata"] : {};
  return {
    model: typeof model === "string" && model !== "" ? plainModelName(model) : before.model,
    serviceTier:
      tierOf(usage["serviceTier"] ?? response["serviceTier"], usage["trafficType"]) ?? before.serviceTier,
  };
}

/** Null when neither is stated. */
export function tierOf(serviceTier: unknown, trafficType: unknown): string | null {
  const tier = typeof serviceTier === "string" && serviceTier !== "" ? serviceTier : undefined;
  const traffic =
    typeof trafficType === "string" && trafficType !== "" && trafficType !== "TRAFFIC_TYPE_UNSPECIFIED"
      ? trafficType
      : undefined;
  if (tier === undefined && traffic === undefined) return null;
  return googleServiceTier({ serviceTier: tier, trafficType: traffic });
}
