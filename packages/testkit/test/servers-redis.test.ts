import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerStartError, startRedis, startRedisCluster } from "../src/servers/index.ts";
import type { RedisCluster, RedisServer } from "../src/servers/index.ts";
import { redisRequest } from "../src/servers/redis-request.ts";

const installMs = 180_000;

async function ask(port: number, ...words: string[]): Promise<string> {
  return (await redisRequest(port, words))[0]!;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a Redis", { timeout: 30_000 }, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  }, installMs);
  afterAll(() => redis.stop());

  it("answers as soon as it has started, from its own process", async () => {
    expect(await ask(redis.port, "SET", "a", "1")).toBe("+OK\r\n");
    expect(await ask(redis.port, "INFO", "server")).toContain(`process_id:${redis.pid}\r\n`);
    expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
  });

  it("forgets everything in a crash, and starts again on the same port", async () => {
    await ask(redis.port, "SET", "b", "1");
    const { port, pid } = redis;
    await redis.kill();
    expect(redis.running).toBe(false);
    expect(isAlive(pid)).toBe(false);
    await expect(ask(port, "PING")).rejects.toThrow("ECONNREFUSED");
    await redis.start();
    expect(redis.pid).not.toBe(pid);
    expect(await ask(port, "GET", "b")).toBe("$-1\r\n");
  });

  it("keeps what an append-only file holds over a crash", async () => {
    await using durable = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    await ask(durable.port, "SET", "c", "1");
    await durable.kill();
    await durable.start();
    expect(await ask(durable.port, "GET", "c")).toBe("$1\r\n1\r\n");
  });

  it("stands still between pause and resume", async () => {
    redis.pause();
    const reply = ask(redis.port, "PING");
    expect(await Promise.race([reply, sleep(100, "nothing")])).toBe("nothing");
    redis.resume();
    expect(await reply).toBe("+PONG\r\n");
  });

  it("removes its own directory at the end, and keeps one that it was given", async () => {
    const given = mkdtempSync(join(tmpdir(), "holdfast-given-"));
    const servers = [await startRedis(), await startRedis({ directory: given })];
    for (const server of servers) {
      await server.stop();
      await server.stop();
      expect(isAlive(server.pid)).toBe(false);
      await expect(server.start()).rejects.toThrow("cannot be started again");
    }
    expect(servers.map(({ directory }) => existsSync(directory))).toEqual([false, true]);
    rmSync(given, { recursive: true });
  });

  it("says what the server said when it refuses to start", async () => {
    const failed = startRedis({ args: ["--no-such-setting", "1"] });
    await expect(failed).rejects.toThrow(ServerStartError);
    await expect(failed).rejects.toThrow(/no-such-setting/);
    await expect(startRedis({ port: redis.port })).rejects.toThrow(/already in use/);
  });
});

describe("a cluster", { timeout: 30_000 }, () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ nodes: 3 });
  }, installMs);
  afterAll(() => cluster.stop());

  it("serves every slot from one of its nodes, and every node knows which", async () => {
    const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);
    const served = new Map<number, number>();
    for (const key of keys) {
      const replies = await Promise.all(cluster.nodes.map((node) => ask(node.port, "SET", key, "1")));
      const owner = cluster.nodes[replies.indexOf("+OK\r\n")]!;
      served.set(owner.port, (served.get(owner.port) ?? 0) + 1);
      const others = replies.filter((reply) => reply !== "+OK\r\n");
      expect(others).toHaveLength(2);
      for (const reply of others) expect(reply).toContain(`127.0.0.1:${owner.port}`);
    }
    expect(served.size).toBe(3);
  });

  it("refuses keys of two slots in one command", async () => {
    expect(await ask(cluster.nodes[0]!.port, "MSET", "a", "1", "b", "2")).toContain("CROSSSLOT");
  });
});

describe("the end of the process that started a server", { timeout: 30_000 }, () => {
  const module = new URL("../src/servers/index.ts", import.meta.url).href;
  const script = (then: string): string => `
    import { startRedis } from ${JSON.stringify(module)};
    const { port, directory } = await startRedis();
    console.log(JSON.stringify({ port, directory }));
    ${then}`;

  it.each([
    ["exits", "process.exit(0)", undefined],
    ["has nothing left to do", "", undefined],
    ["throws", "throw new Error('on purpose')", undefined],
    ["is interrupted", "setInterval(() => {}, 1000)", "SIGINT"],
    ["is terminated", "setInterval(() => {}, 1000)", "SIGTERM"],
    ["is killed", "setInterval(() => {}, 1000)", "SIGKILL"],
  ] as const)("ends the server and removes its directory when it %s", async (_, then, signal) => {
    const parent = spawn(process.execPath, ["--input-type=module-typescript", "-e", script(then)], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const exit = new Promise((resolve) => parent.once("exit", (_code, by) => resolve(by)));
    const lines = createInterface(parent.stdout);
    const line = await new Promise<string>((resolve) => lines.once("line", resolve));
    const { port, directory } = JSON.parse(line) as { port: number; directory: string };
    const answers = (): Promise<boolean> =>
      ask(port, "PING").then(
        () => true,
        () => false,
      );
    if (signal !== undefined) {
      expect(await answers()).toBe(true);
      parent.kill(signal);
    }
    expect(await exit).toBe(signal ?? null);
    await expect
      .poll(async () => [await answers(), existsSync(directory)], { timeout: 15_000 })
      .toEqual([false, false]);
  });
});
