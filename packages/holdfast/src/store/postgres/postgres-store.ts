/**
 * @module The store in Postgres: one function call per operation, or per group of operations that wait.
 *
 * Each call is one transaction of one unnamed statement with no state in the session, so it works through PgBouncer's
 * transaction mode, and a client that vanishes leaves no lock behind. The time is the server's.
 */
import { systemClock, type Clock } from "../../kernel/clock.ts";
import type {
  AdjustOperation,
  AdjustResult,
  AlreadyResolved,
  Balances,
  BalancesQuery,
  DispatchOperation,
  DispatchResult,
  Expired,
  ExpiredHold,
  ExpireOperation,
  LedgerStore,
  OverrideOperation,
  OverrideResult,
  ReleaseOperation,
  ReleaseResult,
  RenewOperation,
  RenewResult,
  ReserveOperation,
  ReserveResult,
  SettleOperation,
  SettleResult,
} from "../../ledger/ledger-store.ts";
import {
  requireAmounts,
  requireDelta,
  requireLimits,
  requirePositive,
} from "../../ledger/operation-checks.ts";
import type { UsageLedger } from "../../ledger/usage-ledger.ts";
import { ServerClock } from "../server-clock.ts";
import { adjusted, denied, expiredHold, held, own, settled, type Answer } from "./answers.ts";
import { readBalances } from "./balances.ts";
import { hearIdleErrors, queryOf, type PostgresClient, type Query } from "./client.ts";
import { PostgresJobs } from "./jobs.ts";
import { Ledger, type LedgerSettings } from "./ledger.ts";
import { DEFAULT_SCHEMA, quotedSchema } from "./schema.ts";
import { requireId, ScopeChecks } from "./scope-checks.ts";
import { PostgresUsageLedger, type Ask } from "./usage.ts";

export interface PostgresStoreOptions {
  /** Where {@link migratePostgres} made the tables: /^[a-z_][a-z0-9_]{0,47}$/. @default "holdfast" */
  readonly schema?: string;
  /**
   * How long resolved holds and answered operations are remembered, ms, so that a replay is answered as the first time
   * and a late settlement still corrects.
   * @default 86_400_000 (a day)
   */
  readonly rememberMs?: number;
  /** The same for denials, of which there may be very many. @default 3_600_000 (an hour) */
  readonly rememberDenialsMs?: number;
  /** Operations that wait for a free trip share the next one. */
  readonly batching?: {
    /** In one trip, at most. @default 64 */
    readonly maxOperations?: number;
    /** Trips at a time, of this store; more than the pool has connections are of no use. @default 2 */
    readonly maxTrips?: number;
  };
  /** How long an operation waits for a lock that somebody else holds before it fails, ms. @default 1_000 */
  readonly lockTimeoutMs?: number;
  /** For tests and simulations only: the server uses this time instead of its own. */
  readonly serverClock?: Clock;
}

/** Expired holds in one answer, at most; there is `more`. */
const LARGEST_SWEEP = 1_000;

/**
 * A store in a database that {@link migratePostgres} has prepared, for any number of processes.
 *
 * `client` is a pool of node-postgres, a client of postgres.js, a PGlite, or what looks like one of them; it stays the
 * application's, and `close` does not end it.
 * @throws {StoreSetupError} for a schema name that is not plain, or a client of an unknown kind. A schema that is
 * missing, older or newer is found by the first operation, which then rejects with one.
 */
export function postgresStore(
  client: PostgresClient,
  options: PostgresStoreOptions = {},
): LedgerStore & { readonly usage: UsageLedger } {
  return new PostgresStore(client, options);
}

class PostgresStore implements LedgerStore {
  readonly name = "postgres";
  readonly usage: UsageLedger;
  readonly jobs: PostgresJobs;
  readonly #query: Query;
  readonly #schema: string;
  readonly #ledger: Ledger;
  readonly #clock: ServerClock;
  readonly #checks = new ScopeChecks();
  readonly #serverClock: Clock | undefined;
  readonly #stopHearing: () => void;
  /** Holds that a trip resolved in passing and no answer has told of yet. */
  #unreported: ExpiredHold[] = [];

