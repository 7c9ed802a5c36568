/** @module The price source: overrides first, then the price data, then our own small tables. */
import { findProvider } from "@pydantic/genai-prices";
import { decimalOfNumber } from "./decimal.ts";
import { MODEL_NAME_LENGTH_MAX, namesModel, withHyphenatedDate } from "./match.ts";
import type { ModelPrice, Multiplier, PriceSource } from "./model-price.ts";
import {
  OWN_PRICES_VERSION,
  omittedLongCacheWrite,
  omittedPricesOf,
  ownNameOf,
  ownProviders,
} from "./own-prices.ts";
import { parseOverride, parseServiceTiers } from "./override.ts";
import type { ParsedOverride, PriceOverride } from "./override.ts";
import { indexAt, parsePriceData, parseProvider } from "./price-data.ts";
import type { ModelData, PriceData, ProviderData } from "./price-data.ts";
import { compilePrices, isExpressible } from "./price-record.ts";
import type { PriceRecord, TieredDecimal } from "./price-record.ts";
import { serviceTiersOf } from "./service-tiers.ts";
import { contextWindowTokensOf, maxOutputTokensOf } from "./token-limits.ts";
import { toolFeesOf } from "./tool-fees.ts";
import { GENAI_PRICES_VERSION } from "./version.ts";

export interface PriceSourceOptions {
  /**
   * Price data in genai-prices' v2 format: what `parsePriceData` returned, or anything it accepts. It replaces the
   * bundled data for this source only. @default the data bundled with @pydantic/genai-prices
   */
  readonly providers?: unknown;
  /** What prices from `providers` carry as their version. @default the version of @pydantic/genai-prices, or "custom" */
  readonly version?: string;
  /** Prices that win over the data. Of several for one model the latest that has begun applies. */
  readonly overrides?: readonly PriceOverride[];
  /** Other names of models, such as the deployments of an Azure resource. An alias of an alias is not followed. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Service tiers by provider; each given tier replaces or adds to that provider's table. */
  readonly serviceTiers?: Readonly<Record<string, Readonly<Record<string, Multiplier>>>>;
}

/** Distinct (provider, model) names whose answer is kept; names come from callers, so it must be bounded. */
const RESOLVED_MAX = 1_000;

/** Read at creation, so that another library's process-wide price update cannot reach this source for them. */
const EAGER_PROVIDERS: readonly string[] = ["openai", "anthropic", "google", "azure", "aws"];

/** One model under one asked name: its prices by the index of the data's record, made when first needed. */
interface Resolved {
  readonly provider: string;
  readonly askedModel: string;
  /** The provider whose model it is: another one when the asked one resells it. */
  readonly owner: string;
  readonly model: ModelData;
  readonly source: string;
  readonly version: string;
  readonly made: Map<number, ModelPrice | undefined>;
}

/**
 * A price source over the data of genai-prices.
 *
 * A model is priced only under its own names: never through a prefix of its name, and case sensitively. Two freedoms
 * remain: `openai/` in front of a model of that same provider (and Google's `models/`) is ignored, and a name that is
 * a known id followed by a date, such as `gpt-5-mini-2026-09-09`, is priced as that id unless it has its own entry.
 *
 * Pure and without global effects; `priceOf` does not throw.
 * @throws PriceDataError, PriceOverrideError at creation, when data or overrides cannot be relied on.
 */
