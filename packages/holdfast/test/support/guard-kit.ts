/** @module A guard with everything injected, for tests of what is above the store. */
import {
  createPriceSource,
  USAGE_BUCKETS,
  type ModelPrice,
  type PriceSource,
  type Rates,
} from "@holdfast/prices";
import { parseBudgets, type BudgetConfig } from "../../src/budget/budget-config.ts";
import type { Budget } from "../../src/budget/budget.ts";
import { createCalibration } from "../../src/estimate/calibration.ts";
import { createHoldRatio } from "../../src/estimate/hold-ratio.ts";
import { linearEstimator } from "../../src/estimate/text-estimate.ts";
import { Emitter } from "../../src/event/emitter.ts";
import type { EventName, HoldfastEvents } from "../../src/event/events.ts";
import { AttributionContext } from "../../src/guard/attribution-context.ts";
import type { CallEstimate, CallPlan } from "../../src/guard/call-plan.ts";
import { Guard } from "../../src/guard/guard.ts";
import type { GuardSettings } from "../../src/guard/guard-settings.ts";
import { NO_JOURNAL, type OutageJournal } from "../../src/guard/outage-journal.ts";
import type { Attempt, GuardedCall } from "../../src/guard/guarded-call.ts";
import { parseConfig } from "../../src/holdfast-config.ts";
import { createIdSource } from "../../src/kernel/id.ts";
import { isPromise } from "../../src/kernel/maybe-promise.ts";
import type { Holdfast } from "../../src/holdfast.ts";
import type { LedgerStore } from "../../src/ledger/ledger-store.ts";
import { costNanoUsd } from "../../src/price/cost.ts";
import { createPriceBook, type UnknownModelPolicy } from "../../src/price/price-book.ts";
import { memoryStore } from "../../src/store/memory/memory-store.ts";
import type { Usage } from "../../src/usage/usage.ts";

export interface FakeClock {
  now(): number;
  advance(ms: number): void;
  set(atMs: number | string): void;
}

/** Stands still until it is moved. */
export function fakeClock(start: number | string = "2026-11-20T12:00:00Z"): FakeClock {
  let nowMs = typeof start === "string" ? Date.parse(start) : start;
  return {
    now: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
    set: (at) => {
      nowMs = typeof at === "string" ? Date.parse(at) : at;
    },
  };
}

export type Seen = { readonly [E in EventName]: readonly HoldfastEvents[E][] };

const EVENTS: readonly EventName[] = [
  "usage",
  "hold-reserved",
  "hold-dispatched",
  "hold-settled",
  "hold-released",
  "hold-expired",
  "call-denied",
  "store-unreachable",
  "store-reachable",
  "call-admitted-in-outage",
  "outage-spend-lost",
  "call-unmetered",
  "budget-adjusted",
  "budget-overridden",
  "budgets-changed",
  "meter-anomaly",
  "job-started",
  "job-settled",
  "job-store-failed",
  "prices-changed",
  "listener-failed",
  "events-dropped",
];

/** Everything that was delivered so far, by name. */
export function watchEvents(emitter: Emitter | Holdfast): Seen {
  const seen = Object.fromEntries(EVENTS.map((name) => [name, [] as unknown[]])) as Record<
    EventName,
    unknown[]
  >;
  for (const name of EVENTS) emitter.on(name, (event) => seen[name].push(event));
  return seen as Seen;
}

export function budgetsOf(...config: BudgetConfig[]): readonly Budget[] {
  const { budgets, problems } = parseBudgets(config);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return budgets;
}

export interface GuardKit {
  readonly guard: Guard;
  readonly clock: FakeClock;
  readonly emitter: Emitter;
  /** Delivers what is queued, then answers what was delivered so far. */
  events(): Seen;
}

