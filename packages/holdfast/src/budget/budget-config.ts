/** @module The budgets as an application writes them, and their validation. */
import type { ConfigProblem } from "../error/config-error.ts";
import { parseUsd } from "../kernel/money.ts";
import { isTimeZone, type CalendarUnit, type WindowSpec } from "../kernel/window.ts";
import type { Dimension, Limits } from "../ledger/amounts.ts";
import type { ExpiryPolicy } from "../ledger/ledger-store.ts";
import type { Budget, OnStoreFailure } from "./budget.ts";

/** At least one of these. All are enforced together, in one step. */
export interface LimitConfig {
  /** Decimal string in USD, exact to 1e-9, such as "250" or "0.05"; at most 9007199.254740991. */
  readonly usd?: string;
  /** Requests; the attempts of one request count once. */
  readonly calls?: number;
  /** Requests in flight at one time. */
  readonly concurrentCalls?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** Input and output together. */
  readonly totalTokens?: number;
}

export interface RollingWindowConfig {
  /** The budget counts over the last so many milliseconds. */
  readonly rollingMs: number;
  /** Slices in which old spend leaves the window; must divide `rollingMs`. @default 60 */
  readonly segments?: number;
}

export interface BudgetConfig {
  /** Unique; part of the counter's name, so renaming a budget starts it anew. */
  readonly id: string;
  /** Counts only calls whose tags have these values. @default every call */
  readonly match?: Readonly<Record<string, string | readonly string[]>>;
  /** One counter per value of these tags. @default one counter for all calls */
  readonly per?: readonly string[];
  readonly limit: LimitConfig;
  /** A calendar period, the whole life ("total"), or a rolling period. */
  readonly window: CalendarUnit | "total" | RollingWindowConfig;
  /** IANA zone of a calendar window. @default "UTC" */
  readonly timeZone?: string;
  /** What a call costs that was sent and never settled (a crash). @default "charge" */
  readonly onExpiry?: ExpiryPolicy;
  /**
   * What becomes of this budget's calls while the store is out of reach. "closed": nothing is admitted. "lease": only
   * what a leased store holds in advance (needs `leased(...)`), with no overshoot. `{ local }`: each process may use
   * this much per counter and window, so that the limit can be passed by that times the processes; it is posted
   * afterwards. "open": everything is admitted, and posted afterwards. The strictest budget of a call decides.
   * @default "closed"
   */
  readonly onStoreFailure?: "closed" | "lease" | "open" | { readonly local: LimitConfig };
}

const BUDGET_KEYS = ["id", "match", "per", "limit", "window", "timeZone", "onExpiry", "onStoreFailure"];
const CALENDAR_UNITS: readonly string[] = ["hour", "day", "week", "month", "quarter", "year"];
const EXPIRY_POLICIES: readonly string[] = ["charge", "release", "quarantine"];
const COUNTED: Readonly<Record<string, Dimension>> = {
  calls: "calls",
  concurrentCalls: "concurrentCalls",
  inputTokens: "inputTokens",
  outputTokens: "outputTokens",
  totalTokens: "totalTokens",
};

/** Budgets, or everything that is wrong with them. */
export function parseBudgets(config: unknown): {
  budgets: readonly Budget[];
  problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const budgets: Budget[] = [];
  if (!Array.isArray(config)) {
    return { budgets, problems: [{ field: "budgets", problem: "must be an array of budgets." }] };
  }
  const ids = new Map<string, number>();
  config.forEach((entry: unknown, index) => {
    const before = problems.length;
    const budget = parseBudget(entry, `budgets[${index}]`, problems);
    if (budget === undefined || budget.id === "") return;
    const first = ids.get(budget.id);
    if (first !== undefined) {
      problems.push({
        field: `budgets[${index}].id`,
        problem: `is the id of budgets[${first}] too; give it its own.`,
      });
    } else ids.set(budget.id, index);
    if (problems.length === before) budgets.push(budget);
  });
  return { budgets, problems };
}

function parseBudget(entry: unknown, field: string, problems: ConfigProblem[]): Budget | undefined {
  if (!isRecord(entry)) {
    problems.push({ field, problem: "must be an object with id, limit and window." });
    return undefined;
  }
  reportUnknownKeys(entry, BUDGET_KEYS, field, problems);
  const { id } = entry;
  if (typeof id !== "string" || id === "") {
    problems.push({ field: `${field}.id`, problem: "must be a string that is not empty." });
  }
  return {
    id: typeof id === "string" ? id : "",
    match: parseMatch(entry["match"], `${field}.match`, problems),
    per: parsePer(entry["per"], `${field}.per`, problems),
    limits: Object.freeze(parseLimit(entry["limit"], `${field}.limit`, problems)),
    window: parseWindow(entry, field, problems),
    onExpiry: parseOnExpiry(entry["onExpiry"], `${field}.onExpiry`, problems),
    onStoreFailure: parseOnStoreFailure(entry["onStoreFailure"], `${field}.onStoreFailure`, problems),
  };
}

