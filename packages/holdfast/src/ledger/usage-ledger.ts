/**
 * @module The ledger of usage records: append only, one row per attempt, read back by time and tag, or added up by day.
 *
 * A record's `id` is the same on every delivery, so appending it again changes nothing. Balances are not computed from
 * here; this is what was used and what it cost, for reports and for checking a provider's bill.
 */
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { UsageRecord } from "../meter/usage-record.ts";

/** Which records; all conditions together. */
export interface UsageFilter {
  /** Records with `atMs` at or after this, ms since the epoch. */
  readonly fromMs?: number | undefined;
  /** Records with `atMs` before this, ms since the epoch. */
  readonly toMs?: number | undefined;
  /** Every one of these tags has this very value; `null`: the record has no such tag. */
  readonly tags?: Readonly<Record<string, string | null>> | undefined;
  readonly provider?: string | undefined;
  /** As in {@link modelOf}. */
  readonly model?: string | undefined;
}

/** A place in the order of records: by `atMs`, then by `id` in the order of its UTF-16 code units. */
export interface UsagePosition {
  readonly atMs: number;
  readonly id: string;
}

export interface UsageQuery extends UsageFilter {
  /** At most this many. @default 1_000 */
  readonly limit?: number | undefined;
  /** Continue behind this record. */
  readonly after?: UsagePosition | undefined;
}

export interface UsagePage {
  /** Ordered by `atMs`, then by `id`. */
  readonly records: readonly UsageRecord[];
  /** Pass as `after` to go on; absent at the end. */
  readonly next?: UsagePosition;
}

export interface UsageRollupQuery extends UsageFilter {
  /**
   * Names of tags; "model" (as in {@link modelOf}) and "provider" stand for the record's own and win over tags of those
   * names. At most {@link MAX_GROUP_KEYS}, none twice.
   * @default [] (one row per day)
   */
  readonly groupBy?: readonly string[] | undefined;
}

/** All records of one UTC day that agree in the keys of `groupBy`. Sums stop at 2^53 - 1. */
export interface UsageRollup {
  /** The UTC day of the records' `atMs`, such as "2026-03-28". */
  readonly day: string;
  /** One entry per key of `groupBy`; `null` where the records have no such tag. Has no prototype. */
  readonly group: Readonly<Record<string, string | null>>;
  /** Different `callId`s. A call with attempts in two rows counts in both. */
  readonly calls: number;
  readonly attempts: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: number;
  /** The part of the above whose usage is an estimate and not the provider's. */
  readonly estimatedAttempts: number;
  readonly estimatedCostNanoUsd: number;
}

export interface UsageLedger {
  /**
   * All of them or none. A record whose id is there already is left as it is.
   * @throws {OperationInvalidError} for a record that cannot be counted; nothing was appended.
   */
  append(records: readonly UsageRecord[]): MaybePromise<void>;

  records(query: UsageQuery): MaybePromise<UsagePage>;

  /** Ordered by day, then by the group's values in the order of `groupBy`, as {@link compareRollups} has it. */
  rollups(query: UsageRollupQuery): MaybePromise<readonly UsageRollup[]>;
}

export const MAX_GROUP_KEYS = 8;
export const DEFAULT_USAGE_PAGE = 1_000;

/** What a record is counted under: the model that served it, else the one that was asked for. */
export function modelOf(record: Pick<UsageRecord, "servedModel" | "requestedModel">): string {
  return record.servedModel ?? record.requestedModel;
}

/** The last millisecond of the year 9999, so that a day is always "YYYY-MM-DD" and days sort as text. */
const LAST_MS = 253_402_300_799_999;

/** The UTC day of an instant between 1970 and 9999, such as "2026-03-28". `atMs` in ms since the epoch. */
export function utcDayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** A row's group from its values, in the order of `groupBy`. */
export function groupOf(
  groupBy: readonly string[],
  values: readonly (string | null)[],
): Readonly<Record<string, string | null>> {
  const group = Object.create(null) as Record<string, string | null>;
  for (let i = 0; i < groupBy.length; i++) group[groupBy[i]!] = values[i] ?? null;
  return Object.freeze(group);
}

