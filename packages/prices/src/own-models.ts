/**
 * @module Models that genai-prices lacks, in its own format, each with its source. Where the data has a model, it wins.
 *
 * Prices are USD per million tokens (`_mtok`), per million characters (`_mchars`) or per image (`images_each`).
 */

interface ClaudeModel {
  readonly id: string;
  readonly prices: readonly { readonly from?: string; readonly prices: ClaudePrices }[];
}

/** A number, or what it is up to `above` tokens of input and what above them. */
type Price = number | { readonly upTo: number; readonly above: number; readonly tokens: number };

interface ClaudePrices {
  readonly input: Price;
  readonly write5m: Price;
  readonly write1h: Price;
  readonly read: Price;
  readonly output: Price;
}

function upTo100k(upTo: number, above: number): Price {
  return { upTo, above, tokens: 100_000 };
}

const FABLE_5: ClaudePrices = { input: 10, write5m: 12.5, write1h: 20, read: 1, output: 50 };
const FABLE_5_1: ClaudePrices = { ...FABLE_5, read: 0.25 };
const FABLE_5_2: ClaudePrices = { input: 8, write5m: 10, write1h: 16, read: 0.2, output: 40 };
const SONNET_5_5: ClaudePrices = { input: 2, write5m: 2.5, write1h: 4, read: 0.2, output: 10 };

/**
 * - Haiku 5.5: platform.claude.com/docs/en/models/haiku-5-5/overview, 2026-10. A prompt over 100,000 tokens, cached ones
 *   included, pays the second price on every token of the request, output included.
 * - Sonnet 5.5: .../models/sonnet-5-5/overview, 2026-10; cache reads went from $0.20 to $0.10 on 2026-10-07 (kurofune/claudit
 *   1.9.2 and three other trackers of the price page, 2026-10).
 * - Fable 5.2: openrouter.ai/anthropic/claude-fable-5.2, vercel.com/ai-gateway and docs.laozhang.ai, 2026-11; an hour in the
 *   cache: archid21/rightsize 0.10.2, read from the price page, 2026-11.
 * - Mythos 5 and 5.1: .../about-claude/pricing, 2026-09. Mythos 5.2: assumed to share Fable 5.2's prices, as 5 and 5.1 do.
 * - Mythos Preview: $25 / $125 from memory, with the usual 1.25, 2 and 0.1 for the cache.
 */
const CLAUDE_MODELS: readonly ClaudeModel[] = [
  {
    id: "claude-haiku-5-5",
    prices: [
      {
        prices: {
          input: upTo100k(0.1, 0.5),
          write5m: upTo100k(0.125, 0.625),
          write1h: upTo100k(0.2, 1),
          read: upTo100k(0.01, 0.05),
          output: upTo100k(0.5, 2.5),
        },
      },
    ],
  },
  {
    id: "claude-sonnet-5-5",
    prices: [{ prices: SONNET_5_5 }, { from: "2026-10-07", prices: { ...SONNET_5_5, read: 0.1 } }],
  },
  { id: "claude-fable-5-2", prices: [{ prices: FABLE_5_2 }] },
  { id: "claude-mythos-5-2", prices: [{ prices: FABLE_5_2 }] },
  { id: "claude-mythos-5-1", prices: [{ prices: FABLE_5_1 }] },
  { id: "claude-mythos-5", prices: [{ prices: FABLE_5 }] },
  {
    id: "claude-mythos-preview",
    prices: [{ prices: { input: 25, write5m: 31.25, write1h: 50, read: 2.5, output: 125 } }],
  },
];
/** All of them: their model pages, 2026-11. */
const CLAUDE_WINDOW = 1_000_000;
/** platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool, 2026-11: $10 per 1,000 searches. */
const CLAUDE_WEB_SEARCH = { web_searches_kcount: 10 };
/** What Bedrock's geographies add to the price of its `global.` ids, as in the data's entries of other models. */
const REGIONAL_PERCENT = 110;

/** The price in the format of the data; a percentage of it is exact to a ten-millionth of a USD. */
function dataPrice(price: Price, percent: number): unknown {
  const scaled = (usd: number): number => Math.round(usd * percent * 1e5) / 1e7;
  if (typeof price === "number") return scaled(price);
  return { base: scaled(price.upTo), tiers: [{ start: price.tokens, price: scaled(price.above) }] };
}

function claudeEntry(
  model: ClaudeModel,
  id: string,
  match: unknown,
  fees: Readonly<Record<string, number>> = {},
  percent = 100,
): unknown {
  return {
    id,
    match,
    context_window: CLAUDE_WINDOW,
    prices: model.prices.map(({ from, prices }) => ({
      ...(from !== undefined && { constraint: { start_date: from } }),
      prices: {
        input_mtok: dataPrice(prices.input, percent),
        cache_write_mtok: dataPrice(prices.write5m, percent),
        cache_write_1h_mtok: dataPrice(prices.write1h, percent),
        cache_read_mtok: dataPrice(prices.read, percent),
        output_mtok: dataPrice(prices.output, percent),
        ...fees,
      },
    })),
  };
}

