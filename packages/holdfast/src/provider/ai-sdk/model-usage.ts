/**
 * @module The usage of one model call as disjoint buckets.
 *
 * The SDK's own usage object (v3 and v4 alike) has totals that include the cache, whatever the provider's raw object
 * does: Anthropic's `input_tokens` exclude it. It lacks what some prices depend on, so the provider's own object is
 * read where it is there and tells the same totals: how long a cache write lives, the kinds of tokens, searches, other
 * models. What contradicts itself is rejected, never bent into shape.
 */
import type { BilledPart } from "../../guard/attempt-outcome.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../../usage/usage.ts";
import { readUsage, searchesAsHeld } from "../usage/openai-usage.ts";
import {
  countOf,
  detailsOf,
  isObject,
  MISSING,
  readingOf,
  UnusableUsage,
  withoutZeros,
  type Loose,
  type UsageReading,
} from "../usage/usage-reading.ts";
import { billOf, type BillTerms } from "../usage/anthropic-bill.ts";
import { readUsageMetadata, type PlainOutput } from "../usage/google-usage.ts";
import { readInteractionUsage } from "../usage/interaction-usage.ts";
import type { WireFamily } from "./billed-provider.ts";

export interface ModelUsage {
  readonly usage: UsageReading;
  /** Billed besides, on models of their own. */
  readonly also?: readonly BilledPart[];
}

/** What the call says about how its answer is billed. */
export interface ReadTerms extends Omit<BillTerms, "model"> {
  /** The model that was asked for, where it matters for fees. @default the one that served */
  readonly model?: string;
  /** The kind of output tokens whose kind is not stated. @default text */
  readonly plainOutput?: PlainOutput;
  /** The worst case that is held. @default nothing */
  readonly held?: Usage;
}

const ANY_TERMS: ReadTerms = { mayWriteLong: true, hasLongContextPrice: false };

/**
 * @param usage the SDK's usage object
 * @param body the provider's answer, where the SDK hands it on (not for streams)
 * @param servedModel null when the answer does not say
 */
export function readModelUsage(
  usage: unknown,
  body: unknown,
  family: WireFamily,
  servedModel: string | null,
  terms: ReadTerms = ANY_TERMS,
): ModelUsage {
  const normalised = readNormalisedUsage(usage, terms.mayWriteLong);
  if (normalised.kind !== "usage") return { usage: normalised };
  const raw = isObject(usage) ? usage["raw"] : undefined;
  const given = isObject(body) ? body : undefined;
  switch (family) {
    case "openai":
      return {
        usage: searchesAsHeld(
          firstThatAgrees(normalised, [readUsage(given), readUsage({ usage: raw })]),
          terms.held ?? {},
        ),
      };
    case "google": {
      const { plainOutput = "outputTextTokens", model = servedModel ?? "" } = terms;
      // An interaction: the SDK's totals lack what tools have put into the input.
      const interaction = readInteractionUsage(raw, model, plainOutput);
      if (interaction.kind !== "missing") return { usage: interaction };
      const readings = [given?.["usageMetadata"], raw].map((one) => readUsageMetadata(one, plainOutput));
      return { usage: firstThatAgrees(normalised, readings) };
    }
    case "anthropic": {
      // The iterations of one answer are billed each, so their sum may differ from every total.
      const object = raw ?? given?.["usage"];
      const { usage: own, also } = billOf(
        object,
        servedModel,
        {
          mayWriteLong: terms.mayWriteLong,
          hasLongContextPrice: terms.hasLongContextPrice,
          model: servedModel ?? "",
        },
        null,
        asIs,
      );
      const passes = isObject(object) ? object["iterations"] : undefined;
      if (also !== undefined) return { usage: own, also };
      if (Array.isArray(passes) && passes.length > 0) return { usage: own };
      return { usage: firstThatAgrees(normalised, [own]) };
    }
    default:
      return { usage: normalised };
  }
}

const asIs = (model: string): string => model;

/** A provider's object that tells other totals is not about this call (the last of several requests, for one). */
function firstThatAgrees(
  normalised: Extract<UsageReading, { kind: "usage" }>,
  readings: readonly UsageReading[],
): UsageReading {
  for (const reading of readings) {
    if (reading.kind !== "usage") continue;
    const same =
      inputTokensOf(reading.usage) === inputTokensOf(normalised.usage) &&
      outputTokensOf(reading.usage) === outputTokensOf(normalised.usage);
    if (same) return reading;
  }
  return normalised;
}

