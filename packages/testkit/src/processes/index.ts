/** @module Worker processes for tests: a start barrier, one result each, and SIGKILL exactly at a labelled point. */
export { workerMain } from "./worker-main.ts";
export type { WorkerContext } from "./worker-main.ts";
export type { WorkerExit, WorkerHandle } from "./worker-handle.ts";
export { startWorkers } from "./workers.ts";
export type { Workers, WorkersOptions } from "./workers.ts";
