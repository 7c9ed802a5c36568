/** @module Postgres stores for the suite: every store gets the same schema, emptied; tests of a file run one by one. */
import { createFakeClock } from "@holdfast/testkit";
import type { CreateStore } from "@holdfast/testkit/store-suite";
import {
  migratePostgres,
  postgresStore,
  type PostgresClient,
  type PostgresStoreOptions,
} from "holdfast/postgres";

/** Half an hour before midnight in Berlin, and a day of 23 hours is next. */
export const START: Date = new Date("2026-03-28T22:30:00Z");

const TABLES = ["counter", "slice", "reservation", "operation", "override", "job"];

export interface SuiteStoreOptions {
  readonly client: PostgresClient;
  /** Runs several statements. */
  readonly run: (sql: string) => Promise<unknown>;
  readonly clock: "stepped" | "running";
  /** Of the second handle. @default client */
  readonly other?: PostgresClient;
}

export function suiteStore({ client, run, clock, other = client }: SuiteStoreOptions): CreateStore {
  let migrated: Promise<void> | undefined;
  return async () => {
    await (migrated ??= migratePostgres(client));
    await run(TABLES.map((table) => `DELETE FROM holdfast.${table};`).join(" "));
    const stepped = createFakeClock(START);
    const options: PostgresStoreOptions = {
      // The suite repeats denials a day later, too.
      rememberDenialsMs: 86_400_000,
      // A machine that is busy with other tests may stand still for longer than the default.
      lockTimeoutMs: 20_000,
      ...(clock === "stepped" ? { serverClock: stepped } : {}),
    };
    const store = postgresStore(client, options);
    return {
      store,
      ...(clock === "stepped" ? { clock: stepped } : {}),
      another: async () => postgresStore(other, options),
      dispose: async () => store.close(),
    };
  };
}
