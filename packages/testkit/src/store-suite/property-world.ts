/** @module Model and store side by side, and what must be equal between them after every step. */
import { DIMENSIONS, windowAt } from "holdfast";
import type { Amounts, ExpiredHold, LedgerStore, Scope, ScopeState } from "holdfast";
import { canonical } from "./canonical.ts";
import { ReferenceModel, type ModelHold } from "./model.ts";
import { dumpState, listBalances } from "./state-dump.ts";
import type { SuiteClock } from "./store-under-test.ts";
import { isWithin } from "./property-universe.ts";

export type Verb = "reserve" | "dispatch" | "settle" | "release" | "renew" | "adjust" | "override";
/** An operation of the port together with the verb that takes it. */
export type Step = {
  [V in Verb]: { readonly verb: V; readonly operation: Parameters<LedgerStore[V]>[0] };
}[Verb];

interface Done {
  readonly step: Step;
  readonly atMs: number;
}

/** A store must remember resolved holds and answered operations at least this long. */
const MEMORY_MS = 24 * 3_600_000;

/** The state of one run. */
export class World {
  readonly model: ReferenceModel;
  readonly store: LedgerStore;
  readonly clock: SuiteClock;
  /** Answered operations, for replays. */
  readonly done: Done[] = [];
  readonly #awaitingReport = new Map<string, string>();
  /** Holds that an operation was about when they were due. */
  readonly #touched = new Set<string>();
  readonly #resolvedAtMs = new Map<string, number>();
  #lastId = 0;

  constructor(store: LedgerStore, clock: SuiteClock) {
    this.store = store;
    this.clock = clock;
    this.model = new ReferenceModel({ now: () => clock.now() });
  }

  nextId(prefix: string): string {
    this.#lastId += 1;
    return `${prefix}-${this.#lastId}`;
  }

  /** Holds that a store may not have forgotten, oldest first. */
  knownHolds(): ModelHold[] {
    const now = this.clock.now();
    return [...this.model.holds.values()].filter((hold) => {
      const resolvedAt = this.#resolvedAtMs.get(hold.id) ?? (hold.state === "live" ? hold.expiresAtMs : now);
      return now - resolvedAt < MEMORY_MS;
    });
  }

  recentlyDone(): Done[] {
    const now = this.clock.now();
    return this.done.filter((each) => now - each.atMs < MEMORY_MS);
  }

  /**
   * The port does not say whether asking for zero fits where a limit is already exceeded (exactly full, it does): so
   * it is never asked.
   */
  withoutZerosOverLimit(scopes: readonly Scope[], amounts: Amounts): Amounts {
    const asked = { ...amounts };
    for (const scope of scopes) {
      const { spent, held, limits } = this.model.stateOf(scope);
      for (const dimension of DIMENSIONS) {
        const limit = limits[dimension] ?? Number.MAX_SAFE_INTEGER;
        if (spent[dimension] + held[dimension] > limit) asked[dimension] = Math.max(1, asked[dimension]);
      }
    }
    return asked;
  }

  /** Puts one operation to both and compares answers, listings and invariants. */
  async apply(step: Step): Promise<void> {
    // An adjustment cannot report expiries, so it need not see that they are due.
    if (step.verb === "adjust") await this.compareState();
    this.#noteIfDue("holdId" in step.operation ? step.operation.holdId : "");
    const expected = await call(this.model, step);
    this.#awaitReports(expected.expired ?? []);
    this.#awaitDueReports();
    const actual = await call(this.store, step);
    equal("answer", comparable(actual, this.clock), comparable(expected, this.clock));
    const isNew = "replayed" in expected && !expected.replayed;
    if (isNew) {
      this.done.push({ step, atMs: this.clock.now() });
      this.#checkReports(actual.expired ?? []);
    }
    await this.compareState();
    if (step.verb === "reserve" && expected.outcome === "held" && isNew) {
      await this.#checkAdmission(step.operation.scopes);
    }
  }

  /** Lets one batch of expiry run on the store. */
  async expireSome(limit: number): Promise<boolean> {
    this.#awaitDueReports();
    const { expired, more } = await this.store.expire({ limit });
    if (expired.length > limit) throw new Error(`expire gave ${expired.length} holds, asked for ${limit}`);
    this.#checkReports(expired);
    return more;
  }

