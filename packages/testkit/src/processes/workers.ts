/** @module Real Node processes that run one module at the same time, for races and crashes that one process cannot have. */
import { Worker } from "./worker-handle.ts";
import type { WorkerExit, WorkerHandle } from "./worker-handle.ts";

export interface WorkersOptions {
  /** The worker module, which calls `workerMain`: `new URL("./spender.ts", import.meta.url)`. */
  readonly module: URL;
  /** How many processes. @default 1 */
  readonly count?: number;
  /** Plain JSON data for every worker, or a function of its number. */
  readonly args?: unknown;
  /** Labels at which every worker stands still the first time. */
  readonly armed?: readonly string[];
  /** Further arguments for Node. `--conditions=holdfast-source` is always there. */
  readonly execArgv?: readonly string[];
  /** Over the parent's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Workers<Result> extends AsyncDisposable {
  readonly workers: readonly WorkerHandle<Result>[];
  /** Resolves when all are at their first `barrier`; rejects when one ends before. */
  readonly ready: Promise<void>;
  /** The results of all, in order; rejects with the first failure. */
  readonly results: Promise<Result[]>;
  /** Opens all barriers. Starts a race when it is called after `ready`. */
  go(): void;
  /** SIGKILL to all; resolves when they are gone. */
  kill(): Promise<WorkerExit[]>;
}

/** Starts the processes. They are killed when this process exits, and end themselves when it is killed. */
export function startWorkers<Result = unknown>(options: WorkersOptions): Workers<Result> {
  const { module, count = 1, args, armed = [], execArgv = [], env = {} } = options;
  const workers = Array.from({ length: count }, (_, index) => {
    const own: unknown = typeof args === "function" ? args(index) : args;
    const conditions = "--conditions=holdfast-source";
    return new Worker<Result>({
      module,
      index,
      count,
      args: own,
      armed,
      env,
      execArgv: [conditions, ...execArgv],
    });
  });
  const killAll = (): Promise<WorkerExit[]> => Promise.all(workers.map((worker) => worker.kill()));
  const killNow = (): void => void killAll();
  process.on("exit", killNow);
  void Promise.all(workers.map((worker) => worker.exit)).then(() => process.off("exit", killNow));

  const ready = Promise.all(workers.map((worker) => worker.ready)).then(() => {});
  const results = Promise.all(workers.map((worker) => worker.result));
  ready.catch(() => {});
  results.catch(() => {});
  return {
    workers,
    ready,
    results,
    go() {
      for (const worker of workers) worker.go();
    },
    kill: killAll,
    async [Symbol.asyncDispose]() {
      await killAll();
    },
  };
}
