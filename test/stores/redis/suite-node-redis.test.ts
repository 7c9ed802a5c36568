import { storeSuite } from "@holdfast/testkit/store-suite";
import { createClient } from "redis";
import { afterAll, beforeAll, inject } from "vitest";
import { steppedStores } from "./redis-rig.ts";

const client = createClient({ url: inject("redisUrl") });

beforeAll(async () => {
  await client.connect();
});
afterAll(() => client.destroy());

storeSuite({
  name: "redis, node-redis",
  createStore: steppedStores(() => client),
  property: { numRuns: 60 },
});
