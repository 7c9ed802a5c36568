/**
 * @module Migration 2: posting to rolling windows, slice by slice.
 *
 * The counter's row is locked by whoever calls these, and a slice belongs to one counter, so they never wait. Each gives
 * back what is spent in the slices that still count, in the order of amounts.
 */

export function sliceFunctions(schema: string): string {
  return `
CREATE FUNCTION ${schema}.slice_sums(of_key text, oldest bigint) RETURNS bigint[] LANGUAGE sql AS $slice$
  SELECT ARRAY[
    least(9007199254740991, coalesce(sum(nano_usd), 0)), least(9007199254740991, coalesce(sum(calls), 0)), 0,
    least(9007199254740991, coalesce(sum(input_tokens), 0)), least(9007199254740991, coalesce(sum(output_tokens), 0)),
    least(9007199254740991, coalesce(sum(total_tokens), 0))]::bigint[]
  FROM ${schema}.slice WHERE scope_key = of_key AND segment >= oldest
$slice$;

CREATE FUNCTION ${schema}.slice_slide(of_key text, oldest bigint) RETURNS bigint[] LANGUAGE plpgsql AS $slice$
BEGIN
  DELETE FROM ${schema}.slice WHERE scope_key = of_key AND segment < oldest;
  RETURN ${schema}.slice_sums(of_key, oldest);
END
$slice$;

CREATE FUNCTION ${schema}.slice_post(of_key text, of_segment bigint, oldest bigint, removed bigint[], added bigint[])
RETURNS bigint[] LANGUAGE plpgsql AS $slice$
BEGIN
  INSERT INTO ${schema}.slice AS there VALUES (of_key, of_segment, added[1], added[2], added[4], added[5], added[6])
  ON CONFLICT (scope_key, segment) DO UPDATE SET
    nano_usd = least(9007199254740991, greatest(0, there.nano_usd - coalesce(removed[1], 0)) + added[1]),
    calls = least(9007199254740991, greatest(0, there.calls - coalesce(removed[2], 0)) + added[2]),
    input_tokens = least(9007199254740991, greatest(0, there.input_tokens - coalesce(removed[4], 0)) + added[4]),
    output_tokens = least(9007199254740991, greatest(0, there.output_tokens - coalesce(removed[5], 0)) + added[5]),
    total_tokens = least(9007199254740991, greatest(0, there.total_tokens - coalesce(removed[6], 0)) + added[6]);
  RETURN ${schema}.slice_sums(of_key, oldest);
END
$slice$;

CREATE FUNCTION ${schema}.slice_take(of_key text, oldest bigint, taken bigint[]) RETURNS bigint[] LANGUAGE plpgsql AS $slice$
DECLARE
  r ${schema}.slice;
BEGIN
  -- From the oldest on, so that no slice falls below zero and none owes anything when it leaves.
  FOR r IN SELECT * FROM ${schema}.slice WHERE scope_key = of_key AND segment >= oldest ORDER BY segment LOOP
    UPDATE ${schema}.slice SET
      nano_usd = r.nano_usd - least(r.nano_usd, taken[1]),
      calls = r.calls - least(r.calls, taken[2]),
      input_tokens = r.input_tokens - least(r.input_tokens, taken[4]),
      output_tokens = r.output_tokens - least(r.output_tokens, taken[5]),
      total_tokens = r.total_tokens - least(r.total_tokens, taken[6])
    WHERE scope_key = of_key AND segment = r.segment;
    taken := ARRAY[
      taken[1] - least(r.nano_usd, taken[1]), taken[2] - least(r.calls, taken[2]), 0,
      taken[4] - least(r.input_tokens, taken[4]), taken[5] - least(r.output_tokens, taken[5]),
      taken[6] - least(r.total_tokens, taken[6])];
  END LOOP;
  RETURN ${schema}.slice_sums(of_key, oldest);
END
$slice$;
`;
}
