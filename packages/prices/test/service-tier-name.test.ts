import { describe, expect, it } from "vitest";
import { anthropicServiceTier, createPriceSource, googleServiceTier } from "../src/index.ts";

const NOW = Date.UTC(2026, 10, 20);
const source = createPriceSource();

describe("an Anthropic tier", () => {
  it.each([
    [{}, "default"],
    [{ serviceTier: null, speed: null, inferenceGeo: null }, "default"],
    [{ serviceTier: "", speed: "", inferenceGeo: "" }, "default"],
    [{ serviceTier: "standard", speed: "standard", inferenceGeo: "global" }, "default"],
    [{ serviceTier: "auto" }, "default"],
    [{ serviceTier: "standard_only", inferenceGeo: "not_available" }, "default"],
    [{ serviceTier: "batch" }, "batch"],
    [{ serviceTier: "priority" }, "priority"],
    [{ speed: "fast" }, "fast"],
    [{ inferenceGeo: "us" }, "us"],
    [{ serviceTier: "standard", speed: "fast", inferenceGeo: "us" }, "us+fast"],
    [{ serviceTier: "batch", inferenceGeo: "us" }, "us+batch"],
    [{ serviceTier: "priority", speed: "standard", inferenceGeo: "us" }, "us+priority"],
    [{ inferenceGeo: "regional", speed: "fast" }, "regional+fast"],
    [{ inferenceGeo: "eu" }, "eu"],
    [{ serviceTier: "batch", speed: "turbo" }, "batch+turbo"],
  ])("of %j is %s", (fields, tier) => {
    expect(anthropicServiceTier(fields)).toBe(tier);
  });

  it("that no price list has is not priced at the list price", () => {
    const price = source.priceOf("anthropic", "claude-opus-5-5", NOW);
    for (const inferenceGeo of [null, "global", "us"]) {
      for (const serviceTier of ["standard", "batch", "priority"]) {
        expect(price?.serviceTiers).toHaveProperty([anthropicServiceTier({ serviceTier, inferenceGeo })]);
      }
      expect(price?.serviceTiers).toHaveProperty([anthropicServiceTier({ speed: "fast", inferenceGeo })]);
    }
    for (const fields of [{ inferenceGeo: "eu" }, { speed: "turbo" }, { serviceTier: "flex" }]) {
      expect(price?.serviceTiers).not.toHaveProperty([anthropicServiceTier(fields)]);
    }
  });
});

describe("a Google tier", () => {
  it.each([
    [{}, "default"],
    [{ serviceTier: null, trafficType: null }, "default"],
    [{ serviceTier: "unspecified" }, "default"],
    [{ serviceTier: "standard" }, "default"],
    [{ serviceTier: "flex" }, "flex"],
    [{ serviceTier: "SERVICE_TIER_PRIORITY" }, "priority"],
    [{ serviceTier: "batch" }, "batch"],
    [{ serviceTier: "ludicrous" }, "ludicrous"],
    [{ trafficType: "ON_DEMAND" }, "default"],
    [{ trafficType: "TRAFFIC_TYPE_UNSPECIFIED", serviceTier: "flex" }, "flex"],
    [{ trafficType: "ON_DEMAND_PRIORITY", serviceTier: "standard" }, "priority"],
    [{ trafficType: "ON_DEMAND", serviceTier: "priority" }, "default"],
    [{ trafficType: "ON_DEMAND_FLEX" }, "flex"],
    [{ trafficType: "PROVISIONED_THROUGHPUT" }, "provisioned"],
    [{ trafficType: "ON_DEMAND_OFFPEAK" }, "offpeak"],
    [{ trafficType: "NEW_KIND" }, "new_kind"],
  ])("of %j is %s", (fields, tier) => {
    expect(googleServiceTier(fields)).toBe(tier);
  });
});
