/** @module One Redis and one PostgreSQL for a whole Vitest run, handed to the tests by `inject`. */
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import { sharedPostgresUrl, sharedRedisUrl } from "./shared-urls.ts";

/** What Vitest hands to a global setup, as far as it is needed here. */
export interface ProvidingProject {
  /** `redisUrl` is of a Redis for this run, `postgresUrl` of a PostgreSQL, as a user who may create databases. */
  provide(name: "postgresUrl" | "redisUrl", url: string): void;
}

/**
 * The body of a Vitest `globalSetup` file: `export default provideServers;`. A server whose URL is in the environment
 * (`sharedRedisUrl`, `sharedPostgresUrl`) is used, any other is started and stopped at the end.
 * @returns the teardown
 * @throws Error when a server cannot be had, after stopping the other: tests never run without one
 */
export async function provideServers(project: ProvidingProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  async function stopAll(): Promise<void> {
    for (const stop of stops.splice(0).reverse()) await stop();
  }

  async function urlOf(start: () => Promise<{ url: string; stop(): Promise<void> }>): Promise<string> {
    const server = await start();
    stops.push(() => server.stop());
    return server.url;
  }

  try {
    project.provide("redisUrl", sharedRedisUrl() ?? (await urlOf(startRedis)));
    project.provide("postgresUrl", sharedPostgresUrl() ?? (await urlOf(startPostgres)));
  } catch (error) {
    await stopAll();
    throw error;
  }
  return stopAll;
}
