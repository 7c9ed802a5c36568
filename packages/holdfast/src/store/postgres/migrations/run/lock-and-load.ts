/** @module Part of the function `run`: locks everything in its order, reads the time, and loads the counters. */

/** The slice before which all have left the window by now. */
function slid(rollingMs: string, segments: string): string {
  return `floor(now_ms::float8 / (${rollingMs}::float8 / ${segments}::float8))::bigint - ${segments}`;
}

export function lockAndLoad(schema: string): string {
  return `
  a_text := set_config('lock_timeout', settings[2]::text, true);
  IF settings[7] > 0 THEN
    FOR h IN SELECT * FROM ${schema}.reservation WHERE id = ANY (hold_ids) ORDER BY id FOR NO KEY UPDATE LOOP
      o := array_position(hold_ids, h.id);
      named[o] := h;
      states[o] := h.state;
    END LOOP;
  END IF;
  now_ms := coalesce(settings[1], floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
  IF settings[7] > 0 THEN
    FOR o IN 1 .. op_count LOOP
      kind := operations[o][1];
      CONTINUE WHEN kind = 1 OR states[o] IS NULL;
      h := named[o];
      IF h.state IN ('reserved', 'dispatched') AND h.expires_at_ms <= now_ms THEN
        ending_count := ending_count + 1;
        ending[ending_count] := h;
        ending_op[ending_count] := o;
      ELSIF NOT (kind = 3 AND h.state IN ('reserved', 'dispatched', 'quarantined', 'expired')
          OR kind = 4 AND h.state IN ('reserved', 'dispatched', 'quarantined')) THEN
        CONTINUE;
      END IF;
      share_keys := share_keys || h.scope_keys;
      share_starts := share_starts || h.window_starts;
    END LOOP;
  END IF;

  IF settings[6] = 1 THEN
    -- A denial depends on these, so they are waited for; nothing else is locked yet.
    SELECT array_agg(due.id) INTO picked FROM (
      SELECT id FROM ${schema}.reservation
      WHERE state IN ('reserved', 'dispatched') AND expires_at_ms <= now_ms AND scope_keys && keys
      ORDER BY expires_at_ms LIMIT 1000
    ) AS due;
    FOR h IN SELECT * FROM ${schema}.reservation
      WHERE id = ANY (picked) AND state IN ('reserved', 'dispatched') AND expires_at_ms <= now_ms
      ORDER BY id FOR NO KEY UPDATE
    LOOP
      ending_count := ending_count + 1;
      ending[ending_count] := h;
      ending_op[ending_count] := 0;
      share_keys := share_keys || h.scope_keys;
      share_starts := share_starts || h.window_starts;
    END LOOP;
  ELSIF settings[5] > 0 THEN
    n := 0;
    FOR h IN SELECT * FROM ${schema}.reservation
      WHERE state IN ('reserved', 'dispatched') AND expires_at_ms <= now_ms AND id <> ALL (hold_ids)
      ORDER BY expires_at_ms LIMIT settings[5] + 1 FOR NO KEY UPDATE SKIP LOCKED
    LOOP
      IF n >= settings[5] THEN
        more := true;
        EXIT;
      END IF;
      n := n + 1;
      ending_count := ending_count + 1;
      ending[ending_count] := h;
      ending_op[ending_count] := 0;
      share_keys := share_keys || h.scope_keys;
      share_starts := share_starts || h.window_starts;
    END LOOP;
  END IF;


  -- Windows that are not over, later ones than the client knows of too: if there is one, its time has come. And those
  -- that holds were accounted in; a few more rows than that do no harm. The deepest first: whoever waits for one call's
  -- own counter does not keep others from what they all share. This is asked once: rows that come later are not locked.
  SELECT array_agg(c.scope_key), array_agg(ARRAY[c.start_ms, c.end_ms, c.rolling_ms, c.segments, c.oldest_segment,
      c.seen_at_ms, c.holds, c.spent_nano_usd, c.spent_calls, 0, c.spent_input_tokens, c.spent_output_tokens,
      c.spent_total_tokens, c.held_nano_usd, c.held_calls, c.held_concurrent_calls, c.held_input_tokens,
      c.held_output_tokens, c.held_total_tokens, c.n, c.is_described::integer]),
    max(c.seen_at_ms), count(*), max(c.segments) > 0, bool_and(c.is_described),
    (SELECT max(expires_at_ms) FROM ${schema}.override)
  INTO l_key, m, seen, stored, has_rolling, is_uniform, last_override
  FROM (
    SELECT *, array_position(keys, scope_key) AS n,
      description = key_texts[array_position(keys, scope_key)][1] AS is_described
    FROM ${schema}.counter
    WHERE scope_key = ANY (keys || share_keys)
      AND (end_ms IS NULL OR end_ms > now_ms OR start_ms = ANY (share_starts))
    ORDER BY depth DESC, scope_key, start_ms FOR NO KEY UPDATE
  ) AS c;
  loaded := stored;
  now_ms := greatest(coalesce(settings[1], floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), now_ms, seen);
  FOR i IN 1 .. stored LOOP
    n := m[i][20];
    IF m[i][1] <= now_ms AND coalesce(m[i][2] > now_ms, true) AND n > 0 THEN
      counter_of[n] := i;
      found_count := found_count + 1;
    END IF;
  END LOOP;
  is_uniform := is_uniform AND op_count = 1 AND ending_count = 0 AND stored = key_count AND found_count = key_count;
  IF has_rolling THEN
    FOR i IN 1 .. stored LOOP
      CONTINUE WHEN m[i][4] = 0;
      segment := ${slid("m[i][3]", "m[i][4]")};
      CONTINUE WHEN segment <= m[i][5];
      sums := ${schema}.slice_slide(l_key[i], segment);
      m[i][5] := segment;
      m[i][8] := sums[1]; m[i][9] := sums[2]; m[i][11] := sums[4]; m[i][12] := sums[5]; m[i][13] := sums[6];
      is_touched[i] := true;
      is_uniform := false;
    END LOOP;
  END IF;
  FOR n IN 1 .. key_count LOOP
    EXIT WHEN found_count = key_count;
    CONTINUE WHEN counter_of[n] IS NOT NULL;
    IF windows[n][1] <= now_ms AND coalesce(windows[n][2] > now_ms, true) THEN
      d := 1;
    ELSIF windows[n][3] <= now_ms AND windows[n][4] > now_ms THEN
      d := 3;
    ELSE
      CONTINUE;
    END IF;
    loaded := loaded + 1;
    counter_of[n] := loaded;
    l_key[loaded] := keys[n];
    segment := 0;
    IF windows[n][6] > 0 THEN
      segment := ${slid("windows[n][5]", "windows[n][6]")};
    END IF;
    sums := ARRAY[windows[n][d], windows[n][d + 1], windows[n][5], windows[n][6], segment, now_ms,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n, 1];
    IF m IS NULL THEN m := ARRAY[sums]; ELSE m := m || sums; END IF;
  END LOOP;

  -- What overrides allow comes on top of the limits.
  IF last_override > now_ms THEN
    FOR a_text, sums IN
      SELECT v.scope_key, ARRAY[
        least(largest, sum(v.extra[1])), least(largest, sum(v.extra[2])), least(largest, sum(v.extra[3])),
        least(largest, sum(v.extra[4])), least(largest, sum(v.extra[5])), least(largest, sum(v.extra[6]))]::bigint[]
      FROM ${schema}.override AS v
      WHERE v.scope_key = ANY (keys) AND v.expires_at_ms > now_ms GROUP BY v.scope_key
    LOOP
      FOR j IN 1 .. coalesce(array_length(scopes, 1), 0) LOOP
        CONTINUE WHEN scopes[j][2] = 0 OR keys[scopes[j][1]] <> a_text;
        FOR d IN 1 .. 6 LOOP
          IF scopes[j][2 + d] IS NOT NULL THEN
            scopes[j][2 + d] := least(largest, scopes[j][2 + d] + sums[d]);
          END IF;
        END LOOP;
      END LOOP;
    END LOOP;
  END IF;
`;
}
