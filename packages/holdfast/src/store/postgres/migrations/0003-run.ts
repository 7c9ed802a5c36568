/**
 * @module Migration 3: the function that applies operations.
 *
 * One call is one transaction: it applies a batch of operations in their order and answers each by itself. Nothing is
 * decided before everything that it may touch is locked, and locks are taken in one order everywhere, so that no two
 * calls wait for each other:
 *
 *   1. the holds that operations name, by id
 *   2. holds whose time is over, only those that nobody else has locked
 *   3. the counters of all of them, by depth, scope key and window
 *   4. rows that are new: reservations, then counters in the same order
 *
 * The time is read when the locks are held; it is never before the last operation on any counter of the batch, so a
 * window that has ended stays ended when the server's clock is put back. Counters are read once, changed in memory and
 * written once, whatever the size of the batch.
 *
 * Plans are made once per connection and kept while tables grow, so none may scan a table, however small it was then.
 *
 * The client repeats a call that ends in 40001, 40P01 or 23505; the last says that somebody else has just used a counter
 * or an operation id for the first time, after this call had looked for it.
 *
 * settings:   1 time in ms (null: the server's), 2 lock timeout in ms, 3 ms to remember holds and operations, 4 ms to
 *             remember denials, 5 due holds to resolve in passing, 6 resolve all that are due on these keys (0, 1),
 *             7 holds that are named
 * operations: per operation: 1 kind, 2 time to live in ms, 3 first row in scopes, 4 number of rows,
 *             5 report what is available (0, 1), 6-11 amounts
 *             kinds: 1 reserve, 2 dispatch, 3 settle, 4 release, 5 renew, 6 adjust, 7 override, 8 expire
 * hold_ids:   per operation: the hold that it names; chr(1) for none. A reservation names its own if it may be a replay
 * policies:   per operation: for each of its scopes c (charge), r (release) or q (quarantine)
 * scopes:     1 row in keys, 2 whether 3-8 are limits, null: none (1), or the extras of an override (0)
 * keys:       scope keys, each once, in the order of the operations
 * key_texts:  per scope key: 1 description, 2 and 3 ids of its windows, 4 budget, 5 long key
 * windows:    per scope key: 1 start, 2 end, 3 and 4 those of a second window (null: none), 5 rolling ms, 6 segments,
 *             7 depth
 *
 * Gives back JSON: now, answers (one per operation), expired (holds that no operation named). Answers after which the
 * client asks again, nothing having been done: clock (no window that was sent is current), due (holds whose time is over
 * are in the way), known (this reservation was made before).
 */
import { applyShares } from "./run/apply-shares.ts";
import { lockAndLoad } from "./run/lock-and-load.ts";
import { resolveHolds } from "./run/resolve-holds.ts";
import { reserve } from "./run/reserve.ts";
import { correct } from "./run/correct.ts";
import { write } from "./run/write.ts";

export function runFunction(schema: string): string {
  return `
CREATE FUNCTION ${schema}.run(
  settings bigint[], operations bigint[], operation_ids text[], hold_ids text[], policies text[],
  scopes bigint[], keys text[], key_texts text[], windows bigint[]
) RETURNS text LANGUAGE plpgsql
SET enable_seqscan TO off SET plan_cache_mode TO force_generic_plan SET jit TO off
AS $run$
DECLARE
  largest CONSTANT bigint := 9007199254740991;
  op_count CONSTANT integer := cardinality(operation_ids);
  key_count CONSTANT integer := cardinality(keys);
  now_ms bigint;
  a_text text;
  d integer; i integer; j integer; n integer; o integer; s integer;
  -- The holds that operations name, by operation, and their states as they change.
  h ${schema}.reservation;
  named ${schema}.reservation[];
  states text[];
  -- Holds whose time is over, and the operation that named each (0: none did).
  ending ${schema}.reservation[];
  ending_op integer[];
  ending_count integer := 0;
  more boolean := false;
  picked text[];
  -- The counters that holds were accounted in.
  share_keys text[];
  share_starts bigint[];
  -- The counters: the first ones are in the table, the others are new. m: 1 start, 2 end, 3 rolling ms, 4 segments,
  -- 5 oldest segment, 6 seen at, 7 holds, 8-13 spent, 14-19 held, 20 row in keys, 21 description is up to date (0, 1).
  stored integer; loaded integer;
  l_key text[]; is_touched boolean[];
  m bigint[];
  seen bigint; last_override bigint;
  -- By row in keys: the counter of the current window.
  counter_of integer[]; found_count integer := 0;
  has_rolling boolean; is_uniform boolean;
  segment bigint; sums bigint[];
  -- The operation at hand.
  kind integer; given bigint[]; first integer; last integer;
  most bigint;
  op_starts bigint[];
  is_held boolean; fits boolean; free bigint; available bigint[];
  life_end bigint; fingerprint text; previous ${schema}.operation;
  -- What becomes of each share of a hold: c give back and add, r give back, x take away and add, a add, else nothing.
  actions text; action text; added bigint[];
  -- What is written at the end, for all operations together.
  held_ops integer[]; dispatched_ids text[]; settled_ids text[]; released_ids text[];
  effects text[]; own_reports text[]; reports text[]; report text; answer text;
  answers text := '';
BEGIN
${lockAndLoad(schema)}
  -- First the holds that are due, then the operations.
  FOR o IN 1 - ending_count .. op_count LOOP
    actions := NULL;
    answer := NULL;
    IF o > 0 THEN
      kind := operations[o][1];
      given := ARRAY[operations[o][6], operations[o][7], operations[o][8],
        operations[o][9], operations[o][10], operations[o][11]];
    END IF;

    IF o <= 0 THEN
      h := ending[o + ending_count];
      actions := CASE WHEN h.dispatched THEN h.on_expiry ELSE repeat('r', cardinality(h.scope_keys)) END;
      added := h.amounts;
      h.expired_as := actions;
      h.state := CASE WHEN position('q' IN actions) > 0 THEN 'quarantined' ELSE 'expired' END;
      UPDATE ${schema}.reservation SET state = h.state, expired_as = h.expired_as,
        forget_at_ms = CASE WHEN h.state = 'expired' THEN now_ms + settings[3] END
      WHERE id = h.id;
      effects := '{}';
    ELSIF kind = 1 THEN
${reserve(schema)}
    ELSIF kind BETWEEN 2 AND 5 THEN
${resolveHolds(schema)}
    ELSIF kind BETWEEN 6 AND 7 THEN
${correct(schema)}
    ELSE
      answer := '{"o":"expired","more":' || more::text || '}';
    END IF;
${applyShares(schema)}
    IF o > 0 THEN
      answers := answers || ',' || answer;
    ELSE
      report := format('{"id":%s,"dispatched":%s,"amounts":%s,"effects":[%s]}',
        to_json(h.id), h.dispatched::text, to_json(h.amounts), array_to_string(effects, ','));
      n := ending_op[o + ending_count];
      IF n = 0 THEN
        reports := reports || report;
      ELSE
        named[n] := h;
        states[n] := h.state;
        own_reports[n] := ',"expired":' || report;
      END IF;
    END IF;
  END LOOP;
${write(schema)}
  RETURN '{"now":' || now_ms || ',"answers":[' || substr(answers, 2)
    || '],"expired":[' || coalesce(array_to_string(reports, ','), '') || ']}';
END
$run$;
`;
}
