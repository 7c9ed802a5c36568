/** @module The worker's side: what a module calls that `startWorkers` runs in a process of its own. */
import { readSync, writeSync } from "node:fs";
import { pointsFileDescriptor } from "./messages.ts";
import type { FromWorker, PointReached, ToWorker } from "./messages.ts";

export interface WorkerContext<Args> {
  /** What the parent passed: plain JSON data. */
  readonly args: Args;
  /** This worker's number, from 0. */
  readonly index: number;
  /** How many workers there are. */
  readonly count: number;
  /** Reports readiness and waits for the parent's `go`; again for every call. */
  barrier(): Promise<void>;
  /**
   * Reports a labelled point. When the parent armed the label, the whole process stands still here, synchronously, until
   * it is killed or resumed: no timer, no socket, no other promise of it goes on.
   */
  mark(label: string): void;
}

function send(message: FromWorker): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

/** Labelled points, reported over a file descriptor without a turn of the event loop. */
class Points {
  readonly #reached = new Map<string, number>();
  readonly #armed: { readonly label: string; readonly occurrence: number }[] = [];

  arm(label: string, occurrence: number): void {
    this.#armed.push({ label, occurrence });
  }

  mark(label: string): void {
    const occurrence = (this.#reached.get(label) ?? 0) + 1;
    this.#reached.set(label, occurrence);
    const blocked = this.#armed.some((point) => point.label === label && point.occurrence === occurrence);
    const report: PointReached = { label, occurrence, blocked };
    writeSync(pointsFileDescriptor, `${JSON.stringify(report)}\n`);
    // One byte resumes. The end of the stream means that the parent is gone, and so there is nothing to go on for.
    if (blocked && readSync(pointsFileDescriptor, Buffer.alloc(1)) === 0) process.exit(1);
  }
}

/** Lets `wait` return once per `open`, whichever comes first. */
class Gate {
  #opened = 0;
  #wake: (() => void) | undefined;

  open(): void {
    this.#opened += 1;
    this.#wake?.();
  }

  async wait(): Promise<void> {
    while (this.#opened === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#opened -= 1;
  }
}

/**
 * Runs the work of this process and hands its result, plain JSON data, to the parent; then the process exits. An error
 * rejects the parent's `result` with its message and stack. To be called once, at the top of the worker module.
 * @throws Error when the process was not started by `startWorkers`
 */
export function workerMain<Args, Result>(work: (context: WorkerContext<Args>) => Promise<Result>): void {
  if (process.send === undefined) throw new Error("workerMain runs in a process that startWorkers started.");
  const points = new Points();
  const gate = new Gate();

  async function run(begin: Extract<ToWorker, { kind: "begin" }>): Promise<void> {
    const context: WorkerContext<Args> = {
      args: begin.args as Args,
      index: begin.index,
      count: begin.count,
      async barrier() {
        await send({ kind: "ready" });
        await gate.wait();
      },
      mark: (label) => points.mark(label),
    };
    try {
      await send({ kind: "result", value: await work(context) });
      process.exit(0);
    } catch (error) {
      const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
      await send({ kind: "failed", message, stack });
      process.exit(1);
    }
  }

  process.on("message", (message: ToWorker) => {
    if (message.kind === "arm") points.arm(message.label, message.occurrence);
    else if (message.kind === "go") gate.open();
    else void run(message);
  });
  // Without a parent there is nobody to work for.
  process.on("disconnect", () => process.exit(1));
  void send({ kind: "loaded" });
}
