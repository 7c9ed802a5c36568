/** The whole suite as a user who may do what the README says, and nothing else. */
import { readFileSync } from "node:fs";
import { startRedis, type RedisServer } from "@holdfast/testkit/servers";
import { storeSuite } from "@holdfast/testkit/store-suite";
import { Redis } from "ioredis";
import { redisStore, type RedisStoreWarning } from "holdfast/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reservation, settlement, steppedStores, totalScope } from "./redis-rig.ts";

/** Exactly what the documentation of `redisStore` says. */
const ACL = documentedPermissions();

function documentedPermissions(): string {
  const file = new URL("../../../packages/holdfast/src/store/redis/redis-store.ts", import.meta.url);
  const [, rules] = /ACL SETUSER holdfast on >secret ([^(]*)/.exec(readFileSync(file, "utf8"))!;
  return rules!.replaceAll(/\n \*/g, " ").trim().replaceAll(/\s+/g, " ").replace("{holdfast}", "{PREFIX}");
}

/** What the client library itself sends when it connects. */
const CONNECTING = "+client +ping +hello +auth";

let server: RedisServer;
let admin: Redis;
let client: Redis;

async function become(rules: string): Promise<void> {
  await admin.call("ACL", "SETUSER", "budget", "reset", "on", ">secret", ...rules.split(" "));
}

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  // The suite's stores have a prefix each.
  await become(`${ACL.replace("{PREFIX}", "{t*}")} ${CONNECTING}`);
  client = new Redis({ host: server.host, port: server.port, username: "budget", password: "secret" });
});
afterAll(async () => {
  client.disconnect();
  admin.disconnect();
  await server.stop();
});

storeSuite({
  name: "redis, least privilege",
  createStore: steppedStores(() => client),
  property: { numRuns: 20 },
});

describe("permissions", () => {
  it("one that is taken away is an error, not a denial, and all is well when it is back", async () => {
    await become(`${ACL.replace("{PREFIX}", "{t*}")} ${CONNECTING}`);
    const store = redisStore(client, { prefix: "tight" });
    const scope = totalScope("a", { nanoUsd: 100 });
    await store.reserve(reservation("one", [scope], { nanoUsd: 60 }));
    for (const permission of ["-mset", "-zadd", "-mget", "-evalsha"]) {
      await become(`${ACL.replace("{PREFIX}", "{t*}")} ${CONNECTING} ${permission}`);
      await expect(
        store.reserve(reservation(`without ${permission}`, [scope], { nanoUsd: 1 })),
      ).rejects.toThrow(/NOPERM|permission|can't run/i);
    }
    await become(`${ACL.replace("{PREFIX}", "{other}")} ${CONNECTING}`);
    await expect(store.settle(settlement("one", { nanoUsd: 1 }))).rejects.toThrow(/NOPERM|permission|can't/i);
    await become(`${ACL.replace("{PREFIX}", "{t*}")} ${CONNECTING}`);
    expect(await store.settle(settlement("one", { nanoUsd: 25 }))).toMatchObject({ outcome: "settled" });
    expect(await store.balances({})).toMatchObject({
      balances: [{ spent: { nanoUsd: 25 }, held: { nanoUsd: 0 } }],
    });
    await store.close();
  });

  it("without INFO the memory policy is not known, which is said once and stops nothing", async () => {
    await become(`${ACL.replace("{PREFIX}", "{t*}")} ${CONNECTING} -info`);
    const warnings: RedisStoreWarning[] = [];
    const store = redisStore(client, { prefix: "tacit", onWarning: (warning) => warnings.push(warning) });
    const scope = totalScope("a", { nanoUsd: 100 });
    expect(await store.reserve(reservation("one", [scope], { nanoUsd: 60 }))).toMatchObject({
      outcome: "held",
    });
    expect(warnings.map(({ code }) => code)).toEqual(["eviction-policy-unknown"]);
    await store.close();
  });
});
