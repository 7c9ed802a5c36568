/** @module Keeps the books a second time, from the events alone: what an auditor of the budgets would do. */
import {
  amounts,
  DIMENSIONS,
  type Amounts,
  type Balance,
  type Holdfast,
  type HoldReservedEvent,
} from "holdfast";

interface Counter {
  spent: Amounts;
  held: Amounts;
  /** The most that was spent and held together at any moment. */
  peak: Amounts;
}

export class EventReplay {
  /** Moves of holds so far. */
  moves = 0;
  /** What must not be in the events. Kept, because an error thrown by a listener goes nowhere by design. */
  readonly problems: string[] = [];
  readonly #counters = new Map<string, Counter>();
  readonly #open = new Map<string, HoldReservedEvent>();

  constructor(holdfast: Holdfast) {
    holdfast.on("hold-reserved", (event) => {
      this.#open.set(event.holdId, event);
      this.#move(event, event.amounts, amounts({}));
    });
    holdfast.on("hold-settled", ({ holdId, held, charged }) => this.#resolve(holdId, held, charged));
    holdfast.on("hold-released", ({ holdId }) => this.#resolve(holdId, undefined, amounts({})));
    holdfast.on("hold-expired", ({ holdId }) => this.problems.push(`hold ${holdId} expired`));
    holdfast.on("meter-anomaly", ({ anomaly, detail }) => this.problems.push(`${anomaly}: ${detail}`));
    holdfast.on("events-dropped", ({ count }) => this.problems.push(`${count} events dropped`));
    holdfast.on("listener-failed", ({ event, error }) =>
      this.problems.push(`${event} listener: ${String(error)}`),
    );
  }

  /** The replayed state of a counter; undefined when no event names it. */
  counter({ budgetId, scope, window }: Balance): Counter | undefined {
    return this.#counters.get(keyOf(budgetId, scope, window.id));
  }

  #resolve(holdId: string, held: Amounts | undefined, charged: Amounts): void {
    const reserved = this.#open.get(holdId);
    if (reserved === undefined) {
      this.problems.push(`hold ${holdId} was resolved twice, or never reserved`);
      return;
    }
    this.#open.delete(holdId);
    this.#move(reserved, minus(held ?? reserved.amounts), charged);
  }

  #move(hold: HoldReservedEvent, held: Amounts, spent: Amounts): void {
    this.moves += 1;
    for (const { budgetId, values, windowId } of hold.scopes) {
      const key = keyOf(budgetId, values, windowId);
      const before = this.#counters.get(key) ?? { spent: amounts({}), held: amounts({}), peak: amounts({}) };
      const after = { spent: plus(before.spent, spent), held: plus(before.held, held) };
      this.#counters.set(key, { ...after, peak: most(before.peak, plus(after.spent, after.held)) });
    }
  }
}

function keyOf(
  budgetId: string,
  values: Readonly<Record<string, string | undefined>>,
  windowId: string,
): string {
  return JSON.stringify([budgetId, Object.entries(values), windowId]);
}

function combine(a: Amounts, b: Amounts, operation: (a: number, b: number) => number): Amounts {
  return amounts(Object.fromEntries(DIMENSIONS.map((name) => [name, operation(a[name], b[name])])));
}

const plus = (a: Amounts, b: Amounts): Amounts => combine(a, b, (x, y) => x + y);
const most = (a: Amounts, b: Amounts): Amounts => combine(a, b, Math.max);
const minus = (a: Amounts): Amounts => combine(a, a, (x) => -x);
