/** @module Real servers for tests, on loopback ports: started from the machine's programs, never left behind. */
export { startPgBouncer } from "./pgbouncer.ts";
export type { PgBouncer, PgBouncerOptions } from "./pgbouncer.ts";
export { startPostgres } from "./postgres.ts";
export type { PostgresOptions, PostgresServer, PostgresShutdown } from "./postgres.ts";
export { provideServers } from "./provide-servers.ts";
export type { ProvidingProject } from "./provide-servers.ts";
export { startRedisCluster } from "./redis-cluster.ts";
export type { RedisCluster, RedisClusterOptions } from "./redis-cluster.ts";
export { startRedis } from "./redis.ts";
export type { RedisOptions, RedisServer } from "./redis.ts";
export { ServerStartError } from "./server-process.ts";
export { sharedPostgresUrl, sharedRedisUrl } from "./shared-urls.ts";
