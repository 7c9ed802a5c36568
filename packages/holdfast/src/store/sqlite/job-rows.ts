/** @module Jobs in SQLite. */
import type { Clock } from "../../kernel/clock.ts";
import { saturatingAdd } from "../../kernel/money.ts";
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
import type { Connection, SqliteStatement } from "./database.ts";
import { sortableText } from "./sortable-text.ts";

/** Records whose time is over that a put removes in passing. */
const FORGOTTEN_AT_ONCE = 16;

export class SqliteJobs implements JobStore {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #stored: SqliteStatement;
  readonly #forget: SqliteStatement;
  readonly #add: SqliteStatement;
  readonly #get: SqliteStatement;
  readonly #remove: SqliteStatement;
  readonly #list: SqliteStatement;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    const prepare = (sql: string): SqliteStatement => connection.prepare(sql);
    this.#stored = prepare("SELECT now_ms FROM clock");
    this.#forget = prepare(
      `DELETE FROM job WHERE number IN (SELECT number FROM job WHERE expires_at_ms <= ? LIMIT ${FORGOTTEN_AT_ONCE})`,
    );
    this.#add = prepare(
      "INSERT INTO job (provider, job_id, expires_at_ms, record) VALUES (?, ?, ?, ?) ON CONFLICT (provider, job_id) " +
        "DO UPDATE SET expires_at_ms = excluded.expires_at_ms, record = excluded.record WHERE expires_at_ms <= ?",
    );
    this.#get = prepare("SELECT record FROM job WHERE provider = ? AND job_id = ? AND expires_at_ms > ?");
    this.#remove = prepare("DELETE FROM job WHERE provider = ? AND job_id = ?");
    this.#list = prepare(
      "SELECT record FROM job WHERE (provider, job_id) > (?, ?) AND expires_at_ms > ? ORDER BY provider, job_id LIMIT ?",
    );
  }

  put(job: JobRecord, ttlMs: number): void {
    const text = requireJob(job, ttlMs);
    const [provider, jobId] = columnsOf(job.key);
    this.#connection.write(() => {
      const nowMs = this.#nowMs();
      this.#forget.run(nowMs);
      this.#add.run(provider, jobId, saturatingAdd(nowMs, ttlMs), text, nowMs);
    });
  }

  get(key: JobKey): JobRecord | undefined {
    requireJobKey(key);
    const row = this.#connection.read(() => this.#get.get(...columnsOf(key), this.#nowMs()));
    return row === undefined ? undefined : jobFrom((row as { readonly record: string }).record);
  }

  remove(key: JobKey): void {
    requireJobKey(key);
    this.#connection.write(() => this.#remove.run(...columnsOf(key)));
  }

  list(query: JobsQuery): JobsPage {
    requireJobsQuery(query);
    const limit = query.limit ?? DEFAULT_JOBS_PAGE;
    // No job has an empty name, so that all of them are behind it.
    const after = query.after === undefined ? (["", ""] as const) : columnsOf(query.after);
    const rows = this.#connection.read(() => this.#list.all(...after, this.#nowMs(), limit + 1));
    const found = (rows as { readonly record: string }[]).map(({ record }) => jobFrom(record));
    return jobsPage(found, limit);
  }

  /** Never before the time that the ledger has seen. */
  #nowMs(): number {
    return Math.max((this.#stored.get() as { readonly now_ms: number }).now_ms, this.#clock.now());
  }
}

function columnsOf({ provider, jobId }: JobKey): readonly [string, string] {
  return [sortableText(provider), sortableText(jobId)];
}
