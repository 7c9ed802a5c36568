/** @module Reads price data in the format of genai-prices (v2/data.json) and refuses what it cannot rely on. */
import type { Decimal } from "./decimal.ts";
import { decimalOfNumber } from "./decimal.ts";
import type { MatchLogic } from "./match.ts";
import { isExpressible, compilePrices } from "./price-record.ts";
import type { PriceRecord, TieredDecimal } from "./price-record.ts";

/** When a record applies: from a UTC date on, or daily between two UTC times of day. */
export type PriceCondition =
  | { readonly kind: "always" }
  | { readonly kind: "from"; readonly atMs: number }
  /** Milliseconds of the UTC day; `endMs` is exclusive and may lie before `startMs` (over midnight). */
  | { readonly kind: "daily"; readonly startMs: number; readonly endMs: number };

export interface ConditionalRecord {
  readonly condition: PriceCondition;
  readonly record: PriceRecord;
}

export interface ModelData {
  readonly id: string;
  readonly match: MatchLogic;
  readonly contextWindowTokens?: number;
  /** At least one. The last one whose condition holds applies, else the first. */
  readonly prices: readonly ConditionalRecord[];
}

export interface ProviderData {
  readonly id: string;
  /** Providers whose models this one resells at the same price, in order. */
  readonly fallbackProviders: readonly string[];
  /** In order of precedence. */
  readonly models: readonly ModelData[];
}

/** Validated price data. Only `parsePriceData` makes it. */
export interface PriceData {
  readonly providers: ReadonlyMap<string, ProviderData>;
}

/** The data does not have the expected shape. `path` is where, such as `[3].models[0].prices.input_mtok`. */
export class PriceDataError extends Error {
  override readonly name = "PriceDataError";
  readonly code = "PRICE_DATA_INVALID";
  readonly path: string;

  constructor(path: string, expected: string) {
    super(`Price data: ${path === "" ? "the whole" : path} must be ${expected}.`);
    this.path = path;
  }
}

const DAY_MS = 86_400_000;

/**
 * Reads provider data, as JSON text or already parsed. Nothing of the argument is kept, so later changes to it have
 * no effect.
 * @throws PriceDataError naming the path of the first thing that is wrong; nothing is accepted by halves.
 */
export function parsePriceData(json: unknown): PriceData {
  const list = arrayAt(typeof json === "string" ? parsedJson(json) : json, "");
  if (list.length === 0) throw new PriceDataError("", "a list with at least one provider");
  const providers = new Map<string, ProviderData>();
  list.forEach((value, index) => {
    const provider = parseProvider(value, `[${index}]`);
    if (providers.has(provider.id)) throw new PriceDataError(`[${index}].id`, "given once");
    providers.set(provider.id, provider);
  });
  return { providers };
}

/** Reads one provider of the data. */
export function parseProvider(value: unknown, path: string): ProviderData {
  const provider = objectAt(value, path);
  const fallbacks = provider["fallback_model_providers"];
  return {
    id: textAt(provider["id"], `${path}.id`),
    fallbackProviders:
      fallbacks === undefined || fallbacks === null
        ? []
        : arrayAt(fallbacks, `${path}.fallback_model_providers`).map((id, index) =>
            textAt(id, `${path}.fallback_model_providers[${index}]`),
          ),
    models: arrayAt(provider["models"], `${path}.models`).map((model, index) =>
      parseModel(model, `${path}.models[${index}]`),
    ),
  };
}

function parseModel(value: unknown, path: string): ModelData {
  const model = objectAt(value, path);
  const contextWindow = model["context_window"];
  const prices = model["prices"];
  const parsed: ModelData = {
    id: textAt(model["id"], `${path}.id`),
    match: parseMatch(model["match"], `${path}.match`, 0),
    prices: Array.isArray(prices)
      ? prices.map((entry, index) => parseConditional(entry, `${path}.prices[${index}]`))
      : [{ condition: { kind: "always" }, record: parseRecord(prices, `${path}.prices`) }],
  };
  if (parsed.prices.length === 0)
    throw new PriceDataError(`${path}.prices`, "a list with at least one entry");
  if (contextWindow === undefined || contextWindow === null) return parsed;
  return { ...parsed, contextWindowTokens: countAt(contextWindow, `${path}.context_window`) };
}

function parseMatch(value: unknown, path: string, depth: number): MatchLogic {
  const logic = objectAt(value, path);
  const [kind, ...others] = Object.keys(logic);
  const operand = kind === undefined ? undefined : logic[kind];
  if (others.length === 0 && depth < 8) {
    switch (kind) {
      case "equals":
        return { equals: textAt(operand, `${path}.equals`) };
      case "starts_with":
        return { starts_with: textAt(operand, `${path}.starts_with`) };
      case "ends_with":
        return { ends_with: textAt(operand, `${path}.ends_with`) };
      case "contains":
        return { contains: textAt(operand, `${path}.contains`) };
      case "regex":
        return { regex: regexAt(operand, `${path}.regex`) };
      case "or":
        return { or: parseMatches(operand, `${path}.or`, depth) };
      case "and":
        return { and: parseMatches(operand, `${path}.and`, depth) };
      default:
        break;
    }
  }
  throw new PriceDataError(path, "one of equals, starts_with, ends_with, contains, regex, or, and");
}

