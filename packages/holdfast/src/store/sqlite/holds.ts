/** @module What a hold's row says, and what happens to the hold's counters when it is resolved. */
import type { ExpiredHold, Settled } from "../../ledger/ledger-store.ts";
import { NO_AMOUNTS, type Amounts } from "../../ledger/amounts.ts";
import type { Counter } from "./counter.ts";
import { amountsFrom, amountsText, type Share } from "./row-text.ts";
import { fromSortableText } from "./sortable-text.ts";
import type { HoldRow, Tables } from "./tables.ts";
import type { Transaction } from "./transaction.ts";

export function sharesOf(hold: HoldRow): readonly Share[] {
  return JSON.parse(hold.shares) as readonly Share[];
}

/** Whether its time is over and nobody has resolved it yet. */
export function isDue(hold: HoldRow, nowMs: number): boolean {
  return hold.open === 1 && hold.at_ms <= nowMs;
}

/** Resolves a hold whose time is over, each share by its policy. */
export function expireHold(
  transaction: Transaction,
  tables: Tables,
  hold: HoldRow,
): { readonly hold: HoldRow; readonly report: ExpiredHold } {
  transaction.isTimeBound = true;
  const amounts = amountsFrom(hold.amounts);
  const shares = sharesOf(hold).map(([counterId, onExpiry]) => ({
    counter: transaction.byId(counterId),
    policy: hold.dispatched === 1 ? onExpiry : ("release" as const),
  }));
  // A quarantined hold is kept until somebody resolves it: it still holds money.
  const isKept = shares.some(({ policy }) => policy === "quarantine");
  for (const { counter, policy } of shares) {
    if (policy !== "quarantine") counter.unhold(amounts);
    if (policy === "charge") counter.post(amounts, hold.reserved_at_ms);
    if (!isKept) counter.leave();
  }
  const changed = tables.changeHold(
    hold,
    isKept ? { state: "quarantined", open: 2 } : { state: "expired", open: 0, at_ms: transaction.nowMs },
  );
  const report: ExpiredHold = {
    holdId: fromSortableText(hold.id),
    dispatched: hold.dispatched === 1,
    amounts,
    effects: shares.map(({ counter, policy }) => ({
      scopeKey: fromSortableText(counter.key),
      windowId: counter.window.id,
      policy,
    })),
  };
  return { hold: changed, report };
}

/** Resolves holds whose time is over, oldest first. */
export function expireDue(transaction: Transaction, tables: Tables, limit: number): ExpiredHold[] {
  return tables
    .holdsDue(transaction.nowMs, limit)
    .map((hold) => expireHold(transaction, tables, hold).report);
}

/** Replaces what is held, or what expiry has charged, by the truth. */
export function settleHold(
  transaction: Transaction,
  tables: Tables,
  hold: HoldRow,
  charged: Amounts,
  operationId: string,
): HoldRow {
  const held = amountsFrom(hold.amounts);
  const hasExpired = hasBeenExpired(hold);
  forEachShare(transaction, hold, (counter, isStillHeld, wasCharged) => {
    if (isStillHeld) counter.unhold(held);
    else if (wasCharged) counter.unpost(held, hold.reserved_at_ms);
    counter.post(charged, hold.reserved_at_ms);
  });
  return tables.changeHold(hold, {
    state: "settled",
    open: 0,
    at_ms: transaction.nowMs,
    resolved_by: operationId,
    charged: amountsText(charged),
    corrected: hasExpired ? 1 : 0,
  });
}

/** Gives back what is still held: of a quarantined hold only the quarantined shares. */
export function releaseHold(
  transaction: Transaction,
  tables: Tables,
  hold: HoldRow,
  operationId: string,
): void {
  const held = amountsFrom(hold.amounts);
  forEachShare(transaction, hold, (counter, isStillHeld) => {
    if (isStillHeld) counter.unhold(held);
  });
  tables.changeHold(hold, {
    state: "released",
    open: 0,
    at_ms: transaction.nowMs,
    resolved_by: operationId,
  });
}

/** The answer to its settlement. */
export function settledAnswer(hold: HoldRow, replayed: boolean): Settled {
  return {
    outcome: "settled",
    replayed,
    corrected: hold.corrected === 1,
    charged: hold.charged === null ? NO_AMOUNTS : amountsFrom(hold.charged),
    held: amountsFrom(hold.amounts),
  };
}

function hasBeenExpired(hold: HoldRow): boolean {
  return hold.state === "expired" || hold.state === "quarantined";
}

/** Resolves each share of a hold by `act`. */
function forEachShare(
  transaction: Transaction,
  hold: HoldRow,
  act: (counter: Counter, isStillHeld: boolean, wasCharged: boolean) => void,
): void {
  const hasExpired = hasBeenExpired(hold);
  for (const [counterId, onExpiry] of sharesOf(hold)) {
    // What expiry did follows from the row: an undispatched hold is released whatever the policy.
    const expiredAs = !hasExpired ? undefined : hold.dispatched === 1 ? onExpiry : "release";
    const isStillHeld = expiredAs === undefined || expiredAs === "quarantine";
    const counter = transaction.byId(counterId);
    act(counter, isStillHeld, expiredAs === "charge");
    if (hold.open !== 0) counter.leave();
  }
}