/** By day, then by the values of `groupBy` in the order of UTF-16 code units, `null` first. */
export function compareRollups(groupBy: readonly string[], a: UsageRollup, b: UsageRollup): number {
  if (a.day !== b.day) return a.day < b.day ? -1 : 1;
  for (const key of groupBy) {
    const left = a.group[key] ?? null;
    const right = b.group[key] ?? null;
    if (left === right) continue;
    if (left === null || right === null) return left === null ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}

const COUNTS = [
  "attempt",
  "inputTokens",
  "outputTokens",
  "costNanoUsd",
  "heldNanoUsd",
] as const satisfies readonly (keyof UsageRecord)[];

/** @throws {OperationInvalidError} for the first record that cannot be counted. */
export function requireUsageRecords(records: readonly UsageRecord[]): void {
  for (const record of records) {
    for (const name of ["id", "callId", "provider", "requestedModel"] as const) {
      if (typeof record[name] !== "string" || record[name] === "") {
        throw new OperationInvalidError(`a usage record's ${name} must be a text that is not empty`);
      }
    }
    requireInstant(record.atMs, "a usage record's atMs");
    for (const name of COUNTS) {
      const value: unknown = record[name];
      if (!Number.isSafeInteger(value) || (value as number) < 0) {
        throw new OperationInvalidError(
          `a usage record's ${name} must be a safe integer >= 0, not ${String(value)}`,
        );
      }
    }
    for (const tag of Object.keys(record.attribution)) {
      const value: unknown = record.attribution[tag];
      if (value !== undefined && typeof value !== "string") {
        throw new OperationInvalidError(`a usage record's tags must be texts, not ${typeof value}`);
      }
    }
  }
}

/** @throws {OperationInvalidError} naming the part that is wrong. */
export function requireUsageQuery(query: UsageQuery): void {
  requireUsageFilter(query);
  const { limit, after } = query;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new OperationInvalidError(`limit must be a whole number > 0, not ${String(limit)}`);
  }
  if (after === undefined) return;
  requireInstant(after.atMs, "after.atMs");
  requireText(after.id, "after.id");
}

/** @throws {OperationInvalidError} naming the part that is wrong. */
export function requireRollupQuery(query: UsageRollupQuery): void {
  requireUsageFilter(query);
  const groupBy = query.groupBy ?? [];
  for (const key of groupBy) requireText(key, "groupBy");
  if (groupBy.length > MAX_GROUP_KEYS) {
    throw new OperationInvalidError(
      `groupBy must have at most ${MAX_GROUP_KEYS} keys, not ${groupBy.length}`,
    );
  }
  if (new Set(groupBy).size < groupBy.length) {
    throw new OperationInvalidError("groupBy must not name a key twice");
  }
}

function requireUsageFilter(filter: UsageFilter): void {
  for (const name of ["fromMs", "toMs"] as const) {
    const value = filter[name];
    if (value !== undefined && !Number.isSafeInteger(value)) {
      throw new OperationInvalidError(`${name} must be a safe integer, not ${String(value)}`);
    }
  }
  for (const name of ["provider", "model"] as const) {
    if (filter[name] !== undefined) requireText(filter[name], name);
  }
  for (const value of Object.values(filter.tags ?? {})) {
    if (value !== null) requireText(value, "a tag's value");
  }
}

function requireInstant(value: unknown, name: string): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LAST_MS) return;
  throw new OperationInvalidError(
    `${name} must be ms since the epoch, before the year 10000, not ${String(value)}`,
  );
}

function requireText(value: unknown, name: string): void {
  if (typeof value === "string") return;
  throw new OperationInvalidError(`${name} must be a text, not ${value === null ? "null" : typeof value}`);
}
