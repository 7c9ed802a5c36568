/**
 * @module A real Redis (or Valkey) on a loopback port, which can be killed and started again with the same data.
 */
import { join } from "node:path";
import { launchOnFreePort } from "./launch-on-free-port.ts";
import { findPrograms } from "./programs.ts";
import { redisAnswers } from "./redis-request.ts";
import { ServerProcess } from "./server-process.ts";
import { createTemporaryDirectory, removeDirectory } from "./temporary-directory.ts";

export interface RedisOptions {
  /**
   * Command-line arguments after the defaults, so they win: `["--appendonly", "yes", "--appendfsync", "always"]`.
   * @default `--save "" --appendonly no`: nothing survives the process
   */
  readonly args?: readonly string[];
  /** @default a free port */
  readonly port?: number;
  /** An existing directory for its data, kept on `stop`. @default a temporary one, removed on `stop` */
  readonly directory?: string;
}

export interface RedisServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** "redis://127.0.0.1:{port}" */
  readonly url: string;
  readonly directory: string;
  /** The process now running, or the last one. */
  readonly pid: number;
  /** Whether the process is running. */
  readonly running: boolean;
  /** Ends the server for good and removes its temporary directory; a second call does nothing. */
  stop(): Promise<void>;
  /** SIGKILL, as in a crash; the data directory stays. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP until `resume`: connections stay open and nothing answers. */
  pause(): void;
  /** Ends a `pause`. */
  resume(): void;
  /** Runs again on the same port and directory after `kill`; resolves when the data is loaded. */
  start(): Promise<void>;
}

const programs = {
  anyOf: [["redis-server"], ["valkey-server"]],
  debianPackage: "redis-server",
  urlVariable: "HOLDFAST_TEST_REDIS_URL",
};

/**
 * Starts a server and resolves when it answers: about 20 ms, or up to a minute when it has to be installed first.
 * @throws Error that says what to install; ServerStartError when the server refuses its arguments
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const [file] = await findPrograms(programs);
  const temporary = options.directory === undefined;
  const directory = options.directory ?? createTemporaryDirectory("redis");
  const host = "127.0.0.1";

  function launch(port: number): Promise<ServerProcess> {
    const defaults = ["--save", "", "--appendonly", "no", "--daemonize", "no"];
    const place = ["--bind", host, "--port", String(port), "--dir", directory];
    const command = {
      file: file!,
      args: [...place, ...defaults, ...(options.args ?? [])],
      directory,
      logFile: join(directory, "server.log"),
      killSignal: "SIGKILL",
      temporaryDirectory: temporary ? directory : undefined,
    } as const;
    return ServerProcess.start(command, (pid) => redisAnswers(port, pid));
  }

  const { port, launched } = await launchOnFreePort(options.port, launch).catch(async (error: unknown) => {
    if (temporary) await removeDirectory(directory);
    throw error;
  });
  let server = launched;
  let stopped = false;

  async function stop(): Promise<void> {
    if (stopped) return;
    stopped = true;
    await server.signal(temporary ? "SIGKILL" : "SIGTERM");
    if (temporary) await removeDirectory(directory);
  }

  return {
    host,
    port,
    url: `redis://${host}:${port}`,
    directory,
    get pid() {
      return server.pid;
    },
    get running() {
      return server.alive;
    },
    stop,
    kill: () => server.signal("SIGKILL"),
    pause: () => process.kill(server.pid, "SIGSTOP"),
    resume: () => process.kill(server.pid, "SIGCONT"),
    async start() {
      if (stopped) throw new Error("A stopped Redis cannot be started again; kill() it instead.");
      if (!server.alive) server = await launch(port);
    },
    [Symbol.asyncDispose]: stop,
  };
}
