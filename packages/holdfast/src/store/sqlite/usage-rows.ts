/** @module The ledger of usage records in SQLite. */
import { mergeAttribution, type Attribution } from "../../attribution/attribution.ts";
import {
  compareRollups,
  DEFAULT_USAGE_PAGE,
  groupOf,
  modelOf,
  requireRollupQuery,
  requireUsageQuery,
  requireUsageRecords,
  utcDayOf,
  type UsageFilter,
  type UsageLedger,
  type UsagePage,
  type UsageQuery,
  type UsageRollup,
  type UsageRollupQuery,
} from "../../ledger/usage-ledger.ts";
import type { UsageRecord } from "../../meter/usage-record.ts";
import type { Connection, SqliteValue } from "./database.ts";
import { fromSortableText, sortableText } from "./sortable-text.ts";

const DAY_MS = 86_400_000;

/** Sums are taken in two halves, so that SQLite's own integers cannot overflow. */
const HALF_BITS = 26;
const HALF = 2 ** HALF_BITS;
const sumOf = (name: string, what: string): string =>
  `sum((${what}) >> ${HALF_BITS}) AS ${name}_high, sum((${what}) & ${HALF - 1}) AS ${name}_low`;

type Halves<Name extends string> = Readonly<Record<`${Name}_high` | `${Name}_low`, number>>;

type RollupRow = Halves<"input_tokens" | "output_tokens" | "cost" | "estimated_cost"> &
  Readonly<Record<`group_${number}`, string | null>> & {
    readonly day: number;
    readonly calls: number;
    readonly attempts: number;
    readonly estimated_attempts: number;
  };

interface Condition {
  readonly sql: string;
  readonly values: readonly SqliteValue[];
}

/** Lends a connection for one piece of work. */
export type LendConnection = <T>(work: (connection: Connection) => T) => T;

const ADD =
  "INSERT INTO usage (id, at_ms, call_id, provider, model, input_tokens, output_tokens, cost_nano_usd, " +
  "estimated, tags, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";

export class SqliteUsageLedger implements UsageLedger {
  readonly #lend: LendConnection;

  constructor(lend: LendConnection) {
    this.#lend = lend;
  }

