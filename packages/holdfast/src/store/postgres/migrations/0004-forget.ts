/**
 * @module Migration 4: forgetting what nobody can ask for any more, a few rows at a time.
 *
 * Rows that somebody else has locked are left for the next time, so this never waits. Gives back the scope key behind
 * which the next call goes on looking for counters that are empty for good; '' at the end.
 */

export function forgetFunction(schema: string): string {
  return `
CREATE FUNCTION ${schema}.forget(given_ms bigint, remember_ms bigint, at_most integer, behind text)
RETURNS text LANGUAGE plpgsql
SET enable_seqscan TO off SET plan_cache_mode TO force_generic_plan SET jit TO off
AS $forget$
DECLARE
  now_ms CONSTANT bigint := coalesce(given_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
  next_key text;
  emptied text[];
BEGIN
  DELETE FROM ${schema}.reservation WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${schema}.reservation WHERE forget_at_ms <= now_ms
    ORDER BY forget_at_ms LIMIT at_most FOR UPDATE SKIP LOCKED));
  DELETE FROM ${schema}.operation WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${schema}.operation WHERE forget_at_ms <= now_ms
    ORDER BY forget_at_ms LIMIT at_most FOR UPDATE SKIP LOCKED));
  DELETE FROM ${schema}.override WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${schema}.override WHERE expires_at_ms <= now_ms
    ORDER BY expires_at_ms LIMIT at_most FOR UPDATE SKIP LOCKED));
  -- Windows that are over; nothing looks at one any more once nothing is held there.
  DELETE FROM ${schema}.counter WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${schema}.counter WHERE end_ms <= now_ms AND holds = 0
    ORDER BY end_ms LIMIT at_most FOR UPDATE SKIP LOCKED));
  -- Everlasting windows with nothing in them, and rolling ones that everything has left; not while a late settlement
  -- may still have to be posted there.
  SELECT max(scope_key) INTO next_key FROM (
    SELECT scope_key FROM ${schema}.counter WHERE scope_key > behind ORDER BY scope_key LIMIT at_most) AS page;
  WITH gone AS (
    DELETE FROM ${schema}.counter WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${schema}.counter
      WHERE scope_key > behind AND scope_key <= next_key AND end_ms IS NULL AND holds = 0
        AND seen_at_ms < now_ms - remember_ms - 2 * rolling_ms
        AND (segments > 0 OR spent_nano_usd + spent_calls + spent_input_tokens + spent_output_tokens + spent_total_tokens = 0)
      ORDER BY scope_key FOR UPDATE SKIP LOCKED))
    RETURNING scope_key
  )
  SELECT array_agg(scope_key) INTO emptied FROM gone;
  DELETE FROM ${schema}.slice WHERE scope_key = ANY (emptied);
  RETURN coalesce(next_key, '');
END
$forget$;
`;
}