function parseMatches(value: unknown, path: string, depth: number): MatchLogic[] {
  return arrayAt(value, path).map((part, index) => parseMatch(part, `${path}[${index}]`, depth + 1));
}

function parseConditional(value: unknown, path: string): ConditionalRecord {
  const entry = objectAt(value, path);
  return {
    condition: parseCondition(entry["constraint"], `${path}.constraint`),
    record: parseRecord(entry["prices"], `${path}.prices`),
  };
}

function parseCondition(value: unknown, path: string): PriceCondition {
  if (value === undefined || value === null) return { kind: "always" };
  const constraint = objectAt(value, path);
  if ("start_date" in constraint) {
    return { kind: "from", atMs: dateAt(constraint["start_date"], `${path}.start_date`) };
  }
  if ("start_time" in constraint && "end_time" in constraint) {
    return {
      kind: "daily",
      startMs: timeAt(constraint["start_time"], `${path}.start_time`),
      endMs: timeAt(constraint["end_time"], `${path}.end_time`),
    };
  }
  throw new PriceDataError(path, "a start_date, or a start_time with an end_time");
}

function parseRecord(value: unknown, path: string): PriceRecord {
  const record = new Map<string, TieredDecimal>();
  for (const [key, price] of Object.entries(objectAt(value, path))) {
    if (price === undefined || price === null) continue;
    record.set(key, parsePrice(price, `${path}.${key}`));
  }
  try {
    if (isExpressible(record)) compilePrices(record);
  } catch (error) {
    throw new PriceDataError(path, `convertible (${error instanceof Error ? error.message : String(error)})`);
  }
  return record;
}

function parsePrice(value: unknown, path: string): TieredDecimal {
  if (typeof value === "number") return { base: usdAt(value, path), tiers: [] };
  const tiered = objectAt(value, path);
  const tiers = arrayAt(tiered["tiers"], `${path}.tiers`).map((tier, index) => {
    const { start, price } = objectAt(tier, `${path}.tiers[${index}]`);
    return {
      start: countAt(start, `${path}.tiers[${index}].start`),
      price: usdAt(price, `${path}.tiers[${index}].price`),
    };
  });
  return { base: usdAt(tiered["base"], `${path}.base`), tiers: tiers.toSorted((a, b) => a.start - b.start) };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PriceDataError("", "JSON");
  }
}

function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PriceDataError(path, "an object");
  }
  return value as Record<string, unknown>;
}

function arrayAt(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw new PriceDataError(path, "a list");
  return value;
}

function textAt(value: unknown, path: string): string {
  if (typeof value !== "string" || value === "") throw new PriceDataError(path, "a text that is not empty");
  return value;
}

function regexAt(value: unknown, path: string): string {
  const source = textAt(value, path);
  try {
    new RegExp(source);
    return source;
  } catch {
    throw new PriceDataError(path, "a regular expression");
  }
}

function countAt(value: unknown, path: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new PriceDataError(path, "an integer that is not negative");
  }
  return value as number;
}

function usdAt(value: unknown, path: string): Decimal {
  const usd = typeof value === "number" ? decimalOfNumber(value) : undefined;
  if (usd === undefined) throw new PriceDataError(path, "a number of USD that is not negative");
  return usd;
}

function dateAt(value: unknown, path: string): number {
  const atMs = typeof value === "string" ? utcMidnightOf(value) : undefined;
  if (atMs === undefined) throw new PriceDataError(path, "a date such as 2026-01-31");
  return atMs;
}

/** The start of a UTC day in epoch milliseconds; undefined when the text is not a date of the calendar. */
export function utcMidnightOf(date: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined;
  const atMs = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(atMs) || !new Date(atMs).toISOString().startsWith(date) ? undefined : atMs;
}

function timeAt(value: unknown, path: string): number {
  const match =
    typeof value === "string" ? /^(\d{2}):(\d{2}):(\d{2})(?:Z|([+-])(\d{2}):(\d{2}))$/.exec(value) : null;
  const [hours, minutes, seconds, zoneHours, zoneMinutes] = [1, 2, 3, 5, 6].map((i) =>
    Number(match?.[i] ?? 0),
  );
  const isInRange = hours! < 24 && minutes! < 60 && seconds! < 60 && zoneHours! < 24 && zoneMinutes! < 60;
  if (match === null || !isInRange) throw new PriceDataError(path, "a time such as 16:30:00Z");
  const offsetMs = (zoneHours! * 60 + zoneMinutes!) * 60_000 * (match[4] === "-" ? -1 : 1);
  return (((hours! * 60 + minutes!) * 60 + seconds!) * 1_000 - offsetMs + DAY_MS) % DAY_MS;
}

/** Which of a model's records applies at this instant: the last whose condition holds, else the first. */
export function indexAt(prices: readonly ConditionalRecord[], atMs: number): number {
  const dayMs = ((atMs % DAY_MS) + DAY_MS) % DAY_MS;
  const index = prices.findLastIndex(({ condition }) => {
    if (condition.kind === "always") return true;
    if (condition.kind === "from") return atMs >= condition.atMs;
    const { startMs, endMs } = condition;
    return endMs < startMs ? dayMs >= startMs || dayMs < endMs : dayMs >= startMs && dayMs < endMs;
  });
  return Math.max(index, 0);
}
