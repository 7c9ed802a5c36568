/**
 * @module Migration 1: the tables of the ledger.
 *
 * Amounts are bigint in nano-USD and counts, never negative, at most 2^53 - 1. Arrays of amounts have the order
 * (nano-USD, calls, concurrent calls, input tokens, output tokens, total tokens). Times are ms since the epoch, so that
 * no setting of the server or a session has a say in them. Texts compare by their bytes (collation "C").
 *
 * A counter is updated by every call, so it has no index on a column that changes and room on its page: its updates
 * touch one page and no index. A check constraint is parsed anew by every statement that writes, so each table has one
 * short one.
 */

export function ledgerTables(schema: string): string {
  return `
CREATE TABLE ${schema}.counter (
  scope_key text COLLATE "C" NOT NULL,
  start_ms bigint NOT NULL,
  end_ms bigint,
  window_id text COLLATE "C" NOT NULL,
  depth bigint NOT NULL,
  rolling_ms bigint NOT NULL,
  segments bigint NOT NULL,
  oldest_segment bigint NOT NULL,
  seen_at_ms bigint NOT NULL,
  holds bigint NOT NULL,
  spent_nano_usd bigint NOT NULL,
  spent_calls bigint NOT NULL,
  spent_input_tokens bigint NOT NULL,
  spent_output_tokens bigint NOT NULL,
  spent_total_tokens bigint NOT NULL,
  held_nano_usd bigint NOT NULL,
  held_calls bigint NOT NULL,
  held_concurrent_calls bigint NOT NULL,
  held_input_tokens bigint NOT NULL,
  held_output_tokens bigint NOT NULL,
  held_total_tokens bigint NOT NULL,
  budget_id text COLLATE "C" NOT NULL,
  description text COLLATE "C" NOT NULL,
  long_key text COLLATE "C",
  PRIMARY KEY (scope_key, start_ms),
  CONSTRAINT counter_counts CHECK (
    least(holds, spent_nano_usd, spent_calls, spent_input_tokens, spent_output_tokens, spent_total_tokens,
      held_nano_usd, held_calls, held_concurrent_calls, held_input_tokens, held_output_tokens, held_total_tokens) >= 0
  )
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX counter_end ON ${schema}.counter (end_ms) WHERE end_ms IS NOT NULL;
COMMENT ON TABLE ${schema}.counter IS 'One scope in one window: what is spent and what is held.';
COMMENT ON COLUMN ${schema}.counter.end_ms IS 'Exclusive; null for a window that never ends.';
COMMENT ON COLUMN ${schema}.counter.depth IS 'Number of attribution values. Deeper counters are locked first, the shared ones last.';
COMMENT ON COLUMN ${schema}.counter.rolling_ms IS 'Length of a rolling window, else 0; it is counted in so many segments.';
COMMENT ON COLUMN ${schema}.counter.oldest_segment IS 'Slices before this one have left the rolling window.';
COMMENT ON COLUMN ${schema}.counter.seen_at_ms IS 'Time of the last operation; the next one is never earlier.';
COMMENT ON COLUMN ${schema}.counter.holds IS 'Holds in flight; the row is kept at least as long as there are any.';

CREATE TABLE ${schema}.slice (
  scope_key text COLLATE "C" NOT NULL,
  segment bigint NOT NULL,
  nano_usd bigint NOT NULL,
  calls bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  total_tokens bigint NOT NULL,
  PRIMARY KEY (scope_key, segment),
  CONSTRAINT slice_counts CHECK (least(nano_usd, calls, input_tokens, output_tokens, total_tokens) >= 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE ${schema}.slice IS 'What was posted to one slice of a rolling window.';

CREATE TABLE ${schema}.reservation (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  state text COLLATE "C" NOT NULL,
  dispatched boolean NOT NULL DEFAULT false,
  corrected boolean NOT NULL DEFAULT false,
  reserved_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  forget_at_ms bigint,
  amounts bigint[] NOT NULL,
  charged bigint[],
  window_starts bigint[] NOT NULL,
  scope_keys text[] COLLATE "C" NOT NULL,
  on_expiry text COLLATE "C" NOT NULL,
  expired_as text COLLATE "C",
  resolved_by text COLLATE "C",
  answer text COLLATE "C",
  CONSTRAINT reservation_counts CHECK (0 <= ALL (amounts || charged))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX reservation_due ON ${schema}.reservation (expires_at_ms) WHERE state IN ('reserved', 'dispatched');
CREATE INDEX reservation_forget ON ${schema}.reservation (forget_at_ms) WHERE forget_at_ms IS NOT NULL;
COMMENT ON TABLE ${schema}.reservation IS 'One reserve operation: its hold, or its denial, which a replay answers again.';
COMMENT ON COLUMN ${schema}.reservation.state IS
  'reserved, dispatched, settled, released, expired, quarantined (expired, and still held somewhere), denied.';
COMMENT ON COLUMN ${schema}.reservation.on_expiry IS 'One letter per scope: (c)harge, (r)elease, (q)uarantine.';
COMMENT ON COLUMN ${schema}.reservation.expired_as IS 'What expiry did in each scope, in the same letters.';
COMMENT ON COLUMN ${schema}.reservation.forget_at_ms IS 'Set when it is resolved; the row may be deleted from then on.';

CREATE TABLE ${schema}.operation (
  id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  answer text COLLATE "C" NOT NULL,
  forget_at_ms bigint NOT NULL,
  PRIMARY KEY (id, subject)
);
CREATE INDEX operation_forget ON ${schema}.operation (forget_at_ms);
COMMENT ON TABLE ${schema}.operation IS 'Answered renewals (subject: the hold), adjustments and overrides.';

CREATE TABLE ${schema}.override (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope_key text COLLATE "C" NOT NULL,
  expires_at_ms bigint NOT NULL,
  extra bigint[] NOT NULL,
  CONSTRAINT override_counts CHECK (0 <= ALL (extra))
);
CREATE INDEX override_scope ON ${schema}.override (scope_key);
CREATE INDEX override_expiry ON ${schema}.override (expires_at_ms);
COMMENT ON TABLE ${schema}.override IS 'What is allowed on top of the limits of a scope, until it expires.';
`;
}
