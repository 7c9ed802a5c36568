/**
 * @module One server as a child process that cannot outlive this one: it is killed when this process exits, is told to
 * stop by a signal, or dies in any other way, SIGKILL included.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface ServerCommand {
  /** Absolute path of the program. */
  readonly file: string;
  readonly args: readonly string[];
  /** The working directory. */
  readonly directory: string;
  /** Where standard output and error go, appended. */
  readonly logFile: string;
  /** Runs the program as this user instead of the current one; needs root. */
  readonly userId?: number | undefined;
  /** The signal that ends the server, and all its children, at once. */
  readonly killSignal: "SIGKILL" | "SIGQUIT";
  /** Removed when this process dies before the server was stopped. */
  readonly temporaryDirectory?: string | undefined;
}

/** A server whose process ended before it was ready. */
export class ServerStartError extends Error {
  /** What the server had written. */
  readonly log: string;

  constructor(file: string, reason: string, log: string) {
    super(`${file} ${reason}. Its output:\n${log.slice(-2_000)}`);
    this.name = "ServerStartError";
    this.log = log;
  }
}

const running = new Set<ServerProcess>();
let watchesExit = false;

function killAll(): void {
  for (const server of running) server.abandon();
}

function watchExit(): void {
  if (watchesExit) return;
  watchesExit = true;
  process.on("exit", killAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const onSignal = (): void => {
      killAll();
      process.off(signal, onSignal);
      // Whoever else listens decides about the process; without anybody the signal does what it does by default.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    process.on(signal, onSignal);
  }
}

/**
 * Waits for the end of its input. "stopped" says that the server was stopped in order; anything else, also the end of
 * the pipe because the parent died, ends the server and removes its directory.
 */
const watchdogScript = `
read -r word; [ "$word" = stopped ] && exit 0
kill -s "$1" "$2" 2>/dev/null
tries=0; while kill -0 "$2" 2>/dev/null && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL "$2" 2>/dev/null
[ -n "$3" ] && rm -rf -- "$3"
exit 0`;

function startWatchdog(command: ServerCommand, pid: number): ChildProcess {
  const signal = command.killSignal.slice("SIG".length);
  const args = ["-c", watchdogScript, "watchdog", signal, String(pid), command.temporaryDirectory ?? ""];
  const watchdog = spawn("/bin/sh", args, { detached: true, stdio: ["pipe", "ignore", "ignore"], cwd: "/" });
  watchdog.on("error", () => {});
  watchdog.stdin?.on("error", () => {});
  watchdog.unref();
  (watchdog.stdin as unknown as { unref?(): void } | null)?.unref?.();
  return watchdog;
}

export class ServerProcess {
  readonly #command: ServerCommand;
  readonly #child: ChildProcess;
  readonly #exit: Promise<void>;
  readonly #watchdog: ChildProcess | undefined;
  #failure: Error | undefined;

  private constructor(command: ServerCommand) {
    watchExit();
    this.#command = command;
    const log = openSync(command.logFile, "a");
    const { userId } = command;
    this.#child = spawn(command.file, command.args, {
      cwd: command.directory,
      // A process group of its own: an interrupt at the terminal reaches the tests first, not the servers.
      detached: true,
      stdio: ["ignore", log, log],
      ...(userId === undefined ? {} : { uid: userId, gid: userId }),
    });
    closeSync(log);
    this.#child.unref();
    this.#exit = new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
      this.#child.once("error", (error) => {
        this.#failure = error;
        resolve();
      });
    });
    void this.#exit.then(() => this.#forget());
    const { pid } = this.#child;
    if (pid === undefined) return;
    this.#watchdog = startWatchdog(command, pid);
    running.add(this);
  }

  /**
   * Starts the program and waits until it answers.
   * @param ready is asked every few milliseconds; an exception counts as no
   * @throws ServerStartError when the process ends first, or is not ready within 60 seconds
   */
  static async start(
    command: ServerCommand,
    ready: (pid: number) => Promise<boolean>,
  ): Promise<ServerProcess> {
    const server = new ServerProcess(command);
    const deadline = Date.now() + 60_000;
    for (;;) {
      if (!server.alive) throw server.#startError("ended before it was ready");
      if (await ready(server.pid).catch(() => false)) return server;
      if (Date.now() > deadline) {
        await server.signal(command.killSignal);
        throw server.#startError("was not ready within 60 seconds");
      }
      await sleep(5);
    }
  }

  #startError(reason: string): Error {
    if (this.#failure !== undefined) return this.#failure;
    return new ServerStartError(this.#command.file, reason, readFileSync(this.#command.logFile, "utf8"));
  }

  #forget(): void {
    running.delete(this);
    this.#watchdog?.stdin?.end("stopped\n");
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get alive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal and waits for the end of the process, which is killed when it takes longer than `patienceMs`. */
  async signal(signal: NodeJS.Signals, patienceMs = 20_000): Promise<void> {
    if (!this.alive) return;
    this.#child.ref();
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), patienceMs);
    await this.#exit;
    clearTimeout(timer);
  }

  /** Ends the server without waiting; for the exit of this process. */
  abandon(): void {
    this.#child.kill(this.#command.killSignal);
    const { temporaryDirectory } = this.#command;
    try {
      if (temporaryDirectory !== undefined)
        rmSync(temporaryDirectory, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // The watchdog removes what the server was still writing.
    }
  }
}
