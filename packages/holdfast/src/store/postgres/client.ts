/**
 * @module The client that the application has, by its shape: node-postgres, PGlite and pools like them (`query`), or
 * postgres.js (a function with `unsafe`). No client library is imported.
 *
 * Every statement is unnamed and complete in itself: it works through a pool that gives each transaction another
 * connection, such as PgBouncer.
 */
import { StoreSetupError } from "../../error/store-setup-error.ts";

/** A pool or connection of node-postgres, PGlite, or anything that answers alike. */
export interface QueryClient {
  query(text: string, params?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** A client of postgres.js. */
export interface PostgresJsClient {
  unsafe(text: string, params?: unknown[], options?: { prepare?: boolean }): PromiseLike<readonly unknown[]>;
}

export type PostgresClient = QueryClient | PostgresJsClient;

export type Row = Readonly<Record<string, unknown>>;

/** All parameters are texts; statements cast them. */
export type Query = (text: string, params: readonly (string | null)[]) => Promise<readonly Row[]>;

/** @throws {StoreSetupError} when it is neither kind of client. */
export function queryOf(client: PostgresClient): Query {
  if ("unsafe" in client && typeof client.unsafe === "function") {
    return async (text, params) =>
      (await client.unsafe(text, [...params], { prepare: false })) as readonly Row[];
  }
  if ("query" in client && typeof client.query === "function") {
    return async (text, params) => (await client.query(text, [...params])).rows as readonly Row[];
  }
  throw new StoreSetupError(
    "the client of a Postgres store must have query(text, params) (pg, PGlite) or unsafe(text, params) (postgres.js)",
  );
}

interface ListeningClient {
  on(event: "error", listener: () => void): unknown;
  off(event: "error", listener: () => void): unknown;
  listenerCount(event: "error"): number;
}

/**
 * A pool tells of an idle connection that has died by an "error" event, and an event that nobody hears ends the
 * process. The next query gets a new connection, so there is nothing to do: this hears it if the application does not.
 * Returns how to stop.
 */
export function hearIdleErrors(client: PostgresClient): () => void {
  if (!isListening(client) || client.listenerCount("error") > 0) return () => {};
  const ignore = (): void => {};
  client.on("error", ignore);
  return () => client.off("error", ignore);
}

function isListening(client: object): client is ListeningClient {
  return ["on", "off", "listenerCount"].every((name) => typeof (client as Row)[name] === "function");
}
