/** @module The ledger of usage records in Postgres: one statement per question, days added up when they are asked for. */
import { mergeAttribution, type Attribution } from "../../attribution/attribution.ts";
import { OperationInvalidError } from "../../error/operation-invalid-error.ts";
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
import type { Row } from "./client.ts";
import { decodeText, encodeText } from "./text.ts";

const DAY_MS = 86_400_000;
/** As encoded; an index of Postgres takes no more than 2.7 kB. */
const LONGEST_ID = 512;

/** Runs one statement on the schema that was checked; repeats it when Postgres asks for that. */
export type Ask = (text: string, params: readonly (string | null)[]) => Promise<readonly Row[]>;

export class PostgresUsageLedger implements UsageLedger {
  readonly #table: string;
  readonly #ask: Ask;

  constructor(schema: string, ask: Ask) {
    this.#table = `${schema}.usage_record`;
    this.#ask = ask;
  }

  async append(records: readonly UsageRecord[]): Promise<void> {
    requireUsageRecords(records);
    if (records.length === 0) return;
    const rows = records.map(rowOf);
    // Sorted, so that two who deliver the same records do not wait for each other.
    await this.#ask(
      `INSERT INTO ${this.#table} SELECT r.* FROM json_to_recordset($1::text::json) AS r (id text, at_ms bigint, ` +
        "call_id text, provider text, model text, input_tokens bigint, output_tokens bigint, cost_nano_usd bigint, " +
        'estimated boolean, tags jsonb, record text) ORDER BY r.id COLLATE "C" ON CONFLICT DO NOTHING',
      [JSON.stringify(rows)],
    );
  }

  async records(query: UsageQuery): Promise<UsagePage> {
    requireUsageQuery(query);
    const limit = query.limit ?? DEFAULT_USAGE_PAGE;
    const params: string[] = [];
    const conditions = conditionsOf(query, params);
    if (query.after !== undefined) {
      const { atMs, id } = query.after;
      conditions.push(
        `(at_ms, id) > ($${params.push(String(atMs))}::text::bigint, $${params.push(encodeText(id))}::text)`,
      );
    }
    const rows = await this.#ask(
      `SELECT record FROM ${this.#table} WHERE ${conditions.join(" AND ")} ORDER BY at_ms, id ` +
        `LIMIT $${params.push(String(limit + 1))}::text::bigint`,
      params,
    );
    const records = rows.slice(0, limit).map(({ record }) => recordFrom(record as string));
    const last = records.at(-1);
    return rows.length > limit && last !== undefined
      ? { records, next: { atMs: last.atMs, id: last.id } }
      : { records };
  }

  async rollups(query: UsageRollupQuery): Promise<readonly UsageRollup[]> {
    requireRollupQuery(query);
    const groupBy = query.groupBy ?? [];
    const params: string[] = [];
    const conditions = conditionsOf(query, params);
    const groups = groupBy.map((key, i) => {
      if (key === "model" || key === "provider") return `${key} AS group_${i}`;
      return `tags ->> $${params.push(encodeText(key))}::text AS group_${i}`;
    });
    const sums = [
      "count(*) AS attempts",
      "count(DISTINCT call_id) AS calls",
      "sum(input_tokens) AS input_tokens",
      "sum(output_tokens) AS output_tokens",
      "sum(cost_nano_usd) AS cost",
      "count(*) FILTER (WHERE estimated) AS estimated_attempts",
      "sum(cost_nano_usd) FILTER (WHERE estimated) AS estimated_cost",
    ].map((sum) => sum.replace(/^(.*) AS (\w+)$/, "($1)::text AS $2"));
    const columns = [`(at_ms / ${DAY_MS})::text AS day`, ...groups, ...sums];
    const grouped = groupBy.map((_, i) => String(i + 2));
    const rows = await this.#ask(
      `SELECT ${columns.join(", ")} FROM ${this.#table} WHERE ${conditions.join(" AND ")} ` +
        `GROUP BY ${["1", ...grouped].join(", ")}`,
      params,
    );
    return rows.map((row) => rollupOf(row, groupBy)).sort((a, b) => compareRollups(groupBy, a, b));
  }
}

function rowOf(record: UsageRecord): Record<string, unknown> {
  const id = encodeText(record.id);
  if (id.length > LONGEST_ID) {
    throw new OperationInvalidError(`a usage record's id must have at most ${LONGEST_ID} characters`);
  }
  return {
    id,
    at_ms: record.atMs,
    call_id: encodeText(record.callId),
    provider: encodeText(record.provider),
    model: encodeText(modelOf(record)),
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    cost_nano_usd: record.costNanoUsd,
    estimated: record.usageSource === "estimated",
    tags: tagsOf(record.attribution),
    record: JSON.stringify(record),
  };
}

function tagsOf(attribution: Attribution): Record<string, string> {
  const tags = Object.create(null) as Record<string, string>;
  for (const tag of Object.keys(attribution)) {
    const value = attribution[tag];
    if (value !== undefined) tags[encodeText(tag)] = encodeText(value);
  }
  return tags;
}

function recordFrom(text: string): UsageRecord {
  const record = JSON.parse(text) as UsageRecord;
  return { ...record, attribution: mergeAttribution(record.attribution) };
}

/** Adds the values to `params`. */
function conditionsOf(filter: UsageFilter, params: string[]): string[] {
  const conditions = ["true"];
  if (filter.fromMs !== undefined)
    conditions.push(`at_ms >= $${params.push(String(filter.fromMs))}::text::bigint`);
  if (filter.toMs !== undefined)
    conditions.push(`at_ms < $${params.push(String(filter.toMs))}::text::bigint`);
  if (filter.provider !== undefined)
    conditions.push(`provider = $${params.push(encodeText(filter.provider))}::text`);
  if (filter.model !== undefined) conditions.push(`model = $${params.push(encodeText(filter.model))}::text`);
  for (const [tag, value] of Object.entries(filter.tags ?? {})) {
    const found = `tags ->> $${params.push(encodeText(tag))}::text`;
    conditions.push(
      value === null ? `${found} IS NULL` : `${found} = $${params.push(encodeText(value))}::text`,
    );
  }
  return conditions;
}

function rollupOf(row: Row, groupBy: readonly string[]): UsageRollup {
  const values = groupBy.map((_, i) => {
    const value = row[`group_${i}`] as string | null;
    return value === null ? null : decodeText(value);
  });
  return {
    day: utcDayOf(Number(row["day"]) * DAY_MS),
    group: groupOf(groupBy, values),
    calls: countOf(row["calls"]),
    attempts: countOf(row["attempts"]),
    inputTokens: countOf(row["input_tokens"]),
    outputTokens: countOf(row["output_tokens"]),
    costNanoUsd: countOf(row["cost"]),
    estimatedAttempts: countOf(row["estimated_attempts"]),
    estimatedCostNanoUsd: countOf(row["estimated_cost"]),
  };
}

/** Sums stop at the largest safe integer. A sum of nothing is null. */
function countOf(text: unknown): number {
  const count = BigInt((text as string | null) ?? 0);
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(count);
}