export function createPriceSource(options: PriceSourceOptions = {}): PriceSource {
  const { providers, overrides = [], aliases = {}, serviceTiers = {} } = options;
  const version = options.version ?? (providers === undefined ? GENAI_PRICES_VERSION : "custom");
  const data = providers === undefined ? bundledData() : givenData(providers);
  const own = ownProviders();
  const aliasOf = new Map(Object.entries(aliases));
  const tiersOf = new Map(
    Object.entries(serviceTiers).map(([id, tiers]) => [id, parseServiceTiers(tiers, `serviceTiers.${id}`)]),
  );
  const parsedOverrides = overrides
    .map((override, index) => parseOverride(override, `overrides[${index}]`))
    .map((override) => ({ ...override, model: withoutOwnPrefix(override.provider, override.model) }));
  const resolved = new Map<string, Resolved | undefined>();
  const overridden = new Map<ParsedOverride, ModelPrice>();

  function resolve(provider: string, model: string): Resolved | undefined {
    const key = `${provider.length}:${provider}${model}`;
    if (resolved.has(key)) return resolved.get(key);
    const found = find(provider, model);
    if (resolved.size >= RESOLVED_MAX) resolved.delete(resolved.keys().next().value ?? "");
    resolved.set(key, found);
    return found;
  }

  function find(provider: string, askedModel: string): Resolved | undefined {
    const candidates: { owner: ProviderData | undefined; source: string; version: string }[] = [
      { owner: data(provider), source: "genai-prices", version },
      ...(data(provider)?.fallbackProviders ?? []).map((id) => ({
        owner: data(id),
        source: "genai-prices",
        version,
      })),
      ...[provider, ...(data(provider)?.fallbackProviders ?? [])].map((id) => ({
        owner: own.get(id),
        source: "holdfast",
        version: OWN_PRICES_VERSION,
      })),
    ];
    for (const { owner, ...from } of candidates) {
      if (owner === undefined) continue;
      const model = modelNamed(owner, ownNameOf(owner.id, askedModel));
      if (model !== undefined)
        return { provider, askedModel, owner: owner.id, model, ...from, made: new Map() };
    }
    return undefined;
  }

  function basePrice(provider: string, model: string, atMs: number): ModelPrice | undefined {
    const entry = resolve(provider, model);
    if (entry === undefined) return undefined;
    const index = indexAt(entry.model.prices, atMs);
    if (!entry.made.has(index)) entry.made.set(index, makePrice(entry, index, tiersFor(provider, model)));
    return entry.made.get(index);
  }

  function tiersFor(provider: string, askedModel: string): Readonly<Record<string, Multiplier>> {
    return { ...serviceTiersOf(provider, askedModel), ...tiersOf.get(provider) };
  }

  function overrideOf(provider: string, model: string, atMs: number): ModelPrice | undefined {
    let latest: ParsedOverride | undefined;
    for (const override of parsedOverrides) {
      if (override.provider !== provider || override.model !== model || override.fromMs > atMs) continue;
      if (latest === undefined || override.fromMs >= latest.fromMs) latest = override;
    }
    if (latest === undefined) return undefined;
    let price = overridden.get(latest);
    if (price === undefined) {
      price = overridePrice(latest, basePrice(provider, model, atMs), tiersFor(provider, model));
      overridden.set(latest, price);
    }
    return price;
  }

  return {
    version,
    priceOf(provider, model, atMs) {
      if (model.length > MODEL_NAME_LENGTH_MAX) return undefined;
      const asked = withoutOwnPrefix(provider, model);
      const stated = overrideOf(provider, asked, atMs);
      if (stated !== undefined) return stated;
      const target = aliasOf.get(asked) ?? aliasOf.get(model);
      if (target === undefined) return basePrice(provider, asked, atMs);
      const name = withoutOwnPrefix(provider, target);
      return overrideOf(provider, name, atMs) ?? basePrice(provider, name, atMs);
    },
  };
}

/** What was read of the library's own data; an update of that data brings other objects. */
const bundled = new WeakMap<object, ProviderData>();

function parsedOnce(found: object, id: string): ProviderData {
  let parsed = bundled.get(found);
  if (parsed === undefined) bundled.set(found, (parsed = parseProvider(found, id)));
  return parsed;
}

/** Providers of the process's genai-prices data, each looked up once and then kept. */
function bundledData(): (id: string) => ProviderData | undefined {
  const read = new Map<string, ProviderData | undefined>();
  const provider = (id: string): ProviderData | undefined => {
    if (read.has(id)) return read.get(id);
    const found = id === "" ? undefined : findProvider({ providerId: id });
    // The library also finds providers by parts of their names; only the very id counts here.
    if (found === undefined || found.id !== id) return undefined;
    const parsed = parsedOnce(found, id);
    read.set(id, parsed);
    return parsed;
  };
  for (const id of EAGER_PROVIDERS) provider(id);
  return provider;
}

