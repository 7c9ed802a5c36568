/** What goes wrong with a server or on the way to it, without data being lost. */
import { expectMark, redisErrorReply, startFaultProxy } from "@holdfast/testkit/fault-proxy";
import { startRedis, type RedisServer } from "@holdfast/testkit/servers";
import { dumpState } from "@holdfast/testkit/store-suite";
import { amounts, StoreSetupError, StoreUnavailableError } from "holdfast";
import { redisStore, type RedisStoreWarning } from "holdfast/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually, freshPrefix, moneyOf, reservation, settlement, totalScope } from "./redis-rig.ts";

let server: RedisServer;
let client: Redis;
let prefix: string;

const A = totalScope("a", { nanoUsd: 1_000 });

beforeAll(async () => {
  server = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  client = new Redis(server.url);
});
beforeEach(() => {
  prefix = freshPrefix();
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

describe("the script cache", () => {
  it("may be flushed at any moment, under load", async () => {
    const store = redisStore(client, { prefix });
    const other = createClient({ url: server.url });
    await other.connect();
    const second = redisStore(other, { prefix });
    const scope = totalScope("a", { nanoUsd: 1_000_000 });
    let running = true;
    let flushes = 0;
    const admin = new Redis(server.url);
    const flushing = (async () => {
      while (running) {
        await admin.script("FLUSH");
        flushes += 1;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await Promise.all(
      Array.from({ length: 16 }, async (_, worker) => {
        const mine = worker % 2 === 0 ? store : second;
        for (let n = 0; n < 40; n += 1) {
          const id = `${worker}-${n}`;
          expect(await mine.reserve(reservation(id, [scope], { nanoUsd: 10 }))).toMatchObject({
            outcome: "held",
          });
          expect(await mine.settle(settlement(id, { nanoUsd: 3 }))).toMatchObject({ outcome: "settled" });
        }
      }),
    );
    running = false;
    await flushing;
    expect(flushes).toBeGreaterThan(10);
    expect(await moneyOf(store, scope)).toEqual({ spent: 16 * 40 * 3, held: 0 });
    await store.close();
    await second.close();
    other.destroy();
    admin.disconnect();
  });
});

describe("a server that is out of memory", () => {
  let small: RedisServer;
  let its: Redis;

  beforeAll(async () => {
    small = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
    its = new Redis(small.url);
  });
  afterAll(async () => {
    its.disconnect();
    await small.stop();
  });
  afterEach(() => its.config("SET", "maxmemory", "0"));

  it("reserves nothing more, and still dispatches, renews, settles, releases, adjusts and expires", async () => {
    const store = redisStore(its, { prefix });
    for (const id of ["settled", "released", "renewed"])
      await store.reserve(reservation(id, [A], { nanoUsd: 10 }));
    await store.reserve(reservation("due", [A], { nanoUsd: 10 }, 100));
    await its.set("filler", "x".repeat(1_000_000));
    await its.config("SET", "maxmemory", "1mb");
    await expect(store.reserve(reservation("more", [A], { nanoUsd: 1 }))).rejects.toThrow("OOM");
    await expect(
      store.override({ operationId: "o", scope: A, extra: { nanoUsd: 1 }, ttlMs: 1_000 }),
    ).rejects.toThrow("OOM");
    expect(await store.dispatch({ operationId: "d", holdId: "settled", ttlMs: 60_000 })).toMatchObject({
      outcome: "dispatched",
    });
    expect(await store.renew({ operationId: "n", holdId: "renewed", ttlMs: 900_000 })).toMatchObject({
      outcome: "renewed",
    });
    expect(await store.settle(settlement("settled", { nanoUsd: 7 }))).toMatchObject({ outcome: "settled" });
    expect(await store.release({ operationId: "x", holdId: "released" })).toMatchObject({
      outcome: "released",
    });
    expect(await store.adjust({ operationId: "j", scope: A, delta: { nanoUsd: 5 } })).toMatchObject({
      outcome: "adjusted",
    });
    await eventually(async () => {
      const { expired } = await store.expire({ limit: 10 });
      expect(expired).toMatchObject([{ holdId: "due", dispatched: false }]);
    });
    expect(await moneyOf(store, A)).toEqual({ spent: 12, held: 10 });
    await its.config("SET", "maxmemory", "0");
    expect(await store.reserve(reservation("more", [A], { nanoUsd: 1 }))).toMatchObject({
      outcome: "held",
      replayed: false,
    });
    await store.close();
  });

  it("is refused when it may evict keys, and taken when that has changed", async () => {
    await its.config("SET", "maxmemory-policy", "allkeys-lru");
    const store = redisStore(its, { prefix });
    const operation = reservation("r", [A], { nanoUsd: 1 });
    await expect(store.reserve(operation)).rejects.toBeInstanceOf(StoreSetupError);
    await expect(store.reserve(operation)).rejects.toThrow(/allkeys-lru.*noeviction/);
    expect(await its.exists(`{${prefix}}:h:r`)).toBe(0);
    const warnings: RedisStoreWarning[] = [];
    const warned = redisStore(its, {
      prefix: freshPrefix(),
      evictionPolicy: "warn",
      onWarning: (warning) => {
        warnings.push(warning);
        throw new Error("a callback of the application");
      },
    });
    expect(await warned.reserve(operation)).toMatchObject({ outcome: "held" });
    expect(warnings.map(({ code }) => code)).toEqual(["eviction-policy"]);
    await its.config("SET", "maxmemory-policy", "noeviction");
    expect(await store.reserve(operation)).toMatchObject({ outcome: "held" });
    await store.close();
    await warned.close();
  });
});

describe("a value that is not as it was written", () => {
  const counter = (): string => `{${prefix}}:c:a\ttotal`;
  const other = totalScope("b", { nanoUsd: 1_000 });

  /** All keys and values of the store, byte by byte. */
  async function everything(): Promise<string> {
    const keys = (await client.keys(`{${prefix}}:*`))
      .filter((key) => !/:(w:|writers$|meta$)/.test(key))
      .sort();
    const values = await Promise.all(
      keys.map(async (key) => {
        if ((await client.type(key)) === "string") return (await client.getBuffer(key))?.toString("hex");
        if ((await client.type(key)) === "zset") return client.call("ZRANGE", key, "0", "-1", "WITHSCORES");
        return (await client.dumpBuffer(key)).toString("hex");
      }),
    );
    return JSON.stringify(keys.map((key, i) => [key, values[i]]));
  }

  for (const [name, damage] of [
    ["a number with an exponent", () => client.set(counter(), "1e+17")],
    ["long text", () => client.set(counter(), "1e+17".repeat(100))],
    [
      "a cut value",
      () =>
        client
          .setrange(counter(), 0, "")
          .then(async () => client.set(counter(), await client.getrangeBuffer(counter(), 0, 199))),
    ],
    ["a number above 2^53 - 1", () => client.setrange(counter(), 64, "\u007f\u007f\u007f\u007f")],
    ["a hash", () => client.del(counter()).then(() => client.hset(counter(), "nanoUsd", "1"))],
    ["an empty text", () => client.set(counter(), "")],
  ] as const) {
    it(`${name} in a counter is an error, and nothing is written anywhere`, async () => {
      const store = redisStore(client, { prefix });
      await store.reserve(reservation("held", [other, A], { nanoUsd: 100 }));
      await damage();
      const before = await everything();
      await expect(store.reserve(reservation("r", [other, A], { nanoUsd: 1 }))).rejects.toThrow(
        /as Holdfast wrote it/,
      );
      await expect(store.settle(settlement("held", { nanoUsd: 1 }))).rejects.toThrow(/as Holdfast wrote it/);
      await expect(store.release({ operationId: "x", holdId: "held" })).rejects.toThrow(
        /as Holdfast wrote it/,
      );
      await expect(store.adjust({ operationId: "j", scope: A, delta: { nanoUsd: 1 } })).rejects.toThrow(
        /as Holdfast wrote it/,
      );
      await expect(store.balances({})).rejects.toThrow(/as Holdfast wrote it/);
      expect(await everything()).toBe(before);
      // Others are not concerned.
      expect(await store.reserve(reservation("s", [other], { nanoUsd: 1 }))).toMatchObject({
        outcome: "held",
      });
      await store.close();
    });
  }

  it("of two operations that go together, only the one that needs it fails", async () => {
    const store = redisStore(client, { prefix });
    await store.reserve(reservation("held", [A], { nanoUsd: 100 }));
    await client.set(counter(), "1e+17");
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, n) =>
        store.reserve(reservation(`r-${n}`, [n % 2 === 0 ? A : other], { nanoUsd: 1 })),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? "rejected" : "fulfilled")),
    );
    await store.close();
  });

  it("in a hold is an error for that hold alone, and expiry goes round it and says so", async () => {
    const warnings: RedisStoreWarning[] = [];
    const store = redisStore(client, { prefix, onWarning: (warning) => warnings.push(warning) });
    await store.reserve(reservation("broken", [A], { nanoUsd: 100 }, 30));
    await store.reserve(reservation("sound", [A], { nanoUsd: 10 }, 30));
    await client.set(`{${prefix}}:h:broken`, "held: 100");
    await expect(store.settle(settlement("broken", { nanoUsd: 1 }))).rejects.toThrow(/as Holdfast wrote it/);
    await expect(store.reserve(reservation("broken", [A], { nanoUsd: 100 }))).rejects.toThrow(
      /as Holdfast wrote it/,
    );
    await eventually(async () => {
      expect((await store.expire({ limit: 10 })).expired).toMatchObject([{ holdId: "sound" }]);
    });
    expect(warnings.map(({ code }) => code)).toEqual(["broken-hold"]);
    await client.hset(`{${prefix}}:h:hash`, "nanoUsd", "1");
    await expect(store.settle(settlement("hash", { nanoUsd: 1 }))).rejects.toThrow(/as Holdfast wrote it/);
    expect(await moneyOf(store, A)).toEqual({ spent: 0, held: 100 });
    await store.close();
  });

  for (const list of ["due", "scopes", "ends", "meta"]) {
    it(`in ${list} is an error, and nothing is held`, async () => {
      const store = redisStore(client, { prefix });
      await store.reserve(reservation("held", [A], { nanoUsd: 100 }));
      await client.rename(`{${prefix}}:${list}`, `{${prefix}}:kept`).catch(() => {});
      await client.hset(`{${prefix}}:${list}`, "x", "1");
      const day = totalScope(
        "day",
        { nanoUsd: 100 },
        { window: { kind: "calendar", unit: "day", timeZone: "UTC" } },
      );
      await expect(store.reserve(reservation("r", [day], { nanoUsd: 1 }))).rejects.toThrow("WRONGTYPE");
      expect(await client.exists(`{${prefix}}:h:r`)).toBe(0);
      await client.del(`{${prefix}}:${list}`);
      await client.rename(`{${prefix}}:kept`, `{${prefix}}:${list}`).catch(() => {});
      expect(await store.reserve(reservation("r", [day], { nanoUsd: 1 }))).toMatchObject({ outcome: "held" });
      await store.close();
    });
  }
});

describe("the way to the server", () => {
  it("a reserve that is applied after the caller gave up expires, or can be released", async () => {
    await using proxy = await startFaultProxy({ target: server, protocol: "redis" });
    const far = new Redis({ host: proxy.host, port: proxy.port, retryStrategy: () => 5 });
    far.on("error", () => {});
    const store = redisStore(far, { prefix });
    const near = redisStore(client, { prefix });
    await store.balances({});
    proxy.blackhole("to-server", { onHeal: "deliver" });
    const late = [
      store.reserve(reservation("forgotten", [A], { nanoUsd: 300 }, 150)),
      store.reserve(reservation("regretted", [A], { nanoUsd: 200 })),
    ].map(async (one) => one);
    await proxy.waitForMark("blackholed");
    expect(await moneyOf(near, A)).toEqual({ spent: 0, held: 0 });
    proxy.heal();
    expect(await Promise.all(late)).toMatchObject([{ outcome: "held" }, { outcome: "held" }]);
    expect(await near.release({ operationId: "x", holdId: "regretted" })).toMatchObject({
      outcome: "released",
    });
    await eventually(async () => {
      await near.expire({ limit: 10 });
      expect(await moneyOf(near, A)).toEqual({ spent: 0, held: 0 });
    });
    await store.close();
    await near.close();
    far.disconnect();
  });

  it("slow and split answers corrupt nothing", async () => {
    await using proxy = await startFaultProxy({ target: server, protocol: "redis" });
    proxy.latency(2, 3);
    proxy.splitBytes(7);
    const far = new Redis({ host: proxy.host, port: proxy.port });
    far.on("error", () => {});
    const store = redisStore(far, { prefix });
    const scope = totalScope("b", { nanoUsd: 400 });
    const results = await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const result = await store.reserve(reservation(`r-${n}`, [scope, A], { nanoUsd: 10 }));
        if (result.outcome === "held") await store.settle(settlement(`r-${n}`, { nanoUsd: 10 }));
        return result.outcome;
      }),
    );
    expect(results.filter((outcome) => outcome === "held")).toHaveLength(40);
    expect(await moneyOf(store, scope)).toEqual({ spent: 400, held: 0 });
    expectMark(proxy, "split");
    await store.close();
    far.disconnect();
  });

  it("an error of the server is an error of the operation", async () => {
    await using proxy = await startFaultProxy({ target: server, protocol: "redis" });
    const far = new Redis({ host: proxy.host, port: proxy.port });
    far.on("error", () => {});
    const store = redisStore(far, { prefix });
    await store.balances({});
    for (const [n, message] of [
      "READONLY You can't write against a read only replica.",
      "LOADING Redis is loading",
      "BUSY Redis is busy running a script",
      "MASTERDOWN Link with MASTER is down",
    ].entries()) {
      proxy.rewriteReply(1, redisErrorReply(message), { where: "evalsha" });
      await expect(store.settle(settlement(`h-${n}`, { nanoUsd: 1 }))).rejects.toThrow(message.split(" ")[0]);
    }
    expectMark(proxy, "rewritten");
    await store.close();
    far.disconnect();
  });
});

