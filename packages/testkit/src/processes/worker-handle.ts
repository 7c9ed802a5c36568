/** @module The parent's side of one worker process. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { pointsFileDescriptor } from "./messages.ts";
import type { FromWorker, PointReached, ToWorker } from "./messages.ts";

/** How a worker process ended: exactly one of the two is not null. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface WorkerHandle<Result> {
  /** Its number, from 0. */
  readonly index: number;
  readonly pid: number;
  /** Resolves when it is at its first `barrier`. Rejects when it ends before. */
  readonly ready: Promise<void>;
  /** What its work returned. Rejects with its error, or says how the process ended without a result. */
  readonly result: Promise<Result>;
  /** Resolves when the process is gone; never rejects. */
  readonly exit: Promise<WorkerExit>;
  /** What it wrote to standard output and error so far. */
  readonly output: string;
  /** Opens its barrier once, also before it gets there. */
  go(): void;
  /**
   * Makes it stand still when it marks the label for the n-th time, from 1. To be called before `go`, or in `armed`.
   * @default occurrence 1
   */
  arm(label: string, occurrence?: number): void;
  /** Resolves when it has marked the label so often; rejects when it ends before. @default occurrence 1 */
  reached(label: string, occurrence?: number): Promise<void>;
  /** Lets a worker that stands still go on. */
  resume(): void;
  /** SIGKILL, or another signal; resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<WorkerExit>;
}

export interface WorkerSettings {
  readonly module: URL;
  readonly index: number;
  readonly count: number;
  readonly args: unknown;
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly armed: readonly string[];
}

interface Waiter {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Worker<Result> implements WorkerHandle<Result> {
  readonly index: number;
  readonly ready: Promise<void>;
  readonly result: Promise<Result>;
  readonly exit: Promise<WorkerExit>;
  readonly #settings: WorkerSettings;
  readonly #child: ChildProcess;
  readonly #points: Duplex;
  readonly #reached = new Map<string, number>();
  #waiters: Waiter[] = [];
  #output = "";
  #isReady = false;
  #ended: Error | undefined;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.index = settings.index;
    this.#child = fork(fileURLToPath(settings.module), {
      execArgv: [...settings.execArgv],
      env: { ...process.env, ...settings.env },
      stdio: ["ignore", "pipe", "pipe", "ipc", "pipe"],
    });
    this.#points = this.#child.stdio[pointsFileDescriptor] as Duplex;
    this.#collectOutput(this.#child.stdout!);
    this.#collectOutput(this.#child.stderr!);
    this.#readPoints();
    this.exit = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => resolve({ code, signal }));
      this.#child.once("error", () => resolve({ code: null, signal: null }));
    });
    this.result = this.#awaitResult();
    this.ready = this.#until(() => this.#isReady);
    // A test that kills a worker does not ask for its result.
    this.result.catch(() => {});
    this.ready.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get output(): string {
    return this.#output;
  }

  #collectOutput(stream: Readable): void {
    stream.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
  }

  #readPoints(): void {
    let rest = "";
    this.#points.setEncoding("utf8");
    this.#points.on("error", () => {});
    this.#points.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { label, occurrence } = JSON.parse(line) as PointReached;
        this.#reached.set(label, occurrence);
      }
      this.#settleWaiters();
    });
  }

  #awaitResult(): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#child.on("message", (message: FromWorker) => {
        if (message.kind === "loaded") this.#begin();
        else if (message.kind === "ready") {
          this.#isReady = true;
          this.#settleWaiters();
        } else if (message.kind === "result") resolve(message.value as Result);
        else {
          // Also to those who wait for the barrier: how the process ends says less.
          this.#ended = new Error(`Worker ${this.index} failed: ${message.message}`, {
            cause: message.stack,
          });
          reject(this.#ended);
          this.#settleWaiters();
        }
      });
      void this.exit.then(({ code, signal }) => {
        const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`;
        this.#ended ??= new Error(`Worker ${this.index} ${how}. Its output:\n${this.#output.slice(-2_000)}`);
        reject(this.#ended);
        this.#settleWaiters();
      });
    });
  }

  #begin(): void {
    const { index, count, args, armed } = this.#settings;
    for (const label of armed) this.arm(label);
    this.#send({ kind: "begin", index, count, args });
  }

  #send(message: ToWorker): void {
    // A worker that is gone says so by `exit`.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #until(isMet: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ isMet, resolve, reject });
      this.#settleWaiters();
    });
  }

  #settleWaiters(): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.isMet()) waiter.resolve();
      else if (this.#ended !== undefined) waiter.reject(this.#ended);
      else return true;
      return false;
    });
  }

  go(): void {
    this.#send({ kind: "go" });
  }

  arm(label: string, occurrence = 1): void {
    this.#send({ kind: "arm", label, occurrence });
  }

  reached(label: string, occurrence = 1): Promise<void> {
    return this.#until(() => (this.#reached.get(label) ?? 0) >= occurrence);
  }

  resume(): void {
    this.#points.write("\n");
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<WorkerExit> {
    this.#child.kill(signal);
    return await this.exit;
  }
}
