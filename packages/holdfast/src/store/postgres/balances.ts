/** @module The listing of balances: one statement, which reads what is spent in rolling windows as of now. */
import type { Balances, BalancesQuery, ScopeState } from "../../ledger/ledger-store.ts";
import { DIMENSIONS, type Dimension, type Limits } from "../../ledger/amounts.ts";
import { saturatingAdd } from "../../kernel/money.ts";
import { amountsOf } from "./answers.ts";
import type { Query, Row } from "./client.ts";
import { describedScope } from "./scope-text.ts";
import { decodeText, encodeText, quoted, storedKey } from "./text.ts";

const DEFAULT_LIMIT = 1_000;

/** Counts are texts: client libraries disagree on what a bigint is. */
function balancesStatement(schema: string): string {
  return `
SELECT c.scope_key, c.window_id, c.start_ms::text, c.end_ms::text, c.description,
  to_json(ARRAY[spent.nano_usd, spent.calls, 0, spent.input_tokens, spent.output_tokens, spent.total_tokens,
    c.held_nano_usd, c.held_calls, c.held_concurrent_calls, c.held_input_tokens, c.held_output_tokens,
    c.held_total_tokens])::text AS counts,
  (SELECT to_json(ARRAY[sum(o.extra[1]), sum(o.extra[2]), sum(o.extra[3]), sum(o.extra[4]), sum(o.extra[5]),
    sum(o.extra[6])])::text FROM ${schema}.override AS o
    WHERE o.scope_key = c.scope_key AND o.expires_at_ms > t.now_ms) AS extra
FROM (SELECT coalesce($1::text::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS now_ms) AS t
CROSS JOIN ${schema}.counter AS c
CROSS JOIN LATERAL (
  SELECT c.spent_nano_usd AS nano_usd, c.spent_calls AS calls, c.spent_input_tokens AS input_tokens,
    c.spent_output_tokens AS output_tokens, c.spent_total_tokens AS total_tokens
  WHERE c.segments = 0
  UNION ALL
  SELECT sums[1], sums[2], sums[4], sums[5], sums[6] FROM (
    SELECT ${schema}.slice_sums(c.scope_key,
      floor(t.now_ms::float8 / (c.rolling_ms::float8 / c.segments::float8))::bigint - c.segments) AS sums
    WHERE c.segments > 0 OFFSET 0) AS slices
) AS spent
WHERE ($2::text::text[] IS NULL OR c.budget_id = ANY ($2::text::text[]))
  AND ($3::text IS NULL OR c.scope_key > $3::text)
  AND (c.end_ms IS NULL OR c.end_ms > t.now_ms OR c.holds > 0)
  AND (c.holds > 0 OR spent.nano_usd > 0 OR spent.calls > 0 OR spent.input_tokens > 0 OR spent.output_tokens > 0
    OR spent.total_tokens > 0)
ORDER BY c.scope_key FETCH FIRST ($4::text::bigint) ROWS WITH TIES`;
}

export async function readBalances(
  query: Query,
  schema: string,
  asked: BalancesQuery,
  nowMs: number | undefined,
): Promise<Balances> {
  const limit = asked.limit ?? DEFAULT_LIMIT;
  const rows = await query(balancesStatement(schema), [
    nowMs === undefined ? null : String(nowMs),
    asked.budgetIds === undefined ? null : `{${asked.budgetIds.map((id) => quoted(encodeText(id))).join()}}`,
    asked.after === undefined ? null : storedKey(asked.after),
    // One more, to know whether there are more.
    String(limit + 1),
  ]);
  let end = Math.min(limit, rows.length);
  // A page never splits the windows of one scope: `after` continues behind the scope as a whole.
  while (end > 0 && end < rows.length && rows[end]!["scope_key"] === rows[end - 1]!["scope_key"]) end += 1;
  const balances = rows
    .slice(0, end)
    .map(stateOf)
    .sort((a, b) => (a.scope.key === b.scope.key ? a.window.startMs - b.window.startMs : 0));
  const last = balances.at(-1);
  return rows.length > limit && last !== undefined ? { balances, next: last.scope.key } : { balances };
}

function stateOf(row: Row): ScopeState {
  const scope = describedScope(row["description"] as string);
  const counts = JSON.parse(row["counts"] as string) as number[];
  const extra = JSON.parse((row["extra"] as string | null) ?? "[]") as (number | null)[];
  const endMs = row["end_ms"] as string | null;
  return {
    scope,
    window: {
      id: decodeText(row["window_id"] as string),
      startMs: Number(row["start_ms"]),
      endMs: endMs === null ? null : Number(endMs),
    },
    spent: amountsOf(counts),
    held: amountsOf(counts.slice(DIMENSIONS.length)),
    limits: withExtra(scope.limits, extra),
  };
}

function withExtra(limits: Limits, extra: readonly (number | null)[]): Limits {
  const sums: { [D in Dimension]?: number } = {};
  for (const [d, dimension] of DIMENSIONS.entries()) {
    const limit = limits[dimension];
    if (limit !== undefined) sums[dimension] = saturatingAdd(limit, extra[d] ?? 0);
  }
  return sums;
}
