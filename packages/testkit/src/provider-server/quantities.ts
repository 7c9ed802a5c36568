/** @module What a generation costs, as plain counts: the truth that every wire shape is derived from. */

/**
 * Every billable count the server knows, with the same meaning for every provider. Names say the unit.
 * `inputTokens` is all input and `outputTokens` all output; cached, cache write, tool-use and modality counts
 * are parts of the input, reasoning and modality counts parts of the output. Each wire format takes them apart
 * in its own way: Anthropic's `input_tokens` is what is left without the cache, Google's `candidatesTokenCount`
 * what is left without the thoughts.
 */
export const quantityNames = [
  "inputTokens",
  "cachedInputTokens",
  "cachedTextTokens",
  "cachedImageTokens",
  "cachedAudioTokens",
  "cachedVideoTokens",
  "cachedDocumentTokens",
  "cacheWriteTokens",
  "cacheWrite5mTokens",
  "cacheWrite1hTokens",
  "cacheWrite30mTokens",
  "cacheWrite12hTokens",
  "inputTextTokens",
  "inputAudioTokens",
  "inputImageTokens",
  "inputVideoTokens",
  "inputDocumentTokens",
  "toolUseInputTokens",
  "outputTokens",
  "reasoningTokens",
  "outputTextTokens",
  "outputAudioTokens",
  "outputImageTokens",
  "outputVideoTokens",
  "acceptedPredictionTokens",
  "rejectedPredictionTokens",
  "webSearchRequests",
  "webFetchRequests",
  "mapsRequests",
  "retrievalRequests",
  "imageGenInputTokens",
  "imageGenInputTextTokens",
  "imageGenInputImageTokens",
  "imageGenCachedTokens",
  "imageGenCachedTextTokens",
  "imageGenCachedImageTokens",
  "imageGenOutputTokens",
  "imageGenOutputTextTokens",
  "imageGenOutputImageTokens",
  "svgInputTokens",
  "svgOutputTokens",
  "svgReasoningTokens",
  "audioSeconds",
  "characters",
  "images",
  "videoSeconds",
  "storedTokenHours",
] as const;

export type QuantityName = (typeof quantityNames)[number];

/** The counts of one generation; an absent name is not reported on the wire and bills 0. */
export type Quantities = { readonly [name in QuantityName]?: number };

/** All names, absent ones as 0. */
export type Totals = { [name in QuantityName]: number };

/** What a call bills when nobody says otherwise. */
export const defaultTokens = 1_000;

export function zeroTotals(): Totals {
  return Object.fromEntries(quantityNames.map((name) => [name, 0])) as Totals;
}

export function totalsOf(quantities: Quantities): Totals {
  return { ...zeroTotals(), ...quantities };
}

export function sumTotals(all: Iterable<Quantities>): Totals {
  const sum = zeroTotals();
  for (const quantities of all) {
    for (const name of quantityNames) sum[name] += quantities[name] ?? 0;
  }
  return sum;
}

/** Like `sumTotals`, but a name that none of them has stays absent. */
export function sumPresent(all: readonly Quantities[]): Quantities {
  const [only] = all;
  if (all.length === 1 && only !== undefined) return only;
  const sum: { -readonly [name in QuantityName]?: number } = {};
  for (const quantities of all) {
    for (const [name, value] of Object.entries(quantities)) {
      sum[name as QuantityName] = (sum[name as QuantityName] ?? 0) + value;
    }
  }
  return sum;
}

/** Counts something else than tokens. */
export function isUnit(name: QuantityName): boolean {
  return !name.endsWith("Tokens");
}

/** Output tokens carried by the first `written` of `chunks` content chunks (the last one has the rest). */
export function outputOfChunks(outputTokens: number, chunks: number, written: number): number {
  if (chunks <= 0 || written <= 0) return 0;
  return Math.min(outputTokens, Math.ceil(outputTokens / chunks) * written);
}

const outputParts = [
  "reasoningTokens",
  "outputTextTokens",
  "outputAudioTokens",
  "outputImageTokens",
  "outputVideoTokens",
  "acceptedPredictionTokens",
  "rejectedPredictionTokens",
] as const satisfies readonly QuantityName[];

/** The same generation stopped early: all of its input, `outputTokens` of its output, parts clipped to it. */
export function cutOutput(quantities: Quantities, outputTokens: number): Quantities {
  const cut: { -readonly [name in QuantityName]?: number } = { ...quantities, outputTokens };
  for (const name of outputParts) {
    const whole = cut[name];
    if (whole !== undefined) cut[name] = Math.min(whole, outputTokens);
  }
  return cut;
}
