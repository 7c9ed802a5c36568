/**
 * @module The ledger on Redis or Valkey: one script per operation, atomic over all scopes, exact to the nano-USD, on
 * the server's clock, and aware of data that was lost. What the server cannot promise (its own durability) it does not
 * promise either: see `redisStore`.
 */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { DIMENSIONS } from "../../ledger/amounts.ts";
import type * as Port from "../../ledger/ledger-store.ts";
import {
  requireAmounts,
  requireDelta,
  requireLimits,
  requirePositive,
} from "../../ledger/operation-checks.ts";
import { listBalances } from "./balances.ts";
import { HoldVerbs } from "./hold-verbs.ts";
import { RedisJobs } from "./jobs.ts";
import { toKeyText } from "./key-text.ts";
import { settingsFrom, type RedisStoreOptions, type Settings } from "./options.ts";
import { connectionOf, type RedisClient } from "./redis-client.ts";
import { expiredFrom, list, stateFrom, text, type Reply } from "./replies.ts";
import { Reservations } from "./reservations.ts";
import { refsFrom } from "./scope-text.ts";
import { ScopeTexts } from "./scope-texts.ts";
import { Session } from "./session.ts";

const CLOCK_TRIES = 5;
/** Holds that one script resolves, so that it stays short. */
const EXPIRE_AT_A_TIME = 64;

