import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectMark, startFaultProxy } from "../src/fault-proxy/index.ts";
import type { FaultProxy } from "../src/fault-proxy/index.ts";

/** What a client or the server saw of a connection. */
interface Seen {
  readonly chunks: Buffer[];
  readonly text: () => string;
  readonly ended: Promise<string>;
}

function watch(socket: Socket): Seen {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const ended = new Promise<string>((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.once("end", () => resolve("end"));
    socket.once("close", () => resolve("close"));
  });
  return { chunks, text: () => Buffer.concat(chunks).toString(), ended };
}

let server: Server;
let proxy: FaultProxy;
/** What the server saw, one entry per connection; it sends everything back. */
let atServer: (Seen & { readonly socket: Socket })[];

beforeEach(async () => {
  atServer = [];
  server = createServer((socket) => {
    atServer.push({ ...watch(socket), socket });
    socket.setNoDelay(true);
    socket.on("data", (chunk) => socket.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  proxy = await startFaultProxy({ target, protocol: "raw", random: () => 0.5 });
});

afterEach(async () => {
  await proxy.stop();
  for (const { socket } of atServer) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

interface Client extends Seen {
  readonly socket: Socket;
}

/** Connected all the way to the server. */
async function client(): Promise<Client> {
  const before = atServer.length;
  const socket = connect(proxy.port, proxy.host);
  const seen = watch(socket);
  await expect.poll(() => atServer.length).toBe(before + 1);
  return { ...seen, socket };
}

const gets = (seen: Pick<Seen, "text">, text: string): Promise<void> =>
  expect.poll(() => seen.text(), { interval: 1 }).toBe(text);

describe("without a fault", () => {
  it("passes bytes on unchanged, both ways, and marks nothing", async () => {
    const { socket, chunks } = await client();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    socket.write(bytes);
    await expect.poll(() => Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect(Object.values(proxy.marks)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it("passes on the end of a connection, from either side", async () => {
    const first = await client();
    first.socket.end();
    expect(await atServer[0]!.ended).toBe("end");
    expect(await first.ended).toBe("end");
    const second = await client();
    atServer[1]!.socket.end();
    expect(await second.ended).toBe("end");
    second.socket.end();
    await expect.poll(() => proxy.connections).toBe(0);
  });

  it("passes on a reset, from either side", async () => {
    const first = await client();
    first.socket.resetAndDestroy();
    expect(await atServer[0]!.ended).toBe("ECONNRESET");
    const second = await client();
    atServer[1]!.socket.resetAndDestroy();
    expect(await second.ended).toBe("ECONNRESET");
  });

  it("resets a client when there is no server", async () => {
    await using nowhere = await startFaultProxy({ target: { host: "127.0.0.1", port: 1 }, protocol: "raw" });
    const socket = connect(nowhere.port, nowhere.host);
    expect(await watch(socket).ended).toBe("ECONNRESET");
  });
});

describe("faults", () => {
  it("latency delays both ways, in order, and ends with heal", async () => {
    const { socket, ...seen } = await client();
    proxy.latency(40, 20);
    const start = performance.now();
    socket.write("a");
    await sleep(5);
    socket.write("b");
    await gets(seen, "ab");
    expect(performance.now() - start).toBeGreaterThanOrEqual(2 * 50 - 2);
    expectMark(proxy, "delayed", 2);
    proxy.heal();
    const { delayed } = proxy.marks;
    socket.write("c");
    await gets(seen, "abc");
    expect(proxy.marks.delayed).toBe(delayed);
  });

  it("a black hole to the server swallows bytes and the end, and resets on heal", async () => {
    const { socket, ...seen } = await client();
    proxy.blackhole("to-server");
    socket.write("lost");
    await proxy.waitForMark("blackholed");
    atServer[0]!.socket.write("still here");
    await gets(seen, "still here");
    socket.end("also lost");
    await sleep(30);
    expect(atServer[0]!.text()).toBe("");
    proxy.heal();
    expect(await seen.ended).toBe("ECONNRESET");
    expect(await atServer[0]!.ended).toBe("ECONNRESET");
    expect(atServer[0]!.text()).toBe("");
  });

  it("a black hole to the client lets requests through", async () => {
    const { socket, ...seen } = await client();
    proxy.blackhole("to-client");
    socket.write("done all the same");
    await proxy.waitForMark("blackholed");
    expect(atServer[0]!.text()).toBe("done all the same");
    expect(seen.text()).toBe("");
  });

  it("a connection that lost bytes never delivers later ones; one that lost none goes on", async () => {
    const [loser, other] = [await client(), await client()];
    proxy.blackhole("both");
    loser.socket.write("1");
    await proxy.waitForMark("blackholed");
    proxy.heal();
    loser.socket.write("2");
    other.socket.write("3");
    await gets(other, "3");
    expect(await loser.ended).toBe("ECONNRESET");
    expect(atServer.map((seen) => seen.text())).toEqual(["", "3"]);
  });

  it("a black hole that delivers brings late what it held back", async () => {
    const { socket, ...seen } = await client();
    proxy.blackhole("both", { onHeal: "deliver" });
    socket.write("zombie ");
    await proxy.waitForMark("blackholed");
    socket.write("command");
    await sleep(20);
    expect(atServer[0]!.text()).toBe("");
    proxy.heal();
    await gets(seen, "zombie command");
  });

  it("refuses new connections and keeps the others", async () => {
    const old = await client();
    proxy.refuse();
    const socket = connect(proxy.port, proxy.host);
    expect(await watch(socket).ended).toBe("ECONNRESET");
    expectMark(proxy, "refused");
    old.socket.write("fine");
    await gets(old, "fine");
    proxy.heal();
    const fresh = await client();
    fresh.socket.write("fine too");
    await gets(fresh, "fine too");
  });

  it("resets every connection, once", async () => {
    const clients = [await client(), await client()];
    proxy.reset();
    expect(await Promise.all(clients.map(({ ended }) => ended))).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect(await Promise.all(atServer.map(({ ended }) => ended))).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect(proxy.marks.reset).toBe(2);
    expect((await client()).socket.destroyed).toBe(false);
  });

  it("cuts every write into pieces", async () => {
    const { socket, chunks, text } = await client();
    proxy.splitBytes(3);
    socket.write("0123456789");
    await gets({ text }, "0123456789");
    expectMark(proxy, "split");
    expect(atServer[0]!.chunks.map(String)).toEqual(["012", "345", "678", "9"]);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(3);
    expect(() => proxy.splitBytes(0)).toThrow(RangeError);
  });

  it("cannot aim at replies of no protocol", () => {
    expect(() => proxy.dropReply(1)).toThrow('"raw" has no replies');
    expect(() => proxy.rewriteReply(1, "")).toThrow('"raw" has no replies');
  });
});

describe("marks", () => {
  it("fail a test whose fault did not happen, and show what did", async () => {
    await client();
    proxy.reset();
    expect(() => expectMark(proxy, "dropped")).toThrow(/"dropped".*at least 1.*"reset":1/);
    expect(() => expectMark(proxy, "reset", 2)).toThrow("at least 2");
    expect(() => expectMark(proxy, "reset")).not.toThrow();
  });
});
