/** @module Migration 6: what is needed to settle a job that goes on at a provider. */

export function jobTables(schema: string): string {
  return `
CREATE TABLE ${schema}.job (
  provider text COLLATE "C" NOT NULL,
  job_id text COLLATE "C" NOT NULL,
  expires_at_ms bigint NOT NULL,
  record text COLLATE "C" NOT NULL,
  PRIMARY KEY (provider, job_id)
);
CREATE INDEX job_expiry ON ${schema}.job (expires_at_ms);
COMMENT ON TABLE ${schema}.job IS 'A batch or background response, or the input of one, until its result has been seen.';
`;
}
