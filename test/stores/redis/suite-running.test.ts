/** The suite on the server's own clock: what the stepped clock proves is not a matter of how time is told. */
import { storeSuite } from "@holdfast/testkit/store-suite";
import { Redis } from "ioredis";
import { afterAll, inject } from "vitest";
import { runningStores } from "./redis-rig.ts";

const client = new Redis(inject("redisUrl"));

afterAll(() => client.disconnect());

storeSuite({
  name: "redis, running clock",
  createStore: runningStores(() => client),
  property: { numRuns: 30 },
});
