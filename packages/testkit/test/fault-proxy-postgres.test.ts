import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectMark, postgresErrorReply, startFaultProxy } from "../src/fault-proxy/index.ts";
import type { FaultProxy } from "../src/fault-proxy/index.ts";
import { PostgresSession } from "../src/fault-proxy/postgres-session.ts";
import { startPostgres } from "../src/servers/index.ts";
import type { PostgresServer } from "../src/servers/index.ts";
import { postgresRequest } from "../src/servers/postgres-request.ts";
import { PostgresFramer, postgresMessage, postgresStartup } from "../src/wire/postgres.ts";

let postgres: PostgresServer;
let proxy: FaultProxy;

beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.query("create table t (a int)");
}, 300_000);
afterAll(() => postgres.stop());

beforeEach(async () => {
  await postgres.query("truncate t");
  proxy = await startFaultProxy({ target: postgres, protocol: "postgres" });
});
afterEach(async () => {
  await proxy.stop();
  expect(proxy.errors).toEqual([]);
});

/** One statement through the proxy, over a connection of its own: its start is one reply, the statement another. */
const query = (statement: string): Promise<string[]> =>
  postgresRequest({ port: proxy.port, user: "postgres", database: "postgres" }, statement);
const rows = (): Promise<string[]> => postgres.query("select count(*) from t");

const twoBytes = Buffer.alloc(2);
const parse = (name: string, text: string): Buffer => postgresMessage("P", name, text, twoBytes);
const bind = (name: string): Buffer =>
  postgresMessage("B", "", name, Buffer.concat([twoBytes, twoBytes, twoBytes]));
const execute = postgresMessage("E", "", Buffer.alloc(4));
const sync = postgresMessage("S");

/** What is sent, and the type of the message that the next step waits for. */
interface Step {
  readonly send: readonly Buffer[];
  readonly until: string;
}

/** Takes step after step; returns the types of the messages that each step brought, or what came before the end. */
function converse(steps: readonly Step[]): Promise<string[]> {
  return new Promise((resolve) => {
    const all: readonly Step[] = [{ send: [postgresStartup("postgres", "postgres")], until: "Z" }, ...steps];
    const framer = new PostgresFramer();
    const seen: string[] = [];
    let types = "";
    const socket = connect(proxy.port, proxy.host, () => socket.write(Buffer.concat(all[0]!.send)));
    socket.on("error", () => {});
    socket.on("close", () => resolve([...seen.slice(1), `closed${types}`]));
    socket.on("data", (chunk) => {
      framer.push(chunk);
      for (let message = framer.next(); message !== undefined; message = framer.next()) {
        types += message.type;
        if (message.type !== all[seen.length]?.until) continue;
        seen.push(types);
        types = "";
        const next = all[seen.length];
        if (next === undefined) socket.end(postgresMessage("X"));
        else socket.write(Buffer.concat(next.send));
      }
    });
  });
}

/** Sends requests one after the other; returns the types of the messages of each reply. */
const exchange = (requests: readonly (readonly Buffer[])[]): Promise<string[]> =>
  converse(requests.map((send) => ({ send, until: "Z" })));