  constructor(client: PostgresClient, options: PostgresStoreOptions) {
    this.#query = queryOf(client);
    this.#schema = quotedSchema(options.schema ?? DEFAULT_SCHEMA);
    this.#serverClock = options.serverClock;
    this.#clock = new ServerClock(options.serverClock ?? systemClock);
    this.#ledger = new Ledger(this.#query, this.#schema, this.#clock, {
      ...settingsOf(options),
      onExpired: (expired) => this.#unreported.push(...expired.map(expiredHold)),
    });
    const ask: Ask = (text, params) => this.#ledger.ready(() => this.#query(text, params));
    this.usage = new PostgresUsageLedger(this.#schema, ask);
    this.jobs = new PostgresJobs(this.#schema, ask, () => options.serverClock?.now());
    this.#stopHearing = hearIdleErrors(client);
  }

  async reserve(operation: ReserveOperation): Promise<ReserveResult> {
    requireId(operation.operationId, "operationId");
    requireAmounts(operation.amounts);
    this.#checks.requireScopes(operation.scopes);
    requirePositive(operation.undispatchedTtlMs, "undispatchedTtlMs");
    const answer = await this.#ledger.ask({ verb: "reserve", operation });
    switch (answer.o) {
      case "held":
        return this.#reporting(held(answer, operation, this.#clock));
      case "denied":
        return this.#reporting(denied(answer, operation, this.#clock));
      case "mismatch":
        return { outcome: "mismatch" };
      default:
        throw unexpected(answer);
    }
  }

  async dispatch(operation: DispatchOperation): Promise<DispatchResult> {
    requireId(operation.operationId, "operationId");
    requireId(operation.holdId, "holdId");
    requirePositive(operation.ttlMs, "ttlMs");
    const answer = await this.#ledger.ask({ verb: "dispatch", operation });
    if (answer.o === "dispatched") return { outcome: "dispatched", replayed: answer.replayed === true };
    return notLive(answer);
  }

  async settle(operation: SettleOperation): Promise<SettleResult> {
    requireId(operation.operationId, "operationId");
    requireId(operation.holdId, "holdId");
    requireAmounts(operation.amounts);
    const answer = await this.#ledger.ask({ verb: "settle", operation });
    if (answer.o === "settled") return settled(answer, operation);
    if (answer.o === "mismatch") return { outcome: "mismatch" };
    return notLive(answer);
  }

  async release(operation: ReleaseOperation): Promise<ReleaseResult> {
    requireId(operation.operationId, "operationId");
    requireId(operation.holdId, "holdId");
    const answer = await this.#ledger.ask({ verb: "release", operation });
    if (answer.o === "released") return { outcome: "released", replayed: answer.replayed === true };
    return notLive(answer);
  }

  async renew(operation: RenewOperation): Promise<RenewResult> {
    requireId(operation.operationId, "operationId");
    requireId(operation.holdId, "holdId");
    requirePositive(operation.ttlMs, "ttlMs");
    const answer = await this.#ledger.ask({ verb: "renew", operation });
    if (answer.o === "renewed") {
      return { outcome: "renewed", replayed: answer.replayed === true, expiresAtMs: answer.expires };
    }
    return notLive(answer);
  }

  async expire(operation: ExpireOperation): Promise<Expired> {
    requirePositive(operation.limit, "limit");
    const limit = Math.min(operation.limit, LARGEST_SWEEP);
    const answer = await this.#ledger.sweep({ limit });
    if (answer.o !== "expired") throw unexpected(answer);
    const reported = this.#unreported.splice(0, limit);
    return { expired: reported, more: answer.more || this.#unreported.length > 0 };
  }

  async adjust(operation: AdjustOperation): Promise<AdjustResult> {
    requireId(operation.operationId, "operationId");
    this.#checks.requireScopes([operation.scope]);
    requireDelta(operation.delta);
    const answer = await this.#ledger.ask({ verb: "adjust", operation });
    if (answer.o === "adjusted") return adjusted(answer, operation, this.#clock);
    if (answer.o === "mismatch" || answer.o === "out-of-range") return { outcome: answer.o };
    throw unexpected(answer);
  }

  async override(operation: OverrideOperation): Promise<OverrideResult> {
    requireId(operation.operationId, "operationId");
    this.#checks.requireScopes([operation.scope]);
    requirePositive(operation.ttlMs, "ttlMs");
    requireLimits(operation.extra, "override.extra");
    const answer = await this.#ledger.ask({ verb: "override", operation });
    if (answer.o === "overridden") {
      return { outcome: "overridden", replayed: answer.replayed === true, expiresAtMs: answer.expires };
    }
    if (answer.o === "mismatch") return { outcome: "mismatch" };
    throw unexpected(answer);
  }

  async balances(query: BalancesQuery): Promise<Balances> {
    requirePositive(query.limit ?? 1_000, "limit");
    return this.#ledger.ready(() => readBalances(this.#query, this.#schema, query, this.#serverClock?.now()));
  }

  /** The client stays open: it is the application's. */
  close(): void {
    this.#stopHearing();
  }

  /** Adds what was resolved in passing, once; a replay says what was said the first time. */
  #reporting<R extends { readonly replayed: boolean }>(result: R): R {
    if (result.replayed || this.#unreported.length === 0) return result;
    return { ...result, expired: this.#unreported.splice(0) };
  }
}

function settingsOf(options: PostgresStoreOptions): Omit<LedgerSettings, "onExpired"> {
  const settings = {
    rememberMs: options.rememberMs ?? 86_400_000,
    rememberDenialsMs: options.rememberDenialsMs ?? 3_600_000,
    maxOperations: options.batching?.maxOperations ?? 64,
    maxTrips: options.batching?.maxTrips ?? 2,
    lockTimeoutMs: options.lockTimeoutMs ?? 1_000,
  };
  for (const [name, value] of Object.entries(settings)) requirePositive(value, name);
  return { ...settings, serverClock: options.serverClock };
}

function notLive(answer: Answer): AlreadyResolved | { readonly outcome: "unknown-hold" } {
  if (answer.o === "unknown-hold") return { outcome: "unknown-hold" };
  if (answer.o === "already-resolved") {
    return { outcome: "already-resolved", state: answer.state, ...own(answer) };
  }
  throw unexpected(answer);
}

function unexpected(answer: Answer): Error {
  return new Error(`the schema answered "${answer.o}", which is no answer to this operation`);
}
