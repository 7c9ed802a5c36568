/** @module Reading the base's counters together with the process's own part, without mixing before and after. */
import { windowAt } from "../../kernel/window.ts";
import { DIMENSIONS, NO_AMOUNTS, type Dimension, type Limits } from "../../ledger/amounts.ts";
import type { Balances, BalancesQuery, LedgerStore, Scope, ScopeState } from "../../ledger/ledger-store.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { KnownOverrides } from "./known-overrides.ts";
import { corrected, ownPart, type OwnPart } from "./own-part.ts";
import type { Pool } from "./pool.ts";
import type { SliceDesk } from "./slice-desk.ts";
import { isZero } from "./sums.ts";

/** Errands come and go all the time on a busy store; then the last reading has to do. */
const READINGS_MAX = 8;
const PAGE = 100;
const STATES_MAX = 1_000;

export interface BaseReaderParts {
  readonly base: LedgerStore;
  readonly desk: SliceDesk;
  readonly time: Clock;
  readonly clock: Clock;
  /** How old a remembered state may be, ms. */
  readonly reportMs: number;
  readonly overrides: KnownOverrides;
  readonly poolsOf: (key: string) => readonly Pool[];
}

export class BaseReader {
  readonly #parts: BaseReaderParts;
  readonly #states = new Map<string, { state: ScopeState | undefined; version: string; atMs: number }>();
  /** Counts what this process did to leasable scopes on the base other than by slices. */
  #changes = 0;

  constructor(parts: BaseReaderParts) {
    this.#parts = parts;
  }

  /** What was read before says nothing any more. */
  changed(): void {
    this.#changes += 1;
    this.#states.clear();
  }

  async balances(query: BalancesQuery): Promise<Balances> {
    const { base } = this.#parts;
    return this.#steadily(async () => {
      const page = await base.balances(query);
      return () => {
        const balances = page.balances.flatMap((state) => {
          if (!this.#isLeased(state.scope.key)) return [state];
          const right = corrected(state, this.ownPartOf(state.scope.key, state.window.id));
          const { endMs } = right.window;
          const isOver = endMs !== null && this.#parts.time.now() >= endMs;
          // A scope of which only a slice was taken has not been used, and a slice alone keeps no past window.
          return isZero(right.held) && (isOver || isZero(right.spent)) ? [] : [right];
        });
        return page.next === undefined ? { balances } : { balances, next: page.next };
      };
    });
  }

  /** The state of a scope in its current window, with the process's own part made right. */
  async stateOf(scope: Scope): Promise<ScopeState> {
    return this.#steadily(async () => {
      const state = await this.#read(scope);
      return () => {
        const nowMs = this.#parts.time.now();
        const window = state?.window ?? windowAt(scope.window, nowMs);
        const found = state ?? { scope, window, spent: NO_AMOUNTS, held: NO_AMOUNTS, limits: {} };
        const limits = limitsNow(found, scope, this.#parts.overrides.limitsOf(scope, nowMs));
        return corrected({ ...found, scope, limits }, this.ownPartOf(scope.key, window.id));
      };
    });
  }

  /** What the base itself counts in the scope's current window. */
  async onBase(scope: Scope): Promise<Pick<ScopeState, "spent" | "held">> {
    return (await this.#find(scope)) ?? { spent: NO_AMOUNTS, held: NO_AMOUNTS };
  }

  /** Of all windows: a pool of a past one can only make a reading dearer. */
  wholePartOf(scope: Scope): OwnPart {
    const { desk, poolsOf } = this.#parts;
    return ownPart(poolsOf(scope.key), desk.postingOf(scope.key));
  }

  ownPartOf(key: string, windowId: string): OwnPart {
    const pools = this.#parts.poolsOf(key).filter((pool) => pool.window.id === windowId);
    const posting = this.#parts.desk.postingOf(key).filter(({ pool }) => pool!.window.id === windowId);
    return ownPart(pools, posting);
  }

  #isLeased(key: string): boolean {
    return this.#parts.poolsOf(key).length > 0 || this.#parts.desk.postingOf(key).length > 0;
  }

  /** Asks between errands, and again when one came in between. */
  async #steadily<T>(ask: () => Promise<() => T>): Promise<T> {
    const { desk } = this.#parts;
    for (let reading = 1; ; reading += 1) {
      await desk.quiet();
      const { version, isQuiet } = desk;
      if (!isQuiet && reading < READINGS_MAX) continue;
      const answer = await ask();
      if (desk.version === version || reading >= READINGS_MAX) return answer();
    }
  }

  async #read(scope: Scope): Promise<ScopeState | undefined> {
    const { desk, clock, reportMs } = this.#parts;
    const known = this.#states.get(scope.key);
    const version = `${desk.version}/${this.#changes}`;
    if (known?.version === version && clock.now() - known.atMs < reportMs) return known.state;
    const state = await this.#find(scope);
    if (this.#states.size >= STATES_MAX) this.#states.clear();
    this.#states.set(scope.key, { state, version, atMs: clock.now() });
    return state;
  }

  async #find(scope: Scope): Promise<ScopeState | undefined> {
    const { base, time } = this.#parts;
    const windowId = windowAt(scope.window, time.now()).id;
    // A key of plain characters sorts behind what it begins with, in any store.
    let after = /^[ -~]{2,}$/.test(scope.key) ? scope.key.slice(0, -1) : undefined;
    for (;;) {
      const query = { budgetIds: [scope.budgetId], limit: PAGE, ...(after === undefined ? {} : { after }) };
      const { balances, next } = await base.balances(query);
      const found = balances.filter((state) => state.scope.key === scope.key);
      if (found.length > 0) return found.find((state) => state.window.id === windowId);
      if (next === undefined || next === after) return undefined;
      after = next;
    }
  }
}

/**
 * A listing has the limits of the last operation. An override in force is what they are above the scope's own; of a
 * scope that is not listed, only this process's overrides are known.
 */
function limitsNow(state: ScopeState, scope: Scope, known: Limits): Limits {
  const limits: { [D in Dimension]?: number } = {};
  for (const d of DIMENSIONS) {
    const limit = scope.limits[d];
    if (limit === undefined) continue;
    const own = state.scope.limits[d];
    const listed = state.limits[d];
    limits[d] =
      own === undefined || listed === undefined
        ? (known[d] ?? limit)
        : Math.min(Number.MAX_SAFE_INTEGER, limit + listed - own);
  }
  return limits;
}
