/** What once went wrong, each told as it was found: money that was lost, calls that failed for others, room held for ever. */
import { createFakeClock, type FakeClock } from "@holdfast/testkit";
import { StoreDataLossError, type LedgerStore, type Scope, type WindowSpec } from "holdfast";
import { redisStore, type RedisStoreOptions } from "holdfast/redis";
import { startRedis, type RedisServer } from "@holdfast/testkit/servers";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freshPrefix, moneyOf, reservation, settlement, totalScope } from "./redis-rig.ts";

const MINUTE: WindowSpec = { kind: "rolling", durationMs: 60_000, segments: 60 };

let server: RedisServer;
let client: Redis;
let prefix: string;
let clock: FakeClock;
let opened: LedgerStore[] = [];

/** A process that is not heard until it is used, on a clock that the test moves. */
function processOn(given: Redis = client, options: RedisStoreOptions = {}): LedgerStore {
  const store = redisStore(given, {
    prefix,
    serverClock: clock,
    heartbeatMs: 50_000,
    learningMs: 100_000,
    ...options,
  });
  opened.push(store);
  return store;
}

async function spend(store: LedgerStore, id: string, scope: Scope, nanoUsd: number): Promise<void> {
  expect(await store.reserve(reservation(id, [scope], { nanoUsd }))).toMatchObject({ outcome: "held" });
  expect(await store.settle(settlement(id, { nanoUsd }))).toMatchObject({ outcome: "settled" });
}

/** Makes the process find out that data was lost, and tell what it knows. */
async function tell(store: LedgerStore): Promise<void> {
  await expect(
    store.reserve(reservation(freshPrefix(), [totalScope("told", {})], { nanoUsd: 1 })),
  ).rejects.toBeInstanceOf(StoreDataLossError);
}

