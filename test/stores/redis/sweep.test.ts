/** A hundred thousand holds that are due at once, and what is left in the server after a long time. */
import { createFakeClock } from "@holdfast/testkit";
import { startRedis, type RedisServer } from "@holdfast/testkit/servers";
import { amounts } from "holdfast";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freshPrefix, reservation, settlement, totalScope } from "./redis-rig.ts";

const DUE = 100_000;
const DAY_MS = 86_400_000;

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.url);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

/** How many scripts the server has run, and how long its main thread has worked in all. */
async function work(): Promise<{ scripts: number; cpuMs: number }> {
  const [commands, cpu] = await Promise.all([client.info("commandstats"), client.info("cpu")]);
  const seconds = ["user", "sys"].map((kind) =>
    Number(new RegExp(`used_cpu_${kind}_main_thread:([\\d.]+)`).exec(cpu)![1]),
  );
  return {
    scripts: Number(/cmdstat_evalsha:calls=(\d+)/.exec(commands)![1]),
    cpuMs: 1_000 * (seconds[0]! + seconds[1]!),
  };
}

it(
  "a hundred thousand due holds are swept, and none stands in the way of a reserve",
  { timeout: 120_000 },
  async () => {
    const clock = createFakeClock(new Date("2026-03-28T22:30:00Z"));
    const store = redisStore(client, { prefix: freshPrefix(), serverClock: clock, rememberMs: 3_600_000 });
    const scope = totalScope("a", { calls: DUE });
    const users = Array.from({ length: 100 }, (_, n) => totalScope(`user-${n}`, {}));
    let next = 0;
    await Promise.all(
      Array.from({ length: 200 }, async () => {
        while (next < DUE) {
          const n = next++;
          const scopes = n % 10 === 0 ? [scope, users[n % 100]!] : [scope];
          await store.reserve(reservation(`h-${n}`, scopes, { calls: 1 }, 1_000));
        }
      }),
    );
    clock.advance(1_000);
    const before = await work();
    // All of them stand in its way, and it comes through, by itself.
    const result = await store.reserve(reservation("r", [scope], { calls: DUE - 50_000 }));
    expect(result).toMatchObject({ outcome: "held" });
    let swept = result.outcome === "held" ? (result.expired ?? []).length : 0;
    expect(swept).toBeGreaterThanOrEqual(50_000);
    for (let more = true; more;) {
      const batch = await store.expire({ limit: 1_000 });
      expect(batch.expired.length).toBeLessThanOrEqual(1_000);
      swept += batch.expired.length;
      more = batch.more;
    }
    expect(swept).toBe(DUE);
    const after = await work();
    const scripts = after.scripts - before.scripts;
    expect(scripts).toBeGreaterThan(DUE / 100);
    // By the time that the server worked, not the time that passed: other work on this machine does not count.
    expect((after.cpuMs - before.cpuMs) / scripts).toBeLessThan(10);
    expect(await store.balances({})).toMatchObject({
      balances: [{ held: amounts({ calls: DUE - 50_000 }) }],
    });
    await store.close();
  },
);

it("what is over goes, what counts or is held stays", async () => {
  const prefix = freshPrefix();
  const clock = createFakeClock(new Date("2026-03-28T12:00:00Z"));
  const store = redisStore(client, { prefix, serverClock: clock });
  const day = totalScope("day", {}, { window: { kind: "calendar", unit: "day", timeZone: "UTC" } });
  const kept = totalScope("kept", {}, { window: { kind: "calendar", unit: "day", timeZone: "UTC" } });
  const rolling = totalScope("rolling", {}, { window: { kind: "rolling", durationMs: 60_000, segments: 6 } });
  const total = totalScope("total", {});
  await store.reserve(reservation("one", [day, rolling, total], { nanoUsd: 5 }));
  await store.settle(settlement("one", { nanoUsd: 5 }));
  await store.reserve(reservation("long", [kept], { nanoUsd: 7 }, 20 * DAY_MS));
  await store.renew({ operationId: "n", holdId: "long", ttlMs: 30 * DAY_MS });
  const locked = totalScope("total", {}, { onExpiry: "quarantine" });
  await store.reserve(reservation("locked", [locked], { nanoUsd: 9 }));
  await store.dispatch({ operationId: "d", holdId: "locked", ttlMs: 1_000 });
  const counters = async (): Promise<string[]> =>
    (await client.keys(`{${prefix}}:[cd]:*`)).map((key) => key.slice(prefix.length + 3)).sort();
  const all = await counters();
  expect(all).toHaveLength(8);
  for (let hours = 0; hours < 36; hours += 1) {
    await store.expire({ limit: 10 });
    clock.advance(DAY_MS / 24);
  }
  await store.expire({ limit: 10 });
  expect(await counters()).toEqual([
    "c:kept\t2026-03-28",
    "c:total\ttotal",
    "d:kept\t2026-03-28",
    "d:total\ttotal",
  ]);
  expect((await store.balances({})).balances.map((state) => state.scope.key)).toEqual(["kept", "total"]);
  expect(await client.ttl(`{${prefix}}:c:kept\t2026-03-28`)).toBe(-1);
  expect(await client.ttl(`{${prefix}}:h:long`)).toBe(-1);
  expect(await client.ttl(`{${prefix}}:h:locked`)).toBe(-1);
  expect(await client.ttl(`{${prefix}}:h:one`)).toBeGreaterThan(80_000);
  // A remembered hold of a window that is long over is still corrected there, without a trace in the present.
  await store.release({ operationId: "x", holdId: "long" });
  clock.advance(2 * DAY_MS);
  await store.expire({ limit: 10 });
  expect(await counters()).toEqual(["c:total\ttotal", "d:total\ttotal"]);
  await store.close();
});
