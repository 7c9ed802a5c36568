/** @module One Redis and one PostgreSQL for all tests of stores: `inject("redisUrl")`, `inject("postgresUrl")`. */
export { provideServers as default } from "@holdfast/testkit/servers";

declare module "vitest" {
  export interface ProvidedContext {
    /** Of a Redis for this run; test files that run at once share it. */
    redisUrl: string;
    /** Of a PostgreSQL for this run, as a user who may create databases. */
    postgresUrl: string;
  }
}
