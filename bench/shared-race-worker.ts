/** One of several processes that ask for money out of one budget on Redis, by this library or by another. */
import { workerMain } from "@holdfast/testkit/processes";
import { amounts, type LedgerStore, type Scope } from "holdfast";
import { leased } from "holdfast/lease";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";
import { setTimeout as delay } from "node:timers/promises";
import { spendGuard } from "./arms.ts";
import { completionJson, MODEL, stubClient } from "./stub-openai.ts";

export interface SharedRaceArgs {
  readonly url: string;
  readonly contender: keyof typeof CONTENDERS;
  readonly calls: number;
  readonly affordable: number;
}

/** Money for a call, in nano-USD for us and in points or tokens for others. */
const COST = 2_000;

type Admit = (n: number) => Promise<boolean>;

const CONTENDERS = {
  holdfast: async (redis: Redis, { affordable }: SharedRaceArgs, index: number): Promise<Admit> =>
    admitBy(redisStore(redis, { prefix: "race" }), affordable, index),
  "holdfast, leased": async (redis: Redis, { affordable }: SharedRaceArgs, index: number): Promise<Admit> =>
    admitBy(leased(redisStore(redis, { prefix: "race-leased" }), { lease: () => true }), affordable, index),
  "rate-limiter-flexible": async (redis: Redis, { affordable }: SharedRaceArgs): Promise<Admit> => {
    const limiter = new RateLimiterRedis({ storeClient: redis, points: affordable * COST, duration: 0 });
    return () => limiter.consume("race", COST).then(admitted, refused);
  },
  // What it falls back to when Redis does not answer: a limiter in each process.
  "rate-limiter-flexible with insurance, Redis away": async (
    _redis: Redis,
    { affordable }: SharedRaceArgs,
  ): Promise<Admit> => {
    const away = new Redis({
      port: 1,
      lazyConnect: true,
      enableOfflineQueue: false,
      retryStrategy: () => null,
    });
    away.on("error", () => undefined);
    const options = { points: affordable * COST, duration: 0 };
    const limiter = new RateLimiterRedis({
      ...options,
      storeClient: away,
      insuranceLimiter: new RateLimiterMemory(options),
    });
    return () => limiter.consume("race", COST).then(admitted, refused);
  },
  "llm-spend-guard, RedisStorage": async (redis: Redis, { affordable }: SharedRaceArgs): Promise<Admit> => {
    const body = completionJson(COST / 2, COST / 2);
    let billed = false;
    const openai = stubClient(async () => {
      billed = true;
      await delay(5);
      return new Response(body, { headers: { "content-type": "application/json" } });
    });
    const guarded = await spendGuard(openai, "esm", affordable * COST, redis);
    const prompt = "x ".repeat(COST / 2);
    return async () => {
      billed = false;
      const params = {
        model: MODEL,
        max_tokens: COST / 2,
        messages: [{ role: "user" as const, content: prompt }],
      };
      return guarded.chat(params, { userId: "u", sessionId: "s" }).then(admitted, () => billed);
    };
  },
  "check, call, then INCRBY": async (redis: Redis, { affordable }: SharedRaceArgs): Promise<Admit> => {
    return async () => {
      if (Number(await redis.get("naive")) + COST > affordable * COST) return false;
      await delay(5);
      await redis.incrby("naive", COST);
      return true;
    };
  },
};

const admitted = (): boolean => true;
const refused = (): boolean => false;

function admitBy(store: LedgerStore, affordable: number, index: number): Admit {
  const scope: Scope = {
    key: "race",
    budgetId: "race",
    values: {},
    window: { kind: "total" },
    limits: { nanoUsd: affordable * COST },
    onExpiry: "charge",
  };
  return async (n) => {
    const holdId = `race.${index}.${n}`;
    const given = amounts({ nanoUsd: COST, calls: 1 });
    const held = await store.reserve({
      operationId: holdId,
      scopes: [scope],
      amounts: given,
      undispatchedTtlMs: 60_000,
    });
    if (held.outcome !== "held") return false;
    await store.dispatch({ operationId: `${holdId}:d`, holdId, ttlMs: 60_000 });
    await delay(5);
    await store.settle({ operationId: `${holdId}:s`, holdId, amounts: given });
    return true;
  };
}

workerMain<SharedRaceArgs, number>(async ({ args, index, barrier }) => {
  const redis = new Redis(args.url);
  const admit = await CONTENDERS[args.contender](redis, args, index);
  await redis.ping();
  await barrier();
  const results = await Promise.all(Array.from({ length: args.calls }, (_, n) => admit(n)));
  return results.filter(Boolean).length;
});