  append(records: readonly UsageRecord[]): void {
    requireUsageRecords(records);
    if (records.length === 0) return;
    this.#lend((connection) => {
      const add = connection.prepare(ADD);
      connection.write(() => {
        for (const record of records) {
          add.run(
            sortableText(record.id),
            record.atMs,
            sortableText(record.callId),
            sortableText(record.provider),
            sortableText(modelOf(record)),
            record.inputTokens,
            record.outputTokens,
            record.costNanoUsd,
            record.usageSource === "estimated" ? 1 : 0,
            tagsText(record.attribution),
            JSON.stringify(record),
          );
        }
      });
    });
  }

  records(query: UsageQuery): UsagePage {
    requireUsageQuery(query);
    const limit = query.limit ?? DEFAULT_USAGE_PAGE;
    const where = whereOf([
      ...conditionsOf(query),
      ...(query.after === undefined
        ? []
        : [{ sql: "(at_ms, id) > (?, ?)", values: [query.after.atMs, sortableText(query.after.id)] }]),
    ]);
    const sql = `SELECT record FROM usage ${where.sql} ORDER BY at_ms, id LIMIT ?`;
    const rows = this.#all(sql, [...where.values, limit + 1]) as { readonly record: string }[];
    const records = rows.slice(0, limit).map(({ record }) => recordFrom(record));
    const last = records.at(-1);
    return rows.length > limit && last !== undefined
      ? { records, next: { atMs: last.atMs, id: last.id } }
      : { records };
  }

  rollups(query: UsageRollupQuery): readonly UsageRollup[] {
    requireRollupQuery(query);
    const groupBy = query.groupBy ?? [];
    const where = whereOf(conditionsOf(query));
    const groups = groupBy.map((key, i) => {
      if (key === "model" || key === "provider") return { sql: `${key} AS group_${i}`, values: [] };
      return { sql: `json_extract(tags, ?) AS group_${i}`, values: [tagPath(key)] };
    });
    const columns = [
      ...groups.map(({ sql }) => sql),
      `at_ms / ${DAY_MS} AS day`,
      "count(*) AS attempts",
      "count(DISTINCT call_id) AS calls",
      "sum(estimated) AS estimated_attempts",
      sumOf("input_tokens", "input_tokens"),
      sumOf("output_tokens", "output_tokens"),
      sumOf("cost", "cost_nano_usd"),
      sumOf("estimated_cost", "cost_nano_usd * estimated"),
    ];
    const rows = this.#all(
      `SELECT ${columns.join(", ")} FROM usage ${where.sql} ` +
        `GROUP BY ${["day", ...groups.map((_, i) => `group_${i}`)].join(", ")}`,
      [...groups.flatMap(({ values }) => values), ...where.values],
    ) as RollupRow[];
    return rows
      .map((row): UsageRollup => {
        const values = groupBy.map((_, i) => row[`group_${i}`] ?? null);
        return {
          day: utcDayOf(row.day * DAY_MS),
          group: groupOf(
            groupBy,
            values.map((value) => (value === null ? null : fromSortableText(value))),
          ),
          calls: row.calls,
          attempts: row.attempts,
          inputTokens: joined(row.input_tokens_high, row.input_tokens_low),
          outputTokens: joined(row.output_tokens_high, row.output_tokens_low),
          costNanoUsd: joined(row.cost_high, row.cost_low),
          estimatedAttempts: row.estimated_attempts,
          estimatedCostNanoUsd: joined(row.estimated_cost_high, row.estimated_cost_low),
        };
      })
      .sort((a, b) => compareRollups(groupBy, a, b));
  }

  #all(sql: string, values: readonly SqliteValue[]): unknown[] {
    return this.#lend((connection) => connection.prepare(sql).all(...values));
  }
}

/** The sum of the two halves, at most the largest safe integer. */
function joined(high: number, low: number): number {
  const sum = BigInt(high) * BigInt(HALF) + BigInt(low);
  return sum > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(sum);
}

/**
 * Where a tag is in the JSON of `tags`. The name is written so that no name can be read as a part of the path, which
 * knows no escapes.
 */
function tagPath(tag: string): string {
  return `$."${tagName(tag)}"`;
}

function tagName(tag: string): string {
  return `t${tag.replace(/[^A-Za-z0-9_]/g, (unit) => `~${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}`;
}

function tagsText(attribution: Attribution): string {
  const tags: [string, string][] = [];
  for (const tag of Object.keys(attribution)) {
    const value = attribution[tag];
    if (value !== undefined) tags.push([tagName(tag), sortableText(value)]);
  }
  return JSON.stringify(Object.fromEntries(tags));
}

function recordFrom(text: string): UsageRecord {
  const record = JSON.parse(text) as UsageRecord;
  return { ...record, attribution: mergeAttribution(record.attribution) };
}

function conditionsOf(filter: UsageFilter): Condition[] {
  const conditions: Condition[] = [];
  const add = (sql: string, ...values: SqliteValue[]): void => void conditions.push({ sql, values });
  if (filter.fromMs !== undefined) add("at_ms >= ?", filter.fromMs);
  if (filter.toMs !== undefined) add("at_ms < ?", filter.toMs);
  if (filter.provider !== undefined) add("provider = ?", sortableText(filter.provider));
  if (filter.model !== undefined) add("model = ?", sortableText(filter.model));
  for (const [tag, value] of Object.entries(filter.tags ?? {})) {
    add("json_extract(tags, ?) IS ?", tagPath(tag), value === null ? null : sortableText(value));
  }
  return conditions;
}

function whereOf(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.length === 0 ? "" : `WHERE ${conditions.map(({ sql }) => sql).join(" AND ")}`,
    values: conditions.flatMap(({ values }) => values),
  };
}
