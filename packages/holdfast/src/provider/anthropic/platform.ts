/**
 * @module Where a client's requests are served, and so by which price list.
 *
 * Told apart by what only the clients of one platform have: the fields of AnthropicBedrock and AnthropicBedrockMantle
 * (1.1), AnthropicVertex (1.1) and AnthropicFoundry (1.1), 2026-11.
 */
import { anthropicServiceTier, type AnthropicTierFields } from "@holdfast/prices";

export type PlatformName = "claude-api" | "bedrock" | "vertex" | "foundry";

export interface Platform {
  readonly name: PlatformName;
  /** The provider in the price list. */
  readonly provider: string;
  /** Prefix of the tier that the client's own location implies: "regional" on Vertex AI, else "". */
  readonly geography: string;
  /** The header that carries the provider's id of the request. */
  readonly requestIdHeader: string;
  /** Whether the platform counts the tokens of a request; the older service of Bedrock does not. */
  readonly countsTokens: boolean;
  /** Geographies that a request which names none may be served in. */
  readonly defaultGeographies: readonly (string | null)[];
}

interface CloudFields {
  readonly awsRegion?: unknown;
  readonly region?: unknown;
  readonly projectId?: unknown;
  readonly resource?: unknown;
}

/** Bedrock prices its geographies by model id, Vertex AI by the location of the client. */
export function platformOf(client: object): Platform {
  const { awsRegion, region, projectId, resource } = client as CloudFields;
  const own = {
    geography: "",
    defaultGeographies: [null],
    requestIdHeader: "request-id",
    countsTokens: true,
  };
  if (awsRegion !== undefined || "awsAccessKey" in client) {
    // Mantle speaks the Claude API itself; only the older service has AWS's own form.
    const older =
      "awsSecretAccessKey" in client ? {} : { requestIdHeader: "x-amzn-requestid", countsTokens: false };
    return { ...own, name: "bedrock", provider: "aws", ...older };
  }
  if (projectId !== undefined && region !== undefined) {
    return { ...own, name: "vertex", provider: "google", geography: region === "global" ? "" : "regional" };
  }
  if (resource !== undefined) return { ...own, name: "foundry", provider: "azure" };
  // A workspace may have "us" as its default geography.
  return { ...own, name: "claude-api", provider: "anthropic", defaultGeographies: [null, "us"] };
}

/** The name under which prices list what a request asks for, or what a response says that it got. */
export function tierName(platform: Platform, fields: AnthropicTierFields): string {
  if (platform.geography === "") return anthropicServiceTier(fields);
  return anthropicServiceTier({ ...fields, inferenceGeo: platform.geography });
}

/** The words that a service tier and a speed may be; any other part of a tier's name is a geography. */
const SERVICE_TIERS: ReadonlySet<string> = new Set(["batch", "priority"]);
const SPEEDS: ReadonlySet<string> = new Set(["fast"]);

/** The fields that {@link tierName} has made the name of, null where it says nothing. */
export function tierFieldsOf(
  tier: string | null,
): Readonly<Record<"serviceTier" | "speed" | "inferenceGeo", string | null>> {
  const words = tier === null || tier === "default" ? [] : tier.split("+");
  return {
    serviceTier: words.find((word) => SERVICE_TIERS.has(word)) ?? null,
    speed: words.find((word) => SPEEDS.has(word)) ?? null,
    inferenceGeo: words.find((word) => !SERVICE_TIERS.has(word) && !SPEEDS.has(word)) ?? null,
  };
}

/**
 * The name that prices know a model by: of a Bedrock ARN its last part (`arn:aws:bedrock:us-east-1:1:inference-profile/
 * us.anthropic.claude-...`). An application inference profile has an opaque one, which needs a price of its own.
 */
export function pricedModel(platform: Platform, model: string): string {
  if (platform.name !== "bedrock" || !model.startsWith("arn:")) return model;
  const last = model.slice(model.lastIndexOf("/") + 1);
  return last.includes("anthropic.") ? last : model;
}
