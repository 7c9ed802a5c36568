/**
 * @module Jobs: work that goes on at the provider after the request that created it has returned.
 *
 *   create -> reserve -> dispatch -> accepted (the hold stays) ... result retrieved, by any process -> settle or release
 *
 * What is needed to settle is in the store, under the provider's name of the job, until the job has been settled. While
 * it is not there (the store is out of reach, or keeps no jobs) it is in this process. All of it happens off the user's
 * path: nothing here throws, and nobody waits for it.
 */
import type { JobStoreFailedEvent } from "../event/events.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { JobKey, JobRecord } from "../ledger/job-store.ts";
import { accountOf, reportAccount, reportAnomaly, type AccountedAttempt } from "./attempt-account.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import { isOffStore } from "./carried-hold.ts";
import type { Guard } from "./guard.ts";
import type { CallPlan } from "./call-plan.ts";
import { attemptOf, openJobOf, type OpenJob } from "./job-record.ts";

/** Behind the expiry of a hold, as long as stores remember it by default: so long a late result corrects the charge. */
const LATE_MS = 86_400_000;
/** Jobs that are kept in this process because the store does not have them; then the oldest is forgotten. */
const LOCAL_MAX = 10_000;
/** Jobs that are known to be over, so that the store is not asked again each time that a result is looked at. */
const OVER_MAX = 1_000;
const PAGE = 100;
/** Jobs that the store is being asked after; far fewer than statements may wait for it. */
const LOOK_UPS_MAX = 1_000;
/** As long as stores take. */
const LONGEST_ID = 256;

/** What this process has of a job. */
interface LocalJob {
  readonly record: JobRecord;
  /** Undefined for an input, which holds nothing. */
  readonly attempt: AccountedAttempt | undefined;
  /** The store keeps no jobs, or could know nothing of this one. */
  readonly isOnlyHere: boolean;
  readonly endsAtMs: number;
  /** It was over before the store had taken it. */
  isOver: boolean;
}

/**
 * How a job has ended, where it takes its plan to tell: answers do not say what kind the tokens are that they count.
 * Must not throw. Undefined when another answer has to say it; the job then stays open.
 */
export type OutcomeOfPlan = (plan: CallPlan) => AttemptOutcome | undefined;

export function isJobId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && id.length <= LONGEST_ID;
}

export class Jobs {
  readonly #guard: Guard;
  readonly #local = new Map<string, LocalJob>();
  readonly #over = new Set<string>();
  readonly #lookUps = new Set<string>();
  /** Jobs whose settlement the store has not taken yet: further looks at their results have nothing to add. */
  readonly #resolving = new Set<string>();

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** The provider has taken on the job; see `Attempt.accept`. */
  start(attempt: AccountedAttempt, jobId: string, ttlMs: number): void {
    const guard = this.#guard;
    const { plan, hold, callId, number, countsAsCall, attribution, startedAtMs } = attempt;
    const key = { provider: plan.provider, jobId };
    const about = {
      holdId: hold.holdId,
      callId,
      endpoint: plan.endpoint,
      model: plan.model,
      requests: plan.job?.requests ?? 1,
      attribution,
      heldNanoUsd: plan.worstCaseNanoUsd,
      expiresAtMs: guard.clock.now() + ttlMs,
    };
    const record: JobRecord = {
      key,
      hold: { ...about, attempt: number, countsAsCall, admittedBy: hold.admittedBy },
      createdAtMs: startedAtMs,
      plan: JSON.stringify(plan),
    };
    guard.extend(hold, ttlMs, (detail) => this.#failed(record, "renew", false, detail));
    guard.emitter.emit("job-started", () => ({
      id: `${hold.holdId}:job-started`,
      atMs: guard.clock.now(),
      ...key,
      ...about,
    }));
    this.#keep(record, attempt, ttlMs + LATE_MS, isOffStore(hold));
  }

  /**
   * The result of a job has been retrieved. Charges it once, whoever else retrieves it at the same time; nothing happens
   * for a job that is not ours, or that has been settled. Never throws and never waits.
   *
   * @param outcome what the provider reports; "refused" when it billed nothing
   */
  settle(key: JobKey, outcome: AttemptOutcome | OutcomeOfPlan): void {
    if (!isJobId(key.jobId)) return;
    const name = nameOf(key);
    if (this.#over.has(name) || this.#resolving.has(name)) return;
    const local = this.#local.get(name);
    if (local?.attempt !== undefined) {
      this.#resolve(local.record, local.attempt, outcome);
      return;
    }
    this.#lookUp(key, (record) => {
      if (record === undefined || record.hold === null) return;
      try {
        this.#resolve(record, attemptOf(record, record.hold), outcome);
      } catch {
        // Written by another version, or not by Holdfast: its hold expires by the budgets' policy.
        this.#failed(record, "get", false, "what the store knows of the job cannot be read");
      }
    });
  }

