/** @module Part of the function `run`: dispatch, settle, release and renew, as in the table of hold states. */

export function resolveHolds(schema: string): string {
  return `
      report := coalesce(own_reports[o], '');
      h := named[o];
      IF coalesce(states[o], 'denied') = 'denied' THEN
        answer := '{"o":"unknown-hold"}';

      ELSIF kind = 2 AND h.state = 'reserved' THEN
        dispatched_ids := dispatched_ids || h.id;
        answer := '{"o":"dispatched"}';

      ELSIF kind = 2 AND h.state = 'dispatched' THEN
        answer := '{"o":"dispatched","replayed":true}';

      ELSIF kind = 3 AND h.state IN ('reserved', 'dispatched', 'quarantined', 'expired') THEN
        actions := coalesce(translate(h.expired_as, 'qcr', 'cxa'), repeat('c', cardinality(h.scope_keys)));
        added := given;
        settled_ids := settled_ids || h.id;
        answer := format('{"o":"settled","corrected":%s,"held":%s%s}',
          (h.expired_as IS NOT NULL)::text, to_json(h.amounts), report);

      ELSIF kind = 3 AND h.state = 'settled' AND h.resolved_by = operation_ids[o] THEN
        answer := '{"o":"mismatch"}';
        IF h.charged = given THEN
          answer := format('{"o":"settled","replayed":true,"corrected":%s,"held":%s}', h.corrected::text, to_json(h.amounts));
        END IF;

      ELSIF kind = 4 AND h.state IN ('reserved', 'dispatched', 'quarantined') THEN
        -- Of a quarantined hold only the quarantined shares are still held.
        actions := coalesce(translate(h.expired_as, 'qcr', 'rnn'), repeat('r', cardinality(h.scope_keys)));
        released_ids := released_ids || h.id;
        answer := '{"o":"released"}';

      ELSIF kind = 4 AND h.state = 'released' AND h.resolved_by = operation_ids[o] THEN
        answer := '{"o":"released","replayed":true}';

      ELSIF kind = 5 AND h.state IN ('reserved', 'dispatched') THEN
        SELECT * INTO previous FROM ${schema}.operation WHERE id = operation_ids[o] AND subject = h.id;
        IF FOUND THEN
          answer := '{"replayed":true,' || substr(previous.answer, 2);
        ELSE
          life_end := greatest(h.expires_at_ms, now_ms + operations[o][2]);
          IF life_end > h.expires_at_ms THEN
            UPDATE ${schema}.reservation SET expires_at_ms = life_end WHERE id = h.id;
          END IF;
          answer := '{"o":"renewed","expires":' || life_end || '}';
          INSERT INTO ${schema}.operation VALUES (operation_ids[o], h.id, '', answer, now_ms + settings[3]);
        END IF;

      ELSE
        answer := format('{"o":"already-resolved","state":"%s"%s}',
          CASE WHEN h.state = 'quarantined' THEN 'expired' ELSE h.state END, report);
      END IF;
`;
}
