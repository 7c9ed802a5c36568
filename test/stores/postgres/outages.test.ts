/** Postgres restarts, backends are terminated, locks are held by others, pools run dry: nothing is lost or counted twice. */
import { startPostgres, type PostgresServer } from "@holdfast/testkit/servers";
import { amounts, type LedgerStore, type Scope } from "holdfast";
import { migratePostgres, postgresStore } from "holdfast/postgres";
import { Client, Pool, type PoolConfig } from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { call, expectBalances, LONG_MS, newLoad, totalScope, untilAnswered, type Load } from "./load.ts";

let server: PostgresServer;
let admin: Pool;
const opened: Pool[] = [];

/** Without an "error" listener, as applications forget it. */
function newPool(config: PoolConfig = {}): Pool {
  const pool = new Pool({ connectionString: server.url, ...config });
  opened.push(pool);
  return pool;
}

beforeAll(async () => {
  server = await startPostgres({ settings: { fsync: "on", max_connections: "150" } });
  admin = new Pool({ connectionString: server.url, max: 2 });
  admin.on("error", () => {});
  await migratePostgres(admin);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((pool) => pool.end()));
  await untilAnswered(() =>
    admin.query(
      "TRUNCATE holdfast.counter, holdfast.slice, holdfast.reservation, holdfast.operation, holdfast.override",
    ),
  );
});
afterAll(async () => {
  await admin.end();
  await server.stop();
});

/** Since the server was started, by its statistics and by its log. */
async function expectNoDeadlock(): Promise<void> {
  const { rows } = await admin.query("SELECT sum(deadlocks)::int AS n FROM pg_stat_database");
  expect(rows).toEqual([{ n: 0 }]);
  expect(server.log).not.toContain("deadlock detected");
}

async function storm(store: LedgerStore, load: Load, workers: number, calls: number): Promise<void> {
  const org = totalScope("org");
  const teams = ["a", "b", "c"].map((key) => totalScope(`team ${key}`));
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      for (let n = 0; n < calls; n += 1) {
        const scopes = n % 2 === 0 ? [org, teams[worker % 3]!] : [teams[(worker + n) % 3]!, org];
        await call(store, load, `w${worker}-${n}`, scopes, worker + n);
      }
    }),
  );
}

/** On a connection that is closed at the end, whatever happens. */
async function openTransaction(): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query("BEGIN");
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

function reserveOne(store: LedgerStore, id: string, scopes: readonly Scope[]): Promise<unknown> {
  const one = amounts({ nanoUsd: 1, calls: 1 });
  return Promise.resolve(
    store.reserve({ operationId: id, scopes, amounts: one, undispatchedTtlMs: LONG_MS }),
  );
}

describe("the server goes away", () => {
  it("is exact after immediate restarts under load", async () => {
    const store = postgresStore(newPool());
    const load = newLoad();
    const done = storm(store, load, 8, 25);
    for (let restart = 0; restart < 3; restart += 1) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await server.restart("immediate");
    }
    await done;
    expect(load.failures.length).toBeGreaterThan(0);
    expect(load.admitted).toBe(200);
    await expectBalances(store, load);
  }, 60_000);

  it.each(["pg", "postgres.js"])(
    "is exact, and the process stays alive, when backends are terminated all the time (%s)",
    async (kind) => {
      const sql = kind === "pg" ? undefined : postgres(server.url, { onnotice: () => {}, max: 6 });
      const store = postgresStore(sql ?? newPool({ max: 6 }));
      const load = newLoad();
      let terminated = 0;
      let stopped = false;
      const terminating = (async () => {
        while (!stopped) {
          await new Promise((resolve) => setTimeout(resolve, 40));
          const { rows } = await admin.query<{ n: number }>(
            "SELECT count(pg_terminate_backend(pid))::int AS n FROM (SELECT pid FROM pg_stat_activity " +
              "WHERE query LIKE '%run(%' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS victim",
          );
          terminated += rows[0]!.n;
        }
      })();
      await storm(store, load, 8, 20);
      // Idle ones too: nobody listens for their errors but the store.
      await new Promise((resolve) => setTimeout(resolve, 150));
      stopped = true;
      await terminating;
      expect(terminated).toBeGreaterThan(5);
      expect(load.admitted).toBe(160);
      await expectBalances(store, load);
      await sql?.end({ timeout: 1 });
    },
    60_000,
  );

  it("leaves the pool's listeners as they were, and the pool open", async () => {
    const pool = newPool();
    const silent = postgresStore(pool);
    expect(pool.listenerCount("error")).toBe(1);
    const second = postgresStore(pool);
    expect(pool.listenerCount("error")).toBe(1);
    await silent.close();
    expect(pool.listenerCount("error")).toBe(0);
    await second.close();
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });
});

