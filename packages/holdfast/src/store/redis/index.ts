/** @module `holdfast/redis`: the ledger on Redis or Valkey. */
export type { RedisDataLoss, RedisStoreOptions, RedisStoreWarning } from "./options.ts";
export type {
  GlideLike,
  IoredisLike,
  NodeRedisLike,
  NodeRedisScriptOptions,
  RedisClient,
  RedisCommand,
} from "./redis-client.ts";
export { redisStore } from "./redis-store.ts";