describe("replicas", () => {
  it("that do not confirm in time are an error; the operation is found when it is sent again", async () => {
    await using replica = await startRedis({ args: ["--replicaof", server.host, String(server.port)] });
    const its = new Redis(replica.url);
    await eventually(async () => expect(await its.info("replication")).toMatch("master_link_status:up"));
    // The server counts it from its first confirmation on, which may take a second more.
    await eventually(async () => expect(await client.wait(1, 100)).toBe(1));
    for (const [kind, given] of Object.entries({
      ioredis: client,
      nodeRedis: createClient({ url: server.url }),
    })) {
      if ("connect" in given && kind === "nodeRedis") await given.connect();
      const own = freshPrefix();
      const store = redisStore(given, { prefix: own, waitForReplicas: { count: 1, timeoutMs: 1_000 } });
      // A busy machine may keep even a living replica from confirming in time; it is then sent again.
      await eventually(async () =>
        expect(await store.reserve(reservation("r", [A], { nanoUsd: 10 }))).toMatchObject({
          outcome: "held",
        }),
      );
      replica.pause();
      await expect(store.settle(settlement("r", { nanoUsd: 7 }))).rejects.toBeInstanceOf(
        StoreUnavailableError,
      );
      await expect(store.settle(settlement("r", { nanoUsd: 7 }))).rejects.toThrow("0 of 1 replicas");
      replica.resume();
      await eventually(async () =>
        expect(await store.settle(settlement("r", { nanoUsd: 7 }))).toMatchObject({
          outcome: "settled",
          replayed: true,
        }),
      );
      expect(await its.exists(`{${own}}:h:r`)).toBe(1);
      expect(await moneyOf(store, A)).toEqual({ spent: 7, held: 0 });
      await store.close();
      if (kind === "nodeRedis") (given as ReturnType<typeof createClient>).destroy();
    }
    its.disconnect();
  });
});