/**
 * A ledger on a Redis (7 or later) or Valkey, over a client that the application has and keeps: `close()` does not close
 * it. On a cluster, all of a store is in one slot.
 *
 * The server has to keep what it is told: `maxmemory-policy noeviction`, and persistence (`appendonly yes`; with
 * `appendfsync everysec` a crash loses up to a second). What it loses all the same is found out by the next operation
 * or heartbeat of a process that has seen it (while one lives, within `heartbeatMs`); until then what is left counts,
 * and from then on nothing is admitted for `learningMs` (reserve throws StoreDataLossError), while the processes tell
 * what they know. Where they leave it open, too much is counted for a while rather than too little. A process whose
 * first contact is with an empty server cannot know that it should not be empty: it begins anew, until one comes along
 * that knows better; then what was spent meanwhile comes on top of what that one knows.
 *
 * What no living process knows stays lost: holds of processes that are gone, what only they have seen spent, overrides,
 * denials. A process keeps 20,000 counters, 50,000 open holds and 4,000 resolved ones. One that was cut off for more
 * than `learningMs` and a minute tells too late for counters that others first used after that: of these the larger of
 * both sums counts.
 *
 * The least that its user must be allowed, beside what the client library sends to connect:
 *
 *     ACL SETUSER holdfast on >secret resetkeys ~{holdfast}:* resetchannels -@all +evalsha +eval +time +mget +mset
 *       +get +set +exists +del +zadd +zrem +zcard +zrange +zrangebyscore +info        (and +wait for waitForReplicas)
 *
 * Without `+info` the memory policy is not checked, and `onWarning` says so. A permission that is missing is an error.
 *
 * @throws {StoreSetupError} when the client or an option cannot be used; operations throw it when the server cannot, or
 * when a value in it is not as Holdfast wrote it. What the client throws comes through as it is.
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): Port.LedgerStore {
  const settings = settingsFrom(options);
  const connection = connectionOf(client);
  if (settings.waitForReplicas !== undefined && connection.wait === undefined) {
    throw new StoreSetupError(
      "redisStore: waitForReplicas needs a client of a single connection (not a cluster, pool, sentinel or function)",
    );
  }
  return new RedisStore(new Session(connection, settings), settings);
}

class RedisStore implements Port.LedgerStore {
  readonly name = "redis";
  readonly jobs: RedisJobs;
  readonly #session: Session;
  readonly #settings: Settings;
  readonly #scopes = new ScopeTexts();
  readonly #reservations: Reservations;
  readonly #holds: HoldVerbs;
  /** Resolved in passing by a step whose answer cannot say so; the next reserve or expire does. */
  #unreported: Port.ExpiredHold[] = [];

  constructor(session: Session, settings: Settings) {
    this.#session = session;
    this.#settings = settings;
    this.jobs = new RedisJobs(session);
    const report = (expired: readonly Port.ExpiredHold[], broken: number): void => {
      this.#report(expired, broken);
    };
    this.#reservations = new Reservations(session, settings, report);
    this.#holds = new HoldVerbs(session, settings, report);
  }

  async reserve(operation: Port.ReserveOperation): Promise<Port.ReserveResult> {
    requireAmounts(operation.amounts);
    const scopes = this.#scopes.listOf(operation.scopes);
    requirePositive(operation.undispatchedTtlMs, "undispatchedTtlMs");
    const result = await this.#reservations.reserve(operation, scopes);
    if (result.outcome === "mismatch" || result.replayed || this.#unreported.length === 0) return result;
    return { ...result, expired: this.#unreported.splice(0) };
  }

  async dispatch(operation: Port.DispatchOperation): Promise<Port.DispatchResult> {
    requirePositive(operation.ttlMs, "ttlMs");
    return this.#holds.dispatch(operation);
  }

  async settle(operation: Port.SettleOperation): Promise<Port.SettleResult> {
    requireAmounts(operation.amounts);
    return this.#holds.settle(operation);
  }

  async release(operation: Port.ReleaseOperation): Promise<Port.ReleaseResult> {
    return this.#holds.release(operation);
  }

  async renew(operation: Port.RenewOperation): Promise<Port.RenewResult> {
    requirePositive(operation.ttlMs, "ttlMs");
    return this.#holds.renew(operation);
  }

  async expire(operation: Port.ExpireOperation): Promise<Port.Expired> {
    requirePositive(operation.limit, "limit");
    const expired = this.#unreported.splice(0, operation.limit);
    let more = true;
    while (more && expired.length < operation.limit) {
      const limit = Math.min(EXPIRE_AT_A_TIME, operation.limit - expired.length);
      const values = [this.#settings.rememberMs, String(limit)];
      const reply = await this.#session.run("expire", this.#lists("due", "scopes", "ends"), values);
      more = Number(reply[4]) === 1;
      expired.push(...list(reply[5]).map((report) => expiredFrom(list(report))));
      this.#report([], Number(reply[6]));
    }
    return { expired, more: more || this.#unreported.length > 0 };
  }

  async adjust(operation: Port.AdjustOperation): Promise<Port.AdjustResult> {
    requireDelta(operation.delta);
    const { scope, delta } = operation;
    const written = this.#scopes.of(scope);
    const numbers = JSON.stringify(DIMENSIONS.map((dimension) => delta[dimension] ?? 0));
    const answer = await this.#inCurrentWindow(() => {
      const windows = this.#session.clock.candidates(scope.window);
      const counters = windows.map((window) => this.#key("c", `${written.name}\t${window.id}`));
      return this.#session.run(
        "adjust",
        [this.#key("o", toKeyText(operation.operationId)), ...counters, ...this.#lists("scopes", "ends")],
        [
          this.#settings.rememberMs,
          `${written.name} ${numbers}`,
          written.config,
          written.mark,
          written.description,
          numbers,
          ...windows.map((window) => written.ref(window)),
        ],
      );
    });
    const code = Number(answer[0]);
    if (code === 3) return { outcome: "mismatch" };
    if (code === 11) return { outcome: "out-of-range" };
    const { window } = refsFrom(text(answer[2]))[0]!;
    const state = stateFrom(text(answer[1]), scope, window);
    const spent = DIMENSIONS.map((dimension) => state.spent[dimension]).join(",");
    const { memory, clock } = this.#session;
    const share = { scope: written, window };
    if (code === 1) memory.saw(share, spent, clock.nowMs());
    else memory.sawAtLeast(share, spent, clock.nowMs());
    return { outcome: "adjusted", replayed: code === 2, state };
  }

  async override(operation: Port.OverrideOperation): Promise<Port.OverrideResult> {
    requirePositive(operation.ttlMs, "ttlMs");
    requireLimits(operation.extra, "override.extra");
    const { name } = this.#scopes.of(operation.scope);
    const extra = DIMENSIONS.map((dimension) => operation.extra[dimension]);
    const reply = await this.#session.run(
      "override",
      [this.#key("o", toKeyText(operation.operationId)), this.#key("v", name)],
      [
        this.#settings.rememberMs,
        [name, operation.ttlMs, ...extra.map((amount) => amount ?? "-")].join(" "),
        JSON.stringify(extra.map((amount) => amount ?? 0)),
        String(operation.ttlMs),
      ],
    );
    const answer = list(reply[4]);
    const code = Number(answer[0]);
    if (code === 3) return { outcome: "mismatch" };
    return { outcome: "overridden", replayed: code === 2, expiresAtMs: Number(answer[1]) };
  }

  async balances(query: Port.BalancesQuery): Promise<Port.Balances> {
    requirePositive(query.limit ?? 1, "limit");
    return listBalances(this.#session, query);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  #report(expired: readonly Port.ExpiredHold[], broken: number): void {
    this.#unreported.push(...expired);
    if (broken > 0) {
      const message = `${broken} holds whose time is over cannot be read, or their counters cannot; what they hold stays held`;
      this.#settings.onWarning({ code: "broken-hold", message });
    }
  }

  #key(kind: string, name: string): string {
    return `${this.#session.base}${kind}:${name}`;
  }

  #lists(...names: string[]): string[] {
    return names.map((name) => this.#session.base + name);
  }

  async #inCurrentWindow(ask: () => Promise<Reply>): Promise<Reply> {
    for (let tries = 0; tries < CLOCK_TRIES; tries++) {
      const answer = list((await ask())[4]);
      if (Number(answer[0]) !== 6) return answer;
    }
    throw noWindow();
  }
}

/** The server's time is not within any window that it was told of, though it has said what time it is. */
export function noWindow(): StoreSetupError {
  return new StoreSetupError("the clock of the Redis server leaps; no window of a budget contains its time");
}
