/** @module The fault proxy with the client libraries that applications use: replies pair up whatever they send. */
import { Redis } from "ioredis";
import pg from "pg";
import postgresJs from "postgres";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectMark, startFaultProxy } from "@holdfast/testkit/fault-proxy";
import type { FaultProxy } from "@holdfast/testkit/fault-proxy";
import { startPostgres, startRedis } from "@holdfast/testkit/servers";
import type { PostgresServer, RedisServer } from "@holdfast/testkit/servers";

const script = "return redis.call('INCR', KEYS[1])";

describe("Redis clients", () => {
  let redis: RedisServer;
  let proxy: FaultProxy;
  beforeAll(async () => {
    redis = await startRedis();
  }, 180_000);
  afterAll(() => redis.stop());
  beforeEach(async () => {
    proxy = await startFaultProxy({ target: redis, protocol: "redis" });
  });
  afterEach(async () => {
    await proxy.stop();
    expect(proxy.errors).toEqual([]);
  });

  it("ioredis sends again on its own what lost its reply: it is applied twice", async () => {
    const client = new Redis(proxy.port, proxy.host);
    client.on("error", () => {});
    await client.set("io", "0");
    proxy.dropReply(1, { where: "EVAL" });
    expect(await client.eval(script, 1, "io")).toBe(2);
    expectMark(proxy, "dropped");
    expect(await client.get("io")).toBe("2");
    client.disconnect();
  });

  it("ioredis without retries rejects, applied once", async () => {
    const client = new Redis(proxy.port, proxy.host, { maxRetriesPerRequest: 0 });
    client.on("error", () => {});
    await client.set("once", "0");
    proxy.dropReply(1, { where: "EVAL" });
    await expect(client.eval(script, 1, "once")).rejects.toThrow();
    expectMark(proxy, "dropped");
    await expect.poll(() => client.status).toBe("ready");
    expect(await client.get("once")).toBe("1");
    client.disconnect();
  });

  it.each([2, 3] as const)("node-redis with RESP%i, pipelined and in pieces", async (RESP) => {
    const client = createClient({ socket: { host: proxy.host, port: proxy.port }, RESP });
    client.on("error", () => {});
    await client.connect();
    const key = `node-${RESP}`;
    proxy.splitBytes(5);
    proxy.dropReply(40, { where: `INCR ${key}` });
    const calls = Array.from({ length: 60 }, () => client.incr(key));
    const settled = await Promise.allSettled(calls);
    expectMark(proxy, "dropped");
    expectMark(proxy, "split");
    proxy.heal();
    const fulfilled = settled.filter(({ status }) => status === "fulfilled").length;
    // A reset may take replies with it that had arrived and were not read yet.
    expect(fulfilled).toBeLessThanOrEqual(59);
    expect(Number(await client.get(key))).toBeGreaterThanOrEqual(40);
    client.destroy();
  });
});

describe("PostgreSQL clients", () => {
  let postgres: PostgresServer;
  let proxy: FaultProxy;
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.query("create table t (who text)");
  }, 300_000);
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    proxy = await startFaultProxy({ target: postgres, protocol: "postgres" });
  });
  afterEach(async () => {
    await proxy.stop();
    expect(proxy.errors).toEqual([]);
  });

  const rows = (who: string): Promise<string[]> =>
    postgres.query(`select count(*) from t where who = '${who}'`);
  const urlOf = (): string => `postgres://postgres@${proxy.host}:${proxy.port}/postgres`;

  it.each([undefined, "named"])("pg with statements that are %s", async (name) => {
    const pool = new pg.Pool({ connectionString: urlOf(), max: 3 });
    pool.on("error", () => {});
    const who = `pg-${name}`;
    const insert = {
      text: "insert into t values ($1)",
      values: [who],
      ...(name === undefined ? {} : { name }),
    };
    await pool.query("select 1");
    const client = await pool.connect();
    client.on("error", () => {});
    proxy.dropReply(3, { where: "insert into t" });
    await client.query(insert);
    await client.query(insert);
    await expect(client.query(insert)).rejects.toThrow();
    client.release(true);
    expectMark(proxy, "dropped");
    expect(await rows(who)).toEqual(["3"]);
    await pool.query(insert);
    expect(await rows(who)).toEqual(["4"]);
    await pool.end();
  });

  it("pg in a transaction whose COMMIT loses its answer", async () => {
    const client = new pg.Client({ connectionString: urlOf() });
    client.on("error", () => {});
    await client.connect();
    proxy.dropReply(1, { where: "COMMIT" });
    await client.query("BEGIN");
    await client.query("insert into t values ($1)", ["commit"]);
    await expect(client.query("COMMIT")).rejects.toThrow();
    expectMark(proxy, "dropped");
    expect(await rows("commit")).toEqual(["1"]);
  });

  it("postgres.js, which prepares and pipelines", async () => {
    const sql = postgresJs(urlOf(), { max: 1, fetch_types: false });
    await sql`insert into t values ('js')`;
    proxy.dropReply(2, { where: "insert into t" });
    await sql`insert into t values ('js')`;
    await expect(sql`insert into t values ('js')`).rejects.toThrow(/CONNECTION_CLOSED|ECONNRESET/);
    expectMark(proxy, "dropped");
    expect(await rows("js")).toEqual(["3"]);
    const later = await Promise.all(Array.from({ length: 20 }, (_, index) => sql`select ${index}::int as n`));
    expect(later.map(([row]) => row!["n"])).toEqual(Array.from({ length: 20 }, (_, index) => index));
    await sql.end();
  });
});
