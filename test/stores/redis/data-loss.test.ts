/** Data that the server had acknowledged is gone: nothing is granted on what is left, and what was known comes back. */
import { startFaultProxy } from "@holdfast/testkit/fault-proxy";
import { startRedis, type RedisServer } from "@holdfast/testkit/servers";
import { StoreDataLossError } from "holdfast";
import type { LedgerStore } from "holdfast";
import { redisStore, type RedisDataLoss, type RedisStoreOptions } from "holdfast/redis";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually, freshPrefix, moneyOf, reservation, settlement, totalScope } from "./redis-rig.ts";

const HEARTBEAT_MS = 100;
const LEARNING_MS = 600;
const DAY = { kind: "calendar", unit: "day", timeZone: "UTC" } as const;
const MINUTE = { kind: "rolling", durationMs: 3_600_000, segments: 6 } as const;

const A = totalScope("a", { nanoUsd: 1_000 });
const B = totalScope("b", { nanoUsd: 1_000 }, { window: DAY });
const C = totalScope("c", { nanoUsd: 1_000 }, { window: MINUTE });
const ALL = [A, B, C];

let server: RedisServer;
let client: Redis;
let prefix: string;
let opened: LedgerStore[] = [];
let losses: RedisDataLoss[] = [];

/** A process, as the server sees it. */
function processOn(given: Redis = client, options: RedisStoreOptions = {}): LedgerStore {
  const store = redisStore(given, {
    prefix,
    heartbeatMs: HEARTBEAT_MS,
    learningMs: LEARNING_MS,
    onDataLoss: (loss) => {
      losses.push(loss);
      throw new Error("a callback of the application");
    },
    ...options,
  });
  opened.push(store);
  return store;
}

/** One that is not heard until it is used. */
const SILENT: RedisStoreOptions = { heartbeatMs: 50_000, learningMs: 100_000 };

async function spend(store: LedgerStore, id: string, nanoUsd: number): Promise<void> {
  expect(await store.reserve(reservation(id, ALL, { nanoUsd }))).toMatchObject({ outcome: "held" });
  expect(await store.settle(settlement(id, { nanoUsd }))).toMatchObject({ outcome: "settled" });
}

async function hold(store: LedgerStore, id: string, nanoUsd: number): Promise<void> {
  expect(await store.reserve(reservation(id, ALL, { nanoUsd }))).toMatchObject({ outcome: "held" });
  await store.dispatch({ operationId: `${id}-d`, holdId: id, ttlMs: 900_000 });
}

/** Nothing is admitted until the processes have had their time. */
async function afterLearning(store: LedgerStore): Promise<void> {
  await expect(store.reserve(reservation(freshPrefix(), [A], { nanoUsd: 1 }))).rejects.toBeInstanceOf(
    StoreDataLossError,
  );
  await eventually(async () => {
    const id = freshPrefix();
    await store.reserve(reservation(id, [], {}));
    await store.release({ operationId: `${id}-x`, holdId: id });
  });
}

async function expectEverywhere(
  store: LedgerStore,
  expected: { spent: number; held: number },
): Promise<void> {
  for (const scope of ALL) expect([scope.key, await moneyOf(store, scope)]).toEqual([scope.key, expected]);
}

