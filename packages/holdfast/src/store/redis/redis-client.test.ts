import { describe, expect, it } from "vitest";
import { connectionOf, type NodeRedisScriptOptions, type RedisClient } from "./redis-client.ts";
import { runScript } from "./run-script.ts";
import { SCRIPTS } from "./scripts.ts";

const { sha, source } = SCRIPTS.balances;

/** A client of each kind, with what it was asked. `first` is what its first command comes to. */
function clients(first: () => Promise<unknown>): { name: string; client: RedisClient; asked: unknown[][] }[] {
  const make = (name: string, client: (ask: (...words: unknown[]) => Promise<unknown>) => RedisClient) => {
    const asked: unknown[][] = [];
    const ask = (...words: unknown[]): Promise<unknown> => {
      asked.push(words);
      return asked.length === 1 ? first() : Promise.resolve([0]);
    };
    return { name, client: client(ask), asked };
  };
  return [
    make("ioredis", (ask) => ({
      evalsha: (hash: string, count: number, ...rest: string[]) =>
        ask("EVALSHA", hash, String(count), ...rest),
      eval: (script: string, count: number, ...rest: string[]) => ask("EVAL", script, String(count), ...rest),
    })),
    make("node-redis", (ask) => ({
      evalSha: (hash: string, { keys, arguments: values }: NodeRedisScriptOptions) =>
        ask("EVALSHA", hash, String(keys.length), ...keys, ...values),
      eval: (script: string, { keys, arguments: values }: NodeRedisScriptOptions) =>
        ask("EVAL", script, String(keys.length), ...keys, ...values),
    })),
    make("GLIDE", (ask) => ({ customCommand: (command) => ask(...command) })),
    make("a function", (ask) => (command) => ask(...command)),
  ];
}

const run = (client: RedisClient): Promise<unknown> =>
  runScript(connectionOf(client), "balances", ["k1", "k2"], ["v1", "v2", "v3"]);

describe("runScript", () => {
  const noScript = (text: string) => () => Promise.reject(new Error(text));

  for (const { name, client, asked } of clients(() => Promise.resolve([0, 7]))) {
    it(`sends the hash, over ${name}`, async () => {
      expect(await run(client)).toEqual([0, 7]);
      expect(asked).toEqual([["EVALSHA", sha, "2", "k1", "k2", "v1", "v2", "v3"]]);
    });
  }

  for (const text of ["NOSCRIPT No matching script. Please use EVAL.", "NoScriptError: No matching script"]) {
    for (const { name, client, asked } of clients(noScript(text))) {
      it(`sends the source when the server says "${text.slice(0, 13)}", over ${name}`, async () => {
        expect(await run(client)).toEqual([0]);
        expect(asked[1]).toEqual(["EVAL", source, "2", "k1", "k2", "v1", "v2", "v3"]);
      });
    }
  }

  for (const { name, client, asked } of clients(noScript("READONLY You can't write against a replica"))) {
    it(`lets any other error through, over ${name}`, async () => {
      await expect(run(client)).rejects.toThrow("READONLY");
      expect(asked).toHaveLength(1);
    });
  }

  it("says so when a client does not resolve to a reply", async () => {
    await expect(run(async () => "OK")).rejects.toThrow(/takes callbacks/);
  });
});
