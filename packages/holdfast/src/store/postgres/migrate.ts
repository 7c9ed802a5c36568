/**
 * @module Applying the migrations: one statement, one transaction, one lock.
 *
 * Any number of processes may do this at once, through a pool that gives each transaction another connection: all but
 * the first wait for its lock and then find nothing left to do.
 */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { queryOf, type PostgresClient } from "./client.ts";
import { migrationsOf, type PostgresMigration } from "./migrations/index.ts";
import { RETRIED_STATES, withRetries } from "./retry.ts";
import { DEFAULT_SCHEMA, quotedSchema, sqlStateOf } from "./schema.ts";

export interface MigratePostgresOptions {
  /** @default "holdfast" */
  readonly schema?: string;
}

/** Raised by the statement when the schema is newer than this code, and when the database cannot store every text. */
const NEWER = "HF001";
const NOT_UTF8 = "HF002";
/** What is there was not there when this transaction began; only where transactions are serializable by default. */
const ALREADY_THERE: readonly string[] = ["42P06", "42P07", "42710", "42723"];

/**
 * Makes or updates the schema. The role needs the right to create tables in the schema, and the schema itself if it is
 * not there yet; the application's own role does not. Nothing else in Holdfast does this.
 * @throws {StoreSetupError} when the schema is newer than this release, or the database is not encoded in UTF8.
 */
export async function migratePostgres(
  client: PostgresClient,
  options: MigratePostgresOptions = {},
): Promise<void> {
  const name = options.schema ?? DEFAULT_SCHEMA;
  const statement = migrationStatement(name);
  const query = queryOf(client);
  try {
    await withRetries([...RETRIED_STATES, ...ALREADY_THERE], () => query(statement, []));
  } catch (cause) {
    const state = sqlStateOf(cause);
    if (state === NOT_UTF8) {
      throw new StoreSetupError("the database must have the encoding UTF8: create it with ENCODING 'UTF8'", {
        cause,
      });
    }
    if (state !== NEWER) throw cause;
    throw new StoreSetupError(
      `the schema ${quotedSchema(name)} is newer than this release of holdfast: update holdfast`,
      { cause },
    );
  }
}

/** The migrations for those who apply them by other means: record each in the table of the first. */
export function postgresMigrations(options: MigratePostgresOptions = {}): readonly PostgresMigration[] {
  const name = options.schema ?? DEFAULT_SCHEMA;
  const schema = quotedSchema(name);
  return migrationsOf(schema).map((migration) => ({
    ...migration,
    sql:
      (migration.number === 1 ? migrationTable(name) : "") +
      migration.sql +
      `\n${recorded(schema, migration)}\n`,
  }));
}

function migrationTable(name: string): string {
  const schema = quotedSchema(name);
  // Creating a schema "if not exists" needs the right to create one even when it is there.
  return `
DO $schema$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '${name}') THEN CREATE SCHEMA ${schema}; END IF;
END $schema$;
CREATE TABLE IF NOT EXISTS ${schema}.migration (
  number integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ${schema}.migration IS 'The migrations that were applied; the highest number is the version.';
`;
}

function recorded(schema: string, { number, name }: PostgresMigration): string {
  return `INSERT INTO ${schema}.migration (number, name) VALUES (${number}, '${name}');`;
}

/** One statement, since a pool may run the next one elsewhere. */
function migrationStatement(name: string): string {
  const schema = quotedSchema(name);
  const all = migrationsOf(schema);
  const steps = all.map(
    (migration) => `
  IF version < ${migration.number} THEN
    EXECUTE $migration$${migration.sql}$migration$;
    ${recorded(schema, migration)}
  END IF;`,
  );
  return `
DO $holdfast$
DECLARE
  version integer;
BEGIN
  IF pg_catalog.current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION 'the database is not encoded in UTF8' USING ERRCODE = '${NOT_UTF8}';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('holdfast migration of ${name}', 0));
  EXECUTE $migration$${migrationTable(name)}$migration$;
  SELECT coalesce(max(number), 0) INTO version FROM ${schema}.migration;
  IF version > ${all.length} THEN
    RAISE EXCEPTION 'version % of the schema is newer than ${all.length}', version USING ERRCODE = '${NEWER}';
  END IF;${steps.join("")}
END
$holdfast$`;
}
