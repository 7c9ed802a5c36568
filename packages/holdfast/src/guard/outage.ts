/**
 * @module What happens to calls while the store is out of reach, by the declared mode of the budgets that they touch.
 *
 * The strictest mode of all budgets of a call decides. What is let through is counted in this process, in the same
 * states as an ordinary hold, and posted to the store when it is back, so that nothing stays uncounted. It is never
 * called a denial when a call is stopped here: whether the budget has room is unknown.
 */
import type { Budget } from "../budget/budget.ts";
import { StoreUnavailableError } from "../error/store-unavailable-error.ts";
import type { Emitter } from "../event/emitter.ts";
import type { Clock } from "../kernel/clock.ts";
import type { IdSource } from "../kernel/id.ts";
import { DIMENSIONS, NO_AMOUNTS, type Amounts, type Limits } from "../ledger/amounts.ts";
import type { ExpiredHold, LedgerStore, Scope } from "../ledger/ledger-store.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { CarriedHold } from "./carried-hold.ts";
import type { OutageJournal } from "./outage-journal.ts";
import type { StoreLink } from "./store-link.ts";

/** What a refused question was about, for the event. */
export interface OutageCall {
  readonly callId: string;
  readonly attempt: number;
}

export interface OutageParts {
  /** Keeps what this process lets through: an exact store of its own, synchronous. */
  readonly allowance: LedgerStore;
  readonly journal: OutageJournal;
  readonly link: StoreLink;
  readonly emitter: Emitter;
  readonly clock: Clock;
  readonly nextId: IdSource;
  readonly undispatchedTtlMs: number;
  readonly dispatchedTtlMs: number;
}

export class Outage {
  readonly #parts: OutageParts;
  /** The holds that were let through and are not resolved. */
  readonly #open = new Map<string, { readonly hold: CarriedHold; isSent: boolean }>();

  constructor(parts: OutageParts) {
    this.#parts = parts;
    for (const { holdId, scopes, amounts } of parts.journal.unposted()) {
      // It counts against the allowance: a process that is started again does not get a new one.
      scopes.forEach((scope, i) => {
        const operationId = `${holdId}:before:${i}`;
        synchronous(parts.allowance.adjust({ operationId, scope, delta: amounts }));
      });
      this.#tellAdjust(holdId, "posted", scopes, amounts);
    }
  }

  /**
   * Lets the call through by the mode of its budgets. A call that no budget counts has nothing to wait for.
   *
   * @throws {StoreUnavailableError} `error` itself when a budget is closed; one that says so when the allowance of this
   *   process is used up, or too much waits to be posted.
   */
  admit(
    call: OutageCall,
    scopes: readonly Scope[],
    amounts: Amounts,
    budgets: readonly Budget[],
    error: StoreUnavailableError,
  ): CarriedHold {
    const { allowance, link, emitter, clock, nextId, undispatchedTtlMs } = this.#parts;
    const modes = scopes.map((scope) => modeOf(scope, budgets));
    if (modes.some((mode) => mode.do === "closed" || mode.do === "lease")) throw error;
    if (link.isBacklogFull) {
      throw new StoreUnavailableError(`${error.message} Too much waits to be posted to let more through.`, {
        cause: error,
      });
    }
    const admittedBy = modes.some((mode) => mode.do === "local") ? "local" : "open";
    const holdId = nextId();
    const counted = scopes.map((scope, i): Scope => ({ ...scope, limits: limitsOf(modes[i]!) }));
    const operation = { operationId: holdId, scopes: counted, amounts, undispatchedTtlMs };
    const result = synchronous(allowance.reserve(operation));
    if (result.outcome === "denied") {
      this.#postExpired(result.expired);
      throw new StoreUnavailableError(
        `${error.message} What budget ${JSON.stringify(result.limiting.scope.budgetId)} allows this process ` +
          "to spend without the store (onStoreFailure.local) is used up.",
        { cause: error },
      );
    }
    if (result.outcome === "held") this.#postExpired(result.expired);
    const hold: CarriedHold = { holdId, amounts, scopes, admittedBy };
    this.#open.set(holdId, { hold, isSent: false });
    emitter.emit("call-admitted-in-outage", () => ({
      id: `${holdId}:admitted`,
      atMs: clock.now(),
      callId: call.callId,
      attempt: call.attempt,
      holdId,
      admittedBy,
      scopes: scopes.map(({ key, budgetId, values }) => ({ key, budgetId, values })),
      amounts,
    }));
    return hold;
  }

  /** @returns false when the hold had expired in the meantime. */
  dispatch(hold: CarriedHold): boolean {
    const { allowance, journal, dispatchedTtlMs } = this.#parts;
    const { holdId, scopes, amounts } = hold;
    const operationId = `${holdId}:dispatched`;
    const result = synchronous(allowance.dispatch({ operationId, holdId, ttlMs: dispatchedTtlMs }));
    if (result.outcome === "already-resolved") this.#postExpired(result.expired);
    if (result.outcome !== "dispatched") return false;
    try {
      journal.append({ step: "sent", holdId, scopes, amounts: { ...amounts, concurrentCalls: 0 } });
    } catch (cause) {
      this.release(hold);
      throw new StoreUnavailableError(
        "The store is out of reach and the outage journal cannot be written, so nothing was sent. Check its disk.",
        { cause: new Error((cause as { code?: string }).code ?? "unknown") },
      );
    }
    const open = this.#open.get(holdId);
    if (open !== undefined) open.isSent = true;
    return true;
  }

