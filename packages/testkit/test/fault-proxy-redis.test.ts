import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectMark, redisErrorReply, startFaultProxy } from "../src/fault-proxy/index.ts";
import type { FaultProxy } from "../src/fault-proxy/index.ts";
import { RedisSession } from "../src/fault-proxy/redis-session.ts";
import { startRedis } from "../src/servers/index.ts";
import type { RedisServer } from "../src/servers/index.ts";
import { redisRequest } from "../src/servers/redis-request.ts";
import { respCommand } from "../src/wire/resp.ts";
import { connectRedis } from "./raw-redis.ts";
import type { RawRedis } from "./raw-redis.ts";

let redis: RedisServer;
let proxy: FaultProxy;
let client: RawRedis;

beforeAll(async () => {
  redis = await startRedis();
}, 180_000);
afterAll(() => redis.stop());

beforeEach(async () => {
  await redisRequest(redis.port, ["FLUSHALL"]);
  proxy = await startFaultProxy({ target: redis, protocol: "redis" });
  client = await connectRedis(proxy.port);
});
afterEach(async () => {
  client.close();
  await proxy.stop();
  expect(proxy.errors).toEqual([]);
});

/** The value of a counter, asked past the proxy. */
async function truth(key: string): Promise<string> {
  return (await redisRequest(redis.port, ["GET", key]))[0]!;
}

describe("replies of Redis through the proxy", () => {
  it("are counted one per command, whatever their shape", async () => {
    await client.send("HELLO", "3");
    await client.send("CLIENT", "SETINFO", "LIB-NAME", "x");
    await client.send("HSET", "h", "a", "1", "b", "2");
    expect(await client.send("HGETALL", "h")).toMatch(/^%2/);
    await client.send("EVAL", "return {1, {2, 'x', {}}, false}", "0");
    expect(proxy.replies).toBe(5);
  });

  it("leave pushes out", async () => {
    await client.send("HELLO", "3");
    await client.send("CLIENT", "TRACKING", "ON");
    await client.send("SET", "k", "1");
    await client.send("GET", "k");
    await redisRequest(redis.port, ["SET", "k", "2"]);
    await expect.poll(() => client.pushes).toHaveLength(1);
    expect(proxy.replies).toBe(4);
  });

  it.each([1, 2, 3, 4, 5])("lose exactly the %i-th, after it was done", async (n) => {
    proxy.dropReply(n);
    const seen: string[] = [];
    for (let call = 1; call <= n; call += 1) seen.push(await client.send("INCR", "c"));
    expect(seen.slice(0, -1)).toEqual(Array.from({ length: n - 1 }, (_, index) => `:${index + 1}\r\n`));
    expect(seen.at(-1)).toBe("lost: ECONNRESET");
    expect(await truth("c")).toBe(`$1\r\n${n}\r\n`);
    expectMark(proxy, "dropped");
    const again = await connectRedis(proxy.port);
    expect(await again.send("INCR", "c")).toBe(`:${n + 1}\r\n`);
    again.close();
    expect(proxy.marks.dropped).toBe(1);
  });

  it("lose one in a pipeline: those before it arrive, those behind it are lost", async () => {
    proxy.dropReply(3);
    const replies = Array.from({ length: 5 }, () => client.send("INCR", "c"));
    const lost = "lost: ECONNRESET";
    expect(await Promise.all(replies)).toEqual([":1\r\n", ":2\r\n", lost, lost, lost]);
    expect(proxy.replies).toBe(3);
  });

  it("lose the same one when everything comes late and byte by byte", async () => {
    proxy.latency(5);
    proxy.splitBytes(1);
    proxy.dropReply(2);
    const replies = Array.from({ length: 3 }, () => client.send("INCR", "c"));
    const lost = "lost: ECONNRESET";
    expect(await Promise.all(replies)).toEqual([":1\r\n", lost, lost]);
    expectMark(proxy, "delayed");
    expectMark(proxy, "split");
  });

  it("count over all connections", async () => {
    const other = await connectRedis(proxy.port);
    proxy.dropReply(3);
    expect(await client.send("INCR", "c")).toBe(":1\r\n");
    expect(await other.send("INCR", "c")).toBe(":2\r\n");
    expect(await client.send("INCR", "c")).toBe("lost: ECONNRESET");
    expect(await other.send("INCR", "c")).toBe(":4\r\n");
    other.close();
  });

  it("are aimed at by their request, as text or by a function", async () => {
    proxy.dropReply(2, { where: "Eval" });
    await client.send("INCR", "c");
    expect(await client.send("EVAL", "return redis.call('INCR', KEYS[1])", "1", "d")).toBe(":1\r\n");
    await client.send("INCR", "c");
    expect(await client.send("EVAL", "return redis.call('INCR', KEYS[1])", "1", "d")).toMatch("lost");
    expect(await truth("d")).toBe("$1\r\n2\r\n");
    const again = await connectRedis(proxy.port);
    proxy.dropReply(1, { where: (request) => /^INCR d$/.test(request) });
    expect(await again.send("INCR", "c")).toBe(":3\r\n");
    expect(await again.send("INCR", "d")).toMatch("lost");
  });

  it("are rewritten, in their place", async () => {
    const readOnly = redisErrorReply("READONLY You can't write against a read only replica.");
    proxy.rewriteReply(2, readOnly);
    const replies = Array.from({ length: 3 }, () => client.send("INCR", "c"));
    expect(await Promise.all(replies)).toEqual([":1\r\n", readOnly.toString(), ":3\r\n"]);
    expectMark(proxy, "rewritten");
  });

  it("are no longer aimed at after heal", async () => {
    proxy.dropReply(1);
    proxy.heal();
    expect(await client.send("INCR", "c")).toBe(":1\r\n");
    expect(() => expectMark(proxy, "dropped")).toThrow("What happened");
    expect(() => proxy.dropReply(0)).toThrow(RangeError);
  });

  it("end with a reset and a record when they are no RESP", async () => {
    await using http = await startFaultProxy({
      target: { host: "127.0.0.1", port: await httpPort() },
      protocol: "redis",
    });
    const confused = await connectRedis(http.port);
    expect(await confused.send("PING")).toMatch("lost");
    expect(String(http.errors[0])).toContain("Not RESP");
  });
});

describe("pairing commands and replies", () => {
  function pairs(commands: readonly string[], fromServer: string): (string | undefined)[] {
    const session = new RedisSession();
    for (const command of commands) session.fromClient(respCommand(command.split(" ")));
    return session.fromServer(Buffer.from(fromServer)).map(({ request }) => request);
  }

  it("leaves pushes out that come between a command and its reply", () => {
    const push = ">2\r\n+invalidate\r\n*1\r\n+k\r\n";
    expect(pairs(["GET a", "GET b"], `${push}+1\r\n${push}+2\r\n`)).toEqual([
      undefined,
      "GET a",
      undefined,
      "GET b",
    ]);
  });

  it.each(["*", ">"])("counts the confirmations of a subscription, as %s", (type) => {
    const confirm = (channel: string, number: number): string =>
      `${type}3\r\n$9\r\nsubscribe\r\n+${channel}\r\n:${number}\r\n`;
    const subscribe = "SUBSCRIBE x y";
    expect(pairs([subscribe, "PING"], `${confirm("x", 1)}${confirm("y", 2)}+PONG\r\n`)).toEqual([
      subscribe,
      subscribe,
      "PING",
    ]);
  });
});

/** A server that answers nothing but HTTP, for as long as the process runs. */
async function httpPort(): Promise<number> {
  const { createServer } = await import("node:http");
  const server = createServer().unref();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}