describe("replies of PostgreSQL through the proxy", { timeout: 30_000 }, () => {
  it("are counted one per request, the start of a session included", async () => {
    expect(await query("select 1; select 2")).toEqual(["1", "2"]);
    expect(proxy.replies).toBe(2);
  });

  it("lose exactly one, after it was done", async () => {
    proxy.dropReply(2, { where: "insert" });
    await query("insert into t values (1)");
    await expect(query("insert into t values (2)")).rejects.toThrow("ECONNRESET");
    expect(await rows()).toEqual(["2"]);
    await query("insert into t values (3)");
    expect(proxy.marks.dropped).toBe(1);
    expect(proxy.replies).toBe(6);
  });

  it("lose the answer to a COMMIT", async () => {
    proxy.dropReply(1, { where: (request) => /commit/i.test(request) });
    const statements = ["begin", "insert into t values (1)", "commit"];
    const replies = await exchange(statements.map((text) => [postgresMessage("Q", text)]));
    expect(replies).toEqual(["CZ", "CZ", "closed"]);
    expect(await rows()).toEqual(["1"]);
    expectMark(proxy, "dropped");
  });

  it("lose one large reply whole, also in pieces", async () => {
    proxy.splitBytes(1_000);
    proxy.dropReply(1, { where: "repeat" });
    await expect(query("select repeat('x', 200000)")).rejects.toThrow("ECONNRESET");
    expect(await query("select lpad('', 200000, 'y')")).toEqual(["y".repeat(200_000)]);
    expectMark(proxy, "split");
  });

  it("are aimed at by the text of a statement that was prepared before", async () => {
    const insert = "insert into t values (7)";
    proxy.dropReply(3, { where: insert });
    const run = [bind("s"), execute, sync];
    const replies = await exchange([
      [parse("s", insert), sync],
      [parse("", "select 1"), bind(""), execute, sync],
      run,
      run,
      run,
    ]);
    expect(replies).toEqual(["1Z", "12DCZ", "2CZ", "closed"]);
    expect(await rows()).toEqual(["2"]);
  });

  it("are rewritten as errors of the server", async () => {
    proxy.rewriteReply(1, postgresErrorReply("40001", "could not serialize access"), { where: "insert" });
    await expect(query("insert into t values (1)")).rejects.toThrow(
      "could not serialize access (SQLSTATE 40001)",
    );
    expect(await rows()).toEqual(["1"]);
    expectMark(proxy, "rewritten");
  });

  it("do not hang when the server waits for the client in the middle of one", async () => {
    proxy.dropReply(3, { where: "copy" });
    const copy = [
      { send: [postgresMessage("Q", "copy t from stdin")], until: "G" },
      { send: [postgresMessage("d", Buffer.from("5\n")), postgresMessage("c")], until: "Z" },
    ];
    const flushed = [
      { send: [parse("", "select 'copy'"), bind(""), execute, postgresMessage("H")], until: "C" },
      { send: [sync], until: "Z" },
    ];
    expect(await converse([...copy, ...flushed])).toEqual(["G", "CZ", "12DC", "Z", "closed"]);
    expect(await converse(copy)).toEqual(["G", "closed"]);
    expectMark(proxy, "dropped");
  });

  it("pass what precedes them when the server refuses encryption", async () => {
    const encryption = postgresMessage("", Buffer.from([0x04, 0xd2, 0x16, 0x2f]));
    const socket = connect(proxy.port, proxy.host, () => socket.write(encryption));
    const answer = await new Promise((resolve) => socket.once("data", (chunk) => resolve(chunk.toString())));
    expect(answer).toBe("N");
    socket.write(postgresStartup("postgres", "postgres"));
    await expect.poll(() => proxy.replies).toBe(1);
    socket.destroy();
  });

  it("bring the client a shutdown of the server as it is", async () => {
    const waiting = query("select pg_sleep(30)");
    waiting.catch(() => {});
    await expect.poll(() => proxy.replies).toBe(1);
    await postgres.restart("fast");
    await expect(waiting).rejects.toThrow("SQLSTATE 57P01");
    expect(await query("select 1")).toEqual(["1"]);
  });
});

describe("pairing", () => {
  it("knows that the server waits for a password", () => {
    const session = new PostgresSession();
    session.fromClient(postgresStartup("u", "d"));
    const ask = (code: number): Buffer => postgresMessage("R", Buffer.from([0, 0, 0, code]));
    const parts = session.fromServer(Buffer.concat([ask(10), ask(11), ask(12), ask(0)]));
    expect(parts.map(({ interactive }) => interactive)).toEqual([true, true, true, false]);
  });

  it("finds the same in every chunking", () => {
    const client = Buffer.concat([
      postgresStartup("u", "d"),
      parse("s", "insert 1"),
      bind("s"),
      execute,
      sync,
      postgresMessage("Q", "select 2"),
    ]);
    const ready = postgresMessage("Z", Buffer.from("I"));
    const done = postgresMessage("C", "INSERT 0 1");
    const fromServer = Buffer.concat([ready, done, ready, done, ready]);
    for (const size of [1, 2, 5, 1_000]) {
      const session = new PostgresSession();
      for (let at = 0; at < client.length; at += size) session.fromClient(client.subarray(at, at + size));
      const complete: (string | undefined)[] = [];
      const bytes: Buffer[] = [];
      for (let at = 0; at < fromServer.length; at += size)
        for (const part of session.fromServer(fromServer.subarray(at, at + size))) {
          bytes.push(part.bytes);
          if (part.complete) complete.push(part.request);
        }
      expect(complete).toEqual(["startup user u database d", "insert 1", "select 2"]);
      expect(Buffer.concat(bytes).equals(fromServer)).toBe(true);
    }
  });
});
