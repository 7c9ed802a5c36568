/** @module The jobs of one process, as the memory store keeps them: as text, so that nobody holds on to a live object. */
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

interface Kept {
  readonly key: JobKey;
  readonly text: string;
  readonly expiresAtMs: number;
}

/** Puts between two looks for records whose time is over. */
const FORGET_EVERY = 256;

export class MemoryJobs implements JobStore {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  #puts = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(job: JobRecord, ttlMs: number): void {
    const text = requireJob(job, ttlMs);
    const nowMs = this.#clock.now();
    this.#puts += 1;
    if (this.#puts % FORGET_EVERY === 0) this.#forgetOver(nowMs);
    const name = nameOf(job.key);
    if (this.#find(name, nowMs) !== undefined) return;
    const { provider, jobId } = job.key;
    this.#kept.set(name, { key: { provider, jobId }, text, expiresAtMs: saturatingAdd(nowMs, ttlMs) });
  }

  get(key: JobKey): JobRecord | undefined {
    requireJobKey(key);
    const found = this.#find(nameOf(key), this.#clock.now());
    return found === undefined ? undefined : jobFrom(found.text);
  }

  remove(key: JobKey): void {
    requireJobKey(key);
    this.#kept.delete(nameOf(key));
  }

  list(query: JobsQuery): JobsPage {
    requireJobsQuery(query);
    const limit = query.limit ?? DEFAULT_JOBS_PAGE;
    const { after } = query;
    this.#forgetOver(this.#clock.now());
    const found = [...this.#kept.values()]
      .filter(({ key }) => after === undefined || compare(key, after) > 0)
      .sort((a, b) => compare(a.key, b.key))
      .slice(0, limit + 1)
      .map(({ text }) => jobFrom(text));
    return jobsPage(found, limit);
  }

  #find(name: string, nowMs: number): Kept | undefined {
    const found = this.#kept.get(name);
    return found !== undefined && found.expiresAtMs > nowMs ? found : undefined;
  }

  #forgetOver(nowMs: number): void {
    for (const [name, { expiresAtMs }] of this.#kept) if (expiresAtMs <= nowMs) this.#kept.delete(name);
  }
}

/** Injective over (provider, id). */
function nameOf({ provider, jobId }: JobKey): string {
  return `${provider.length}:${provider}${jobId}`;
}

function compare(a: JobKey, b: JobKey): number {
  if (a.provider !== b.provider) return a.provider < b.provider ? -1 : 1;
  if (a.jobId === b.jobId) return 0;
  return a.jobId < b.jobId ? -1 : 1;
}
