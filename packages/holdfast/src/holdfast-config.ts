/** @module The configuration of createHoldfast, and its validation. */
import type { CeilingPrices, PriceOverride, PriceSource } from "@holdfast/prices";
import {
  isPositiveInteger,
  isRecord,
  parseBudgets,
  reportUnknownKeys,
  show,
  type BudgetConfig,
} from "./budget/budget-config.ts";
import type { Budget } from "./budget/budget.ts";
import { ConfigError, type ConfigProblem } from "./error/config-error.ts";
import type { TokenEstimator } from "./estimate/token-estimator.ts";
import type { GuardSettings, MissingOutputLimit, ServerContext } from "./guard/guard-settings.ts";
import type { Clock } from "./kernel/clock.ts";
import type { LedgerStore } from "./ledger/ledger-store.ts";
import { BYPASSES } from "./provider/endpoint-class.ts";

export interface PricesConfig {
  /** Where prices come from. @default the dated prices of @holdfast/prices */
  readonly source?: PriceSource;
  /** Your own prices; they win over the source. */
  readonly overrides?: readonly PriceOverride[];
  /** Other names of priced models, such as an Azure deployment: `{ "my-deployment": "gpt-5-mini" }`. */
  readonly aliases?: Readonly<Record<string, string>>;
}

export interface EstimateConfig {
  /** Counts the tokens of text. @default a linear upper bound without dependencies */
  readonly estimator?: TokenEstimator;
  /**
   * When a request states no output limit: hold the model's own maximum, or send a limit along and hold that.
   * @default "model-maximum"
   */
  readonly missingOutputLimit?: MissingOutputLimit;
  /** When a request refers to content that is not in it. @default "context-window" */
  readonly serverContext?: ServerContext;
  /** Service tiers that a request which names none may be served at; the dearest is held. @default ["default"] */
  readonly serviceTiers?: readonly string[];
  /**
   * What is learned from settled calls never lowers an estimate below this share of it. 1 lets it only raise estimates:
   * then holds stay upper bounds. Below 1 they get tighter, and a change in what is sent can pass them.
   * @default 1
   */
  readonly learnedFloor?: number;
}

export interface SettlementConfig {
  /** An attempt that was sent and has no usable answer (timeout, lost connection). @default "charge" */
  readonly ambiguous?: "charge" | "release";
  /** A stream that ended early: charge what was seen, or all that was held. @default "seen" */
  readonly partial?: "seen" | "hold";
  /** Output tokens that may have been generated behind the last byte seen. @default 256 */
  readonly unseenOutputTokens?: number;
  /** How fast a reasoning model may generate out of sight, tokens per second. @default 1_000 */
  readonly hiddenOutputTokensPerSecond?: number;
}

export interface HoldfastConfig {
  readonly budgets: readonly BudgetConfig[];
  /** Where balances live. @default a memory store: exact within this process, gone with it */
  readonly store?: LedgerStore;
  readonly prices?: PricesConfig;
  /**
   * A model without a price: refuse the call, hold and charge it at a stated ceiling, or let it through without cost,
   * with an event each time. @default "refuse"
   */
  readonly unknownModel?: "refuse" | "unmetered" | { readonly ceiling: CeilingPrices };
  /** A request to an endpoint that is not known: refuse it, or let it through with an event. @default "refuse" */
  readonly unknownEndpoint?: "refuse" | "alarm";
  /** Ways around metering to let through by name: "realtime", "agents", "background", "batches", ... @default none */
  readonly allow?: readonly string[];
  readonly estimate?: EstimateConfig;
  readonly settlement?: SettlementConfig;
  /** How long a hold lives until its request is sent, ms. @default 10_000 */
  readonly undispatchedTtlMs?: number;
  /** How long a hold lives after its request was sent, ms; streams renew it. @default 900_000 */
  readonly dispatchedTtlMs?: number;
  /** How long a call waits for the store before it fails with StoreUnavailableError, ms. @default 2_000 */
  readonly storeDeadlineMs?: number;
  /**
   * After so many failures in a row the store is left alone for `cooldownMs`, and calls are decided at once by their
   * budgets' `onStoreFailure`. Then a single call goes through as a probe.
   * @default { failures: 5, cooldownMs: 1_000 }
   */
  readonly storeBreaker?: { readonly failures?: number; readonly cooldownMs?: number };
  /**
   * A file of this process alone, in which calls let through in an outage ("local", "open") are written down before
   * they are sent, until the store has been told. Without it, what a process has not posted when it ends is lost.
   */
  readonly outageJournal?: string;
  /** Events that may wait for slow listeners. @default 10_000 */
  readonly eventQueueLimit?: number;
  /** @default the system clock */
  readonly clock?: Clock;
}

