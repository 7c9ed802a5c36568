import { startRedisCluster, type RedisCluster } from "@holdfast/testkit/servers";
import { storeSuite } from "@holdfast/testkit/store-suite";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { redisStore } from "holdfast/redis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freshPrefix, reservation, settlement, steppedStores, totalScope } from "./redis-rig.ts";

let cluster: RedisCluster;
let client: Cluster;

beforeAll(async () => {
  cluster = await startRedisCluster({ nodes: 3 });
  client = new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })));
});
afterAll(async () => {
  client.disconnect();
  await cluster.stop();
});

storeSuite({ name: "redis, cluster", createStore: steppedStores(() => client), property: { numRuns: 40 } });

it("a store is in one slot, and several are over several nodes, by either library", async () => {
  const other = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) });
  await other.connect();
  const scope = totalScope("a", { nanoUsd: 100 });
  for (let n = 0; n < 12; n += 1) {
    const prefix = freshPrefix();
    const one = redisStore(client, { prefix });
    const two = redisStore(other, { prefix });
    expect(await one.reserve(reservation("r", [scope], { nanoUsd: 60 }))).toMatchObject({ outcome: "held" });
    expect(await two.reserve(reservation("s", [scope], { nanoUsd: 60 }))).toMatchObject({
      outcome: "denied",
    });
    expect(await two.settle(settlement("r", { nanoUsd: 40 }))).toMatchObject({ outcome: "settled" });
    expect(await one.reserve(reservation("t", [scope], { nanoUsd: 60 }))).toMatchObject({ outcome: "held" });
    await one.close();
    await two.close();
  }
  const sizes = await Promise.all(client.nodes("master").map((node) => node.dbsize()));
  expect(sizes.filter((size) => size > 0).length).toBe(3);
  other.destroy();
});
