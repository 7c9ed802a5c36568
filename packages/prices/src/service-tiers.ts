/** @module What each service tier costs relative to the list price of tokens. */
import type { ClaudeName } from "./claude-name.ts";
import { parseClaudeName } from "./claude-name.ts";
import { baseOfFineTuned, withoutDate } from "./match.ts";
import type { Multiplier } from "./model-price.ts";

/** Multipliers on token costs by the name of the tier, as requests and responses spell it. */
export type ServiceTiers = Readonly<Record<string, Multiplier>>;

const ONE: Multiplier = { numerator: 1, denominator: 1 };
const HALF: Multiplier = { numerator: 1, denominator: 2 };
const DOUBLE: Multiplier = { numerator: 2, denominator: 1 };

/** What every provider has: the list price. */
const LIST_PRICE: ServiceTiers = { default: ONE, standard: ONE, auto: ONE };

/**
 * OpenAI, developers.openai.com/api/docs/pricing (flex, batch, priority columns) and the ratios measured over
 * LiteLLM's price list of 2026-07-24: flex and batch 1/2 for every model, priority 2 for all but those below.
 * `scale` is list price. `ultrafast` has no published price and is therefore not listed.
 */
const OPENAI: ServiceTiers = {
  ...LIST_PRICE,
  scale: ONE,
  flex: HALF,
  batch: HALF,
  priority: DOUBLE,
  fast: DOUBLE,
};

/** The exact ratios behind the published dollar prices, such as $0.25 / $0.15 for gpt-4o-mini. Same sources. */
const OPENAI_PRIORITY: ReadonlyMap<string, Multiplier> = new Map([
  ["gpt-4.1", { numerator: 7, denominator: 4 }],
  ["gpt-4.1-mini", { numerator: 7, denominator: 4 }],
  ["gpt-4o", { numerator: 17, denominator: 10 }],
  ["gpt-4o-2024-05-13", { numerator: 7, denominator: 4 }],
  ["gpt-4o-mini", { numerator: 5, denominator: 3 }],
  ["gpt-5-mini", { numerator: 9, denominator: 5 }],
  ["o3", { numerator: 7, denominator: 4 }],
  ["o4-mini", { numerator: 20, denominator: 11 }],
]);

/**
 * Data residency endpoints of OpenAI (eu.api.openai.com and others): "charged a 10% uplift for models released on or
 * after March 5, 2026" (developers.openai.com/api/docs/guides/data-residency, 2026-11), which is since gpt-5.4. On tokens
 * of all kinds and tiers; not on tool fees. A name that is not known counts as a new one: the uplift may then be too much, but
 * never too little.
 */
const OPENAI_UPLIFT: Multiplier = { numerator: 11, denominator: 10 };
const OPENAI_BEFORE_UPLIFT =
  /^(?:ada|babbage|curie|davinci|text-|tts-|whisper|moderation|omni-moderation|dall-e|codex-mini|computer-use|sora-2|o[134](?:-|$)|gpt-[34]|gpt-5(?:\.[123])?(?:-|$)|gpt-image-1|gpt-audio|gpt-realtime(?!-[2-9])|gpt-oss|chatgpt-4o)/;

function withRegion(model: string, tiers: ServiceTiers): ServiceTiers {
  const uplift = OPENAI_BEFORE_UPLIFT.test(baseOfFineTuned(model)) ? ONE : OPENAI_UPLIFT;
  const regional = Object.entries(tiers)
    .filter(([tier]) => !Object.hasOwn(LIST_PRICE, tier))
    .map(([tier, multiplier]) => [`regional+${tier}`, product(uplift, multiplier)] as const);
  return { ...tiers, regional: uplift, ...Object.fromEntries(regional) };
}

/**
 * The 1.1 of US-only inference and, on Google Cloud, of regional and multi-region endpoints. It applies to all kinds of
 * tokens. platform.claude.com/docs/en/build-with-claude/data-residency and /about-claude/pricing "Data residency
 * pricing", 2026-11.
 */
const GEOGRAPHY: Multiplier = { numerator: 11, denominator: 10 };
/** "Claude Opus 4.6, Claude Sonnet 4.6, and later models"; earlier ones are billed at 1 (support.claude.com 15422948). */
const US_PREMIUM_FROM = 406;
/** Bedrock and Google Cloud: since Sonnet 4.5, Haiku 4.5 and Opus 4.5 (the regional entries of genai-prices 0.1.8). */
const REGIONAL_PREMIUM_FROM = 405;

/**
 * Anthropic's `speed: "fast"`, on all kinds of tokens and the whole context window:
 * - Opus 4.6 and 4.7: 6 ($30 / $150), platform.claude.com/docs/en/build-with-claude/fast-mode, 2026-02 to 2026-07, when it
 *   was removed for 4.7;
 * - Opus 4.8: 2 ($10 / $50), models.dev and openrouter.ai, 2026-07;
 * - Opus 5: 2 ($10 / $50), openrouter.ai, 2026-07; Opus 5.5: 2 ($8 / $40), vercel.com/ai-gateway, 2026-11;
 * - Fable 5.2: 2 ($16 / $80), openrouter.ai and Google Cloud's model page ("across all token types"), 2026-11.
 * No other model has it (code.claude.com/docs/en/fast-mode, 2026-11). It cannot be combined with batches or priority.
 */