describe("somebody else holds a lock", () => {
  it("fails within a bound where the lock is, and nowhere else", async () => {
    const pool = newPool();
    const store = postgresStore(pool, { lockTimeoutMs: 400 });
    const org = totalScope("org");
    const user = (name: string): Scope => totalScope(`user ${name}`, {}, { values: { user: name } });
    const others = Array.from({ length: 6 }, (_, n) => user(`other ${n}`));
    await reserveOne(store, "first", [org, user("locked"), ...others]);
    await using foreign = await openTransaction();
    await foreign.query("SELECT * FROM holdfast.counter WHERE scope_key = 'user locked' FOR UPDATE");
    const started = performance.now();
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) =>
        reserveOne(store, `r${n}`, [org, n % 10 === 0 ? user("locked") : others[n % 6]!]),
      ),
    );
    expect(performance.now() - started).toBeLessThan(3_000);
    for (const [n, result] of results.entries()) {
      if (n % 10 === 0) expect(result).toMatchObject({ status: "rejected", reason: { code: "55P03" } });
      else expect(result, `r${n}`).toMatchObject({ status: "fulfilled", value: { outcome: "held" } });
    }
    await foreign.query("ROLLBACK");
    expect(await reserveOne(store, "r0", [org, user("locked")])).toMatchObject({
      outcome: "held",
      replayed: false,
    });
    const { balances } = await store.balances({});
    const held = balances.map((state) => [state.scope.key, state.held.calls] as const);
    expect(Object.fromEntries(held)).toMatchObject({ org: 1 + 54 + 1, "user locked": 2 });
  });

  it("never deadlocks, whatever the order of the scopes", async () => {
    // New ones all the time: a counter's first use takes another way than its next ones.
    const scopesOf = (round: number): Scope[] =>
      Array.from({ length: 8 }, (_, n) =>
        totalScope(n < 4 ? `s${n}` : `s${n} in round ${round >> 1}`, { nanoUsd: 100_000 }),
      );
    const load = newLoad();
    const stores = Array.from({ length: 4 }, () =>
      postgresStore(newPool({ max: 8 }), { lockTimeoutMs: 20_000 }),
    );
    const single = Array.from({ length: 4 }, () =>
      postgresStore(newPool({ max: 8 }), {
        batching: { maxOperations: 1, maxTrips: 8 },
        lockTimeoutMs: 20_000,
      }),
    );
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647);
    await Promise.all(
      [...stores, ...single].flatMap((store, s) =>
        Array.from({ length: 6 }, async (_, worker) => {
          for (let n = 0; n < 10; n += 1) {
            const chosen = scopesOf(n)
              .sort(() => (random() % 2 === 0 ? 1 : -1))
              .slice(0, 1 + (random() % 5));
            await call(store, load, `d${s}-${worker}-${n}`, chosen, worker + n);
          }
        }),
      ),
    );
    expect(load).toMatchObject({ failures: [], admitted: 480 });
    await expectBalances(stores[0]!, load);
    await expectNoDeadlock();
  }, 60_000);

  it("never deadlocks with sweepers that expire what others settle", async () => {
    const scopes = ["x", "y", "z"].map((key) => totalScope(key));
    const stores = Array.from({ length: 4 }, () =>
      postgresStore(newPool({ max: 6 }), { lockTimeoutMs: 20_000 }),
    );
    let expired = 0;
    await Promise.all(
      stores.map(async (store, s) => {
        for (let n = 0; n < 40; n += 1) {
          const holdId = `e${s}-${n}`;
          const chosen = n % 2 === 0 ? scopes : scopes.toReversed();
          const held = amounts({ nanoUsd: 5 });
          await store.reserve({ operationId: holdId, scopes: chosen, amounts: held, undispatchedTtlMs: 1 });
          const settle = { operationId: `${holdId} s`, holdId, amounts: held };
          const [settled, swept] = await Promise.all([store.settle(settle), store.expire({ limit: 3 })]);
          expect(settled).toMatchObject({ outcome: "settled" });
          expired += swept.expired.length;
        }
      }),
    );
    const { balances } = await stores[0]!.balances({});
    expect(balances.map(({ held, spent }) => [held.nanoUsd, spent.nanoUsd])).toEqual(
      scopes.map(() => [0, 800]),
    );
    expect(expired).toBeLessThanOrEqual(160);
    await expectNoDeadlock();
  }, 60_000);
});

