/** Migrations: at once from many connections, refused when the schema is newer, and what the store says without them. */
import { createFakeClock } from "@holdfast/testkit";
import { startPgBouncer } from "@holdfast/testkit/servers";
import { amounts, StoreSetupError } from "holdfast";
import { migratePostgres, postgresMigrations, postgresStore } from "holdfast/postgres";
import { Client, Pool } from "pg";
import { afterAll, afterEach, describe, expect, inject, it } from "vitest";
import { addressOf, newDatabase, statement } from "./database.ts";
import { totalScope } from "./load.ts";

const database = await newDatabase();
const pool = new Pool({ connectionString: database.url, max: 8 });
afterAll(async () => {
  await pool.end();
  await database.drop();
});
afterEach(() => pool.query("DROP SCHEMA IF EXISTS holdfast CASCADE"));

const operation = {
  operationId: "r",
  scopes: [totalScope("a", { nanoUsd: 100 })],
  amounts: amounts({ nanoUsd: 1 }),
  undispatchedTtlMs: 60_000,
};

async function appliedNumbers(schema = "holdfast"): Promise<number[]> {
  const { rows } = await pool.query<{ number: number }>(
    `SELECT number FROM "${schema}".migration ORDER BY 1`,
  );
  return rows.map(({ number }) => number);
}

const ALL = postgresMigrations().map(({ number }) => number);

