/** @module The schema: its name, its version, and what is wrong when it is not there. */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import type { Query } from "./client.ts";
import { migrationsOf } from "./migrations/index.ts";

export const DEFAULT_SCHEMA = "holdfast";

/**
 * The name as a quoted identifier; it is the only thing that is ever put into a statement's text.
 * @throws {StoreSetupError} when it is not a plain name.
 */
export function quotedSchema(name: string): string {
  if (typeof name === "string" && /^[a-z_][a-z0-9_]{0,47}$/.test(name)) return `"${name}"`;
  throw new StoreSetupError(
    'schema must be 1 to 48 of a-z, 0-9 and _, and not begin with a digit, such as "holdfast"',
  );
}

/** The version that this code works with. */
export function schemaVersion(): number {
  return migrationsOf("").length;
}

/** @throws {StoreSetupError} saying what to do, when the schema is missing, older or newer, or may not be read. */
export async function requireSchema(query: Query, schema: string): Promise<void> {
  const rows = await query(`SELECT max(number)::text AS version FROM ${schema}.migration`, []).catch(
    (cause: unknown) => {
      throw setupErrorOf(cause, schema) ?? cause;
    },
  );
  const version = Number(rows[0]?.["version"] ?? 0);
  const wanted = schemaVersion();
  if (version === wanted) return;
  if (version > wanted) {
    throw new StoreSetupError(
      `the schema ${schema} has version ${version}, and this release of holdfast knows ${wanted}: update holdfast`,
    );
  }
  throw new StoreSetupError(
    `the schema ${schema} has version ${version} of ${wanted}: run migratePostgres(client) as a role that may create tables`,
  );
}

/** SQLSTATE of an error of any client library; undefined when it has none. */
export function sqlStateOf(cause: unknown): string | undefined {
  const code = typeof cause === "object" && cause !== null ? (cause as { code?: unknown }).code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Names that are not there: schema, table, function, column. */
const MISSING: readonly string[] = ["3F000", "42P01", "42883", "42703"];

/** The error to throw instead, if it is one of how the server is set up. */
export function setupErrorOf(cause: unknown, schema: string): StoreSetupError | undefined {
  const state = sqlStateOf(cause);
  if (state === undefined) return undefined;
  if (MISSING.includes(state)) {
    return new StoreSetupError(
      `the schema ${schema} is missing or incomplete: run migratePostgres(client) as a role that may create tables`,
      { cause },
    );
  }
  if (state === "42501") {
    return new StoreSetupError(
      `this role may not use the schema ${schema}: grant USAGE on the schema, EXECUTE on its functions, and SELECT, ` +
        "INSERT, UPDATE and DELETE on its tables",
      { cause },
    );
  }
  return undefined;
}
