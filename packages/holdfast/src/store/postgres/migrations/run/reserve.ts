/** @module Part of the function `run`: holds the amounts in every scope or in none, or answers as the first time. */

/** Asking for nothing always fits. Most limits are null, which is the first thing to see. */
function isOverLimit(): string {
  return [1, 2, 3, 4, 5, 6]
    .map((d) => {
      const limit = `scopes[j][${2 + d}]`;
      // A slot is only ever held.
      const spent = d === 3 ? "" : ` - m[i][${7 + d}]`;
      return `${limit} IS NOT NULL AND given[${d}] > 0 AND given[${d}] > ${limit}${spent} - m[i][${13 + d}]`;
    })
    .join("\n          OR ");
}

function scopeRows(p: string): string {
  return `generate_series(operations[${p}][3], operations[${p}][3] + operations[${p}][4] - 1) AS g`;
}

/** The keys of the scopes of operation `p`, in its order. */
export function keysOf(p: string): string {
  return `ARRAY(SELECT keys[scopes[g][1]] FROM ${scopeRows(p)})`;
}

/** The windows that they are accounted in. */
export function startsOf(p: string): string {
  return `ARRAY(SELECT m[counter_of[scopes[g][1]]][1] FROM ${scopeRows(p)})`;
}

export function reserve(schema: string): string {
  return `
      first := operations[o][3];
      last := first + operations[o][4] - 1;
      most := largest - greatest(given[1], given[2], given[3], given[4], given[5], given[6]);
      is_held := true;
      FOR j IN first .. last LOOP
        i := counter_of[scopes[j][1]];
        IF i IS NULL THEN answer := '{"o":"clock"}'; END IF;
        IF ${isOverLimit()}
        THEN
          is_held := false;
        ELSIF greatest(m[i][14], m[i][15], m[i][16], m[i][17], m[i][18], m[i][19]) > most THEN
          -- Even without a limit, what is held must stay countable.
          FOR d IN 1 .. 6 LOOP is_held := is_held AND given[d] <= largest - m[i][13 + d]; END LOOP;
        END IF;
      END LOOP;
      IF states[o] IS NOT NULL THEN
        h := named[o];
        IF h.amounts <> given OR h.scope_keys <> ${keysOf("o")} THEN
          answer := '{"o":"mismatch"}';
        ELSIF h.state = 'denied' THEN
          answer := '{"replayed":true,' || substr(h.answer, 2);
        ELSE
          answer := '{"replayed":true,"o":"held","at":' || h.reserved_at_ms || '}';
        END IF;
      ELSIF answer IS NULL AND is_held AND is_uniform AND operations[o][5] = 0 THEN
        -- One reservation alone, on counters that are all there: they all change alike. The keys are in its order.
        op_starts := '{}';
        FOR j IN first .. last LOOP op_starts := op_starts || m[counter_of[scopes[j][1]]][1]; END LOOP;
        INSERT INTO ${schema}.reservation
          (id, state, reserved_at_ms, expires_at_ms, amounts, window_starts, scope_keys, on_expiry)
        VALUES (operation_ids[o], 'reserved', now_ms, now_ms + operations[o][2], given, op_starts, keys, policies[o])
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
          answer := '{"o":"known"}';
        ELSE
          UPDATE ${schema}.counter SET seen_at_ms = now_ms, holds = holds + 1, held_nano_usd = held_nano_usd + given[1],
            held_calls = held_calls + given[2], held_concurrent_calls = held_concurrent_calls + given[3],
            held_input_tokens = held_input_tokens + given[4], held_output_tokens = held_output_tokens + given[5],
            held_total_tokens = held_total_tokens + given[6]
          WHERE scope_key = ANY (keys) AND start_ms <= now_ms AND (end_ms IS NULL OR end_ms > now_ms);
        END IF;
      ELSIF answer IS NULL AND is_held THEN
        held_ops := held_ops || o;
        FOR j IN first .. last LOOP
          i := counter_of[scopes[j][1]];
          m[i][6] := now_ms;
          m[i][7] := m[i][7] + 1;
          m[i][14] := m[i][14] + given[1]; m[i][15] := m[i][15] + given[2]; m[i][16] := m[i][16] + given[3];
          m[i][17] := m[i][17] + given[4]; m[i][18] := m[i][18] + given[5]; m[i][19] := m[i][19] + given[6];
          is_touched[i] := true;
        END LOOP;
      ELSIF answer IS NULL AND EXISTS (SELECT FROM ${schema}.reservation
          WHERE state IN ('reserved', 'dispatched') AND expires_at_ms <= now_ms AND scope_keys && ${keysOf("o")}) THEN
        -- A hold whose time is over never causes a denial.
        answer := '{"o":"due"}';
      END IF;

      IF answer IS NULL AND is_held AND operations[o][5] = 0 THEN
        answer := '{"o":"held","at":' || now_ms || '}';
      ELSIF answer IS NULL THEN
        available := ARRAY[NULL, NULL, NULL, NULL, NULL, NULL]::bigint[];
        fits := true;
        -- Going backwards, the last one found is the first one that does not fit.
        FOR j IN REVERSE last .. first LOOP
          i := counter_of[scopes[j][1]];
          FOR d IN REVERSE 6 .. 1 LOOP
            IF scopes[j][2 + d] IS NULL THEN
              IF given[d] > largest - m[i][13 + d] THEN
                s := j;
                n := d;
              END IF;
              CONTINUE;
            END IF;
            free := scopes[j][2 + d] - m[i][7 + d] - m[i][13 + d];
            available[d] := least(available[d], greatest(free, 0));
            IF given[d] > greatest(free, 0) THEN
              s := j;
              n := d;
            END IF;
            fits := fits AND given[d] <= greatest(free + m[i][13 + d], 0);
          END LOOP;
        END LOOP;
        IF is_held THEN
          answer := format('{"o":"held","at":%s,"available":%s}', now_ms, to_json(available));
        ELSE
          i := counter_of[scopes[s][1]];
          answer := format('{"o":"denied","at":%s,"scope":%s,"dimension":%s,"available":%s,"fits":%s,"limits":%s,"state":%s}',
            now_ms, s - first, n - 1, to_json(available), fits::text, to_json(scopes[s:s][3:8]), to_json(m[i:i][8:19]));
          INSERT INTO ${schema}.reservation (id, state, reserved_at_ms, expires_at_ms, forget_at_ms, amounts,
            window_starts, scope_keys, on_expiry, answer)
          VALUES (operation_ids[o], 'denied', now_ms, now_ms, now_ms + settings[4], given, ${startsOf("o")}, ${keysOf("o")},
            policies[o], answer)
          ON CONFLICT DO NOTHING;
          IF NOT FOUND THEN answer := '{"o":"known"}'; END IF;
        END IF;
      END IF;
`;
}
