/**
 * Postgres as the store of budgets, and as the ledger of usage records.
 *
 * @module
 */
export { migratePostgres, postgresMigrations, type MigratePostgresOptions } from "./migrate.ts";
export type { PostgresMigration } from "./migrations/index.ts";
export { postgresStore, type PostgresStoreOptions } from "./postgres-store.ts";
export type { PostgresClient, PostgresJsClient, QueryClient } from "./client.ts";
