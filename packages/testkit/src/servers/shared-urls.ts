/** @module Servers that the environment brings along. */

/** `HOLDFAST_TEST_REDIS_URL`, when set: a Redis that tests may fill and flush. */
export function sharedRedisUrl(): string | undefined {
  return process.env["HOLDFAST_TEST_REDIS_URL"] || undefined;
}

/** `HOLDFAST_TEST_POSTGRES_URL`, when set: a PostgreSQL where tests may create databases. */
export function sharedPostgresUrl(): string | undefined {
  return process.env["HOLDFAST_TEST_POSTGRES_URL"] || undefined;
}
