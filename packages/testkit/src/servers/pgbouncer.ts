/** @module A real PgBouncer in front of a PostgreSQL, on a loopback port. */
import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchOnFreePort } from "./launch-on-free-port.ts";
import { postgresRequest } from "./postgres-request.ts";
import { findPrograms } from "./programs.ts";
import { ServerProcess } from "./server-process.ts";
import { createTemporaryDirectory, removeDirectory, unprivilegedUser } from "./temporary-directory.ts";

export interface PgBouncerOptions {
  /** Where it connects to, and as whom: every client becomes this user. `database` is that of the default URL. */
  readonly target: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database?: string;
  };
  /** When a server connection is given to another client. @default "transaction" */
  readonly poolMode?: "session" | "statement" | "transaction";
  /** Server connections per database. @default 2 */
  readonly poolSize?: number;
}

export interface PgBouncer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The address of any database of the target, reached through the pool. @default the target's `database` */
  url(database?: string): string;
  /** A statement of its console, e.g. "PAUSE", "SHOW POOLS"; returns the first column of the rows. */
  console(statement: string): Promise<string[]>;
  /** Ends it for good; a second call does nothing. */
  stop(): Promise<void>;
}

const programs = { anyOf: [["pgbouncer"]], debianPackage: "pgbouncer" };
const host = "127.0.0.1";

function configuration(options: PgBouncerOptions, port: number): string {
  const { target } = options;
  return [
    "[databases]",
    `* = host=${target.host} port=${target.port} user=${target.user}`,
    "[pgbouncer]",
    `listen_addr = ${host}`,
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = any",
    `pool_mode = ${options.poolMode ?? "transaction"}`,
    `default_pool_size = ${options.poolSize ?? 2}`,
    "max_client_conn = 1000",
    "ignore_startup_parameters = extra_float_digits",
    "",
  ].join("\n");
}

/**
 * Starts a pool and resolves when it answers. It asks for no password and runs, for root, as the user "nobody".
 * @throws Error that says what to install; ServerStartError when the options make no configuration
 */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const [file] = await findPrograms(programs);
  const userId = unprivilegedUser();
  const directory = createTemporaryDirectory("pgbouncer", userId);
  const { user, database: defaultDatabase = user } = options.target;

  function launch(port: number): Promise<ServerProcess> {
    const settings = join(directory, "pgbouncer.ini");
    writeFileSync(settings, configuration(options, port));
    if (userId !== undefined) chownSync(settings, userId, userId);
    const command = {
      file: file!,
      args: [settings],
      directory,
      logFile: join(directory, "server.log"),
      userId,
      killSignal: "SIGKILL",
      temporaryDirectory: directory,
    } as const;
    return ServerProcess.start(command, async () => {
      await postgresRequest({ port, user, database: "pgbouncer" }, "SHOW VERSION");
      return true;
    });
  }

  const { port, launched } = await launchOnFreePort(undefined, launch).catch(async (error: unknown) => {
    await removeDirectory(directory);
    throw error;
  });
  let stopped = false;

  async function stop(): Promise<void> {
    if (stopped) return;
    stopped = true;
    await launched.signal("SIGKILL");
    await removeDirectory(directory);
  }

  return {
    host,
    port,
    url: (database = defaultDatabase) => `postgres://${user}@${host}:${port}/${database}`,
    console: (statement) => postgresRequest({ port, user, database: "pgbouncer" }, statement),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