  settle(hold: CarriedHold, amounts: Amounts): void {
    const operationId = `${hold.holdId}:settled`;
    const result = synchronous(this.#parts.allowance.settle({ operationId, holdId: hold.holdId, amounts }));
    this.#postExpired("expired" in result ? result.expired : undefined);
    if (result.outcome !== "settled" || result.replayed) return;
    if (!result.corrected) return this.#post(hold.holdId, amounts);
    // Its expiry has been posted already; the rest of the truth is the difference.
    this.#tellAdjust(hold.holdId, "corrected", hold.scopes, difference(amounts, hold.amounts));
  }

  release(hold: CarriedHold): void {
    const operationId = `${hold.holdId}:released`;
    const result = synchronous(this.#parts.allowance.release({ operationId, holdId: hold.holdId }));
    if (result.outcome === "already-resolved") {
      this.#postExpired(result.expired);
      // It was charged when its time was over, and now it is known that nothing was billed.
      if (result.state === "expired") this.settle(hold, NO_AMOUNTS);
      return;
    }
    if (result.outcome !== "released") return;
    this.#open.delete(hold.holdId);
    this.#note({ step: "posted", holdId: hold.holdId });
  }

  renew(hold: CarriedHold, ttlMs: number = this.#parts.dispatchedTtlMs): void {
    const { allowance, nextId } = this.#parts;
    const operationId = `${hold.holdId}:renewed:${nextId()}`;
    synchronous(allowance.renew({ operationId, holdId: hold.holdId, ttlMs }));
  }

  /** Posts what was let through and never resolved. */
  expireDue(): void {
    if (this.#open.size === 0) return;
    let more = true;
    while (more) {
      const result = synchronous(this.#parts.allowance.expire({ limit: 1_000 }));
      this.#postExpired(result.expired);
      more = result.more;
    }
  }

  /** Posts what is still open, as its expiry would: nobody is there any more to see it end. */
  close(): void {
    for (const { hold, isSent } of this.#open.values()) {
      if (isSent) this.settle(hold, { ...hold.amounts, concurrentCalls: 0 });
      else this.release(hold);
    }
  }

  #postExpired(expired: readonly ExpiredHold[] | undefined): void {
    for (const hold of expired ?? []) {
      // A hold that was never sent costs nothing. One that was is charged, whatever it would be on the store: there
      // is no hold there that could be kept or given back.
      if (hold.dispatched) this.#post(hold.holdId, { ...hold.amounts, concurrentCalls: 0 });
      else this.#open.delete(hold.holdId);
    }
  }

  #post(holdId: string, amounts: Amounts): void {
    const scopes = this.#open.get(holdId)?.hold.scopes;
    if (scopes === undefined) return;
    this.#open.delete(holdId);
    this.#note({ step: "settled", holdId, amounts });
    this.#tellAdjust(holdId, "posted", scopes, amounts);
  }

  /** Posts to every scope; what the journal keeps of the call is done with when the store has taken all of it. */
  #tellAdjust(
    holdId: string,
    what: "posted" | "corrected",
    scopes: readonly Scope[],
    delta: Partial<Amounts>,
  ): void {
    const { link, emitter, clock } = this.#parts;
    if (scopes.length === 0 || DIMENSIONS.every((dimension) => (delta[dimension] ?? 0) === 0)) {
      if (what === "posted") this.#note({ step: "posted", holdId });
      return;
    }
    let left = scopes.length;
    const taken = (): void => {
      left -= 1;
      if (left === 0 && what === "posted") this.#note({ step: "posted", holdId });
    };
    scopes.forEach((scope, i) => {
      const operationId = `${holdId}:${what}:${i}`;
      const lost = (detail: string): void => {
        emitter.emit("outage-spend-lost", () => ({
          id: `${operationId}:lost`,
          atMs: clock.now(),
          budgetId: scope.budgetId,
          scopeKey: scope.key,
          delta,
          detail,
        }));
      };
      link.tell(
        () => link.store.adjust({ operationId, scope, delta }),
        (result) => {
          taken();
          if (result.outcome !== "adjusted") return lost(`the store answered ${result.outcome}`);
          emitter.emit("budget-adjusted", () => ({
            id: `${operationId}:adjusted`,
            atMs: clock.now(),
            budgetId: scope.budgetId,
            scopeKey: scope.key,
            windowId: result.state.window.id,
            delta,
            reason: "spent while the store was out of reach",
          }));
        },
        lost,
      );
    });
  }

  /** A line that cannot be written leaves one too many to post, and posting is idempotent. */
  #note(line: Parameters<OutageJournal["append"]>[0]): void {
    try {
      this.#parts.journal.append(line);
    } catch {
      // The "sent" line stands, so the call is posted at the next start.
    }
  }
}

function modeOf(scope: Scope, budgets: readonly Budget[]): Budget["onStoreFailure"] {
  return budgets.find((budget) => budget.id === scope.budgetId)?.onStoreFailure ?? { do: "closed" };
}

function limitsOf(mode: Budget["onStoreFailure"]): Limits {
  return mode.do === "local" ? mode.limits : {};
}

function difference(a: Amounts, b: Amounts): Amounts {
  return Object.fromEntries(
    DIMENSIONS.map((d) => [d, d === "concurrentCalls" ? 0 : a[d] - b[d]]),
  ) as unknown as Amounts;
}

/** The allowance is kept by a store in this process, which answers at once. */
function synchronous<T>(answer: MaybePromise<T>): T {
  return answer as T;
}
