import { storeSuite } from "@holdfast/testkit/store-suite";
import { Redis } from "ioredis";
import { afterAll, inject } from "vitest";
import { steppedStores } from "./redis-rig.ts";

const client = new Redis(inject("redisUrl"));

afterAll(() => client.disconnect());

storeSuite({ name: "redis, ioredis", createStore: steppedStores(() => client), property: { numRuns: 150 } });