/** A client whose next reply to a script that says `word` is lost after the server has done it. */
function losing(): { client: Redis; loseNext: () => void } {
  let lost = 0;
  const call = async (ask: () => Promise<unknown>): Promise<unknown> => {
    const reply = await ask();
    if (lost > 0 && Array.isArray(reply)) {
      lost -= 1;
      throw new Error("the connection is gone");
    }
    return reply;
  };
  const given = {
    evalsha: async (...args: Parameters<Redis["evalsha"]>) => call(async () => client.evalsha(...args)),
    eval: async (...args: Parameters<Redis["eval"]>) => call(async () => client.eval(...args)),
  };
  return { client: given as unknown as Redis, loseNext: () => (lost += 1) };
}

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.url);
});
beforeEach(() => {
  prefix = freshPrefix();
  clock = createFakeClock(new Date("2026-03-28T22:30:00Z"));
});
afterEach(async () => {
  await Promise.all(opened.map(async (store) => store.close()));
  opened = [];
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

describe("after a reply was lost, and then the data", () => {
  const A = totalScope("a", { nanoUsd: 1_000 });

  it("what was settled is announced with its charge", async () => {
    const { client: its, loseNext } = losing();
    const store = processOn(its);
    await spend(store, "before", A, 100);
    await store.reserve(reservation("one", [A], { nanoUsd: 70 }));
    loseNext();
    await expect(store.settle(settlement("one", { nanoUsd: 60 }))).rejects.toThrow("the connection is gone");
    expect(await store.settle(settlement("one", { nanoUsd: 60 }))).toMatchObject({
      outcome: "settled",
      replayed: true,
      held: { nanoUsd: 70 },
    });
    await client.flushall();
    await tell(store);
    expect(await moneyOf(store, A)).toEqual({ spent: 160, held: 0 });
    expect(await store.settle(settlement("one", { nanoUsd: 60 }))).toMatchObject({ replayed: true });
  });

  it("and its counter is gone, it is announced as open", async () => {
    const { client: its, loseNext } = losing();
    const store = processOn(its);
    await store.reserve(reservation("one", [A], { nanoUsd: 70 }));
    loseNext();
    await expect(store.settle(settlement("one", { nanoUsd: 60 }))).rejects.toThrow("the connection is gone");
    await client.del(`{${prefix}}:c:a\ttotal`);
    expect(await store.settle(settlement("one", { nanoUsd: 60 }))).toMatchObject({ replayed: true });
    await client.flushall();
    await tell(store);
    expect(await moneyOf(store, A)).toEqual({ spent: 0, held: 70 });
  });

  it("what was sent is announced as sent, and charged when its time is over", async () => {
    const { client: its, loseNext } = losing();
    const store = processOn(its);
    await store.reserve(reservation("one", [A], { nanoUsd: 70 }, 10_000));
    const dispatch = { operationId: "d", holdId: "one", ttlMs: 600_000 };
    loseNext();
    await expect(Promise.resolve(store.dispatch(dispatch))).rejects.toThrow("the connection is gone");
    expect(await store.dispatch(dispatch)).toEqual({ outcome: "dispatched", replayed: true });
    await client.flushall();
    await tell(store);
    clock.advance(200_000);
    expect(await store.expire({ limit: 10 })).toEqual({ expired: [], more: false });
    clock.advance(600_000);
    expect((await store.expire({ limit: 10 })).expired).toMatchObject([{ holdId: "one", dispatched: true }]);
    expect(await moneyOf(store, A)).toEqual({ spent: 70, held: 0 });
  });

  it("a correction that was answered only when asked again is announced, and nothing less than was seen since", async () => {
    const { client: its, loseNext } = losing();
    const store = processOn(its);
    await spend(store, "before", A, 100);
    const correction = { operationId: "j", scope: A, delta: { nanoUsd: 50 } };
    loseNext();
    await expect(Promise.resolve(store.adjust(correction))).rejects.toThrow("the connection is gone");
    expect(await store.adjust(correction)).toMatchObject({ outcome: "adjusted", replayed: true });
    await client.flushall();
    await tell(store);
    expect(await moneyOf(store, A)).toEqual({ spent: 150, held: 0 });
    const next = { operationId: "k", scope: A, delta: { nanoUsd: 5 } };
    await store.adjust(next);
    await store.adjust({ operationId: "l", scope: A, delta: { nanoUsd: 7 } });
    expect(await store.adjust(next)).toMatchObject({ replayed: true, state: { spent: { nanoUsd: 155 } } });
    await client.flushall();
    await tell(store);
    expect(await moneyOf(store, A)).toEqual({ spent: 162, held: 0 });
  });
});

describe("a process that knows better comes to data that seemed new", () => {
  const A = totalScope("a", { nanoUsd: 1_000 });

  it("and what was spent on that comes on top of what it knows", async () => {
    const old = processOn();
    await spend(old, "old", A, 100);
    await client.flushall();
    const fresh = processOn();
    await spend(fresh, "fresh", A, 60);
    await tell(old);
    expect(await moneyOf(old, A)).toEqual({ spent: 160, held: 0 });
    // The fresh one has nothing to add: what it has seen is still there.
    await expect(fresh.balances({})).resolves.toBeDefined();
    expect(await moneyOf(fresh, A)).toEqual({ spent: 160, held: 0 });
    // And all of it counts when that is lost too.
    await client.flushall();
    await tell(fresh);
    await tell(old);
    expect((await moneyOf(old, A)).spent).toBeGreaterThanOrEqual(160);
  });

  it("and what the fresh ones know of it is not added once more, whoever speaks first", async () => {
    const [old, older] = [processOn(), processOn()];
    await spend(old, "old", A, 10);
    await spend(older, "older", A, 20);
    await client.flushall();
    const fresh = processOn();
    await spend(fresh, "fresh", A, 60);
    await tell(old);
    await fresh.balances({});
    // The first has seen 10, and the second 30, of what was before.
    expect(await moneyOf(fresh, A)).toEqual({ spent: 70, held: 0 });
    await older.balances({});
    await fresh.balances({});
    expect(await moneyOf(older, A)).toEqual({ spent: 90, held: 0 });
  });

  it("what was noted before one loss is not taken for what was there before the next", async () => {
    const [one, two] = [processOn(), processOn()];
    await spend(one, "one", A, 100);
    await client.flushall();
    await tell(one);
    await two.balances({});
    clock.advance(200_000);
    await spend(two, "two", A, 200);
    const dumped: [string, Buffer][] = [];
    for (const key of await client.keys(`{${prefix}}:*`)) dumped.push([key, (await client.dumpBuffer(key))!]);
    await spend(one, "lost", A, 50);
    // As a replica that is behind, promoted.
    await client.flushall();
    for (const [key, value] of dumped) await client.restore(key, 0, value);
    await tell(one);
    await two.balances({});
    expect(await moneyOf(one, A)).toEqual({ spent: 350, held: 0 });
  });
});

describe("a rolling window", () => {
  const A = totalScope("a", { nanoUsd: 1_000 }, { window: MINUTE });

  it.each(["the one that saw less later", "the one that saw more earlier"])(
    "that is made good keeps what was spent last, when first comes %s",
    async (first) => {
      const [one, two] = [processOn(), processOn()];
      await spend(one, "a", A, 100);
      clock.advance(58_000);
      await spend(one, "b", A, 1);
      clock.advance(10_000);
      await spend(two, "c", A, 50);
      await client.flushall();
      if (first === "the one that saw less later") {
        await tell(two);
        await one.balances({});
      } else {
        await tell(one);
        await two.balances({});
      }
      // 101 and 51 were seen. Never less than the truth, and not both.
      expect((await moneyOf(one, A)).spent).toBe(101);
      await one.adjust({ operationId: "since", scope: A, delta: { nanoUsd: 7 } });
      await two.balances({});
      clock.advance(55_000);
      expect((await moneyOf(one, A)).spent).toBeGreaterThanOrEqual(57);
      expect((await moneyOf(one, A)).spent).toBeLessThanOrEqual(108);
      clock.advance(10_000);
      expect(await moneyOf(one, A)).toEqual({ spent: 0, held: 0 });
    },
  );

  it("that has lost nothing, is not doubled by those who announce it", async () => {
    const [one, two, unrelated] = [processOn(), processOn(), processOn()];
    await spend(unrelated, "u", totalScope("u", {}), 1);
    const dumped: [string, Buffer][] = [];
    await spend(one, "a", A, 100);
    clock.advance(5_000);
    await spend(two, "b", A, 10);
    for (const key of await client.keys(`{${prefix}}:*`)) dumped.push([key, (await client.dumpBuffer(key))!]);
    await spend(unrelated, "v", totalScope("u", {}), 1);
    await client.flushall();
    for (const [key, value] of dumped) await client.restore(key, 0, value);
    await tell(unrelated);
    await one.balances({});
    await two.balances({});
    expect(await moneyOf(one, A)).toEqual({ spent: 110, held: 0 });
  });

  it("whose counter was removed under a hold, rolls again when it is used again", async () => {
    const store = processOn();
    await store.reserve(reservation("one", [A], { nanoUsd: 70 }));
    await client.del(`{${prefix}}:c:a\trolling`, `{${prefix}}:d:a\trolling`);
    expect(await client.keys(`{${prefix}}:c:*`)).toEqual([]);
    await store.settle(settlement("one", { nanoUsd: 60 }));
    await store.reserve(reservation("two", [A], { nanoUsd: 5 }));
    expect(await moneyOf(store, A)).toEqual({ spent: 60, held: 5 });
    clock.advance(61_000);
    expect(await moneyOf(store, A)).toEqual({ spent: 0, held: 5 });
  });
});

describe("a batch of reservations", () => {
  it("may come with the limits of a scope in any order", async () => {
    const store = processOn();
    const wide = totalScope("a", { nanoUsd: 1_000 });
    const narrow = totalScope("a", { nanoUsd: 500 });
    const other = totalScope("b", { nanoUsd: 500 });
    await store.reserve(reservation("first", [wide], { nanoUsd: 1 }));
    await store.reserve(reservation("other", [other], { nanoUsd: 1 }));
    // Three leave alone, and those behind them together.
    const results = await Promise.all(
      [wide, wide, wide, wide, narrow, wide, other, narrow].map(async (scope, n) =>
        store.reserve(reservation(`r-${n}`, [scope], { nanoUsd: 10 })),
      ),
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 8 }, () => "held"));
    expect(await store.reserve(reservation("s", [narrow], { nanoUsd: 430 }))).toMatchObject({
      outcome: "denied",
      available: { nanoUsd: 429 },
    });
  });

  it("holds nothing that is forgotten when other holds are resolved in passing", async () => {
    const store = processOn();
    const x = totalScope("x", { nanoUsd: 350 });
    const y = totalScope("y", { nanoUsd: 100 });
    await store.balances({});
    await Promise.all(
      Array.from({ length: 70 }, async (_, n) =>
        store.reserve(reservation(`due-${n}`, [x], { nanoUsd: 5 }, 100)),
      ),
    );
    clock.advance(1_000);
    // Three leave alone, each resolving some, and those behind them together.
    const first = Array.from({ length: 3 }, async (_, n) => store.reserve(reservation(`first-${n}`, [], {})));
    const [held, denied] = await Promise.all([
      store.reserve(reservation("short", [y], { nanoUsd: 100 }, 1_000)),
      store.reserve(reservation("too-much", [x], { nanoUsd: 351 })),
    ]);
    await Promise.all(first);
    expect([held.outcome, denied.outcome]).toEqual(["held", "denied"]);
    clock.advance(5_000);
    expect(await store.reserve(reservation("next", [y], { nanoUsd: 100 }))).toMatchObject({
      outcome: "held",
      expired: [{ holdId: "short" }],
    });
  });
});
