/**
 * @module The tables, as numbered migrations.
 *
 * `PRAGMA user_version` is the number of the last one that has run; they run in one transaction, so that of several
 * processes one migrates and the others find it done. A published migration never changes. A new one only adds, because
 * processes of the version before may have the database open.
 */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import type { Connection } from "./database.ts";

/** "Hold" in ASCII: marks the file as ours, so that another application's is told apart. */
const APPLICATION_ID = 0x48_6f_6c_64;

/** A safe integer that is not negative, checked by the database once more. */
const count = (name: string): string =>
  `${name} INTEGER NOT NULL CHECK (${name} BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER})`;
const tally = (name: string): string => `${count(name)} DEFAULT 0`;

/*
 * Texts that are compared or sorted are kept as `sortable-text.ts` has them; `scope`, `amounts` and the like are JSON.
 *
 * clock     one row: the latest time that any process has used, so that time never goes back.
 * counter   one row per scope and window. `slices`: of a rolling window, what was posted to each slice.
 * hold      one row per reservation. `open`: 1 while it lives (`at_ms` is when it expires), 2 while it is quarantined,
 *           0 after it was resolved (`at_ms` is when, and it is remembered for a while). `shares`: pairs of a counter's
 *           id and the policy at expiry.
 * answer    what was answered to operations that made no hold, to answer the same again.
 * override  the permissions to pass a limit.
 * usage     the ledger of usage records. `tags`: as `tagPath` in usage-rows.ts has them; `record`: all of it, JSON.
 * job       what is needed to settle a job that goes on at a provider; `record`: all of it, JSON.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), ${count("now_ms")}) STRICT;
  INSERT INTO clock (one, now_ms) VALUES (1, 0);

  CREATE TABLE counter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_key TEXT NOT NULL,
    window_id TEXT NOT NULL,
    budget_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    window_start_ms INTEGER NOT NULL,
    window_end_ms INTEGER,
    ${tally("spent_nano_usd")},
    ${tally("spent_calls")},
    ${tally("spent_input_tokens")},
    ${tally("spent_output_tokens")},
    ${tally("spent_total_tokens")},
    ${tally("held_nano_usd")},
    ${tally("held_calls")},
    ${tally("held_concurrent_calls")},
    ${tally("held_input_tokens")},
    ${tally("held_output_tokens")},
    ${tally("held_total_tokens")},
    ${tally("holds")},
    slices TEXT,
    ${count("touched_at_ms")},
    UNIQUE (scope_key, window_id)
  ) STRICT;

  CREATE TABLE hold (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    open INTEGER NOT NULL CHECK (open IN (0, 1, 2)),
    ${count("at_ms")},
    state TEXT NOT NULL,
    dispatched INTEGER NOT NULL CHECK (dispatched IN (0, 1)),
    ${count("reserved_at_ms")},
    amounts TEXT NOT NULL,
    shares TEXT NOT NULL,
    resolved_by TEXT,
    charged TEXT,
    corrected INTEGER NOT NULL DEFAULT 0 CHECK (corrected IN (0, 1))
  ) STRICT;
  CREATE INDEX hold_by_time ON hold (open, at_ms);

  CREATE TABLE answer (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    hold_id TEXT NOT NULL,
    asked TEXT NOT NULL,
    answer TEXT NOT NULL,
    ${count("at_ms")},
    PRIMARY KEY (kind, id, hold_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX answer_by_time ON answer (at_ms);

  CREATE TABLE override (
    id INTEGER PRIMARY KEY,
    scope_key TEXT NOT NULL,
    extra TEXT NOT NULL,
    ${count("expires_at_ms")}
  ) STRICT;
  CREATE INDEX override_by_time ON override (expires_at_ms);
  CREATE INDEX override_by_scope ON override (scope_key, expires_at_ms);

  CREATE TABLE usage (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    ${count("at_ms")},
    call_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    ${count("input_tokens")},
    ${count("output_tokens")},
    ${count("cost_nano_usd")},
    estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
    tags TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX usage_by_time ON usage (at_ms, id);
  `,
  `
  CREATE TABLE job (
    number INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    job_id TEXT NOT NULL,
    ${count("expires_at_ms")},
    record TEXT NOT NULL,
    UNIQUE (provider, job_id)
  ) STRICT;
  CREATE INDEX job_by_time ON job (expires_at_ms);
  `,
];

/**
 * The number of the last migration that has run.
 * @throws {StoreSetupError} when the database belongs to another application, or to a newer version of this one.
 */
export function requireOurDatabase(connection: Connection): number {
  const applicationId = pragma(connection, "application_id");
  const isNew =
    applicationId === 0 && connection.prepare("SELECT name FROM sqlite_schema LIMIT 1").get() === undefined;
  if (applicationId !== APPLICATION_ID && !isNew) {
    throw new StoreSetupError(
      "The database belongs to another application. Give Holdfast a file of its own; ATTACH joins the two in a query.",
    );
  }
  const version = pragma(connection, "user_version");
  if (version > MIGRATIONS.length) {
    throw new StoreSetupError(
      `The database has schema ${version}, and this version of Holdfast knows ${MIGRATIONS.length}. ` +
        "Update Holdfast in every process that uses the file.",
    );
  }
  return version;
}

/** @throws {StoreSetupError} as `requireOurDatabase` does. */
export function migrate(connection: Connection): void {
  connection.write(() => {
    const version = requireOurDatabase(connection);
    for (const migration of MIGRATIONS.slice(version)) connection.exec(migration);
    // Written also when nothing is to migrate: what cannot be written is found out now, and not at the first call.
    connection.exec(`PRAGMA user_version = ${MIGRATIONS.length}; PRAGMA application_id = ${APPLICATION_ID}`);
  });
}

function pragma(connection: Connection, name: "user_version" | "application_id"): number {
  return (connection.prepare(`PRAGMA ${name}`).get() as Record<typeof name, number>)[name];
}