const FAST: ReadonlyMap<string, Multiplier> = new Map([
  ["opus 406", { numerator: 6, denominator: 1 }],
  ["opus 407", { numerator: 6, denominator: 1 }],
  ["opus 408", DOUBLE],
  ["opus 500", DOUBLE],
  ["opus 505", DOUBLE],
  ["fable 502", DOUBLE],
]);

/**
 * Anthropic and its models at Foundry, under the names of `anthropicServiceTier`:
 * platform.claude.com/docs/en/about-claude/pricing, 2026-11: batches are half price, cache reads and writes included.
 * `priority` is capacity bought in advance and burnt down at the ratios of the list price (/docs/en/api/service-tiers):
 * it is counted at list price.
 */
function anthropicTiers(model: string): ServiceTiers {
  const name = parseClaudeName(model);
  const geography = hasPremium(name, US_PREMIUM_FROM) ? GEOGRAPHY : ONE;
  return {
    ...LIST_PRICE,
    standard_only: ONE,
    batch: HALF,
    priority: ONE,
    us: geography,
    "us+batch": product(geography, HALF),
    "us+priority": geography,
    ...withFast(name, { "": ONE, "us+": geography }),
  };
}

/**
 * Claude on Google Cloud: half price for batch predictions, fast mode at the multipliers above, and "regional" for any
 * location but `global` (cloud.google.com/vertex-ai/generative-ai/pricing#claude-models, 2026-11, by way of genai-prices).
 */
function vertexClaudeTiers(model: string): ServiceTiers {
  const name = parseClaudeName(model);
  const geography = hasPremium(name, REGIONAL_PREMIUM_FROM) ? GEOGRAPHY : ONE;
  return {
    ...LIST_PRICE,
    standard_only: ONE,
    batch: HALF,
    regional: geography,
    "regional+batch": product(geography, HALF),
    ...withFast(name, { "": ONE, "regional+": geography }),
  };
}

/** A model whose version is not known counts as a new one: the premium may then be too much, but never too little. */
function hasPremium(name: ClaudeName | undefined, from: number): boolean {
  return name === undefined || name.version === 0 || name.version >= from;
}

function withFast(
  name: ClaudeName | undefined,
  geographies: Readonly<Record<string, Multiplier>>,
): ServiceTiers {
  const fast = name === undefined ? undefined : FAST.get(`${name.family} ${name.version}`);
  if (fast === undefined) return {};
  return Object.fromEntries(
    Object.entries(geographies).map(([prefix, geography]) => [`${prefix}fast`, product(fast, geography)]),
  );
}

function product(a: Multiplier, b: Multiplier): Multiplier {
  const numerator = a.numerator * b.numerator;
  const denominator = a.denominator * b.denominator;
  const divisor = greatestCommonDivisor(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Google, under the names of `googleServiceTier`:
 * - flex and batch are half price (ai.google.dev/gemini-api/docs/optimization, 2026-11), but in batches "cached tokens are
 *   priced the same as for non-batch API traffic" (ai.google.dev/gemini-api/docs/batch-api, from memory);
 * - priority is "75% to 100% more than standard" (same page). Seen on the price lists of Gemini 2.5 and 3: 1.8 (LiteLLM,
 *   2026-07-24; genai-prices on 3.7 and 3.8 Flash). For what was not seen, the top of that range;
 * - provisioned throughput is bought in advance, and counted at list price.
 * Off-peak traffic has no published multiplier and is therefore not listed.
 */
const GOOGLE: ServiceTiers = {
  ...LIST_PRICE,
  unspecified: ONE,
  flex: HALF,
  batch: { ...HALF, cacheReadAtListPrice: true },
  priority: DOUBLE,
  provisioned: ONE,
};
const GOOGLE_WITH_SEEN_PRIORITY: ServiceTiers = { ...GOOGLE, priority: { numerator: 9, denominator: 5 } };
const GOOGLE_PRIORITY_SEEN = /^gemini-(?:2\.5|3)/;

/** Bedrock prices geographies by model id, and has no tiers of Anthropic's own. */
const BEDROCK_CLAUDE: ServiceTiers = { ...LIST_PRICE, standard_only: ONE };

/**
 * The tiers of a model. `model` is the name asked for; a snapshot date in it is looked up first and then ignored.
 * A provider that this table does not know has only the list price, under the names default, standard and auto.
 */
export function serviceTiersOf(provider: string, model: string): ServiceTiers {
  switch (provider) {
    case "openai": {
      const priority = OPENAI_PRIORITY.get(model) ?? OPENAI_PRIORITY.get(withoutDate(model));
      const tiers = priority === undefined ? OPENAI : { ...OPENAI, priority, fast: priority };
      return withRegion(model, tiers);
    }
    case "anthropic":
      return anthropicTiers(model);
    case "azure":
      return parseClaudeName(model) === undefined ? LIST_PRICE : anthropicTiers(model);
    case "aws":
      return parseClaudeName(model) === undefined ? LIST_PRICE : BEDROCK_CLAUDE;
    case "google":
      if (parseClaudeName(model) !== undefined) return vertexClaudeTiers(model);
      return GOOGLE_PRIORITY_SEEN.test(model) ? GOOGLE_WITH_SEEN_PRIORITY : GOOGLE;
    default:
      return LIST_PRICE;
  }
}
