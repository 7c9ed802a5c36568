/// <reference lib="esnext.disposable" preserve="true" />
/** @module The object that an application holds: context, balances, events, end. */
import type { PriceSource } from "@holdfast/prices";
import type { Attribution } from "./attribution/attribution.ts";
import { mergeAttribution } from "./attribution/attribution.ts";
import { parseBudgets, type BudgetConfig } from "./budget/budget-config.ts";
import { scopeOf, type Budget } from "./budget/budget.ts";
import { ConfigError } from "./error/config-error.ts";
import { OperationInvalidError } from "./error/operation-invalid-error.ts";
import type { HoldRatioSnapshot } from "./estimate/hold-ratio.ts";
import type { Listener } from "./event/emitter.ts";
import type { EventName } from "./event/events.ts";
import type { Guard } from "./guard/guard.ts";
import type { OpenJob } from "./guard/job-record.ts";
import { parseUsd } from "./kernel/money.ts";
import { windowAt, type Window } from "./kernel/window.ts";
import { DIMENSIONS, NO_AMOUNTS, type Amounts, type Dimension, type Limits } from "./ledger/amounts.ts";
import type { Scope, ScopeState } from "./ledger/ledger-store.ts";
import { exposeGuard } from "./provider/guard-access.ts";

/** One budget's counter in one window. Money in nano-USD (1e-9 USD), as everywhere. */
export interface Balance {
  readonly budgetId: string;
  /** The values that the budget is counted per. */
  readonly scope: Readonly<Record<string, string | undefined>>;
  readonly window: Window;
  /** Settled. */
  readonly spent: Amounts;
  /** Locked by calls in flight. */
  readonly held: Amounts;
  /** Overrides in force included; absent dimensions are not limited. */
  readonly limits: Limits;
  /** `limits - spent - held`, never below 0; absent dimensions are not limited. */
  readonly left: Limits;
}

export interface OverrideRequest {
  readonly budget: string;
  /** Values of the budget's `per` tags; leave out for a budget without. */
  readonly scope?: Attribution;
  /** What may be spent on top of the limit. */
  readonly extra: {
    /** Decimal string in USD. */
    readonly usd?: string;
    readonly calls?: number;
    readonly concurrentCalls?: number;
    readonly inputTokens?: number;
    readonly outputTokens?: number;
    readonly totalTokens?: number;
  };
  /** How long it is in force, ms. */
  readonly ttlMs: number;
  /** Who allows it, and why; both go into the event. */
  readonly actor: string;
  readonly reason: string;
  /** A repeated id is the same override. @default a new one */
  readonly operationId?: string;
}

export interface AdjustRequest {
  readonly budget: string;
  readonly scope?: Attribution;
  /** Signed nano-USD and counts, added to what is spent in the current window. */
  readonly delta: Partial<Amounts>;
  readonly reason: string;
  readonly operationId?: string;
}

export class Holdfast {
  readonly #guard: Guard;

  constructor(guard: Guard) {
    this.#guard = guard;
    exposeGuard(this, guard);
  }

  /**
   * Runs `work` with these tags on every call that is made in it, however deep and however late. Nested uses add up;
   * the inner value of a tag wins.
   *
   * @throws {AttributionError} when a value is not a string.
   */
  with<T>(attribution: Attribution, work: () => T): T {
    return this.#guard.context.run(attribution, work);
  }

  /** Listens. Delivery happens after the call has gone on; a listener that fails changes nothing. */
  on<E extends EventName>(event: E, listener: Listener<E>): this {
    this.#guard.emitter.on(event, listener);
    return this;
  }

  off<E extends EventName>(event: E, listener: Listener<E>): this {
    this.#guard.emitter.off(event, listener);
    return this;
  }

  /**
   * What is spent, held and left. Budgets without `per` are always listed; counters of a `per` budget once they have
   * been used in their current window.
   *
   * @param budgetIds only these budgets
   */
  async balances(...budgetIds: readonly string[]): Promise<readonly Balance[]> {
    const guard = this.#guard;
    await guard.expireDue();
    const states: ScopeState[] = [];
    let after: string | undefined;
    do {
      const query = {
        ...(budgetIds.length > 0 ? { budgetIds } : {}),
        ...(after === undefined ? {} : { after }),
      };
      const page = await guard.link.ask(() => guard.store.balances(query), identity);
      states.push(...page.balances);
      after = page.next;
    } while (after !== undefined);
    const nowMs = guard.clock.now();
    for (const budget of guard.budgets) {
      if (budget.per.length > 0 || (budgetIds.length > 0 && !budgetIds.includes(budget.id))) continue;
      const scope = scopeOf(budget, {});
      const window = windowAt(budget.window, nowMs);
      // A window that is over may be listed as well, with what it still holds.
      if (states.some((state) => state.scope.key === scope.key && state.window.id === window.id)) continue;
      states.push({ scope, window, spent: NO_AMOUNTS, held: NO_AMOUNTS, limits: budget.limits });
    }
    return states.map((state) => toBalance(state, guard.budgets));
  }

