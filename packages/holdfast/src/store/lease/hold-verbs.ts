/** @module What callers do with their holds: here, on the base, or on both, where the pools follow the base's answer. */
import { chain, isPromise, type MaybePromise } from "../../kernel/maybe-promise.ts";
import { DIMENSIONS } from "../../ledger/amounts.ts";
import type {
  DispatchOperation,
  DispatchResult,
  ExpiredHold,
  LedgerStore,
  ReleaseOperation,
  ReleaseResult,
  RenewOperation,
  RenewResult,
  SettleOperation,
  SettleResult,
} from "../../ledger/ledger-store.ts";
import type { BaseReader } from "./base-reader.ts";
import type { HoldBook } from "./hold-book.ts";
import type { LeaseTable } from "./lease-table.ts";
import type { LeasedHold } from "./leased-hold.ts";
import type { ServerTime } from "./server-time.ts";
import type { SliceDesk } from "./slice-desk.ts";

export interface HoldVerbsParts {
  readonly base: LedgerStore;
  readonly book: HoldBook;
  readonly desk: SliceDesk;
  readonly leases: LeaseTable;
  readonly reader: BaseReader;
  readonly time: ServerTime;
  readonly report: (expired: readonly ExpiredHold[] | undefined) => void;
}

export class HoldVerbs {
  readonly #parts: HoldVerbsParts;

  constructor(parts: HoldVerbsParts) {
    this.#parts = parts;
  }

  dispatch(operation: DispatchOperation): MaybePromise<DispatchResult> {
    const { base, book, time } = this.#parts;
    const hold = book.find(operation.holdId);
    if (hold === undefined) return this.#passing(base.dispatch(operation));
    if (!hold.isOnBase) return book.dispatch(hold, operation);
    const expiresAtMs = time.now() + operation.ttlMs;
    return this.#following(hold, base.dispatch(operation), (answer) =>
      book.dispatched(hold, expiresAtMs, answer),
    );
  }

  settle(operation: SettleOperation): MaybePromise<SettleResult> {
    const { base, book, leases } = this.#parts;
    const hold = book.find(operation.holdId);
    if (hold === undefined) {
      return chain(this.#passing(base.settle(operation)), (answer) => {
        if (isAboveHold(answer)) for (const lease of leases.all()) lease.invalidate();
        return answer;
      });
    }
    if (!hold.isOnBase) return book.settle(hold, operation);
    return this.#resolving(
      hold,
      () => base.settle(operation),
      (answer) => {
        if (isAboveHold(answer)) for (const { key } of hold.scopes) leases.get(key)?.invalidate();
        return book.settled(hold, operation, answer);
      },
    );
  }

  release(operation: ReleaseOperation): MaybePromise<ReleaseResult> {
    const { base, book } = this.#parts;
    const hold = book.find(operation.holdId);
    if (hold === undefined) return this.#passing(base.release(operation));
    if (!hold.isOnBase) return book.release(hold, operation);
    const release = (): MaybePromise<ReleaseResult> =>
      this.#resolving(
        hold,
        () => base.release(operation),
        (answer) => book.released(hold, answer),
      );
    return book.mayBeQuarantined(hold) ? this.askAfter(hold).then(release) : release();
  }

  renew(operation: RenewOperation): MaybePromise<RenewResult> {
    const { base, book } = this.#parts;
    const hold = book.find(operation.holdId);
    if (hold === undefined) return this.#passing(base.renew(operation));
    if (!hold.isOnBase) return book.renew(hold, operation);
    return this.#following(hold, base.renew(operation), (answer) => book.renewed(hold, answer));
  }

  /** Its expiry was told to somebody else, or nobody has looked: a renewal that renews nothing finds out. */
  askAfter(hold: LeasedHold): Promise<void> {
    const { base, book, desk, time, report } = this.#parts;
    const operation = { operationId: `${hold.id}:overdue:${time.now()}`, holdId: hold.id, ttlMs: 1 };
    return desk.errand(async () => {
      const followed = book.renewed(hold, await base.renew(operation));
      if ("expired" in followed) report(followed.expired);
    });
  }

  /** A hold that this process knows nothing of: the base decides. */
  #passing<T>(answering: MaybePromise<T>): MaybePromise<T> {
    const { leases, reader } = this.#parts;
    return chain(answering, (answer) => {
      if (!leases.isEmpty) reader.changed();
      return answer;
    });
  }

  #following<T>(hold: LeasedHold, answering: MaybePromise<T>, follow: (answer: T) => T): MaybePromise<T> {
    return chain(answering, (answer) => {
      if (hold.touchesLeases) this.#parts.reader.changed();
      return follow(answer);
    });
  }

  #resolving<T>(hold: LeasedHold, ask: () => MaybePromise<T>, follow: (answer: T) => T): MaybePromise<T> {
    const answered = (): void => {
      hold.unanswered -= 1;
    };
    hold.unanswered += 1;
    let answering: MaybePromise<T>;
    try {
      answering = ask();
    } catch (cause) {
      answered();
      throw cause;
    }
    if (isPromise(answering)) answering.then(answered, answered);
    else answered();
    return this.#following(hold, answering, follow);
  }
}

/** The base may now count more than it would have admitted. */
function isAboveHold(answer: SettleResult): boolean {
  if (answer.outcome !== "settled") return false;
  return answer.corrected || DIMENSIONS.some((d) => answer.charged[d] > answer.held[d]);
}