beforeAll(async () => {
  server = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  client = new Redis({ host: server.host, port: server.port, retryStrategy: () => 10 });
  client.on("error", () => {});
});
beforeEach(() => {
  prefix = freshPrefix();
  losses = [];
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map(async (store) => store.close()));
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

describe.each([
  ["everything is flushed", async () => void (await client.flushall())],
  [
    "the server starts again with nothing",
    async () => {
      await server.kill();
      await server.start();
    },
  ],
])("%s", (_, lose) => {
  it("nothing is granted in silence, and what the process knows comes back", async () => {
    const store = processOn();
    await spend(store, "spent", 500);
    await hold(store, "open", 300);
    await hold(store, "given-back", 100);
    await store.release({ operationId: "given-back-x", holdId: "given-back" });
    await lose();
    await afterLearning(store);
    expect(losses).toMatchObject([{ discovery: "found", openHolds: 1, resolvedHolds: 2, counters: 3 }]);
    await expectEverywhere(store, { spent: 500, held: 300 });
    expect(await store.reserve(reservation("too-much", ALL, { nanoUsd: 201 }))).toMatchObject({
      outcome: "denied",
      available: { nanoUsd: 200 },
    });
    expect(await store.settle(settlement("open", { nanoUsd: 250 }))).toMatchObject({ outcome: "settled" });
    await expectEverywhere(store, { spent: 750, held: 0 });
    // What was done before is still known, and is not done again.
    expect(await store.settle(settlement("spent", { nanoUsd: 500 }))).toMatchObject({ replayed: true });
    expect(await store.release({ operationId: "given-back-x", holdId: "given-back" })).toMatchObject({
      outcome: "released",
      replayed: true,
    });
    expect(await store.reserve(reservation("spent", ALL, { nanoUsd: 500 }))).toMatchObject({
      outcome: "held",
      replayed: true,
    });
    await expectEverywhere(store, { spent: 750, held: 0 });
  });

  it("an idle process is heard too, each process adds what it knows, in any order", async () => {
    const [one, two] = [processOn(), processOn()];
    await spend(one, "one", 100);
    await spend(two, "two", 200);
    await hold(one, "open-one", 10);
    await hold(two, "open-two", 20);
    await lose();
    // Only the first does anything.
    await afterLearning(one);
    expect(losses.map(({ discovery }) => discovery).sort()).toEqual(["found", "told"]);
    await expectEverywhere(one, { spent: 300, held: 30 });
    expect(await two.settle(settlement("open-one", { nanoUsd: 9 }))).toMatchObject({ outcome: "settled" });
    expect(await one.settle(settlement("open-two", { nanoUsd: 11 }))).toMatchObject({ outcome: "settled" });
    await expectEverywhere(one, { spent: 320, held: 0 });
  });
});

describe("while processes tell what they know", () => {
  it("holds are settled and released, and what is announced later comes on top", async () => {
    const [early, late] = [processOn(), processOn(client, SILENT)];
    await spend(early, "one", 100);
    await hold(early, "settled", 50);
    await hold(early, "released", 60);
    await spend(late, "two", 200);
    const lateOnly = totalScope("late", { nanoUsd: 1_000 });
    await late.adjust({ operationId: "late", scope: lateOnly, delta: { nanoUsd: 50 } });
    await client.flushall();
    await expect(early.reserve(reservation("r", ALL, { nanoUsd: 1 }))).rejects.toThrow(
      /admitted for another \d+ ms/,
    );
    expect(await early.settle(settlement("settled", { nanoUsd: 40 }))).toMatchObject({ outcome: "settled" });
    expect(await early.release({ operationId: "x", holdId: "released" })).toMatchObject({
      outcome: "released",
    });
    await expectEverywhere(early, { spent: 140, held: 0 });
    await early.adjust({ operationId: "j", scope: A, delta: { nanoUsd: 1 } });
    await early.adjust({ operationId: "k", scope: lateOnly, delta: { nanoUsd: 5 } });
    // The late one has seen 300 spent, all of it before the loss.
    expect(await late.settle(settlement("two", { nanoUsd: 200 }))).toMatchObject({ replayed: true });
    expect(await moneyOf(early, A)).toEqual({ spent: 341, held: 0 });
    expect(await moneyOf(early, lateOnly)).toEqual({ spent: 55, held: 0 });
    expect(await moneyOf(early, B)).toEqual({ spent: 340, held: 0 });
    expect(await moneyOf(early, C)).toEqual({ spent: 340, held: 0 });
  });

  it("nothing expires", async () => {
    const store = processOn();
    await store.reserve(reservation("short", ALL, { nanoUsd: 50 }, 100));
    await client.flushall();
    await expect(store.reserve(reservation("r", ALL, { nanoUsd: 1 }))).rejects.toBeInstanceOf(
      StoreDataLossError,
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await store.expire({ limit: 10 })).toEqual({ expired: [], more: false });
    await expectEverywhere(store, { spent: 0, held: 50 });
    await eventually(async () => {
      expect((await store.expire({ limit: 10 })).expired).toMatchObject([{ holdId: "short" }]);
    });
  });

  it("a second loss begins it anew", async () => {
    const store = processOn();
    await spend(store, "one", 100);
    for (let n = 0; n < 3; n += 1) {
      await client.flushall();
      await expect(store.reserve(reservation(`r-${n}`, ALL, { nanoUsd: 1 }))).rejects.toBeInstanceOf(
        StoreDataLossError,
      );
    }
    expect(losses).toHaveLength(3);
    await afterLearning(store);
    await expectEverywhere(store, { spent: 100, held: 0 });
  });
});

describe("a process that is new", () => {
  it("cannot know of a loss, until one that is not comes along", async () => {
    const old = processOn(client, SILENT);
    await spend(old, "old", 700);
    await client.flushall();
    const fresh = processOn();
    expect(await fresh.reserve(reservation("fresh", ALL, { nanoUsd: 400 }))).toMatchObject({
      outcome: "held",
    });
    expect(losses).toEqual([]);
    expect(await old.settle(settlement("old", { nanoUsd: 700 }))).toMatchObject({ replayed: true });
    await expectEverywhere(fresh, { spent: 700, held: 400 });
    expect(losses.map(({ discovery }) => discovery)).toContain("found");
    await expect(fresh.reserve(reservation("r", ALL, { nanoUsd: 1 }))).rejects.toBeInstanceOf(
      StoreDataLossError,
    );
  });

  it("joins while others tell what they know, and waits with them", async () => {
    const old = processOn();
    await spend(old, "old", 700);
    await client.flushall();
    await expect(old.reserve(reservation("r", ALL, { nanoUsd: 1 }))).rejects.toBeInstanceOf(
      StoreDataLossError,
    );
    const fresh = processOn();
    await expect(fresh.reserve(reservation("s", ALL, { nanoUsd: 1 }))).rejects.toBeInstanceOf(
      StoreDataLossError,
    );
    await afterLearning(fresh);
    expect(await fresh.reserve(reservation("t", ALL, { nanoUsd: 301 }))).toMatchObject({ outcome: "denied" });
  });
});

describe("a stale replica is promoted", () => {
  /** A replica behind a proxy that can cut the replication. */
  async function withReplica(
    run: (parts: { promoted: Redis; cut: () => void; promote: () => Promise<void> }) => Promise<void>,
  ): Promise<void> {
    await using proxy = await startFaultProxy({ target: server, protocol: "raw" });
    await using replica = await startRedis({ args: ["--replicaof", proxy.host, String(proxy.port)] });
    const promoted = new Redis(replica.url);
    await eventually(async () => expect(await promoted.info("replication")).toMatch("master_link_status:up"));
    await run({
      promoted,
      cut: () => proxy.blackhole("to-client"),
      promote: async () => void (await promoted.replicaof("NO", "ONE")),
    });
    promoted.disconnect();
  }

  /** A client that follows a failover, as those of Sentinel and Cluster do. */
  function following(): { client: Redis; follow: (to: Redis) => void } {
    let current = client;
    const follower = {
      evalsha: (...args: Parameters<Redis["evalsha"]>) => current.evalsha(...args),
      eval: (...args: Parameters<Redis["eval"]>) => current.eval(...args),
    };
    return { client: follower as unknown as Redis, follow: (to) => (current = to) };
  }

  it("is found out by who has seen more, and made good", async () => {
    await withReplica(async ({ promoted, cut, promote }) => {
      const { client: follower, follow } = following();
      const [one, two] = [processOn(follower), processOn(follower)];
      await spend(one, "before", 100);
      await hold(one, "settled-later", 50);
      await hold(two, "released-later", 60);
      await hold(two, "still-open", 70);
      await eventually(async () => expect(await promoted.exists(`{${prefix}}:h:still-open`)).toBe(1));
      cut();
      expect(await one.settle(settlement("settled-later", { nanoUsd: 40 }))).toMatchObject({
        outcome: "settled",
      });
      expect(await two.release({ operationId: "x", holdId: "released-later" })).toMatchObject({
        outcome: "released",
      });
      await hold(two, "new", 80);
      await spend(two, "after", 300);
      await promote();
      follow(promoted);
      await afterLearning(one);
      await expectEverywhere(one, { spent: 440, held: 150 });
      expect(await one.reserve(reservation("r", ALL, { nanoUsd: 411 }))).toMatchObject({ outcome: "denied" });
      expect(await one.settle(settlement("new", { nanoUsd: 80 }))).toMatchObject({ outcome: "settled" });
      expect(await two.settle(settlement("settled-later", { nanoUsd: 40 }))).toMatchObject({
        replayed: true,
      });
      expect(await two.release({ operationId: "y", holdId: "still-open" })).toMatchObject({
        outcome: "released",
      });
      await expectEverywhere(one, { spent: 520, held: 0 });
    });
  });

  it("is found out even when others have done more on it since", async () => {
    await withReplica(async ({ promoted, cut, promote }) => {
      const { client: follower, follow } = following();
      const [loser, busy] = [processOn(follower, SILENT), processOn(follower, SILENT)];
      await spend(busy, "before", 10);
      await spend(loser, "mine", 10);
      await eventually(async () => expect(await promoted.exists(`{${prefix}}:h:mine`)).toBe(1));
      cut();
      await spend(loser, "lost", 500);
      await promote();
      follow(promoted);
      // The busy one has seen nothing that is gone, and passes all that the other has seen.
      for (let n = 0; n < 10; n += 1) await spend(busy, `busy-${n}`, 1);
      expect(losses).toEqual([]);
      expect(await loser.settle(settlement("lost", { nanoUsd: 500 }))).toMatchObject({ replayed: true });
      expect(losses).toMatchObject([{ discovery: "found" }]);
      await expectEverywhere(busy, { spent: 520, held: 0 });
      await expect(busy.reserve(reservation("r", ALL, { nanoUsd: 1 }))).rejects.toBeInstanceOf(
        StoreDataLossError,
      );
    });
  });
});

it("with what it has written kept, a server that starts again has lost nothing", async () => {
  await using durable = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  const its = new Redis({ host: durable.host, port: durable.port, retryStrategy: () => 10 });
  its.on("error", () => {});
  const store = processOn(its);
  await spend(store, "one", 100);
  await hold(store, "two", 50);
  await durable.kill();
  await durable.start();
  expect(await store.reserve(reservation("r", ALL, { nanoUsd: 851 }))).toMatchObject({ outcome: "denied" });
  expect(losses).toEqual([]);
  await expectEverywhere(store, { spent: 100, held: 50 });
  its.disconnect();
});
