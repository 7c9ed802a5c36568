/**
 * @module What the provider's own ledger comes to, worked out apart from Holdfast: its token counts times the published
 * prices, in whole nano-USD (1e-9 USD).
 */
import type { LedgerEntry } from "@holdfast/testkit/provider-server";
import type { UsageRecord } from "holdfast";

/** USD per million tokens (platform.openai.com/docs/pricing, standard tier). */
const PRICES: Readonly<Record<string, { input: string; cachedInput: string; output: string }>> = {
  "gpt-5-mini": { input: "0.25", cachedInput: "0.025", output: "2.00" },
  "gpt-4.1-mini": { input: "0.40", cachedInput: "0.10", output: "1.60" },
};

export function describePrices(): string {
  const models = Object.entries(PRICES).map(
    ([model, { input, cachedInput, output }]) => `${model} ${input} in, ${cachedInput} cached, ${output} out`,
  );
  return `${models.join(" | ")} (USD per million tokens)`;
}

/** "0.025" USD per million tokens is 25 nano-USD per token: the decimal point moves three places. */
function nanoUsdPerToken(usdPerMillion: string): bigint {
  const [whole = "", fraction = ""] = usdPerMillion.split(".");
  if (fraction.length > 3) throw new Error(`${usdPerMillion} is finer than 1 nano-USD per token.`);
  return BigInt(whole + fraction.padEnd(3, "0"));
}

/** What the provider bills for one attempt. */
export function trueCost({ model, billed }: LedgerEntry): bigint {
  const price = PRICES[model];
  if (price === undefined) throw new Error(`The demo states no price for ${model}.`);
  const cached = BigInt(billed.cachedInputTokens);
  return (
    (BigInt(billed.inputTokens) - cached) * nanoUsdPerToken(price.input) +
    cached * nanoUsdPerToken(price.cachedInput) +
    BigInt(billed.outputTokens) * nanoUsdPerToken(price.output)
  );
}

export function trueCostOf(entries: readonly LedgerEntry[]): bigint {
  return entries.reduce((sum, entry) => sum + trueCost(entry), 0n);
}

/** The tags of a call, which the demo also sends along as OpenAI's `metadata`, so that the provider can tell. */
export interface CallTags {
  readonly agent: string;
  readonly tenant: string;
  readonly user: string;
  readonly requestId: string;
  readonly [tag: string]: string;
}

export function tagsOf(entry: LedgerEntry): CallTags {
  return entry.requestBody["metadata"] as CallTags;
}

/** The provider's side of one of our records: the same call, the same attempt. */
export function truthOf(record: UsageRecord, ledger: readonly LedgerEntry[]): LedgerEntry | undefined {
  return ledger.find(
    (entry) => tagsOf(entry).requestId === record.requestId && entry.retryCount + 1 === record.attempt,
  );
}
