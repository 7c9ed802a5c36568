import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerStartError, startPgBouncer, startPostgres } from "../src/servers/index.ts";
import type { PgBouncer, PostgresServer } from "../src/servers/index.ts";
import { postgresRequest } from "../src/servers/postgres-request.ts";

const installMs = 300_000;

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres({ settings: { max_connections: "30" } });
}, installMs);
afterAll(() => postgres.stop());

describe("a PostgreSQL", { timeout: 60_000 }, () => {
  it("has the given settings over the defaults", async () => {
    expect(await postgres.query("show max_connections")).toEqual(["30"]);
    expect(await postgres.query("show fsync")).toEqual(["off"]);
    expect(await postgres.query("show server_encoding")).toEqual(["UTF8"]);
    expect(await postgres.query("show data_checksums")).toHaveLength(1);
  });

  it("makes databases that know nothing of each other", async () => {
    const urls = [await postgres.createDatabase(), await postgres.createDatabase("named")];
    expect(new Set(urls).size).toBe(2);
    expect(urls[1]).toBe(`postgres://postgres@127.0.0.1:${postgres.port}/named`);
    await postgres.query("create table only_here (a int)", "named");
    const other = urls[0]!.slice(urls[0]!.lastIndexOf("/") + 1);
    expect(await postgres.query("select to_regclass('only_here')", "named")).toEqual(["only_here"]);
    expect(await postgres.query("select to_regclass('only_here')", other)).toEqual([""]);
    await expect(postgres.createDatabase('x"; drop database named; --')).rejects.toThrow("Not a plain");
  });

  it.each(["immediate", "fast", "kill"] as const)("keeps what was committed over: %s", async (how) => {
    const table = `kept_${how}`;
    await postgres.query(`create table ${table} (a int)`);
    await postgres.query(`insert into ${table} values (42)`);
    const { pid } = postgres;
    if (how === "kill") {
      await postgres.kill();
      expect(postgres.running).toBe(false);
      await postgres.start();
    } else await postgres.restart(how);
    expect(postgres.pid).not.toBe(pid);
    expect(await postgres.query(`select a from ${table}`)).toEqual(["42"]);
  });

  it("recovers after an immediate shutdown and not after a fast one", async () => {
    const recoveries = (): number => postgres.log.split("automatic recovery in progress").length;
    const before = recoveries();
    await postgres.restart("fast");
    expect(recoveries()).toBe(before);
    await postgres.restart("immediate");
    expect(recoveries()).toBe(before + 1);
  });

  it("reports what the server refuses", async () => {
    await expect(postgres.query("select no_such_column")).rejects.toThrow("SQLSTATE 42703");
    const failed = startPostgres({ settings: { no_such_setting: "1" } });
    await expect(failed).rejects.toThrow(ServerStartError);
    await expect(failed).rejects.toThrow(/no_such_setting/);
  });

  it("removes everything at the end", async () => {
    const other = await startPostgres();
    const [data] = await other.query("show data_directory");
    expect(existsSync(data!)).toBe(true);
    await other.stop();
    expect(existsSync(dirname(data!))).toBe(false);
    await expect(other.start()).rejects.toThrow("cannot be started again");
  });
});

describe("a PgBouncer", { timeout: 60_000 }, () => {
  let pool: PgBouncer;
  beforeAll(async () => {
    pool = await startPgBouncer({ target: postgres, poolMode: "transaction", poolSize: 2 });
  }, installMs);
  afterAll(() => pool.stop());

  it("reaches any database of the target by its name", async () => {
    const url = new URL(await postgres.createDatabase("behind_the_pool"));
    expect(new URL(pool.url("behind_the_pool")).pathname).toBe(url.pathname);
    expect(pool.url()).toBe(`postgres://postgres@127.0.0.1:${pool.port}/postgres`);
    const address = { port: pool.port, user: "anybody", database: "behind_the_pool" };
    expect(await postgresRequest(address, "select current_database()")).toEqual(["behind_the_pool"]);
  });

  it("serves many clients over as many connections as the pool has", async () => {
    const address = { port: pool.port, user: "postgres", database: "postgres" };
    const clients = Array.from({ length: 12 }, () =>
      postgresRequest(address, "select pg_backend_pid() from pg_sleep(0.01)"),
    );
    const backends = new Set((await Promise.all(clients)).flat());
    expect(backends.size).toBeLessThanOrEqual(2);
  });

  it("has a console", async () => {
    expect(await pool.console("SHOW DATABASES")).toContain("postgres");
    await expect(pool.console("NO SUCH COMMAND")).rejects.toThrow("SQLSTATE");
  });
});