const STORE_METHODS = [
  "reserve",
  "dispatch",
  "settle",
  "release",
  "renew",
  "expire",
  "adjust",
  "override",
  "balances",
  "close",
];

export type ParsedSettings = Omit<GuardSettings, "estimator">;

const KEYS: Readonly<Record<string, readonly string[]>> = {
  "": [
    "budgets",
    "store",
    "prices",
    "unknownModel",
    "unknownEndpoint",
    "allow",
    "estimate",
    "settlement",
    "undispatchedTtlMs",
    "dispatchedTtlMs",
    "storeDeadlineMs",
    "storeBreaker",
    "outageJournal",
    "eventQueueLimit",
    "clock",
  ],
  prices: ["source", "overrides", "aliases"],
  storeBreaker: ["failures", "cooldownMs"],
  estimate: ["estimator", "missingOutputLimit", "serverContext", "serviceTiers", "learnedFloor"],
  settlement: ["ambiguous", "partial", "unseenOutputTokens", "hiddenOutputTokensPerSecond"],
};

/** @throws {ConfigError} naming every field that is wrong. */
export function parseConfig(config: HoldfastConfig): {
  budgets: readonly Budget[];
  settings: ParsedSettings;
} {
  if (!isRecord(config))
    throw new ConfigError([{ field: "config", problem: "must be an object with budgets." }]);
  const problems: ConfigProblem[] = [];
  const check = new FieldChecks(problems);
  reportUnknownKeys(config, KEYS[""]!, "config", problems);
  for (const section of ["prices", "estimate", "settlement", "storeBreaker"]) {
    const value: unknown = config[section];
    if (value === undefined) continue;
    if (!isRecord(value)) problems.push({ field: section, problem: "must be an object." });
    else reportUnknownKeys(value, KEYS[section]!, section, problems);
  }
  const parsed = parseBudgets(config.budgets);
  problems.push(...parsed.problems);
  const estimate: EstimateConfig = isRecord(config.estimate) ? config.estimate : {};
  const settlement: SettlementConfig = isRecord(config.settlement) ? config.settlement : {};
  const breaker = isRecord(config.storeBreaker) ? config.storeBreaker : {};
  const { missingOutputLimit = "model-maximum", serverContext = "context-window" } = estimate;
  if (
    missingOutputLimit !== "model-maximum" &&
    !(isRecord(missingOutputLimit) && isPositiveInteger(missingOutputLimit["send"]))
  ) {
    problems.push({
      field: "estimate.missingOutputLimit",
      problem: 'must be "model-maximum" or { send: tokens }.',
    });
  }
  if (
    serverContext !== "context-window" &&
    serverContext !== "refuse" &&
    !(isRecord(serverContext) && isPositiveInteger(serverContext["tokens"]))
  ) {
    problems.push({
      field: "estimate.serverContext",
      problem: 'must be "context-window", "refuse" or { tokens }.',
    });
  }
  const serviceTiers = estimate.serviceTiers ?? ["default"];
  if (
    !Array.isArray(serviceTiers) ||
    serviceTiers.length === 0 ||
    serviceTiers.some((tier) => typeof tier !== "string")
  ) {
    problems.push({
      field: "estimate.serviceTiers",
      problem: 'must be a list of tiers, such as ["default", "priority"].',
    });
  }
  const learnedFloor: unknown = estimate.learnedFloor ?? 1;
  if (typeof learnedFloor !== "number" || !(learnedFloor > 0 && learnedFloor <= 1)) {
    problems.push({ field: "estimate.learnedFloor", problem: "must be a number above 0 and at most 1." });
  }
  const allow: unknown = config.allow ?? [];
  if (!Array.isArray(allow) || allow.some((name) => !(BYPASSES as readonly unknown[]).includes(name))) {
    problems.push({ field: "allow", problem: `must be a list of names out of ${BYPASSES.join(", ")}.` });
  }
  check.methods("store", config.store, STORE_METHODS);
  const leases = typeof (config.store as { leases?: unknown } | undefined)?.leases === "function";
  for (const { id, onStoreFailure } of parsed.budgets) {
    if (onStoreFailure.do !== "lease" || leases) continue;
    const problem = `of budget ${JSON.stringify(id)} is "lease", which needs a store made by leased(...).`;
    problems.push({ field: "budgets.onStoreFailure", problem });
  }
  check.methods("clock", config.clock, ["now"]);
  check.methods("estimate.estimator", estimate.estimator, ["estimate"]);
  check.methods("prices.source", config.prices?.source, ["priceOf"]);
  if (
    config.prices?.source !== undefined &&
    (config.prices.overrides ?? config.prices.aliases) !== undefined
  ) {
    problems.push({
      field: "prices.source",
      problem: "cannot be given together with overrides or aliases; give those to createPriceSource instead.",
    });
  }
  const { unknownModel = "refuse" } = config;
  const ceiling = isRecord(unknownModel) && isRecord(unknownModel["ceiling"]);
  if (isRecord(unknownModel)) reportUnknownKeys(unknownModel, ["ceiling"], "unknownModel", problems);
  if (!ceiling) check.oneOf("unknownModel", unknownModel, ["refuse", "unmetered"], " or { ceiling: prices }");
  const settings: ParsedSettings = {
    missingOutputLimit,
    serverContext,
    serviceTiers,
    unknownModel: ceiling ? "ceiling" : (unknownModel as "refuse" | "unmetered"),
    unknownEndpoint: check.oneOf("unknownEndpoint", config.unknownEndpoint ?? "refuse", ["refuse", "alarm"]),
    allow: new Set(Array.isArray(allow) ? (allow as readonly string[]) : []),
    settlement: {
      ambiguous: check.oneOf("settlement.ambiguous", settlement.ambiguous ?? "charge", ["charge", "release"]),
      partial: check.oneOf("settlement.partial", settlement.partial ?? "seen", ["seen", "hold"]),
      unseenOutputTokens: check.count("settlement.unseenOutputTokens", settlement.unseenOutputTokens ?? 256),
      hiddenOutputTokensPerSecond: check.count(
        "settlement.hiddenOutputTokensPerSecond",
        settlement.hiddenOutputTokensPerSecond ?? 1_000,
      ),
    },
    undispatchedTtlMs: check.duration("undispatchedTtlMs", config.undispatchedTtlMs ?? 10_000),
    dispatchedTtlMs: check.duration("dispatchedTtlMs", config.dispatchedTtlMs ?? 900_000),
    storeDeadlineMs: check.duration("storeDeadlineMs", config.storeDeadlineMs ?? 2_000),
    storeBreaker: {
      failures: check.duration("storeBreaker.failures", breaker.failures ?? 5),
      cooldownMs: check.duration("storeBreaker.cooldownMs", breaker.cooldownMs ?? 1_000),
    },
  };
  const { outageJournal } = config as { outageJournal?: unknown };
  if (outageJournal !== undefined && (typeof outageJournal !== "string" || outageJournal === "")) {
    problems.push({
      field: "outageJournal",
      problem: `must be the path of a file, not ${show(outageJournal)}.`,
    });
  }
  check.duration("eventQueueLimit", config.eventQueueLimit ?? 10_000);
  if (problems.length > 0) throw new ConfigError(problems);
  return { budgets: parsed.budgets, settings };
}

class FieldChecks {
  readonly #problems: ConfigProblem[];

  constructor(problems: ConfigProblem[]) {
    this.#problems = problems;
  }

  oneOf<T extends string>(field: string, value: unknown, allowed: readonly T[], more = ""): T {
    if (typeof value !== "string" || !allowed.includes(value as T)) {
      this.#problems.push({
        field,
        problem: `must be ${allowed.map((one) => `"${one}"`).join(" or ")}${more}.`,
      });
    }
    return value as T;
  }

  methods(field: string, value: unknown, methods: readonly string[]): void {
    if (value === undefined) return;
    const missing = methods.filter(
      (method) => typeof (value as Record<string, unknown> | null)?.[method] !== "function",
    );
    if (missing.length > 0) this.#problems.push({ field, problem: `must have ${missing.join(", ")}.` });
  }

  count(field: string, value: unknown): number {
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      this.#problems.push({ field, problem: `must be a whole number >= 0, not ${show(value)}.` });
    }
    return value as number;
  }

  duration(field: string, value: unknown): number {
    if (!isPositiveInteger(value)) {
      this.#problems.push({ field, problem: `must be a whole number > 0, not ${show(value)}.` });
    }
    return value as number;
  }
}
