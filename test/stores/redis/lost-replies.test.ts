/** The reply of the n-th command is lost, for every n: the client library sends again, and nothing is counted twice. */
import { expectMark, startFaultProxy, type FaultProxy } from "@holdfast/testkit/fault-proxy";
import { startRedis, type RedisServer } from "@holdfast/testkit/servers";
import { amounts } from "holdfast";
import type { LedgerStore } from "holdfast";
import { redisStore, type RedisClient } from "holdfast/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, freshPrefix, reservation, settlement, totalScope } from "./redis-rig.ts";

const CALLS = 40;
const LOST_APART = 20;
const SCOPES = [totalScope("org", { nanoUsd: 2_600 }), totalScope("team", { calls: 1_000 })];

let server: RedisServer;
let proxy: FaultProxy;

beforeAll(async () => {
  server = await startRedis();
  proxy = await startFaultProxy({ target: server, protocol: "redis" });
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});

/** 40 calls of five operations each: 200 in all. Gives what the store must say in the end. */
async function twoHundredOperations(store: LedgerStore): Promise<{ spent: number; calls: number }> {
  let spent = 0;
  let calls = 0;
  for (let n = 0; n < CALLS; n += 1) {
    const id = `call-${n}`;
    const result = await again(() => store.reserve(reservation(id, SCOPES, { nanoUsd: 70, calls: 1 })));
    if (result.outcome === "mismatch") throw new Error("a reservation sent again is another one");
    const isHeld = result.outcome === "held";
    const dispatched = await again(() =>
      store.dispatch({ operationId: `${id}-d`, holdId: id, ttlMs: 600_000 }),
    );
    expect(dispatched.outcome).toBe(isHeld ? "dispatched" : "unknown-hold");
    await again(() => store.renew({ operationId: `${id}-n`, holdId: id, ttlMs: 700_000 }));
    const end =
      n % 5 === 4
        ? await again(() => store.release({ operationId: `${id}-x`, holdId: id }))
        : await again(() => store.settle(settlement(id, { nanoUsd: 50 + (n % 7), calls: 1 })));
    if (isHeld) expect(end.outcome).toBe(n % 5 === 4 ? "released" : "settled");
    if (end.outcome === "settled") {
      spent += 50 + (n % 7);
      calls += 1;
    }
    const adjusted = await again(() =>
      store.adjust({ operationId: `${id}-j`, scope: SCOPES[0]!, delta: { nanoUsd: 1 } }),
    );
    expect(adjusted.outcome).toBe("adjusted");
    spent += 1;
  }
  return { spent, calls };
}

/** Where the library gives up, the application asks again: the operation is the same one. */
function again<T>(operation: () => T | Promise<T>): Promise<T> {
  return eventually(async () => operation());
}

/** Twenty runs, each with every twentieth reply lost, so that each of the 200 is lost once. */
async function runs(client: RedisClient): Promise<void> {
  const before = proxy.marks.dropped;
  for (let first = 1; first <= LOST_APART; first += 1) {
    const store = redisStore(client, { prefix: freshPrefix() });
    await store.balances({});
    for (let k = 0; k < (5 * CALLS) / LOST_APART; k += 1) {
      // An operation whose reply was lost is answered once more, which counts too.
      proxy.dropReply(first + k * (LOST_APART + 1), { where: isScript });
    }
    const expected = await twoHundredOperations(store);
    proxy.heal();
    const { balances } = await eventually(async () => store.balances({}));
    expect(balances.map((state) => [state.scope.key, state.spent, state.held])).toEqual([
      ["org", amounts({ nanoUsd: expected.spent, calls: expected.calls }), amounts({})],
      ["team", amounts({ nanoUsd: expected.spent - CALLS, calls: expected.calls }), amounts({})],
    ]);
    await store.close();
  }
  expectMark(proxy, "dropped");
  expect(proxy.marks.dropped - before).toBe(5 * CALLS);
}

function isScript(request: string): boolean {
  return /^(evalsha|eval) /i.test(request);
}

describe("the lost reply of every one of 200 operations", () => {
  it("changes nothing with ioredis, which sends again by itself", { timeout: 120_000 }, async () => {
    const client = new Redis({ host: proxy.host, port: proxy.port, retryStrategy: () => 1 });
    client.on("error", () => {});
    await runs(client);
    client.disconnect();
  });

  it("changes nothing with node-redis, which leaves that to the caller", { timeout: 120_000 }, async () => {
    const client = createClient({
      socket: { host: proxy.host, port: proxy.port, reconnectStrategy: () => 1 },
    });
    client.on("error", () => {});
    await client.connect();
    await runs(client);
    client.destroy();
  });
});
