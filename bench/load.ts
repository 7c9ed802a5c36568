/**
 * @module Latency and throughput of what crosses a socket. As in harness.ts, arms are interleaved in shuffled rounds
 * and ratios are medians over rounds; here the wall clock counts, since most of the time is spent elsewhere.
 */
import { median, shuffled, type FailedArm } from "./harness.ts";
import { describeError } from "./harness.ts";

/** Makes what is done once; the store or client behind it is ready when it resolves. */
export type LoadArm = readonly [name: string, make: () => Promise<() => Promise<unknown>>];

export interface LoadOptions {
  readonly rounds: number;
  /** Operations per arm and round. */
  readonly count: number;
  /** Operations under way at a time. With 1, a figure is a median latency; else it is the time per operation. */
  readonly concurrency: number;
}

export interface LoadResult {
  /** Microseconds, one per round. */
  readonly arms: ReadonlyMap<string, readonly number[]>;
  readonly failed: readonly FailedArm[];
}

export async function compareLoad(makers: readonly LoadArm[], options: LoadOptions): Promise<LoadResult> {
  const failed: FailedArm[] = [];
  const running: { name: string; once: () => Promise<unknown>; rounds: number[] }[] = [];
  for (const [name, make] of makers) {
    try {
      const once = await make();
      await load(once, { ...options, count: Math.ceil(options.count / 2) });
      running.push({ name, once, rounds: [] });
    } catch (error) {
      failed.push({ name, failure: describeError(error) });
    }
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const arm of shuffled(running)) arm.rounds.push(await load(arm.once, options));
  }
  return { arms: new Map(running.map(({ name, rounds }) => [name, rounds])), failed };
}

async function load(once: () => Promise<unknown>, { count, concurrency }: LoadOptions): Promise<number> {
  const latencies: number[] = [];
  let left = count;
  async function caller(): Promise<void> {
    while (left > 0) {
      left -= 1;
      const startedMs = performance.now();
      await once();
      latencies.push(performance.now() - startedMs);
    }
  }
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: concurrency }, caller));
  const tookMs = performance.now() - startedMs;
  return (concurrency === 1 ? median(latencies) : tookMs / count) * 1_000;
}

/** Microseconds, the median over rounds. */
export function microsOf({ arms }: LoadResult, name: string): number | undefined {
  const rounds = arms.get(name);
  return rounds === undefined ? undefined : median(rounds);
}

/** One arm's time divided by another's, the median over rounds. */
export function timeRatioOf({ arms }: LoadResult, name: string, toName: string): number | undefined {
  const [a, b] = [arms.get(name), arms.get(toName)];
  if (a === undefined || b === undefined) return undefined;
  return median(a.map((time, round) => time / b[round]!));
}