export interface GuardKitOptions {
  readonly store?: LedgerStore;
  readonly budgets?: readonly BudgetConfig[];
  readonly clock?: FakeClock;
  readonly prices?: PriceSource;
  readonly unknownModel?: UnknownModelPolicy;
  readonly settings?: Partial<GuardSettings>;
  readonly journal?: OutageJournal;
  /** Of every id; several kits on one store need several. @default "t" */
  readonly idPrefix?: string;
}

export function guardKit(options: GuardKitOptions = {}): GuardKit {
  const clock = options.clock ?? fakeClock();
  const nextId = createIdSource(options.idPrefix ?? "t");
  const emitter = new Emitter({ clock, nextId });
  const seen = watchEvents(emitter);
  const { settings } = parseConfig({ budgets: [] });
  const guard = new Guard({
    store: options.store ?? memoryStore({ clock }),
    allowance: memoryStore({ clock }),
    journal: options.journal ?? NO_JOURNAL,
    emitter,
    context: new AttributionContext(),
    prices: createPriceBook({
      source: options.prices ?? createPriceSource(),
      unknownModel: options.unknownModel ?? { policy: "refuse" },
      clock,
    }),
    clock,
    nextId,
    calibration: createCalibration(),
    holdRatio: createHoldRatio(),
    settings: { ...settings, estimator: linearEstimator, ...options.settings },
    budgets: budgetsOf(...(options.budgets ?? [])),
  });
  return {
    guard,
    clock,
    emitter,
    events: () => {
      emitter.flush();
      return seen;
    },
  };
}

/** Pico-USD per unit; what is not stated is free. */
export function priceOf(rates: Partial<Rates>, rest: Partial<ModelPrice> = {}): ModelPrice {
  return {
    provider: "p",
    model: "m",
    source: "test",
    version: "1",
    rates: Object.fromEntries(USAGE_BUCKETS.map((bucket) => [bucket, rates[bucket] ?? 0])) as Rates,
    longContext: [],
    serviceTiers: { default: { numerator: 1, denominator: 1 } },
    unpriced: [],
    ...rest,
  };
}

/** 1,000 nano-USD per input token and 2,000 per output token. */
export const PLAIN_PRICE: ModelPrice = priceOf({ inputTextTokens: 1_000_000, outputTextTokens: 2_000_000 });

export interface PlanGiven extends Partial<Omit<CallPlan, "estimate">> {
  readonly usage?: Usage;
  readonly estimate?: Partial<CallEstimate>;
}

/** A plan whose worst case is priced as the product prices it. */
export function planOf(given: PlanGiven = {}): CallPlan {
  const { usage = { inputTextTokens: 100, outputTextTokens: 50 }, estimate, ...rest } = given;
  const price = rest.price ?? PLAIN_PRICE;
  const heldServiceTier = rest.heldServiceTier ?? "default";
  return {
    provider: "p",
    endpoint: "chat.completions",
    model: "m",
    stream: false,
    serviceTier: null,
    heldServiceTier,
    price,
    estimate: {
      usage,
      outputBound: "request",
      inputBound: "request",
      choices: 1,
      outputTokensPerChoice: usage.outputTextTokens ?? 0,
      limitable: true,
      extraOutputTokens: 0,
      uncalibratedInputTokens: null,
      usageWhenSilent: null,
      ...estimate,
    },
    worstCaseNanoUsd: costNanoUsd(usage, price, heldServiceTier),
    ...rest,
  };
}

/** Holds for the next attempt and begins it. Asynchronous, so that a throw and a rejection look the same. */
export async function begin(call: GuardedCall): Promise<Attempt> {
  await call.prepareAttempt();
  return taken(call);
}

/** The same on a store that answers at once. */
export function beginNow(call: GuardedCall): Attempt {
  if (isPromise(call.prepareAttempt())) throw new Error("The store did not answer at once.");
  return taken(call);
}

function taken(call: GuardedCall): Attempt {
  const attempt = call.takeAttempt();
  if (attempt === undefined) throw new Error("No attempt was prepared.");
  return attempt;
}
