/** @module Listing counters in the order of their scope keys, page by page. */
import { windowAt } from "../../kernel/window.ts";
import type { Balances, BalancesQuery, ScopeState } from "../../ledger/ledger-store.ts";
import { toKeyText } from "./key-text.ts";
import { amountsIn, limitsIn, list, text, type Reply } from "./replies.ts";
import { scopeFrom } from "./scope-text.ts";
import type { Session } from "./session.ts";

/** Names that one script looks at, so that it stays short. */
const NAMES_AT_A_TIME = 500;

/** A page never splits the windows of one scope: `after` continues behind the scope as a whole. */
export async function listBalances(session: Session, query: BalancesQuery): Promise<Balances> {
  const limit = query.limit ?? 1_000;
  const budgets = query.budgetIds?.map(toKeyText);
  if (budgets?.length === 0) return { balances: [] };
  const found: ScopeState[] = [];
  // Behind all windows of that key: a line feed sorts after the tab that parts key and window.
  let from = query.after === undefined ? "-" : `[${toKeyText(query.after)}\n`;
  for (;;) {
    const reply = await session.run(
      "balances",
      [`${session.base}scopes`],
      [from, String(NAMES_AT_A_TIME), ...(budgets ?? [])],
    );
    found.push(...list(reply[4]).map((entry) => stateOf(list(entry))));
    const end = endOfPage(found, limit);
    if (end !== undefined) {
      return { balances: found.slice(0, end), next: found[end - 1]!.scope.key };
    }
    const last = text(reply[5]);
    if (last === "") return { balances: found };
    from = `(${last}`;
  }
}

/** Where the page ends; undefined while there may be more windows of its last scope, or nothing behind it. */
function endOfPage(found: readonly ScopeState[], limit: number): number | undefined {
  let end = limit;
  while (end < found.length && found[end]!.scope.key === found[end - 1]!.scope.key) end += 1;
  return end < found.length ? end : undefined;
}

/** {name, start, end, spent, held, limits, limits and policy, description} */
function stateOf(entry: Reply): ScopeState {
  const [name, windowId] = text(entry[0]).split("\t");
  const [startMs, endMs] = [Number(entry[1]), Number(entry[2])];
  const scope = scopeFrom(name!, text(entry[6]), text(entry[7]));
  const window = { id: windowId!, startMs, endMs: endMs < 0 ? null : endMs };
  return {
    scope,
    // The script cannot say a start before 1970.
    window: startMs > 0 || scope.window.kind !== "calendar" ? window : windowAt(scope.window, 0),
    spent: amountsIn(entry[3]),
    held: amountsIn(entry[4]),
    limits: limitsIn(entry[5]),
  };
}
