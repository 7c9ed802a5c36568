/** @module What a worker process and its parent say to each other. */

/** From the parent, by IPC. The order is kept: labels are armed before the work goes on. */
export type ToWorker =
  | { readonly kind: "arm"; readonly label: string; readonly occurrence: number }
  | { readonly kind: "begin"; readonly index: number; readonly count: number; readonly args: unknown }
  | { readonly kind: "go" };

/** From the worker, by IPC. */
export type FromWorker =
  | { readonly kind: "failed"; readonly message: string; readonly stack: string }
  | { readonly kind: "loaded" }
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly value: unknown };

/** A point that was reached, one line of JSON on the file descriptor below. */
export interface PointReached {
  readonly label: string;
  /** How often this label has been reached, this time included. */
  readonly occurrence: number;
  /** Whether the worker stands still there until it is resumed or killed. */
  readonly blocked: boolean;
}

/**
 * The worker's end of a socket pair for labelled points. A worker writes and reads it synchronously: what it reports is
 * with the parent's system before the next instruction, and nothing else of the process runs while it is blocked.
 */
export const pointsFileDescriptor = 4;