/**
 * Gemini 4, Google's model pages and announcements, 2026-11: introductory prices through 2026-11-30. Carbon's cached
 * price: as Argon's, "the same per-token price" (docs.laozhang.ai, 2026-11). Hydrogen's and Nano Banana's cached prices
 * are not known: the full input price. Speech and image models: LiteLLM's announcements 42776 and 44983, 2026-10.
 * Computer use: LiteLLM's list, 2026-07. Thoughts are billed as output by all of them.
 */
const GEMINI_4_LAUNCH = { input_mtok: 2, cache_read_mtok: 0.1, output_mtok: 10 };
const GEMINI_4 = { input_mtok: 4, cache_read_mtok: 0.2, output_mtok: 20 };
const untilDecember = [
  { prices: GEMINI_4_LAUNCH },
  { constraint: { start_date: "2026-12-01" }, prices: GEMINI_4 },
];

function speech(id: string, output: number): unknown {
  return {
    id,
    match: { starts_with: id },
    prices: [
      { prices: { input_mtok: 0.5, output_mtok: output } },
      { constraint: { start_date: "2027-01-01" }, prices: { input_mtok: 1, output_mtok: 2 * output } },
    ],
  };
}

const GEMINI_MODELS: readonly unknown[] = [
  { id: "gemini-4-argon", match: { starts_with: "gemini-4-argon" }, prices: untilDecember },
  { id: "gemini-4-carbon", match: { starts_with: "gemini-4-carbon" }, prices: untilDecember },
  {
    id: "gemini-4-hydrogen",
    match: { starts_with: "gemini-4-hydrogen" },
    prices: { input_mtok: 1.5, output_mtok: 7.5 },
  },
  {
    id: "gemini-nano-banana-2.1",
    match: { starts_with: "gemini-nano-banana-2.1" },
    context_window: 1_000_000,
    prices: { input_mtok: 1.5, output_mtok: 7.5, output_image_mtok: 30 },
  },
  speech("gemini-3.8-flash-tts", 9),
  speech("gemini-3.8-flash-lite-tts", 6),
  {
    id: "gemini-2.5-computer-use-preview",
    match: { equals: "gemini-2.5-computer-use-preview-10-2025" },
    context_window: 131_072,
    prices: {
      input_mtok: { base: 1.25, tiers: [{ start: 200_000, price: 2.5 }] },
      output_mtok: { base: 10, tiers: [{ start: 200_000, price: 15 }] },
    },
  },
];

/**
 * Imagen 4 by image: ai.google.dev/gemini-api/docs/pricing, 2026-06, from memory ($0.02, $0.04, $0.06). Imagen 3 is $0.03
 * there and $0.04 on Google Cloud; the larger counts.
 */
const IMAGEN: readonly (readonly [id: string, usdEach: number])[] = [
  ["imagen-4.0-fast-generate", 0.02],
  ["imagen-4.0-generate", 0.04],
  ["imagen-4.0-ultra-generate", 0.06],
  ["imagen-3.0-generate", 0.04],
  ["imagen-3.0-fast-generate", 0.02],
  ["imagen-3.0-capability", 0.04],
];

/** Speech by character: developers.openai.com/api/docs/models/tts-1 ($15 per 1M) and /tts-1-hd ($30), 2026-11. */
const OPENAI_MODELS: readonly unknown[] = [
  {
    id: "tts-1",
    match: { or: [{ equals: "tts-1" }, { equals: "tts-1-1106" }] },
    prices: { input_mchars: 15 },
  },
  {
    id: "tts-1-hd",
    match: { or: [{ equals: "tts-1-hd" }, { equals: "tts-1-hd-1106" }] },
    prices: { input_mchars: 30 },
  },
];

/** By provider, in the format of genai-prices. */
export const OWN_MODELS: readonly unknown[] = [
  { id: "openai", models: OPENAI_MODELS },
  {
    id: "anthropic",
    models: CLAUDE_MODELS.map((model) =>
      claudeEntry(model, model.id, { starts_with: model.id }, CLAUDE_WEB_SEARCH),
    ),
  },
  {
    id: "google",
    models: [
      ...GEMINI_MODELS,
      ...IMAGEN.map(([id, usd]) => ({ id, match: { starts_with: id }, prices: { images_each: usd } })),
      ...CLAUDE_MODELS.map((model) => claudeEntry(model, model.id, { starts_with: model.id })),
    ],
  },
  {
    id: "aws",
    models: CLAUDE_MODELS.flatMap((model) => [
      claudeEntry(model, `global.anthropic.${model.id}`, { starts_with: `global.anthropic.${model.id}` }),
      claudeEntry(model, `regional.anthropic.${model.id}`, { contains: model.id }, {}, REGIONAL_PERCENT),
    ]),
  },
];
