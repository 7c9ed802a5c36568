/** @module Jobs in Postgres: one statement per operation, by the server's time. */
import {
  DEFAULT_JOBS_PAGE,
  jobFrom,
  jobsPage,
  requireJob,
  requireJobKey,
  requireJobsQuery,
  type JobKey,
  type JobRecord,
  type JobsPage,
  type JobsQuery,
  type JobStore,
} from "../../ledger/job-store.ts";
import type { Ask } from "./usage.ts";
import { encodeText } from "./text.ts";

/** Records whose time is over that a put removes in passing; what somebody else has locked is left for later. */
const FORGOTTEN_AT_ONCE = 16;

/** `$1` is the time to use instead of the server's. */
const NOW = "coalesce($1::text::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)";

export class PostgresJobs implements JobStore {
  readonly #table: string;
  readonly #ask: Ask;
  readonly #givenMs: () => number | undefined;

  constructor(schema: string, ask: Ask, givenMs: () => number | undefined) {
    this.#table = `${schema}.job`;
    this.#ask = ask;
    this.#givenMs = givenMs;
  }

  async put(job: JobRecord, ttlMs: number): Promise<void> {
    const text = requireJob(job, ttlMs);
    const table = this.#table;
    await this.#ask(
      `WITH t AS MATERIALIZED (SELECT ${NOW} AS now_ms), gone AS (DELETE FROM ${table} WHERE ctid = ANY (ARRAY(` +
        `SELECT ctid FROM ${table} WHERE expires_at_ms <= (SELECT now_ms FROM t) ` +
        "AND (provider, job_id) <> ($2::text, $3::text) " +
        `ORDER BY expires_at_ms LIMIT ${FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED))) ` +
        `INSERT INTO ${table} AS j (provider, job_id, expires_at_ms, record) ` +
        "SELECT $2::text, $3::text, t.now_ms + $4::text::bigint, $5::text FROM t " +
        "ON CONFLICT (provider, job_id) DO UPDATE SET expires_at_ms = excluded.expires_at_ms, record = excluded.record " +
        "WHERE j.expires_at_ms <= (SELECT now_ms FROM t)",
      [this.#time(), ...columnsOf(job.key), String(ttlMs), text],
    );
  }

  async get(key: JobKey): Promise<JobRecord | undefined> {
    requireJobKey(key);
    const rows = await this.#ask(
      `SELECT record FROM ${this.#table} WHERE provider = $2::text AND job_id = $3::text AND expires_at_ms > ${NOW}`,
      [this.#time(), ...columnsOf(key)],
    );
    return rows[0] === undefined ? undefined : jobFrom(rows[0]["record"] as string);
  }

  async remove(key: JobKey): Promise<void> {
    requireJobKey(key);
    await this.#ask(`DELETE FROM ${this.#table} WHERE provider = $1::text AND job_id = $2::text`, [
      ...columnsOf(key),
    ]);
  }

  async list(query: JobsQuery): Promise<JobsPage> {
    requireJobsQuery(query);
    const limit = query.limit ?? DEFAULT_JOBS_PAGE;
    const rows = await this.#ask(
      `SELECT record FROM ${this.#table} WHERE (provider, job_id) > ($2::text, $3::text) AND expires_at_ms > ${NOW} ` +
        "ORDER BY provider, job_id LIMIT $4::text::bigint",
      // No job has an empty name, so that all of them are behind it.
      [this.#time(), ...(query.after === undefined ? ["", ""] : columnsOf(query.after)), String(limit + 1)],
    );
    return jobsPage(
      rows.map((row) => jobFrom(row["record"] as string)),
      limit,
    );
  }

  #time(): string | null {
    const givenMs = this.#givenMs();
    return givenMs === undefined ? null : String(givenMs);
  }
}

function columnsOf({ provider, jobId }: JobKey): readonly [string, string] {
  return [encodeText(provider), encodeText(jobId)];
}
