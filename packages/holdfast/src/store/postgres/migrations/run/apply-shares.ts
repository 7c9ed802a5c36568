/** @module Part of the function `run`: what `actions` says, to the counter of each scope of the hold at hand. */

export function applyShares(schema: string): string {
  return `
    FOR s IN 1 .. coalesce(length(actions), 0) LOOP
      action := substr(actions, s, 1);
      i := array_position(l_key, h.scope_keys[s]);
      WHILE m[i][1] <> h.window_starts[s] LOOP
        i := i + 1;
        IF l_key[i] IS DISTINCT FROM h.scope_keys[s] THEN i := NULL; END IF;
      END LOOP;
      IF o <= 0 THEN
        SELECT '[' || to_json(coalesce(long_key, scope_key)) || ',' || to_json(window_id) || ',"' || action || '"]'
        INTO a_text FROM ${schema}.counter WHERE scope_key = h.scope_keys[s] AND start_ms = h.window_starts[s];
        effects := effects || a_text;
      END IF;
      -- The counter of a past window may be gone.
      CONTINUE WHEN i IS NULL OR action NOT IN ('c', 'r', 'x', 'a');
      m[i][6] := now_ms;
      is_touched[i] := true;
      IF action IN ('c', 'r') THEN
        m[i][7] := m[i][7] - 1;
        m[i][14] := greatest(0, m[i][14] - h.amounts[1]); m[i][15] := greatest(0, m[i][15] - h.amounts[2]);
        m[i][16] := greatest(0, m[i][16] - h.amounts[3]); m[i][17] := greatest(0, m[i][17] - h.amounts[4]);
        m[i][18] := greatest(0, m[i][18] - h.amounts[5]); m[i][19] := greatest(0, m[i][19] - h.amounts[6]);
      END IF;
      CONTINUE WHEN action = 'r';
      IF m[i][4] > 0 THEN
        segment := floor(h.reserved_at_ms::float8 / (m[i][3]::float8 / m[i][4]::float8))::bigint;
        CONTINUE WHEN segment < m[i][5];
        sums := ${schema}.slice_post(l_key[i], segment, m[i][5], CASE WHEN action = 'x' THEN h.amounts END, added);
        m[i][8] := sums[1]; m[i][9] := sums[2]; m[i][11] := sums[4]; m[i][12] := sums[5]; m[i][13] := sums[6];
        CONTINUE;
      END IF;
      IF action = 'x' THEN
        m[i][8] := greatest(0, m[i][8] - h.amounts[1]); m[i][9] := greatest(0, m[i][9] - h.amounts[2]);
        m[i][11] := greatest(0, m[i][11] - h.amounts[4]); m[i][12] := greatest(0, m[i][12] - h.amounts[5]);
        m[i][13] := greatest(0, m[i][13] - h.amounts[6]);
      END IF;
      m[i][8] := least(largest, m[i][8] + added[1]); m[i][9] := least(largest, m[i][9] + added[2]);
      m[i][11] := least(largest, m[i][11] + added[4]); m[i][12] := least(largest, m[i][12] + added[5]);
      m[i][13] := least(largest, m[i][13] + added[6]);
    END LOOP;
`;
}