  /** After everything due has expired, both must list the same. */
  async compareState(): Promise<void> {
    let rounds = 0;
    while (await this.expireSome(3)) {
      rounds += 1;
      if (rounds > 1000) throw new Error("expire never comes to an end");
    }
    this.#checkNothingUnreported();
    this.#noteResolutions();
    equal("balances", await dumpState(this.store), await dumpState(this.model));
    for (const state of await listBalances(this.store)) requireSound(state);
  }

  /** Spent and held together are within the limits in every scope that has just admitted something. */
  async #checkAdmission(scopes: readonly Scope[]): Promise<void> {
    const listed = await listBalances(this.store);
    const now = this.clock.now();
    for (const scope of scopes) {
      const windowId = windowAt(scope.window, now).id;
      const state = listed.find((each) => each.scope.key === scope.key && each.window.id === windowId);
      if (state !== undefined && !isWithin(state.spent, state.held, this.model.limitsOf(scope))) {
        throw new Error(`over-admission in ${scope.key}: ${canonical(state)}`);
      }
    }
  }

  #noteIfDue(holdId: string): void {
    const hold = this.model.holds.get(holdId);
    if (hold?.state === "live" && hold.expiresAtMs <= this.clock.now()) this.#touched.add(holdId);
  }

  #awaitDueReports(): void {
    this.#awaitReports(this.model.expire({ limit: Number.MAX_SAFE_INTEGER }).expired);
  }

  #awaitReports(expired: readonly ExpiredHold[]): void {
    for (const hold of expired) this.#awaitingReport.set(hold.holdId, canonical(hold));
  }

  /** Every expiry is reported at most once, as it happened. */
  #checkReports(reported: readonly ExpiredHold[]): void {
    for (const hold of reported) {
      equal(
        `expiry of ${hold.holdId}`,
        canonical(hold),
        this.#awaitingReport.get(hold.holdId) ?? "not expected",
      );
      this.#awaitingReport.delete(hold.holdId);
    }
  }

  /** And at least once, unless an operation on that very hold found it due. */
  #checkNothingUnreported(): void {
    for (const [holdId, report] of this.#awaitingReport) {
      if (!this.#touched.has(holdId)) throw new Error(`never reported as expired: ${report}`);
    }
  }

  #noteResolutions(): void {
    for (const hold of this.model.holds.values()) {
      const isOpen = hold.state === "live" || hold.shares.some((share) => share.state === "held");
      if (!isOpen && !this.#resolvedAtMs.has(hold.id)) this.#resolvedAtMs.set(hold.id, this.clock.now());
    }
  }
}

interface Answer {
  readonly outcome: string;
  readonly replayed?: boolean;
  readonly expired?: readonly ExpiredHold[];
}

/** No error is expected here: a store that throws at valid input is broken. */
async function call(store: LedgerStore, step: Step): Promise<Answer> {
  switch (step.verb) {
    case "reserve":
      return store.reserve(step.operation);
    case "dispatch":
      return store.dispatch(step.operation);
    case "settle":
      return store.settle(step.operation);
    case "release":
      return store.release(step.operation);
    case "renew":
      return store.renew(step.operation);
    case "adjust":
      return store.adjust(step.operation);
    case "override":
      return store.override(step.operation);
  }
}

const INSTANTS: ReadonlySet<string> = new Set(["reservedAtMs", "deniedAtMs", "expiresAtMs"]);

function comparable(answer: Answer, clock: SuiteClock): string {
  const isReplayedAdjustment = answer.outcome === "adjusted" && answer.replayed === true;
  const kept = Object.entries(answer).filter(([name]) => {
    // Which holds a step resolves in passing is the store's affair; they are checked as reports.
    if (name === "expired") return false;
    if (clock.running === true && INSTANTS.has(name)) return false;
    // The port does not say whether a replayed adjustment shows the state of then or of now.
    return !(isReplayedAdjustment && name === "state");
  });
  return canonical(Object.fromEntries(kept));
}

function requireSound(state: ScopeState): void {
  for (const dimension of DIMENSIONS) {
    for (const value of [state.spent[dimension], state.held[dimension]]) {
      if (!Number.isSafeInteger(value) || value < 0) throw new Error(`unsound balance: ${canonical(state)}`);
    }
  }
}

function equal(what: string, actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`${what} differs\n  store: ${actual}\n  model: ${expected}`);
}