function parseMatch(value: unknown, field: string, problems: ConfigProblem[]): Budget["match"] {
  if (value === undefined) return [];
  if (!isRecord(value)) {
    problems.push({ field, problem: 'must be an object of tags, such as { agent: "support-bot" }.' });
    return [];
  }
  return Object.entries(value).map(([tag, wanted]) => {
    const values: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    if (values.length === 0 || values.some((one) => typeof one !== "string")) {
      problems.push({ field: `${field}.${tag}`, problem: "must be a string or a list of strings." });
    }
    return { tag, values: new Set(values.filter((one) => typeof one === "string")) };
  });
}

function parsePer(value: unknown, field: string, problems: ConfigProblem[]): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((tag) => typeof tag !== "string" || tag === "")) {
    problems.push({ field, problem: 'must be a list of tags, such as ["tenant"].' });
    return [];
  }
  if (new Set(value).size !== value.length) problems.push({ field, problem: "names a tag twice." });
  return [...(value as string[])];
}

function parseLimit(value: unknown, field: string, problems: ConfigProblem[]): Limits {
  const limits: { [D in Dimension]?: number } = {};
  if (!isRecord(value) || Object.values(value).every((one) => one === undefined)) {
    problems.push({
      field,
      problem: `must state at least one of usd, ${Object.keys(COUNTED).join(", ")}, such as { usd: "250" }.`,
    });
    return limits;
  }
  reportUnknownKeys(value, ["usd", ...Object.keys(COUNTED)], field, problems);
  if (value["usd"] !== undefined) {
    const parsed = parseUsd(value["usd"]);
    if (parsed.ok) limits.nanoUsd = parsed.nanoUsd;
    else problems.push({ field: `${field}.usd`, problem: `${parsed.reason}.` });
  }
  for (const [key, dimension] of Object.entries(COUNTED)) {
    const count = value[key];
    if (count === undefined) continue;
    if (!Number.isSafeInteger(count) || (count as number) < 0) {
      problems.push({
        field: `${field}.${key}`,
        problem: `must be a whole number >= 0, not ${show(count)}.`,
      });
    } else limits[dimension] = count as number;
  }
  return limits;
}

function parseWindow(entry: Record<string, unknown>, field: string, problems: ConfigProblem[]): WindowSpec {
  const { window, timeZone } = entry;
  const calendar = typeof window === "string" && CALENDAR_UNITS.includes(window);
  if (timeZone !== undefined && !calendar) {
    problems.push({
      field: `${field}.timeZone`,
      problem: "belongs to a calendar window only; leave it out.",
    });
  }
  if (window === "total") return { kind: "total" };
  if (calendar) {
    const zone = timeZone ?? "UTC";
    if (typeof zone !== "string" || !isTimeZone(zone)) {
      problems.push({
        field: `${field}.timeZone`,
        problem: `must be an IANA time zone such as "Europe/Berlin", not ${show(zone)}.`,
      });
    }
    return { kind: "calendar", unit: window as CalendarUnit, timeZone: zone as string };
  }
  if (isRecord(window)) {
    reportUnknownKeys(window, ["rollingMs", "segments"], `${field}.window`, problems);
    const { rollingMs, segments = 60 } = window;
    if (!isPositiveInteger(rollingMs) || !isPositiveInteger(segments) || rollingMs % segments !== 0) {
      problems.push({
        field: `${field}.window`,
        problem:
          "must have rollingMs as a whole number of milliseconds that segments (default 60) divides evenly.",
      });
      return { kind: "total" };
    }
    return { kind: "rolling", durationMs: rollingMs, segments };
  }
  problems.push({
    field: `${field}.window`,
    problem: `must be one of ${CALENDAR_UNITS.join(", ")}, total, or { rollingMs }, not ${show(window)}.`,
  });
  return { kind: "total" };
}

function parseOnExpiry(value: unknown, field: string, problems: ConfigProblem[]): ExpiryPolicy {
  if (value === undefined) return "charge";
  if (typeof value === "string" && EXPIRY_POLICIES.includes(value)) return value as ExpiryPolicy;
  problems.push({ field, problem: `must be one of ${EXPIRY_POLICIES.join(", ")}, not ${show(value)}.` });
  return "charge";
}

function parseOnStoreFailure(value: unknown, field: string, problems: ConfigProblem[]): OnStoreFailure {
  if (value === undefined) return { do: "closed" };
  if (value === "closed" || value === "lease" || value === "open") return { do: value };
  if (isRecord(value)) {
    reportUnknownKeys(value, ["local"], field, problems);
    return { do: "local", limits: Object.freeze(parseLimit(value["local"], `${field}.local`, problems)) };
  }
  problems.push({
    field,
    problem: `must be "closed", "lease", "open" or { local: { usd } }, not ${show(value)}.`,
  });
  return { do: "closed" };
}

export function reportUnknownKeys(
  value: Record<string, unknown>,
  known: readonly string[],
  field: string,
  problems: ConfigProblem[],
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    problems.push({
      field: `${field}.${key}`,
      problem: `is not a known setting; known are ${known.join(", ")}.`,
    });
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** A value from the configuration, for a message: never more than a short text, and never a conversion that can fail. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.slice(0, 40));
    case "number":
    case "boolean":
    case "bigint":
    case "undefined":
      return String(value);
    default:
      return value === null ? "null" : Array.isArray(value) ? "a list" : `a value of type ${typeof value}`;
  }
}