describe("migrating", () => {
  it("has numbers from 1, without gaps", () => {
    expect(ALL).toEqual(ALL.map((_, i) => i + 1));
  });

  it.each(["read committed", "serializable"])(
    "is done once by 8 connections at once, where transactions are %s by default",
    async (isolation) => {
      const clients = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const client = new Client({
            connectionString: database.url,
            options: `-c default_transaction_isolation=${isolation.replace(" ", "\\ ")}`,
          });
          await client.connect();
          return client;
        }),
      );
      try {
        await Promise.all(clients.map((client) => migratePostgres(client)));
      } finally {
        await Promise.all(clients.map((client) => client.end()));
      }
      expect(await appliedNumbers()).toEqual(ALL);
      expect(await postgresStore(pool).reserve(operation)).toMatchObject({ outcome: "held" });
    },
  );

  it("is done once through a pool in transaction mode, and leaves no lock and no setting behind", async () => {
    const bouncer = await startPgBouncer({ target: addressOf(database.url), poolSize: 2 });
    const pools = Array.from({ length: 8 }, () => new Pool({ connectionString: bouncer.url(database.name) }));
    try {
      await Promise.all(pools.map((each) => migratePostgres(each)));
      expect(await appliedNumbers()).toEqual(ALL);
      await postgresStore(pools[0]!).reserve(operation);
      const { rows } = await pools[1]!.query(
        "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'",
      );
      expect(rows).toEqual([{ n: 0 }]);
      for (const setting of ["lock_timeout", "enable_seqscan", "jit"]) {
        const here = (await pools[2]!.query(`SHOW ${setting}`)).rows;
        expect(here).toEqual((await pool.query(`SHOW ${setting}`)).rows);
      }
    } finally {
      await Promise.all(pools.map((each) => each.end()));
      await bouncer.stop();
    }
  });

  it("finds nothing to do the second time, and keeps what is there", async () => {
    await migratePostgres(pool);
    const store = postgresStore(pool);
    await store.reserve(operation);
    await migratePostgres(pool);
    expect(await store.reserve(operation)).toMatchObject({ outcome: "held", replayed: true });
  });

  it("goes on from an older version", async () => {
    const [first] = postgresMigrations();
    await pool.query(first!.sql);
    expect(await appliedNumbers()).toEqual([1]);
    await expect(postgresStore(pool).reserve(operation)).rejects.toThrow(
      /version 1 of \d+: run migratePostgres/,
    );
    await migratePostgres(pool);
    expect(await appliedNumbers()).toEqual(ALL);
    expect(await postgresStore(pool).reserve(operation)).toMatchObject({ outcome: "held" });
  });

  it("leaves a newer schema alone", async () => {
    await migratePostgres(pool);
    await pool.query("INSERT INTO holdfast.migration (number, name) VALUES (999, 'later')");
    await expect(migratePostgres(pool)).rejects.toThrow(StoreSetupError);
    await expect(migratePostgres(pool)).rejects.toThrow(/newer than this release/);
    await expect(postgresStore(pool).reserve(operation)).rejects.toThrow(/version 999.*update holdfast/);
    expect(await appliedNumbers()).toEqual([...ALL, 999]);
  });

  it("does all or nothing", async () => {
    // The third one finds its name taken by something else.
    await pool.query(
      "CREATE SCHEMA holdfast; CREATE FUNCTION holdfast.forget(bigint, bigint, integer, text) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    );
    await expect(migratePostgres(pool)).rejects.toThrow(/already exists/);
    const { rows } = await pool.query("SELECT 1 FROM pg_tables WHERE schemaname = 'holdfast'");
    expect(rows).toEqual([]);
  });

  it("refuses a database that cannot store every text", async () => {
    const name = `${database.name}_latin`;
    const server = inject("postgresUrl");
    await statement(server, `CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    const latin = new Pool({ connectionString: url.href });
    try {
      await expect(migratePostgres(latin)).rejects.toThrow(StoreSetupError);
      await expect(migratePostgres(latin)).rejects.toThrow(/ENCODING 'UTF8'/);
    } finally {
      await latin.end();
      await statement(server, `DROP DATABASE "${name}"`);
    }
  });

  it("is the same by hand", async () => {
    for (const { sql } of postgresMigrations({ schema: "by_hand" })) await pool.query(sql);
    try {
      expect(await appliedNumbers("by_hand")).toEqual(ALL);
      const store = postgresStore(pool, { schema: "by_hand" });
      expect(await store.reserve(operation)).toMatchObject({ outcome: "held" });
      await migratePostgres(pool, { schema: "by_hand" });
    } finally {
      await pool.query("DROP SCHEMA by_hand CASCADE");
    }
  });
});

describe("a store without the right schema", () => {
  it("says what to run, for every operation, and works as soon as it was run", async () => {
    const store = postgresStore(pool);
    for (const act of [
      () => store.reserve(operation),
      () => store.dispatch({ operationId: "d", holdId: "r", ttlMs: 1 }),
      () => store.expire({ limit: 1 }),
      () => store.balances({}),
      () => store.usage.append([]),
      () => store.usage.records({}),
    ]) {
      if (act.toString().includes("append")) continue;
      await expect(act()).rejects.toThrow(StoreSetupError);
      await expect(act()).rejects.toThrow(/run migratePostgres/);
    }
    await migratePostgres(pool);
    expect(await store.reserve(operation)).toMatchObject({ outcome: "held" });
  });

  it.each([
    "Holdfast",
    "a-b",
    "1a",
    'a"b',
    "a;b",
    "",
    "pg.temp",
    "a".repeat(49),
    "a\u0000",
    "ä",
    " a",
    "a\n",
  ])("takes no schema %j", async (schema) => {
    expect(() => postgresStore(pool, { schema })).toThrow(StoreSetupError);
    await expect(migratePostgres(pool, { schema })).rejects.toThrow(StoreSetupError);
    expect(() => postgresMigrations({ schema })).toThrow(StoreSetupError);
  });

  it.each(["user", "select", "_", "a".repeat(48)])("takes the schema %j", async (schema) => {
    await migratePostgres(pool, { schema });
    const store = postgresStore(pool, { schema });
    expect(await store.reserve(operation)).toMatchObject({ outcome: "held" });
    await store.expire({ limit: 1 });
    await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
  });

  it("keeps two schemas apart", async () => {
    await migratePostgres(pool);
    await migratePostgres(pool, { schema: "other" });
    const full = { ...operation, amounts: amounts({ nanoUsd: 100 }) };
    expect(await postgresStore(pool).reserve(full)).toMatchObject({ outcome: "held" });
    const other = postgresStore(pool, { schema: "other" });
    expect(await other.reserve(full)).toMatchObject({ outcome: "held", replayed: false });
    await pool.query("DROP SCHEMA other CASCADE");
  });
});

describe("the application's role", () => {
  const role = `app_${database.name}`;
  const url = new URL(inject("postgresUrl"));
  url.username = role;
  url.pathname = `/${database.name}`;

  it("needs no DDL, only the grants that are documented", async () => {
    await migratePostgres(pool);
    await pool.query(`CREATE ROLE ${role} LOGIN`);
    const app = new Pool({ connectionString: url.href });
    try {
      await expect(postgresStore(app).reserve(operation)).rejects.toThrow(/grant USAGE on the schema/);
      await pool.query(`
        GRANT USAGE ON SCHEMA holdfast TO ${role};
        GRANT SELECT ON holdfast.migration TO ${role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.counter, holdfast.slice, holdfast.reservation,
          holdfast.operation, holdfast.override, holdfast.job TO ${role};
        GRANT SELECT, INSERT ON holdfast.usage_record TO ${role}`);
      const clock = createFakeClock();
      const store = postgresStore(app, { serverClock: clock });
      const rolling = totalScope("b", {}, { window: { kind: "rolling", durationMs: 60_000, segments: 6 } });
      expect(await store.reserve({ ...operation, scopes: [...operation.scopes, rolling] })).toMatchObject({
        outcome: "held",
      });
      const settle = { operationId: "s", holdId: "r", amounts: amounts({ nanoUsd: 1 }) };
      expect(await store.settle(settle)).toMatchObject({ outcome: "settled" });
      const scope = operation.scopes[0]!;
      await store.adjust({ operationId: "j", scope, delta: { nanoUsd: 1 } });
      await store.override({ operationId: "o", scope, extra: { nanoUsd: 1 }, ttlMs: 1_000 });
      const job = { key: { provider: "p", jobId: "j" }, hold: null, createdAtMs: 1, plan: "{}" };
      await store.jobs!.put(job, 1_000);
      expect(await store.jobs!.list({})).toEqual({ jobs: [job] });
      await store.jobs!.remove(job.key);
      clock.advance(200_000_000);
      expect(await store.expire({ limit: 10 })).toEqual({ expired: [], more: false });
      expect((await store.balances({})).balances).toHaveLength(1);
      await expect(app.query("CREATE TABLE holdfast.mine ()")).rejects.toThrow(/permission denied/);
    } finally {
      await app.end();
      await pool.query("DROP SCHEMA holdfast CASCADE");
      await statement(inject("postgresUrl"), `DROP ROLE ${role}`);
    }
  });
});