/**
 * `{ inputTokens: { total, noCache, cacheRead, cacheWrite }, outputTokens: { total, text, reasoning } }`
 *
 * @param mayWriteLong whether cache writes whose lifetime nobody says may have the long one
 */
export function readNormalisedUsage(usage: unknown, mayWriteLong = false): UsageReading {
  if (!isObject(usage)) return MISSING;
  return readingOf(() => {
    const input = detailsOf(usage["inputTokens"]);
    const output = detailsOf(usage["outputTokens"]);
    if ((input["total"] ?? null) === null && (output["total"] ?? null) === null) return undefined;
    const { raw } = usage;
    const long = isObject(raw) ? longWritesIn(raw["cacheDetails"]) : undefined;
    return withoutZeros({
      ...readInput(input, long ?? (mayWriteLong ? Infinity : 0)),
      ...readOutput(output),
    });
  });
}

/** Bedrock divides its cache writes by lifetime: `[{ ttl: "1h", inputTokens }]`; undefined when it does not. */
function longWritesIn(details: unknown): number | undefined {
  if (!Array.isArray(details) || details.length === 0) return undefined;
  let long = 0;
  for (const detail of details as unknown[]) {
    if (!isObject(detail)) return undefined;
    const tokens = countOf(detail["inputTokens"], "cache-write tokens");
    if (detail["ttl"] !== "5m") long += tokens;
  }
  return long;
}

function readInput(input: Loose, longMax: number): Usage {
  const total = optional(input["total"], "input tokens") ?? 0;
  const read = optional(input["cacheRead"], "cache-read tokens") ?? 0;
  const written = optional(input["cacheWrite"], "cache-write tokens") ?? 0;
  const noCache = optional(input["noCache"], "input tokens without cache");
  const long = Math.min(written, longMax);
  const cache = {
    cacheReadTextTokens: read,
    cacheWriteTokens: written - long,
    cacheWriteLongTokens: long,
  };
  // A model of the old specification (v2) has no such part, and its total may or may not include the cache.
  if (noCache === undefined) return { inputTextTokens: total, ...cache };
  if (noCache > total) {
    throw new UnusableUsage(`${noCache} input tokens without cache exceed the total of ${total}`);
  }
  if (read + written > total) {
    throw new UnusableUsage(`${read} cached and ${written} cache-write tokens exceed ${total} input tokens`);
  }
  return { inputTextTokens: total - read - written, ...cache };
}

function readOutput(output: Loose): Usage {
  const reasoning = optional(output["reasoning"], "reasoning tokens") ?? 0;
  const total = optional(output["total"], "output tokens") ?? 0;
  if (reasoning > total) {
    throw new UnusableUsage(`${reasoning} reasoning tokens exceed ${total} output tokens`);
  }
  return { outputTextTokens: total - reasoning, reasoningTokens: reasoning };
}

function optional(value: unknown, what: string): number | undefined {
  return value === undefined || value === null ? undefined : countOf(value, what);
}

/** Tokens of an embedding: `{ tokens }`. */
export function readEmbeddingUsage(usage: unknown): UsageReading {
  if (!isObject(usage) || (usage["tokens"] ?? null) === null) return MISSING;
  return readingOf(() => withoutZeros({ inputTextTokens: countOf(usage["tokens"], "tokens") }));
}

/**
 * Tokens of pictures: `{ inputTokens, outputTokens }`, whose kinds the SDK does not tell. Input with pictures in it is
 * taken to be pictures, which is the dearer of the two.
 */
export function readImageUsage(usage: unknown, hasSources: boolean): UsageReading {
  if (
    !isObject(usage) ||
    ((usage["inputTokens"] ?? null) === null && (usage["outputTokens"] ?? null) === null)
  )
    return MISSING;
  return readingOf(() =>
    withoutZeros({
      [hasSources ? "inputImageTokens" : "inputTextTokens"]: optional(usage["inputTokens"], "tokens") ?? 0,
      outputImageTokens: optional(usage["outputTokens"], "tokens") ?? 0,
    }),
  );
}
