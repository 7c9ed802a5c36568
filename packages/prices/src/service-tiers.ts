/** @module What each service tier costs relative to the list price of tokens. */
import { withoutDate } from "./match.ts";
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
 * Anthropic, docs.claude.com: batch is half price; `priority` is capacity bought in advance, counted here at list
 * price; `standard_only` is a request's word for the list price.
 */
const ANTHROPIC: ServiceTiers = { ...LIST_PRICE, standard_only: ONE, batch: HALF, priority: ONE };

/** Anthropic's `speed: "fast"`: six times the list price at first, twice since Opus 5 (LiteLLM, 2026-07-24). */
const ANTHROPIC_FAST: ReadonlyMap<string, Multiplier> = new Map([
  ["claude-opus-4-6", { numerator: 6, denominator: 1 }],
  ["claude-opus-4-7", { numerator: 6, denominator: 1 }],
  ["claude-opus-4-8", { numerator: 6, denominator: 1 }],
  ["claude-fable-5", { numerator: 6, denominator: 1 }],
  ["claude-opus-5", DOUBLE],
]);

/** Google, ai.google.dev/gemini-api/docs/pricing: batch and flex 1/2, priority 1.8 (LiteLLM, 2026-07-24). */
const GOOGLE: ServiceTiers = {
  ...LIST_PRICE,
  unspecified: ONE,
  flex: HALF,
  batch: HALF,
  priority: { numerator: 9, denominator: 5 },
};

/**
 * The tiers of a model. `model` is the name asked for; a snapshot date in it is looked up first and then ignored.
 * A provider that this table does not know has only the list price, under the names default, standard and auto.
 */
export function serviceTiersOf(provider: string, model: string): ServiceTiers {
  switch (provider) {
    case "openai": {
      const priority = OPENAI_PRIORITY.get(model) ?? OPENAI_PRIORITY.get(withoutDate(model));
      return priority === undefined ? OPENAI : { ...OPENAI, priority, fast: priority };
    }
    case "anthropic": {
      const fast = ANTHROPIC_FAST.get(withoutDate(model));
      return fast === undefined ? ANTHROPIC : { ...ANTHROPIC, fast };
    }
    case "google":
      return model.startsWith("claude") ? LIST_PRICE : GOOGLE;
    default:
      return LIST_PRICE;
  }
}