  /** The provider says that the job has failed, expired or been cancelled, and that nothing was billed. */
  fail(key: JobKey, status = 200, providerRequestId: string | null = null): void {
    this.settle(key, { class: "refused", status, providerRequestId });
  }

  /** Keeps what is known of the input of a job for whoever will create it. Never throws and never waits. */
  remember(key: JobKey, plan: string, ttlMs: number): void {
    if (!isJobId(key.jobId)) return;
    this.#keep({ key, hold: null, createdAtMs: this.#guard.clock.now(), plan }, undefined, ttlMs, false);
  }

  /** What {@link remember} was given, by any process; undefined when nothing is known, or the store does not answer. */
  recall(key: JobKey): MaybePromise<string | undefined> {
    const local = this.#local.get(nameOf(key));
    if (local !== undefined) return local.attempt === undefined ? local.record.plan : undefined;
    const { store, link } = this.#guard;
    const { jobs } = store;
    if (jobs === undefined || !isJobId(key.jobId)) return undefined;
    return link.ask(
      () => jobs.get(key),
      (record) => (record?.hold === null ? record.plan : undefined),
      () => undefined,
    );
  }

  /**
   * The same for whoever does not wait: asks until the store has answered, and tells of what is known. Never throws.
   */
  recallLater(key: JobKey, onKnown: (plan: string) => void): void {
    if (!isJobId(key.jobId)) return;
    const local = this.#local.get(nameOf(key));
    if (local !== undefined) {
      if (local.attempt === undefined) onKnown(local.record.plan);
      return;
    }
    this.#lookUp(key, (record) => {
      // It may have become known here while the store was asked.
      const known = record ?? this.#local.get(nameOf(key))?.record;
      if (known?.hold === null) onKnown(known.plan);
    });
  }

  /**
   * The jobs that are open, in no certain order. Fails with a StoreUnavailableError when the store does not answer.
   */
  async *open(): AsyncGenerator<OpenJob, void, undefined> {
    const { store, link, clock } = this.#guard;
    const here = new Set(this.#local.keys());
    const ours = [...this.#local.values()].filter(({ isOver }) => !isOver);
    for (const { record } of ours) {
      const job = openJobOf(record, clock.now());
      if (job !== undefined) yield job;
    }
    const { jobs } = store;
    if (jobs === undefined) return;
    let after: JobKey | undefined;
    do {
      const query = { limit: PAGE, after };
      const page = await link.ask(
        () => jobs.list(query),
        (found) => found,
      );
      for (const record of page.jobs) {
        const name = nameOf(record.key);
        const job = here.has(name) || this.#over.has(name) ? undefined : openJobOf(record, clock.now());
        if (job !== undefined) yield job;
      }
      after = page.next;
    } while (after !== undefined);
  }

  #keep(
    record: JobRecord,
    attempt: AccountedAttempt | undefined,
    ttlMs: number,
    isUnknownToStore: boolean,
  ): void {
    const { store, clock } = this.#guard;
    const { jobs } = store;
    const isOnlyHere = jobs === undefined || isUnknownToStore;
    const name = nameOf(record.key);
    const local: LocalJob = { record, attempt, isOnlyHere, endsAtMs: clock.now() + ttlMs, isOver: false };
    this.#makeRoom();
    this.#local.set(name, local);
    if (isOnlyHere) return;
    this.#tell(
      record,
      "put",
      () => jobs.put(record, ttlMs),
      () => {
        if (this.#local.get(name) === local) this.#local.delete(name);
        if (local.isOver) this.#remove(record);
      },
    );
  }

  #makeRoom(): void {
    const nowMs = this.#guard.clock.now();
    for (const [name, { record, endsAtMs }] of this.#local) {
      if (endsAtMs > nowMs && this.#local.size < LOCAL_MAX) return;
      this.#local.delete(name);
      if (endsAtMs > nowMs) {
        this.#failed(record, "put", false, `${LOCAL_MAX} jobs are kept in this process already`);
      }
    }
  }

  #resolve(record: JobRecord, attempt: AccountedAttempt, ended: AttemptOutcome | OutcomeOfPlan): void {
    const guard = this.#guard;
    const outcome = typeof ended === "function" ? ended(attempt.plan) : ended;
    if (outcome === undefined) return;
    const { hold } = attempt;
    const settlement = accountOf(guard, attempt, outcome);
    const name = nameOf(record.key);
    const onFailure = (detail: string): void => {
      this.#resolving.delete(name);
      reportAnomaly(guard, attempt, "settlement-failed", detail);
    };
    this.#resolving.add(name);
    const resolution = {
      operationId: `${hold.holdId}:settled:${guard.nextId()}`,
      onResolved: (): void => {
        reportAccount(guard, attempt, outcome, settlement);
        this.#reportSettled(record, settlement.costNanoUsd);
        this.#finish(record);
      },
      onOver: (answer: string): void => {
        if (answer !== "already-resolved" && settlement.verb === "settle") {
          onFailure(`the store answered ${answer} to the settlement of hold ${hold.holdId}`);
        }
        this.#finish(record);
      },
    };
    if (settlement.verb === "settle") guard.settle(hold, settlement.amounts, onFailure, resolution);
    else guard.release(hold, onFailure, resolution);
  }

  #reportSettled({ key, hold }: JobRecord, costNanoUsd: number): void {
    const { emitter, clock } = this.#guard;
    const { holdId, callId, endpoint, model, requests, attribution, heldNanoUsd } = hold!;
    emitter.emit("job-settled", () => ({
      id: `${holdId}:job-settled`,
      atMs: clock.now(),
      provider: key.provider,
      jobId: key.jobId,
      holdId,
      callId,
      endpoint,
      model,
      requests,
      attribution,
      heldNanoUsd,
      costNanoUsd,
    }));
  }

  /** Nobody needs to know of it any more. */
  #finish(record: JobRecord): void {
    const name = nameOf(record.key);
    this.#resolving.delete(name);
    const local = this.#local.get(name);
    for (const oldest of this.#over) {
      if (this.#over.size < OVER_MAX) break;
      this.#over.delete(oldest);
    }
    this.#over.add(name);
    if (local === undefined) return this.#remove(record);
    if (local.isOnlyHere) this.#local.delete(name);
    // The store is being told of it; what it is told last must be that it is over.
    else local.isOver = true;
  }

  #remove(record: JobRecord): void {
    const { jobs } = this.#guard.store;
    if (jobs === undefined) return;
    this.#tell(
      record,
      "remove",
      () => jobs.remove(record.key),
      () => undefined,
    );
  }

  /**
   * Asks the store until it has answered, once for all who ask. Lists of jobs that are not ours must not take the place of
   * what has to be said to a store that is out of reach.
   */
  #lookUp(key: JobKey, onAnswer: (record: JobRecord | undefined) => void): void {
    const { jobs } = this.#guard.store;
    const name = nameOf(key);
    if (jobs === undefined || this.#lookUps.has(name)) return;
    const subject = { key, hold: null };
    if (this.#lookUps.size >= LOOK_UPS_MAX) {
      this.#failed(subject, "get", false, `${LOOK_UPS_MAX} jobs are being asked after already`);
      return;
    }
    this.#lookUps.add(name);
    const answered = (record: JobRecord | undefined): void => {
      this.#lookUps.delete(name);
      onAnswer(record);
    };
    this.#tell(
      subject,
      "get",
      () => jobs.get(key),
      answered,
      () => this.#lookUps.delete(name),
    );
  }

  /** Repeated until the store has taken it; the first failure is told of, and the end of trying. */
  #tell<R>(
    subject: Pick<JobRecord, "key" | "hold">,
    operation: JobStoreFailedEvent["operation"],
    statement: () => MaybePromise<R>,
    onAnswer: (result: R) => void,
    onFailure?: () => void,
  ): void {
    this.#guard.link.tell(
      statement,
      onAnswer,
      (detail) => {
        onFailure?.();
        this.#failed(subject, operation, false, detail);
      },
      (detail) => this.#failed(subject, operation, true, detail),
    );
  }

  #failed(
    { key, hold }: Pick<JobRecord, "key" | "hold">,
    operation: JobStoreFailedEvent["operation"],
    isRepeated: boolean,
    detail: string,
  ): void {
    const { emitter, clock, nextId } = this.#guard;
    emitter.emit("job-store-failed", () => ({
      id: nextId(),
      atMs: clock.now(),
      provider: key.provider,
      jobId: key.jobId,
      holdId: hold?.holdId ?? null,
      operation,
      isRepeated,
      detail,
    }));
  }
}

/** Injective over (provider, id). */
function nameOf({ provider, jobId }: JobKey): string {
  return `${provider.length}:${provider}${jobId}`;
}