function givenData(providers: unknown): (id: string) => ProviderData | undefined {
  const data = isPriceData(providers) ? providers : parsePriceData(providers);
  return (id) => data.providers.get(id);
}

function isPriceData(value: unknown): value is PriceData {
  return (
    typeof value === "object" && value !== null && "providers" in value && value.providers instanceof Map
  );
}

function withoutOwnPrefix(provider: string, model: string): string {
  if (model.startsWith(`${provider}/`)) return model.slice(provider.length + 1);
  if (provider === "google" && model.startsWith("models/")) return model.slice("models/".length);
  return model;
}

/** Its own exact name, then the same with the date written out, then a known id with a date or version behind it. */
function modelNamed(provider: ProviderData, name: string): ModelData | undefined {
  const exact = (model: string): ModelData | undefined =>
    provider.models.find((entry) => namesModel(entry.match, model, "exact", provider.id));
  return (
    exact(name) ??
    exact(withHyphenatedDate(name)) ??
    provider.models.find((entry) => namesModel(entry.match, name, "dated", provider.id))
  );
}

function makePrice(
  entry: Resolved,
  index: number,
  serviceTiers: Readonly<Record<string, Multiplier>>,
): ModelPrice | undefined {
  const { provider, askedModel, owner, model, source, version } = entry;
  const record = model.prices[index]?.record;
  if (record === undefined || !isExpressible(record) || hasMinimumCharge(owner, record)) return undefined;
  const contextWindowTokens = contextWindowTokensOf(owner, model.id, model.contextWindowTokens);
  const maxOutputTokens = maxOutputTokensOf(owner, askedModel);
  return {
    provider,
    model: model.id,
    source,
    version,
    ...compilePrices(completed(record, owner, model.id)),
    serviceTiers,
    ...(contextWindowTokens !== undefined && { contextWindowTokens }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(model.prices.some(({ condition }) => condition.kind === "daily") && { changesWithinDay: true }),
  };
}

/** Groq bills at least ten seconds of audio per request, which a price per millisecond would undercount. */
function hasMinimumCharge(owner: string, record: PriceRecord): boolean {
  return owner === "groq" && record.has("input_audio_hours");
}

/** The record with what the data omits: see the tables. A free model (an empty record) stays as it is. */
function completed(record: PriceRecord, owner: string, modelId: string): PriceRecord {
  if (record.size === 0) return record;
  const result = new Map<string, TieredDecimal>(record);
  const longCacheWrite = omittedLongCacheWrite(record, modelId);
  if (longCacheWrite !== undefined) result.set("cache_write_1h_mtok", longCacheWrite);
  for (const [key, usd] of omittedPricesOf(owner, modelId)) {
    const base = decimalOfNumber(usd);
    if (base !== undefined && !result.has(key)) result.set(key, { base, tiers: [] });
  }
  for (const [key, fee] of toolFeesOf(owner, modelId)) {
    if (!result.has(key)) result.set(key, { base: fee, tiers: [] });
  }
  return result;
}

function overridePrice(
  override: ParsedOverride,
  base: ModelPrice | undefined,
  tiers: Readonly<Record<string, Multiplier>>,
): ModelPrice {
  const { provider, model, version, record } = override;
  const contextWindowTokens = override.contextWindowTokens ?? base?.contextWindowTokens;
  const maxOutputTokens =
    override.maxOutputTokens ?? base?.maxOutputTokens ?? maxOutputTokensOf(provider, model);
  return {
    provider,
    model,
    source: "override",
    version,
    ...compilePrices(completed(record, provider, model)),
    serviceTiers: override.serviceTiers ?? tiers,
    ...(contextWindowTokens !== undefined && { contextWindowTokens }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}