  /**
   * Replaces the budgets, for the next call on. A counter keeps what is spent and held as long as its budget keeps its
   * id, its `per` tags and its window; a lowered limit admits nothing until there is room again.
   *
   * @throws {ConfigError} naming every field that is wrong; the old budgets stay in force.
   */
  updateBudgets(config: readonly BudgetConfig[]): void {
    const { budgets, problems } = parseBudgets(config);
    if (problems.length > 0) throw new ConfigError(problems);
    const guard = this.#guard;
    const before = new Map(guard.budgets.map((budget) => [budget.id, budget]));
    const after = new Map(budgets.map((budget) => [budget.id, budget]));
    guard.replaceBudgets(budgets);
    guard.emitter.emit("budgets-changed", () => ({
      id: guard.nextId(),
      atMs: guard.clock.now(),
      added: [...after.keys()].filter((id) => !before.has(id)),
      changed: [...after.keys()].filter(
        (id) => before.has(id) && !sameBudget(before.get(id)!, after.get(id)!),
      ),
      removed: [...before.keys()].filter((id) => !after.has(id)),
    }));
  }

  /**
   * Lets one counter pass its limits by a stated amount for a stated time. The only way past a stop.
   *
   * @returns when it ends, ms since the epoch
   * @throws {OperationInvalidError} when the budget or the amounts are not valid.
   */
  async override(request: OverrideRequest): Promise<number> {
    const guard = this.#guard;
    const scope = this.#scope(request.budget, request.scope);
    if (
      typeof request.actor !== "string" ||
      request.actor === "" ||
      typeof request.reason !== "string" ||
      request.reason === ""
    ) {
      throw new OperationInvalidError("override.actor and override.reason must say who allows it and why.");
    }
    const extra = parseExtra(request.extra);
    const operationId = request.operationId ?? guard.nextId();
    const operation = { operationId, scope, extra, ttlMs: request.ttlMs };
    const result = await guard.link.ask(() => guard.store.override(operation), identity);
    if (result.outcome === "mismatch") {
      throw new OperationInvalidError(
        `override.operationId ${operationId} was used before for another override.`,
      );
    }
    guard.emitter.emit("budget-overridden", () => ({
      id: `${operationId}:overridden`,
      atMs: guard.clock.now(),
      budgetId: scope.budgetId,
      scopeKey: scope.key,
      extra,
      expiresAtMs: result.expiresAtMs,
      actor: request.actor,
      reason: request.reason,
    }));
    return result.expiresAtMs;
  }

  /**
   * Corrects what is spent in the current window, for instance by the provider's invoice.
   *
   * @throws {OperationInvalidError} when the result would be negative or too large, or the budget is not known.
   */
  async adjust(request: AdjustRequest): Promise<Balance> {
    const guard = this.#guard;
    const scope = this.#scope(request.budget, request.scope);
    requireKnown(request.delta, DIMENSIONS, "adjust.delta");
    const operationId = request.operationId ?? guard.nextId();
    const operation = { operationId, scope, delta: request.delta };
    const result = await guard.link.ask(() => guard.store.adjust(operation), identity);
    if (result.outcome !== "adjusted") {
      throw new OperationInvalidError(
        result.outcome === "mismatch"
          ? `adjust.operationId ${operationId} was used before for another adjustment.`
          : "adjust.delta would make what is spent negative or larger than can be counted exactly.",
      );
    }
    guard.emitter.emit("budget-adjusted", () => ({
      id: `${operationId}:adjusted`,
      atMs: guard.clock.now(),
      budgetId: scope.budgetId,
      scopeKey: scope.key,
      windowId: result.state.window.id,
      delta: request.delta,
      reason: request.reason,
    }));
    return toBalance(result.state, guard.budgets);
  }

