import { describe, expect, it } from "vitest";
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { settingsFrom, type RedisStoreOptions } from "./options.ts";
import { redisStore } from "./redis-store.ts";

describe("settingsFrom", () => {
  it("has defaults", () => {
    expect(settingsFrom({})).toMatchObject({
      prefix: "holdfast",
      rememberMs: "86400000",
      rememberDenialsMs: "600000",
      learningMs: 10_000,
      heartbeatMs: 3_000,
      evictionPolicy: "refuse",
    });
  });

  it.each<[string, RedisStoreOptions]>([
    ["prefix", { prefix: "" }],
    ["prefix", { prefix: "{a}" }],
    ["prefix", { prefix: "a:b" }],
    ["prefix", { prefix: "a\n" }],
    ["prefix", { prefix: "x".repeat(65) }],
    ["prefix", { prefix: 1 as unknown as string }],
    ["rememberMs", { rememberMs: 0 }],
    ["rememberMs", { rememberMs: 1.5 }],
    ["rememberMs", { rememberMs: 1e300 }],
    ["rememberDenialsMs", { rememberDenialsMs: -1 }],
    ["learningMs", { learningMs: NaN }],
    ["learningMs", { learningMs: 5_999 }],
    ["heartbeatMs", { heartbeatMs: 5_001 }],
    ["waitForReplicas.count", { waitForReplicas: { count: 0, timeoutMs: 10 } }],
    ["waitForReplicas.timeoutMs", { waitForReplicas: { count: 1, timeoutMs: 0 } }],
    ["evictionPolicy", { evictionPolicy: "ignore" as "warn" }],
  ])("refuses a bad %s: %j", (name, options) => {
    expect(() => settingsFrom(options)).toThrow(StoreSetupError);
    expect(() => settingsFrom(options)).toThrow(name);
  });

  it("keeps what a callback throws to itself", () => {
    const settings = settingsFrom({
      onWarning: () => {
        throw new Error("theirs");
      },
    });
    expect(() => settings.onWarning({ code: "broken-hold", message: "" })).not.toThrow();
  });
});

describe("redisStore", () => {
  it("refuses what is no client", () => {
    for (const client of [undefined, null, 5, "redis://host", {}, { evalsha: true, eval: true }]) {
      expect(() => redisStore(client as never)).toThrow(/ioredis.*node-redis.*GLIDE.*function/);
    }
  });

  it("refuses to wait for replicas over a client of many connections", () => {
    const script = async (): Promise<unknown> => [];
    const waitForReplicas = { count: 1, timeoutMs: 10 };
    for (const client of [
      script,
      { customCommand: script },
      { evalsha: script, eval: script, call: script, isCluster: true },
      { evalSha: script, eval: script, sendCommand: script, isOpen: true, masters: [] },
      { evalSha: script, eval: script, sendCommand: script, isOpen: true, totalClients: 1 },
    ]) {
      expect(() => redisStore(client, { waitForReplicas })).toThrow(/single connection/);
    }
    redisStore({ evalsha: script, eval: script, call: script } as never, { waitForReplicas });
    redisStore({ evalSha: script, eval: script, sendCommand: script, isOpen: true } as never, {
      waitForReplicas,
    });
  });
});
