/** @module What matters of a request for its worst case, the same for every endpoint. */
import type { Usage } from "../../usage/usage.ts";

export interface OutputShape {
  /** The kind that the output may be billed as; with several, the dearest; "any" when it is not known. */
  readonly kind: "text" | "audio" | "image" | "any" | "none";
  /** Tokens per choice that the request allows; null when it states no limit. */
  readonly limit: number | null;
  /** Choices that are generated, each with the whole limit. */
  readonly choices: number;
  /** Billed on top of the limit, all choices together: predicted output that is rejected. */
  readonly extraTokens: number;
  /** Whether the caller can state a limit. */
  readonly limitable: boolean;
  /** Where a limit can be added to the request so that the provider enforces it; null when it cannot. */
  readonly limitField: string | null;
}

/** What of the input may be written to the provider's cache: nothing, with the short lifetime, or also with the long one. */
export type CacheWrites = "none" | "short" | "long";

export interface RequestShape {
  /** Empty when the request names none. */
  readonly model: string;
  readonly stream: boolean;
  /** Null when the account's settings decide. */
  readonly serviceTier: string | null;
  /**
   * Tiers that the request may be served at, of which the dearest is held; those without a price are left out.
   * @default the requested one and "default", or those of the configuration
   */
  readonly possibleTiers?: readonly string[];
  /** The tier of the price list that the region is billed at, besides those; absent when it adds nothing. */
  readonly region?: string;
  /** Upper estimate of all text in the request, tokens. */
  readonly textTokens: number;
  /** Whether `textTokens` is the provider's own count of all input. @default false */
  readonly isExact?: boolean;
  /** Where caching is the request's own choice. @default "long", since the provider may cache what it likes */
  readonly cacheWrites?: CacheWrites;
  /** Whether it may generate tokens that are not sent; when absent, the reader goes by the model's name. */
  readonly mayReason?: boolean;
  /** What the same request may cost besides, each part on a model of its own. */
  readonly also?: readonly RequestShape[];
  /** Prompts in the request, each of which may fill the model's window. @default 1 */
  readonly prompts?: number;
  /** Input that is not text: images, audio, characters. */
  readonly otherInput: Usage;
  /** Content that the provider adds and the request only refers to, in words; null when there is none. */
  readonly refersTo: string | null;
  /** Whether the provider may read the input more than once for one answer. @default when it refers to something */
  readonly mayReadAgain?: boolean;
  /** Whether that may be sound, pictures or video, which may cost more than text. @default false */
  readonly refersToMedia?: boolean;
  readonly output: OutputShape;
  /** Fees of the provider's tools in the worst case. */
  readonly toolFees: Usage;
  /** Fees that are certain but that the response does not report; they are added to its usage. */
  readonly unreportedFees: Usage;
  /** What a complete answer consumed when the endpoint reports no usage; null when it must report it. */
  readonly usageWhenSilent: Usage | null;
}

export const NO_OUTPUT: OutputShape = {
  kind: "none",
  limit: 0,
  choices: 1,
  extraTokens: 0,
  limitable: false,
  limitField: null,
};

export type Body = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A whole number >= 1, or null: anything else is the provider's to reject. */
export function positiveInteger(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null;
}

export function serviceTierOf(body: Body): string | null {
  const tier = body["service_tier"];
  return typeof tier === "string" && tier !== "auto" ? tier : null;
}