  /** Uses other prices from the next call on; calls in flight keep theirs. */
  replacePrices(source: PriceSource): void {
    const guard = this.#guard;
    guard.prices.replaceSource(source);
    guard.emitter.emit("prices-changed", () => ({
      id: guard.nextId(),
      atMs: guard.clock.now(),
      version: source.version,
    }));
  }

  /** How much was held compared with what was billed, over the calls whose usage the provider reported. */
  holdRatio(): HoldRatioSnapshot {
    return this.#guard.holdRatio.snapshot();
  }

  /**
   * The batches and background responses whose results no wrapped client has retrieved, of all processes that share the
   * store (of this one, when the store keeps no jobs). Read page by page, in no certain order:
   *
   *     for await (const job of holdfast.jobs()) console.log(job.jobId, job.heldNanoUsd);
   *
   * The iteration fails with a StoreUnavailableError when the store does not answer.
   */
  jobs(): AsyncIterable<OpenJob> {
    return this.#guard.jobs.open();
  }

  /**
   * Resolves when the store has taken everything so far and the events of it have been delivered; not before a store
   * that is out of reach is back.
   */
  async flush(): Promise<void> {
    await this.#guard.link.settled();
    await this.#guard.expireDue();
    this.#guard.emitter.flush();
  }

  /**
   * Admits no more calls, waits for those in flight, delivers what is queued and lets go of the store.
   *
   * @param options.drainMs how long to wait for calls in flight. @default 10_000
   * @returns `inFlight`: attempts that were not over; `unsent`: settlements and corrections that a store out of reach
   *   had not taken. Their holds expire by the policy of each budget.
   */
  async close(
    options: { readonly drainMs?: number } = {},
  ): Promise<{ readonly inFlight: number; readonly unsent: number }> {
    const left = await this.#guard.close(options.drainMs ?? 10_000);
    this.#guard.emitter.flush();
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #scope(budgetId: string, values: Attribution | undefined): Scope {
    const budget = this.#guard.budgets.find((one) => one.id === budgetId);
    if (budget === undefined)
      throw new OperationInvalidError(`There is no budget ${JSON.stringify(budgetId)}.`);
    requireKnown(values ?? {}, budget.per, `scope of budget ${JSON.stringify(budgetId)}`);
    return scopeOf(budget, mergeAttribution(values));
  }
}

/** With the limits that are configured now, not those of the last call. */
function toBalance(state: ScopeState, budgets: readonly Budget[]): Balance {
  const configured = budgets.find((budget) => budget.id === state.scope.budgetId)?.limits;
  const limits: { [D in Dimension]?: number } = {};
  const left: { [D in Dimension]?: number } = {};
  for (const dimension of DIMENSIONS) {
    const base = state.scope.limits[dimension];
    const inForce = state.limits[dimension];
    const now = configured === undefined ? base : configured[dimension];
    if (now === undefined) continue;
    // What overrides add on top of the limit of the last call, they add on top of today's.
    const limit = now + ((inForce ?? 0) - (base ?? 0));
    limits[dimension] = limit;
    left[dimension] = Math.max(0, limit - state.spent[dimension] - state.held[dimension]);
  }
  return {
    budgetId: state.scope.budgetId,
    scope: state.scope.values,
    window: state.window,
    spent: state.spent,
    held: state.held,
    limits,
    left,
  };
}

function identity<T>(value: T): T {
  return value;
}

/** A name that is not known would silently mean something else. */
function requireKnown(given: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new OperationInvalidError(
    `The ${where} has no ${JSON.stringify(unknown)}; it has ${known.length === 0 ? "nothing" : known.join(", ")}.`,
  );
}

function parseExtra(extra: OverrideRequest["extra"]): Limits {
  requireKnown(extra, ["usd", ...DIMENSIONS.filter((one) => one !== "nanoUsd")], "override.extra");
  const { usd, ...counts } = extra;
  if (usd === undefined) return counts;
  const parsed = parseUsd(usd);
  if (!parsed.ok) throw new OperationInvalidError(`override.extra.usd ${parsed.reason}.`);
  return { ...counts, nanoUsd: parsed.nanoUsd };
}

function sameBudget(a: Budget, b: Budget): boolean {
  const plain = (budget: Budget): string =>
    JSON.stringify({ ...budget, match: budget.match.map(({ tag, values }) => [tag, [...values]]) });
  return plain(a) === plain(b);
}
