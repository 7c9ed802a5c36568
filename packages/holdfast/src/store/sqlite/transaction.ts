/**
 * @module The counters and limits that one operation works with.
 *
 * A counter is read at most once, changed in memory, and written once at the end: the operation has the write lock, so
 * nobody else can have changed it meanwhile.
 */
import { saturatingAdd } from "../../kernel/money.ts";
import type { RollingWindow, Window, WindowSpec } from "../../kernel/window.ts";
import { DIMENSIONS, NO_AMOUNTS, type Dimension, type Limits } from "../../ledger/amounts.ts";
import type { Scope, ScopeState } from "../../ledger/ledger-store.ts";
import type { ListedRow } from "./counter-table.ts";
import { Counter, type CounterRow } from "./counter.ts";
import { scopeFrom, type ScopeTexts } from "./row-text.ts";
import { fromSortableText } from "./sortable-text.ts";
import type { Tables } from "./tables.ts";

export interface TransactionContext {
  readonly tables: Tables;
  readonly scopeTexts: ScopeTexts;
  readonly windowAt: (spec: WindowSpec, nowMs: number) => Window;
}

export class Transaction {
  /** Store time, ms since the epoch. */
  readonly nowMs: number;
  /** Whether an answer or a balance depends on the time, so that it must not go back behind it. */
  isTimeBound = false;
  readonly #context: TransactionContext;
  readonly #isOverridden: boolean;
  readonly #counters = new Map<number, Counter>();

  constructor(context: TransactionContext, nowMs: number, overriddenUntilMs: number | null) {
    this.#context = context;
    this.nowMs = nowMs;
    this.#isOverridden = overriddenUntilMs !== null && overriddenUntilMs > nowMs;
  }

  /** The counter of the scope's current window, if the window has been used. */
  find(scope: Scope): Counter | undefined {
    const { tables, scopeTexts, windowAt } = this.#context;
    const row = tables.counters.byName(scopeTexts.of(scope).key, windowAt(scope.window, this.nowMs).id);
    if (row === undefined) return undefined;
    return this.#counters.get(row[0]) ?? this.#read(row, scope.window);
  }

  /** The counter of the scope's current window, made if need be; it takes the scope as it is now. */
  open(scope: Scope, found: Counter | undefined): Counter {
    const text = this.#context.scopeTexts.of(scope);
    const counter = found ?? this.#make(scope);
    counter.describedAs = text;
    return counter;
  }

  /** A counter that a hold is on. */
  byId(id: number): Counter {
    const known = this.#counters.get(id);
    if (known !== undefined) return known;
    const { counters } = this.#context.tables;
    const row = counters.byId(id);
    if (row === undefined) throw new Error("A hold in the database is on a counter that is not there.");
    return this.#read(row, isRolling(row) ? scopeFrom(counters.scopeOf(id)).window : undefined);
  }

  stateOf(scope: Scope, counter: Counter | undefined): ScopeState {
    return {
      scope,
      window: counter?.window ?? this.#context.windowAt(scope.window, this.nowMs),
      spent: { ...(counter?.spent ?? NO_AMOUNTS) },
      held: { ...(counter?.held ?? NO_AMOUNTS) },
      limits: this.limitsOf(scope),
    };
  }

  /** A counter of the listing, which is only looked at. */
  listed(row: ListedRow): {
    readonly key: string;
    readonly counter: Counter;
    readonly state: () => ScopeState;
  } {
    const counterRow = row as unknown as CounterRow;
    const scope = row.at(-1) as string;
    const spec = isRolling(counterRow) ? scopeFrom(scope).window : undefined;
    const counter = new Counter(counterRow, this.nowMs, rollingOf(spec));
    return {
      key: fromSortableText(counter.key),
      counter,
      state: () => this.stateOf(scopeFrom(scope), counter),
    };
  }

  /** The scope's limits plus what is allowed on top. */
  limitsOf(scope: Scope): Limits {
    if (!this.#isOverridden) return scope.limits;
    const { key } = this.#context.scopeTexts.of(scope);
    const rows = this.#context.tables.overridesInForce.all(key, this.nowMs) as { readonly extra: string }[];
    if (rows.length === 0) return scope.limits;
    const extras = rows.map(({ extra }) => JSON.parse(extra) as Limits);
    const limits: { [D in Dimension]?: number } = {};
    for (const dimension of DIMENSIONS) {
      const limit = scope.limits[dimension];
      if (limit === undefined) continue;
      limits[dimension] = extras.reduce((sum, extra) => saturatingAdd(sum, extra[dimension] ?? 0), limit);
    }
    return limits;
  }

  /** Writes the counters that have changed. */
  flush(): void {
    for (const counter of this.#counters.values()) {
      if (!counter.isTouched) continue;
      this.#context.tables.counters.write(counter, this.nowMs);
      counter.isTouched = false;
    }
  }

  #make(scope: Scope): Counter {
    const { tables, scopeTexts, windowAt } = this.#context;
    const window = windowAt(scope.window, this.nowMs);
    const row = tables.counters.add(
      scopeTexts.of(scope),
      window,
      scope.window.kind === "rolling",
      this.nowMs,
    );
    return this.#read(row, scope.window);
  }

  #read(row: CounterRow, spec: WindowSpec | undefined): Counter {
    const counter = new Counter(row, this.nowMs, rollingOf(spec));
    this.#counters.set(counter.id, counter);
    return counter;
  }
}

/** Only a rolling window's counting depends on its specification; reading the scope is spared to the others. */
function isRolling(row: CounterRow): boolean {
  return row[17] !== null;
}

function rollingOf(spec: WindowSpec | undefined): RollingWindow | undefined {
  return spec?.kind === "rolling" ? spec : undefined;
}