describe("close", () => {
  it("leaves the application's client open, no timer behind, and works when the server is gone", async () => {
    const store = redisStore(client, { prefix });
    await store.reserve(reservation("r", [A], { nanoUsd: 10 }));
    const keys = await client.keys(`{${prefix}}:w:*`);
    expect(keys).toHaveLength(1);
    await store.close();
    expect(await client.ping()).toBe("PONG");
    expect(await client.keys(`{${prefix}}:w:*`)).toEqual([]);
    await using gone = await startRedis();
    const lost = new Redis({ host: gone.host, port: gone.port, retryStrategy: () => 50 });
    lost.on("error", () => {});
    const its = redisStore(lost, { prefix });
    await its.reserve(reservation("r", [A], { nanoUsd: 10 }));
    await gone.kill();
    const before = performance.now();
    await its.close();
    expect(performance.now() - before).toBeLessThan(3_000);
    lost.disconnect();
  });
});

it("a dump of one store is not seen in another", async () => {
  const one = redisStore(client, { prefix });
  const two = redisStore(client, { prefix: freshPrefix() });
  await one.reserve(reservation("r", [A], { nanoUsd: 10 }));
  expect(await dumpState(two)).toBe("");
  expect(await two.settle({ operationId: "s", holdId: "r", amounts: amounts({}) })).toEqual({
    outcome: "unknown-hold",
  });
  await one.close();
  await two.close();
});
