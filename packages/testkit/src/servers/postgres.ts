/**
 * @module A real PostgreSQL on a loopback port, with an empty cluster of its own that is removed at the end. By default
 * it does not call fsync: a crash of the process is survived all the same, only one of the machine would not be.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { launchOnFreePort } from "./launch-on-free-port.ts";
import { postgresRequest } from "./postgres-request.ts";
import { findPrograms } from "./programs.ts";
import { ServerProcess, ServerStartError } from "./server-process.ts";
import { createTemporaryDirectory, removeDirectory, unprivilegedUser } from "./temporary-directory.ts";

export interface PostgresOptions {
  /** Server settings over the defaults: `{ fsync: "on", max_connections: "300" }`. @default `{ fsync: "off" }` */
  readonly settings?: Readonly<Record<string, string>>;
  /** @default a free port */
  readonly port?: number;
}

/** How a shutdown goes: "immediate" aborts without cleaning up, so the next start recovers as after a crash. */
export type PostgresShutdown = "immediate" | "fast";

export interface PostgresServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** A superuser, without a password. */
  readonly user: string;
  /** The database of `url`. */
  readonly database: string;
  /** "postgres://postgres@127.0.0.1:{port}/postgres" */
  readonly url: string;
  /** The postmaster now running, or the last one. */
  readonly pid: number;
  /** Whether the postmaster is running. */
  readonly running: boolean;
  /** The server's log so far. */
  readonly log: string;
  /**
   * Makes an empty database and returns its URL.
   * @param name letters, digits and underscores @default a name not yet used on this server
   */
  createDatabase(name?: string): Promise<string>;
  /** Runs one statement on a new connection; returns the first column of its rows. Default database: `database`. */
  query(statement: string, database?: string): Promise<string[]>;
  /** Ends the server for good and removes its directory; a second call does nothing. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster, as in a crash; its backends end themselves. */
  kill(): Promise<void>;
  /** Shuts down and starts again on the same port and data; resolves when it accepts connections. */
  restart(mode: PostgresShutdown): Promise<void>;
  /** Runs again after `kill`. */
  start(): Promise<void>;
}

const programs = {
  anyOf: [["postgres", "initdb"]],
  debianPackage: "postgresql",
  urlVariable: "HOLDFAST_TEST_POSTGRES_URL",
};
const user = "postgres";
const host = "127.0.0.1";
const shutdownSignals = { immediate: "SIGQUIT", fast: "SIGINT" } as const;

function initialise(initdb: string, dataDirectory: string, userId: number | undefined): Promise<void> {
  const args = ["-D", dataDirectory, "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const identity = userId === undefined ? {} : { uid: userId, gid: userId };
  return new Promise((resolve, reject) => {
    execFile(initdb, args, { cwd: "/", ...identity }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`${initdb} failed:\n${(stdout + stderr).slice(-2_000)}`, { cause: error }));
    });
  });
}

/** Whether this very postmaster accepts connections; its lock file says so. */
function isReady(dataDirectory: string, pid: number): boolean {
  const lines = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
}

function argumentsOf(directory: string, port: number, settings: Readonly<Record<string, string>>): string[] {
  const all = {
    fsync: "off",
    ...settings,
    listen_addresses: host,
    port: String(port),
    unix_socket_directories: directory,
  };
  return Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/**
 * Makes a cluster and starts a server on it: about a second, or more when it has to be installed first. Run as root, the
 * server gets the user "nobody", since PostgreSQL refuses root.
 * @throws Error that says what to install; ServerStartError when the server refuses its settings
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const [file, initdb] = await findPrograms(programs);
  const userId = unprivilegedUser();
  const directory = createTemporaryDirectory("postgres", userId);
  const dataDirectory = join(directory, "data");
  const logFile = join(directory, "server.log");

  async function launch(port: number): Promise<ServerProcess> {
    const command = {
      file: file!,
      args: ["-D", dataDirectory, ...argumentsOf(directory, port, options.settings ?? {})],
      directory,
      logFile,
      userId,
      killSignal: "SIGQUIT",
      temporaryDirectory: directory,
    } as const;
    return ServerProcess.start(command, async (pid) => isReady(dataDirectory, pid));
  }

  /** Backends of a killed postmaster take a moment to end, and hold its shared memory until then. */
  async function launchAgain(port: number): Promise<ServerProcess> {
    const deadline = Date.now() + 15_000;
    for (;;) {
      try {
        return await launch(port);
      } catch (error) {
        const leftovers = /pre-existing shared memory block|lock file "[^"]*" already exists/;
        if (!(error instanceof ServerStartError) || !leftovers.test(error.log.slice(-1_000))) throw error;
        if (Date.now() > deadline) throw error;
        await sleep(50);
      }
    }
  }

  async function begin(): Promise<{ port: number; launched: ServerProcess }> {
    try {
      await initialise(initdb!, dataDirectory, userId);
      return await launchOnFreePort(options.port, launch);
    } catch (error) {
      await removeDirectory(directory);
      throw error;
    }
  }

  const { port, launched } = await begin();
  let server = launched;
  let databases = 0;
  let stopped = false;
  const urlOf = (database: string): string => `postgres://${user}@${host}:${port}/${database}`;
  const query = (statement: string, database: string = user): Promise<string[]> =>
    postgresRequest({ port, user, database }, statement);

  async function start(): Promise<void> {
    if (stopped) throw new Error("A stopped PostgreSQL cannot be started again; kill() it instead.");
    if (!server.alive) server = await launchAgain(port);
  }

  async function stop(): Promise<void> {
    if (stopped) return;
    stopped = true;
    await server.signal("SIGQUIT");
    await removeDirectory(directory);
  }

  return {
    host,
    port,
    user,
    database: user,
    url: urlOf(user),
    get pid() {
      return server.pid;
    },
    get running() {
      return server.alive;
    },
    get log() {
      return readFileSync(logFile, "utf8");
    },
    async createDatabase(name) {
      databases += 1;
      const database = name ?? `test_${process.pid}_${databases}`;
      if (!/^\w+$/.test(database)) throw new Error(`Not a plain database name: ${JSON.stringify(database)}.`);
      await query(`CREATE DATABASE "${database}"`);
      return urlOf(database);
    },
    query,
    stop,
    kill: () => server.signal("SIGKILL"),
    async restart(mode) {
      await server.signal(shutdownSignals[mode]);
      await start();
    },
    start,
    [Symbol.asyncDispose]: stop,
  };
}
