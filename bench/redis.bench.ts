/** @module What the Redis store costs beside the least that a script call can cost, and beside a peer. */
import { startRedis } from "@holdfast/testkit/servers";
import { amounts, type LedgerStore } from "holdfast";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { compareLoad, microsOf, timeRatioOf, type LoadArm } from "./load.ts";
import { atMost, failedRows, micros, times, type Row } from "./report.ts";
import { scopesOf } from "./store.bench.ts";

const GROUP = "Redis store, 4 scopes (wall clock, loopback)";
export const KEYS = ["org", "team-7", "agent-12", "user-4711"];
export const HELD = amounts({
  nanoUsd: 200_000,
  calls: 1,
  concurrentCalls: 1,
  inputTokens: 60,
  outputTokens: 256,
  totalTokens: 316,
});
export const CHARGED = amounts({
  nanoUsd: 23_400,
  calls: 1,
  inputTokens: 44,
  outputTokens: 28,
  totalTokens: 72,
});
const TTL_MS = 3_600_000;

let lastId = 0;
export function nextId(): string {
  lastId += 1;
  // As long as the ids of the guard, and all of one length, so that one can be written over another.
  return `benchbenchbenchb.${String(lastId).padStart(8, "0")}`;
}

export function reserveOnce(store: LedgerStore): () => Promise<string> {
  const scopes = scopesOf(KEYS);
  return async () => {
    const operationId = nextId();
    const held = await store.reserve({ operationId, scopes, amounts: HELD, undispatchedTtlMs: TTL_MS });
    if (held.outcome !== "held") throw new Error(held.outcome);
    return operationId;
  };
}

/** Reserve and settle, both waited for. */
export function pairOnce(store: LedgerStore): () => Promise<void> {
  const reserve = reserveOnce(store);
  return async () => {
    const holdId = await reserve();
    const settled = await store.settle({ operationId: `${holdId}:settled`, holdId, amounts: CHARGED });
    if (settled.outcome !== "settled") throw new Error(settled.outcome);
  };
}

type Command = readonly [sha: string, keys: number, ...rest: (string | number)[]];

/** The very command that the store sends for a reservation, sent by hand with other ids. */
async function reserveByHand(client: Redis): Promise<() => Promise<unknown>> {
  let seen: Command | undefined;
  const watched = {
    evalsha: (...command: Command) => {
      seen = command;
      return client.evalsha(...(command as unknown as [string, number]));
    },
    eval: (...command: Command) => client.eval(...(command as unknown as [string, number])),
    call: (...command: [string]) => client.call(...command),
    config: (...command: ["GET", string]) => client.config(...command),
  };
  const reserve = reserveOnce(redisStore(watched as unknown as Redis, { prefix: "by-hand" }));
  // The first ones describe their scopes to the server; the usual one does not.
  let template = "";
  for (let n = 0; n < 5; n++) template = await reserve();
  if (seen === undefined) throw new Error("the store sent no script");
  const [sha, keys, ...rest] = seen;
  return () => {
    const id = nextId();
    const own = rest.map((part) => (typeof part === "string" ? part.replaceAll(template, id) : part));
    return client.evalsha(sha, keys, ...own);
  };
}

async function limiter(client: Redis): Promise<() => Promise<void>> {
  const limiters = KEYS.map(
    (keyPrefix) =>
      new RateLimiterRedis({
        storeClient: client,
        points: Number.MAX_SAFE_INTEGER,
        duration: 3_600,
        keyPrefix,
      }),
  );
  return async () => {
    await Promise.all(limiters.map((one) => one.consume("key", 316)));
    await Promise.all(limiters.map((one) => one.reward("key", 244)));
  };
}

const NOOP = "no-op EVALSHA";
const BY_HAND = "the reserve script called by hand";
const RESERVE = "reserve";
const PAIR = "reserve + settle";
const LIMITER = "rate-limiter-flexible: 4 consume + 4 reward";

export async function benchRedis(quick: boolean): Promise<readonly Row[]> {
  const server = await startRedis();
  const client = new Redis(server.url);
  try {
    const sha = (await client.script("LOAD", "return 1")) as string;
    const noop: LoadArm = [NOOP, async () => () => client.evalsha(sha, 0)];
    const alone = await compareLoad(
      [
        noop,
        [BY_HAND, () => reserveByHand(client)],
        [RESERVE, async () => reserveOnce(redisStore(client, { prefix: "alone" }))],
        [PAIR, async () => pairOnce(redisStore(client, { prefix: "alone-pair" }))],
        [LIMITER, () => limiter(client)],
      ],
      { rounds: quick ? 7 : 15, count: quick ? 300 : 1_000, concurrency: 1 },
    );
    const crowd = await compareLoad(
      [
        noop,
        [PAIR, async () => pairOnce(redisStore(client, { prefix: "crowd" }))],
        [LIMITER, () => limiter(client)],
      ],
      { rounds: quick ? 5 : 11, count: quick ? 3_000 : 8_000, concurrency: 64 },
    );
    const overHand = timeRatioOf(alone, RESERVE, BY_HAND);
    const overNoop = timeRatioOf(alone, RESERVE, NOOP);
    const faster = timeRatioOf(crowd, LIMITER, PAIR);
    return [
      {
        group: GROUP,
        quantity: "reserve, one at a time, p50",
        ours: micros(microsOf(alone, RESERVE)),
        against: `same script by hand ${micros(microsOf(alone, BY_HAND))}`,
        ratio: times(overHand),
        target: "<= 1.2x",
        met: atMost(overHand, 1.2),
      },
      {
        group: GROUP,
        quantity: "reserve, one at a time, p50",
        ours: micros(microsOf(alone, RESERVE)),
        against: `no-op EVALSHA ${micros(microsOf(alone, NOOP))}`,
        ratio: times(overNoop),
        target: "<= 1.6x",
        met: atMost(overNoop, 1.6),
      },
      {
        group: GROUP,
        quantity: "reserve + settle, one at a time, p50",
        ours: micros(microsOf(alone, PAIR)),
        against: `rlf 4 consume + 4 reward ${micros(microsOf(alone, LIMITER))}`,
        ratio: times(timeRatioOf(alone, PAIR, LIMITER)),
      },
      {
        group: GROUP,
        quantity: "reserve + settle, 64 at a time, throughput",
        ours: perSecond(microsOf(crowd, PAIR)),
        against: `rlf 4 consume + 4 reward ${perSecond(microsOf(crowd, LIMITER))}`,
        ratio: times(faster),
        target: ">= 2x",
        met: faster !== undefined && faster >= 2,
      },
      ...failedRows(GROUP, [...alone.failed, ...crowd.failed]),
    ];
  } finally {
    client.disconnect();
    await server.stop();
  }
}

export function perSecond(time: number | undefined): string {
  return time === undefined ? "-" : `${Math.round(1e6 / time).toLocaleString("en-US")}/s`;
}
