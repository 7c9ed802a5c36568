/** @module Jobs in Redis: one script per operation, in the same slot and under the same history as the ledger. */
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
import { toKeyText } from "./key-text.ts";
import { list, text } from "./replies.ts";
import type { Session } from "./session.ts";

/** Names that one script looks at, so that it stays short. */
const NAMES_AT_A_TIME = 50;

export class RedisJobs implements JobStore {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async put(job: JobRecord, ttlMs: number): Promise<void> {
    const record = requireJob(job, ttlMs);
    const name = nameOf(job.key);
    await this.#session.run("putjob", this.#keys(name), [name, String(ttlMs), record]);
  }

  async get(key: JobKey): Promise<JobRecord | undefined> {
    requireJobKey(key);
    const reply = await this.#session.run("getjob", [this.#record(nameOf(key))], []);
    const record = text(reply[4]);
    return record === "" ? undefined : jobFrom(record);
  }

  async remove(key: JobKey): Promise<void> {
    requireJobKey(key);
    const name = nameOf(key);
    await this.#session.run("removejob", this.#keys(name), [name]);
  }

  async list(query: JobsQuery): Promise<JobsPage> {
    requireJobsQuery(query);
    const limit = query.limit ?? DEFAULT_JOBS_PAGE;
    const found: JobRecord[] = [];
    let from = query.after === undefined ? "-" : `(${nameOf(query.after)}`;
    while (found.length <= limit) {
      const reply = await this.#session.run(
        "listjobs",
        [`${this.#session.base}jobs`],
        [from, String(NAMES_AT_A_TIME)],
      );
      for (const record of list(reply[4])) found.push(jobFrom(text(record)));
      const last = text(reply[5]);
      if (last === "") break;
      from = `(${last}`;
    }
    return jobsPage(found, limit);
  }

  #record(name: string): string {
    return `${this.#session.base}j:${name}`;
  }

  #keys(name: string): string[] {
    return [this.#record(name), `${this.#session.base}jobs`, `${this.#session.base}jobends`];
  }
}

/** A tab is in neither part, and sorts before all that is. */
function nameOf({ provider, jobId }: JobKey): string {
  return `${toKeyText(provider)}\t${toKeyText(jobId)}`;
}
