/** @module Part of the function `run`: writes what has changed, each row once and rows of a kind together. */
import { keysOf, startsOf } from "./reserve.ts";

export function write(schema: string): string {
  return `
  IF dispatched_ids IS NOT NULL THEN
    UPDATE ${schema}.reservation SET state = 'dispatched', dispatched = true,
      expires_at_ms = now_ms + operations[array_position(hold_ids, id)][2]
    WHERE id = ANY (dispatched_ids);
  END IF;
  IF settled_ids IS NOT NULL THEN
    UPDATE ${schema}.reservation SET state = 'settled', corrected = expired_as IS NOT NULL,
      forget_at_ms = now_ms + settings[3],
      (resolved_by, charged) = (SELECT operation_ids[p], ARRAY[operations[p][6], operations[p][7], operations[p][8],
        operations[p][9], operations[p][10], operations[p][11]] FROM array_position(hold_ids, id) AS p)
    WHERE id = ANY (settled_ids);
  END IF;
  IF released_ids IS NOT NULL THEN
    UPDATE ${schema}.reservation SET state = 'released', forget_at_ms = now_ms + settings[3],
      resolved_by = operation_ids[array_position(hold_ids, id)]
    WHERE id = ANY (released_ids);
  END IF;
  IF held_ops IS NOT NULL THEN
    INSERT INTO ${schema}.reservation
      (id, state, reserved_at_ms, expires_at_ms, amounts, window_starts, scope_keys, on_expiry)
    SELECT operation_ids[p], 'reserved', now_ms, now_ms + operations[p][2],
      ARRAY[operations[p][6], operations[p][7], operations[p][8], operations[p][9], operations[p][10], operations[p][11]],
      ${startsOf("p")}, ${keysOf("p")}, policies[p]
    FROM unnest(held_ops) AS p;
  END IF;
  FOR i IN 1 .. stored LOOP
    CONTINUE WHEN is_touched[i] IS NOT TRUE;
    UPDATE ${schema}.counter SET oldest_segment = m[i][5], seen_at_ms = m[i][6], holds = m[i][7],
      spent_nano_usd = m[i][8], spent_calls = m[i][9], spent_input_tokens = m[i][11], spent_output_tokens = m[i][12],
      spent_total_tokens = m[i][13], held_nano_usd = m[i][14], held_calls = m[i][15], held_concurrent_calls = m[i][16],
      held_input_tokens = m[i][17], held_output_tokens = m[i][18], held_total_tokens = m[i][19]
    WHERE scope_key = l_key[i] AND start_ms = m[i][1];
    IF m[i][21] = 0 THEN
      UPDATE ${schema}.counter SET description = key_texts[m[i][20]][1] WHERE scope_key = l_key[i] AND start_ms = m[i][1];
    END IF;
  END LOOP;
  IF loaded > stored THEN
    FOR i IN SELECT g FROM generate_series(stored + 1, loaded) AS g ORDER BY windows[m[g][20]][7] DESC, l_key[g] COLLATE "C" LOOP
      CONTINUE WHEN is_touched[i] IS NOT TRUE;
      n := m[i][20];
      INSERT INTO ${schema}.counter VALUES (l_key[i], m[i][1], m[i][2],
        key_texts[n][CASE WHEN m[i][1] = windows[n][1] THEN 2 ELSE 3 END], windows[n][7], m[i][3], m[i][4], m[i][5], m[i][6],
        m[i][7], m[i][8], m[i][9], m[i][11], m[i][12], m[i][13], m[i][14], m[i][15], m[i][16], m[i][17], m[i][18],
        m[i][19], key_texts[n][4], key_texts[n][1], key_texts[n][5]);
    END LOOP;
  END IF;
`;
}
