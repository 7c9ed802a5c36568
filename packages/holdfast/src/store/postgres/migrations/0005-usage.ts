/**
 * @module Migration 5: the ledger of usage records, append only.
 *
 * Days are added up when they are asked for: how many calls there were is a number of different ids, which cannot be
 * added up from parts, and a row per day and distinct tags would be nearly as many rows as there are records.
 */

export function usageTables(schema: string): string {
  return `
CREATE TABLE ${schema}.usage_record (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  at_ms bigint NOT NULL,
  call_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  model text COLLATE "C" NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano_usd bigint NOT NULL,
  estimated boolean NOT NULL,
  tags jsonb NOT NULL,
  record text COLLATE "C" NOT NULL,
  CONSTRAINT usage_record_counts CHECK (least(at_ms, input_tokens, output_tokens, cost_nano_usd) >= 0)
);
CREATE INDEX usage_record_time ON ${schema}.usage_record (at_ms, id);
COMMENT ON TABLE ${schema}.usage_record IS 'One attempt of one call each: what it used and what it cost. Append only.';
COMMENT ON COLUMN ${schema}.usage_record.model IS 'The model that served it, else the one that was asked for.';
COMMENT ON COLUMN ${schema}.usage_record.record IS 'The whole record as JSON.';
`;
}
