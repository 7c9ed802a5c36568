/** @module The whole visible state of a store as one canonical text, for comparing stores with each other. */
import { DIMENSIONS } from "holdfast";
import type { BalancesQuery, LedgerStore, ScopeState } from "holdfast";
import { canonical } from "./canonical.ts";

export interface DumpOptions {
  /** Only these budgets. @default all */
  readonly budgetIds?: readonly string[];
  /** Balances asked for at a time. @default 1000 */
  readonly pageSize?: number;
  /**
   * Also the entries in which nothing is spent or held. The port leaves open whether they are listed.
   * @default false
   */
  readonly zeros?: boolean;
  /** Also each entry's limits. The port leaves open which operation's limits a listing remembers. @default false */
  readonly limits?: boolean;
}

/** Pages through all balances. */
export async function listBalances(store: LedgerStore, options: DumpOptions = {}): Promise<ScopeState[]> {
  const all: ScopeState[] = [];
  let query: BalancesQuery = {
    limit: options.pageSize ?? 1000,
    ...(options.budgetIds === undefined ? {} : { budgetIds: options.budgetIds }),
  };
  for (;;) {
    const page = await store.balances(query);
    all.push(...page.balances);
    if (page.next === undefined) return all;
    if (page.next === query.after) throw new Error(`balances does not get past ${JSON.stringify(page.next)}`);
    query = { ...query, after: page.next };
  }
}

/** All balances, one line each, sorted by scope key and window. Equal states give equal text. */
export async function dumpState(store: LedgerStore, options: DumpOptions = {}): Promise<string> {
  const states = await listBalances(store, options);
  return linesOf(states, options).join("\n");
}

function linesOf(states: readonly ScopeState[], options: DumpOptions): string[] {
  return states
    .filter((state) => options.zeros === true || !isZero(state))
    .map((state) => {
      const { scope, window, spent, held, limits } = state;
      const about = [scope.key, window.id, scope.budgetId];
      return canonical([
        ...about,
        { spent, held, values: scope.values, ...(options.limits === true ? { limits } : {}) },
      ]);
    })
    .sort();
}

function isZero(state: ScopeState): boolean {
  return DIMENSIONS.every((dimension) => state.spent[dimension] === 0 && state.held[dimension] === 0);
}
