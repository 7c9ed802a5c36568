/** @module Reserving: the same answer to a replay, and for a new operation all of its scopes or none. */
import { saturatingAdd } from "../../kernel/money.ts";
import { availableIn, denialOf, firstLimit, type Balance } from "../../ledger/admission.ts";
import { DIMENSIONS, NO_AMOUNTS } from "../../ledger/amounts.ts";
import type {
  Denied,
  ExpiredHold,
  Held,
  Mismatch,
  ReserveOperation,
  ReserveResult,
  Scope,
} from "../../ledger/ledger-store.ts";
import { sameAmounts } from "../../ledger/operation-checks.ts";
import type { AskedOperation } from "./answers.ts";
import type { Counter } from "./counter.ts";
import { expireDue, sharesOf } from "./holds.ts";
import { amountsFrom, answerFrom, answerText, type Share } from "./row-text.ts";
import { fromSortableText, sortableText } from "./sortable-text.ts";
import type { HoldRow, Tables } from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** Due holds that a reserve resolves in passing, so that its own cost stays bounded. */
const EXPIRE_IN_PASSING = 16;
const EXPIRE_AT_ONCE = 1_000;

export function reserve(
  transaction: Transaction,
  tables: Tables,
  hasDue: boolean,
  operation: ReserveOperation,
): ReserveResult {
  const id = sortableText(operation.operationId);
  const earlier = tables.holdById(id);
  if (earlier !== undefined) return replay(transaction, earlier, operation);
  const keys = operation.scopes.map((scope) => scope.key);
  const asked = JSON.stringify(["reserve", keys, DIMENSIONS.map((d) => operation.amounts[d])]);
  const question: AskedOperation = { kind: "once", id, holdId: "", asked };
  const answered = tables.answers.find(question);
  if (answered === "mismatch") return { outcome: "mismatch" };
  if (answered !== undefined) {
    return { ...answerFrom<Denied, "limiting">(answered.text, "limiting"), replayed: true };
  }
  transaction.isTimeBound = true;
  return reserveNew(transaction, tables, hasDue, question, operation);
}

function reserveNew(
  transaction: Transaction,
  tables: Tables,
  hasDue: boolean,
  question: AskedOperation,
  operation: ReserveOperation,
): ReserveResult {
  const { scopes, amounts } = operation;
  const { nowMs } = transaction;
  const expired = hasDue ? expireDue(transaction, tables, EXPIRE_IN_PASSING) : [];
  const counters = scopes.map((scope) => transaction.find(scope));
  let limiting = firstLimit(balancesOf(transaction, scopes, counters), amounts);
  if (limiting !== undefined && expired.length === EXPIRE_IN_PASSING) {
    // A hold whose time is over never causes a denial.
    for (const hold of expireAllDue(transaction, tables)) expired.push(hold);
    limiting = firstLimit(balancesOf(transaction, scopes, counters), amounts);
  }
  const reported = expired.length === 0 ? undefined : { expired };
  if (limiting !== undefined) {
    const states = scopes.map((scope, i) => transaction.stateOf(scope, counters[i]));
    const denial = denialOf(operation, states, limiting, nowMs);
    tables.answers.remember(question, answerText(denial, "limiting"), nowMs);
    return { ...denial, ...reported };
  }
  const opened = scopes.map((scope, i) => transaction.open(scope, counters[i]));
  for (const counter of opened) counter.hold(amounts);
  const shares = scopes.map((scope, i): Share => [opened[i]!.id, scope.onExpiry]);
  tables.addHold(question.id, amounts, shares, nowMs, saturatingAdd(nowMs, operation.undispatchedTtlMs));
  const available =
    operation.reportAvailable === true
      ? { available: availableIn(balancesOf(transaction, scopes, opened)) }
      : undefined;
  return {
    outcome: "held",
    holdId: operation.operationId,
    replayed: false,
    reservedAtMs: nowMs,
    windows: opened.map((counter) => counter.window),
    ...available,
    ...reported,
  };
}

function replay(transaction: Transaction, hold: HoldRow, operation: ReserveOperation): Held | Mismatch {
  const counters = sharesOf(hold).map(([counterId]) => transaction.byId(counterId));
  const { scopes } = operation;
  const isSame =
    counters.length === scopes.length &&
    counters.every((counter, i) => fromSortableText(counter.key) === scopes[i]!.key) &&
    sameAmounts(amountsFrom(hold.amounts), operation.amounts);
  if (!isSame) return { outcome: "mismatch" };
  return {
    outcome: "held",
    holdId: operation.operationId,
    replayed: true,
    reservedAtMs: hold.reserved_at_ms,
    windows: counters.map((counter) => counter.window),
  };
}

function expireAllDue(transaction: Transaction, tables: Tables): readonly ExpiredHold[] {
  const all: ExpiredHold[] = [];
  for (let batch = EXPIRE_AT_ONCE; batch === EXPIRE_AT_ONCE;) {
    const expired = expireDue(transaction, tables, EXPIRE_AT_ONCE);
    for (const hold of expired) all.push(hold);
    batch = expired.length;
  }
  return all;
}

function balancesOf(
  transaction: Transaction,
  scopes: readonly Scope[],
  counters: readonly (Counter | undefined)[],
): readonly Balance[] {
  return scopes.map((scope, i) => ({
    spent: counters[i]?.spent ?? NO_AMOUNTS,
    held: counters[i]?.held ?? NO_AMOUNTS,
    limits: transaction.limitsOf(scope),
  }));
}
