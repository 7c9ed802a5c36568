/** @module Part of the function `run`: adjust and override. */

export function correct(schema: string): string {
  return `
      j := operations[o][3];
      n := scopes[j][1];
      fingerprint := CASE WHEN kind = 6 THEN array_to_string(given, ',')
        ELSE operations[o][2] || ':' || array_to_string(scopes[j:j][3:8], ',', '-') END;
      fingerprint := kind || ':' || fingerprint || ':' || keys[n];
      SELECT * INTO previous FROM ${schema}.operation WHERE id = operation_ids[o] AND subject = hold_ids[o];
      IF FOUND THEN
        answer := '{"o":"mismatch"}';
        IF previous.fingerprint = fingerprint THEN answer := '{"replayed":true,' || substr(previous.answer, 2); END IF;
      ELSIF kind = 7 THEN
        life_end := now_ms + operations[o][2];
        INSERT INTO ${schema}.override (scope_key, expires_at_ms, extra)
        VALUES (keys[n], life_end, ARRAY[coalesce(scopes[j][3], 0), coalesce(scopes[j][4], 0),
          coalesce(scopes[j][5], 0), coalesce(scopes[j][6], 0), coalesce(scopes[j][7], 0), coalesce(scopes[j][8], 0)]);
        answer := '{"o":"overridden","expires":' || life_end || '}';
        INSERT INTO ${schema}.operation
        VALUES (operation_ids[o], hold_ids[o], fingerprint, answer, now_ms + settings[3]);
      ELSIF counter_of[n] IS NULL THEN
        answer := '{"o":"clock"}';
      ELSE
        i := counter_of[n];
        FOR d IN 1 .. 6 LOOP
          IF m[i][7 + d] + given[d] NOT BETWEEN 0 AND largest THEN answer := '{"o":"out-of-range"}'; END IF;
        END LOOP;
        IF answer IS NULL THEN
          -- A slot is only ever held.
          given[3] := 0;
          IF m[i][4] = 0 THEN
            FOR d IN 1 .. 6 LOOP m[i][7 + d] := m[i][7 + d] + given[d]; END LOOP;
          ELSE
            sums := ${schema}.slice_take(l_key[i], m[i][5], ARRAY[greatest(-given[1], 0), greatest(-given[2], 0), 0,
              greatest(-given[4], 0), greatest(-given[5], 0), greatest(-given[6], 0)]);
            sums := ${schema}.slice_post(l_key[i],
              floor(now_ms::float8 / (m[i][3]::float8 / m[i][4]::float8))::bigint, m[i][5], NULL,
              ARRAY[greatest(given[1], 0), greatest(given[2], 0), 0,
                greatest(given[4], 0), greatest(given[5], 0), greatest(given[6], 0)]);
            m[i][8] := sums[1]; m[i][9] := sums[2]; m[i][11] := sums[4]; m[i][12] := sums[5]; m[i][13] := sums[6];
          END IF;
          m[i][6] := now_ms;
          is_touched[i] := true;
          answer := format('{"o":"adjusted","at":%s,"limits":%s,"state":%s}',
            now_ms, to_json(scopes[j:j][3:8]), to_json(m[i:i][8:19]));
          INSERT INTO ${schema}.operation
          VALUES (operation_ids[o], hold_ids[o], fingerprint, answer, now_ms + settings[3]);
        END IF;
      END IF;
`;
}
