/**
 * @module Jobs: work that goes on at the provider after the request that created it has returned (a batch, a background
 * response), and that holds money until its result is known.
 *
 * The provider names a job, and any process may be the one that retrieves its result. So a store can keep, under the
 * provider's name, what is needed to settle the job's hold: which hold it is, for whom, and at what price. It keeps
 * nothing of what was asked or answered.
 */
import { mergeAttribution, type Attribution } from "../attribution/attribution.ts";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { AdmittedBy } from "./ledger-store.ts";
import { requirePositive } from "./operation-checks.ts";

/** Names a job: the provider as in usage records, and the id that it gave. */
export interface JobKey {
  readonly provider: string;
  readonly jobId: string;
}

/** What a job holds, and what the usage record of its settlement will say. */
export interface JobHold {
  readonly holdId: string;
  readonly callId: string;
  /** Number of the attempt that created the job, from 1. */
  readonly attempt: number;
  /** Whether it counts in `calls`; it does not when an earlier attempt of the same request has been charged. */
  readonly countsAsCall: boolean;
  readonly admittedBy: AdmittedBy;
  readonly attribution: Attribution;
  readonly endpoint: string;
  /** As requested. */
  readonly model: string;
  /** Requests that the provider runs under it: the lines of a batch, or 1. */
  readonly requests: number;
  readonly heldNanoUsd: number;
  /** When the hold expires by the budgets' `onExpiry`, ms since the epoch. */
  readonly expiresAtMs: number;
}

export interface JobRecord {
  readonly key: JobKey;
  /** Null for something that holds nothing yet: the input of a batch that has been uploaded. */
  readonly hold: JobHold | null;
  /** Start of the attempt that created it, ms since the epoch. */
  readonly createdAtMs: number;
  /** What was planned, as text that means nothing to a store: the prices and the worst case. */
  readonly plan: string;
}

export interface JobsQuery {
  /** At most this many. @default 1_000 */
  readonly limit?: number | undefined;
  /** Continue behind this job. */
  readonly after?: JobKey | undefined;
}

export interface JobsPage {
  /** Ordered by provider, then by job id, as JavaScript compares texts. */
  readonly jobs: readonly JobRecord[];
  /** Pass as `after` to go on; absent at the end. */
  readonly next?: JobKey;
}

/** Each operation is one atomic step, as in a ledger store; time is the store's own. */
export interface JobStore {
  /**
   * Keeps the record for `ttlMs`. One that is there already under that key is left as it is.
   *
   * @throws {OperationInvalidError} for a record that cannot be kept: see {@link requireJob}.
   */
  put(job: JobRecord, ttlMs: number): MaybePromise<void>;

  /** Undefined when there is none, or its time is over. */
  get(key: JobKey): MaybePromise<JobRecord | undefined>;

  /** Nothing happens when there is none. */
  remove(key: JobKey): MaybePromise<void>;

  list(query: JobsQuery): MaybePromise<JobsPage>;
}

export const DEFAULT_JOBS_PAGE = 1_000;

const LONGEST_PROVIDER = 64;
/** UTF-16 code units; an index of Postgres takes no more than 2.7 kB, and a unit takes up to seven bytes there. */
const LONGEST_ID = 256;
/** Characters of a record as JSON. */
const LONGEST_RECORD = 65_536;

/** @throws {OperationInvalidError} when a part is empty or too long. */
export function requireJobKey({ provider, jobId }: JobKey): void {
  requireName(provider, "a job's provider", LONGEST_PROVIDER);
  requireName(jobId, "a job's id", LONGEST_ID);
}

/**
 * The record as text.
 *
 * @throws {OperationInvalidError} for a key that is empty or too long (64 and 256 characters), a life that is not a
 * whole number of ms above 0, or a record of more than 65,536 characters.
 */
export function requireJob(job: JobRecord, ttlMs: number): string {
  requireJobKey(job.key);
  requirePositive(ttlMs, "ttlMs");
  const text = JSON.stringify(job);
  if (text.length <= LONGEST_RECORD) return text;
  throw new OperationInvalidError(
    `a job's record has ${text.length} characters, and at most ${LONGEST_RECORD} are kept; shorten its tags`,
  );
}

/** @throws {OperationInvalidError} naming what is wrong. */
export function requireJobsQuery({ limit, after }: JobsQuery): void {
  if (limit !== undefined) requirePositive(limit, "limit");
  if (after !== undefined) requireJobKey(after);
}

/** The record that {@link requireJob} made a text of. */
export function jobFrom(text: string): JobRecord {
  const job = JSON.parse(text) as JobRecord;
  if (job.hold === null) return job;
  return { ...job, hold: { ...job.hold, attribution: mergeAttribution(job.hold.attribution) } };
}

/** A page of what was found, when one more than `limit` was looked for. */
export function jobsPage(found: readonly JobRecord[], limit: number): JobsPage {
  if (found.length <= limit) return { jobs: found };
  const jobs = found.slice(0, limit);
  return { jobs, next: jobs.at(-1)!.key };
}

function requireName(value: unknown, what: string, longest: number): void {
  if (typeof value === "string" && value !== "" && value.length <= longest) return;
  throw new OperationInvalidError(`${what} must be a text of 1 to ${longest} characters`);
}