describe("a pool that runs dry", () => {
  it("answers 100 callers through one connection", async () => {
    const store = postgresStore(newPool({ max: 1 }), { batching: { maxTrips: 8 } });
    const scope = totalScope("a", { calls: 40 });
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, n) => reserveOne(store, `p${n}`, [scope])),
    );
    const outcomes = results.map((result) => (result as { outcome: string }).outcome);
    expect(outcomes.filter((outcome) => outcome === "held")).toHaveLength(40);
    expect(outcomes.filter((outcome) => outcome === "denied")).toHaveLength(60);
  });
});

describe("settings of the server and of sessions", () => {
  const sessions: Readonly<Record<string, string>> = {
    "transactions that are serializable": "-c default_transaction_isolation=serializable",
    "transactions that read repeatably": "-c default_transaction_isolation=repeatable\\ read",
    "a far time zone and odd formats":
      "-c TimeZone=Pacific/Chatham -c DateStyle=SQL,DMY -c IntervalStyle=postgres_verbose -c bytea_output=escape",
    "another search path": "-c search_path=pg_temp",
    "plans that would rather not use an index":
      "-c enable_indexscan=off -c enable_bitmapscan=off -c jit=on -c jit_above_cost=0",
  };

  it.each(Object.entries(sessions))("is exact with %s", async (_, options) => {
    const stores = Array.from({ length: 3 }, () => postgresStore(newPool({ options, max: 4 })));
    const load = newLoad();
    const scopes = [totalScope("org", { nanoUsd: 1_000_000 }), totalScope("team")];
    await Promise.all(
      stores.flatMap((store, s) =>
        Array.from({ length: 8 }, (__, worker) => call(store, load, `i${s}-${worker}`, scopes, worker)),
      ),
    );
    expect(load).toMatchObject({ admitted: 24, failures: [] });
    await expectBalances(stores[0]!, load);
  });

  it("a read-only session is an error, not a denial, and nothing is written", async () => {
    const store = postgresStore(newPool({ options: "-c default_transaction_read_only=on" }));
    await expect(reserveOne(store, "ro", [totalScope("a", { calls: 0 })])).rejects.toMatchObject({
      code: "25006",
    });
    await expect(reserveOne(store, "ro", [])).rejects.toMatchObject({ code: "25006" });
    const writable = postgresStore(newPool());
    expect(await reserveOne(writable, "ro", [totalScope("a", { calls: 1 })])).toMatchObject({
      replayed: false,
    });
  });
});
