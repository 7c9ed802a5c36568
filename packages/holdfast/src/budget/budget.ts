/** @module A budget, and the scopes of it that one call touches. */
import type { Attribution } from "../attribution/attribution.ts";
import { keySegment } from "../kernel/key-segment.ts";
import { windowSpecId, type WindowSpec } from "../kernel/window.ts";
import type { Limits } from "../ledger/amounts.ts";
import type { ExpiryPolicy, Scope } from "../ledger/ledger-store.ts";

export interface Budget {
  readonly id: string;
  /** A call is counted when each of these tags has one of its values; all calls when empty. */
  readonly match: readonly { readonly tag: string; readonly values: ReadonlySet<string> }[];
  /** One counter per combination of these tags' values. */
  readonly per: readonly string[];
  readonly limits: Limits;
  readonly window: WindowSpec;
  readonly onExpiry: ExpiryPolicy;
  readonly onStoreFailure: OnStoreFailure;
}

/** What becomes of this budget's calls while the store is out of reach. The strictest budget of a call decides. */
export type OnStoreFailure =
  /** Nothing is admitted. */
  | { readonly do: "closed" }
  /** Only what a leased store holds in advance is admitted. */
  | { readonly do: "lease" }
  /** Each process may use this much per counter and window, and posts it afterwards. */
  | { readonly do: "local"; readonly limits: Limits }
  /** Everything is admitted, and posted afterwards. */
  | { readonly do: "open" };

/** Stands for a tag that the call does not carry; no encoded value is equal to it. */
const ABSENT = "~";

/**
 * The scopes of all budgets that count a call with this attribution, in the order of the budgets.
 *
 * A call without a value for a `per` tag is counted in the scope of "no value": leaving a tag out is never a way
 * around a budget.
 */
export function scopesOf(budgets: readonly Budget[], attribution: Attribution): readonly Scope[] {
  const scopes: Scope[] = [];
  for (const budget of budgets) {
    if (matches(budget, attribution)) scopes.push(scopeOf(budget, attribution));
  }
  return scopes;
}

function matches(budget: Budget, attribution: Attribution): boolean {
  return budget.match.every(({ tag, values }) => {
    const value = attribution[tag];
    return value !== undefined && values.has(value);
  });
}

/** The one scope of a budget that these attribution values name. */
export function scopeOf(budget: Budget, attribution: Attribution): Scope {
  // With the window and the names of the tags: counted another way, a budget is another set of counters.
  let key = `${keySegment(budget.id)}!${windowSpecId(budget.window)}`;
  const values: Record<string, string | undefined> = Object.create(null) as Record<
    string,
    string | undefined
  >;
  for (const tag of budget.per) {
    const value = attribution[tag];
    values[tag] = value;
    key += `/${keySegment(tag)}=${value === undefined ? ABSENT : keySegment(value)}`;
  }
  return Object.freeze({
    key,
    budgetId: budget.id,
    values: Object.freeze(values),
    window: budget.window,
    limits: budget.limits,
    onExpiry: budget.onExpiry,
  });
}
