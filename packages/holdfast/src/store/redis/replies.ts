/**
 * @module What scripts answer, as the port says it. Numbers may come as numbers, as texts or as bigints, by how the
 * client is configured.
 */
import type { Amounts, Limits } from "../../ledger/amounts.ts";
import { denialOf, firstLimit } from "../../ledger/admission.ts";
import type {
  AlreadyResolved,
  Denied,
  ExpiredHold,
  ReserveOperation,
  Scope,
  ScopeState,
} from "../../ledger/ledger-store.ts";
import type { Window } from "../../kernel/window.ts";
import { fromKeyText } from "./key-text.ts";
import { ENDLESS, limitsFrom, refsFrom } from "./scope-text.ts";

export type Reply = readonly unknown[];

export function list(value: unknown): Reply {
  return Array.isArray(value) ? (value as Reply) : [];
}

/** Byte strings, where a client is set to give such, are texts here. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : String(value);
}

/** Six numbers; as texts, since a client may read a number near 2^53 inexactly. */
export function amountsFrom(fields: readonly string[], from = 0): Amounts {
  return {
    nanoUsd: Number(fields[from]),
    calls: Number(fields[from + 1]),
    concurrentCalls: Number(fields[from + 2]),
    inputTokens: Number(fields[from + 3]),
    outputTokens: Number(fields[from + 4]),
    totalTokens: Number(fields[from + 5]),
  };
}

/** "1,2,3,4,5,6" */
export function amountsIn(value: unknown): Amounts {
  return amountsFrom(text(value).split(","));
}

/** Numbers as a list or as a text; as a text. */
export function numbersIn(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : text(value);
}

/** The same, where 2^53 stands for no limit. */
export function limitsIn(value: unknown): Limits {
  const fields = text(value).split(",");
  return limitsFrom(fields.map((field) => (field === ENDLESS ? "-" : field)));
}

/** {hold, dispatched, lines, amounts} */
export function expiredFrom(report: Reply): ExpiredHold {
  const dispatched = Number(report[1]) === 1;
  return {
    holdId: fromKeyText(text(report[0])),
    dispatched,
    amounts: amountsIn(report[3]),
    effects: refsFrom(text(report[2])).map(({ name, window, policy }) => ({
      scopeKey: fromKeyText(name),
      windowId: window.id,
      policy: dispatched ? policy : "release",
    })),
  };
}

const RESOLVED_AS: Readonly<Record<number, AlreadyResolved["state"]>> = {
  2: "expired",
  4: "settled",
  5: "released",
};

/** {5, state, report} */
export function resolvedFrom(answer: Reply): AlreadyResolved {
  const state = RESOLVED_AS[Number(answer[1])] ?? "expired";
  const expired = list(answer[2]);
  return expired.length === 0
    ? { outcome: "already-resolved", state }
    : { outcome: "already-resolved", state, expired: [expiredFrom(expired)] };
}

/** Spent, held and limits: 18 numbers as text. */
export function stateFrom(numbers: string, scope: Scope, window: Window): ScopeState {
  const fields = numbers.split(",");
  return {
    scope,
    window,
    spent: amountsFrom(fields),
    held: amountsFrom(fields, 6),
    limits: limitsFrom(fields.slice(12)),
  };
}

/** {3 or 4, denied at, states, lines} */
export function denialFrom(answer: Reply, operation: ReserveOperation): Denied {
  const refs = refsFrom(text(answer[3]));
  const numbers = text(answer[2]).split("\n");
  const states = operation.scopes.map((scope, i) => stateFrom(numbers[i]!, scope, refs[i]!.window));
  const denial = denialOf(operation, states, firstLimit(states, operation.amounts)!, Number(answer[1]));
  return Number(answer[0]) === 4 ? { ...denial, replayed: true } : denial;
}
