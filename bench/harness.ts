/**
 * @module How things are measured here.
 *
 * Arms that are compared run in one process, in shuffled rounds, so that a busy neighbour slows all of them down. What
 * is reported is the median over rounds of the ratio (or the difference) within a round, never a ratio of two runs.
 * CPU is that of the measuring thread, which a neighbour cannot use up.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";

// A collection makes V8 forget the code of what has not run for a while, which would charge every arm but the busiest
// for compiling it again in every round.
setFlagsFromString("--no-flush-bytecode");

/** One way of doing the thing; the first arm of a comparison is what the others are compared with. */
export interface Arm {
  readonly name: string;
  /** Does it `count` times. An arm whose own name matters to nobody else may keep state between runs. */
  readonly run: (count: number) => void | Promise<void>;
}

export interface RoundOptions {
  readonly rounds: number;
  /** How often an arm does its thing in one round, at least: a round is never shorter than {@link SAMPLE_MS}. */
  readonly count: number;
  /** How often before the first round, so that it is compiled. @default 2 x count */
  readonly warmup?: number;
}

/** The CPU clock of a thread ticks every 4 ms on common kernels. */
const SAMPLE_MS = 80;

/** Microseconds for one time. */
export interface Sample {
  readonly cpu: number;
  readonly wall: number;
}

export interface ArmResult {
  readonly name: string;
  /** Medians over the rounds, microseconds for one time. */
  readonly cpu: number;
  readonly wall: number;
  /** Medians over the rounds of (this arm - first arm) and of (this arm / first arm), thread CPU. */
  readonly addedCpu: number;
  readonly cpuRatio: number;
  /** One sample per round, in the order of the rounds. */
  readonly samples: readonly Sample[];
}

/** An arm that could not be made or run, and why. */
export interface FailedArm {
  readonly name: string;
  readonly failure: string;
}

export interface Comparison {
  readonly arms: ReadonlyMap<string, ArmResult>;
  readonly failed: readonly FailedArm[];
}

/** Makes an arm, or says why it cannot be made: a peer that does not load must not stop the others. */
export type ArmMaker = readonly [name: string, make: () => Arm["run"] | Promise<Arm["run"]>];

export async function compare(makers: readonly ArmMaker[], options: RoundOptions): Promise<Comparison> {
  const { rounds, count, warmup = 2 * count } = options;
  const failed: FailedArm[] = [];
  const running: { arm: Arm; count: number; samples: Sample[] }[] = [];
  for (const [name, make] of makers) {
    try {
      const arm: Arm = { name, run: await make() };
      await arm.run(warmup);
      const startedMs = performance.now();
      await arm.run(count);
      const runsPerSample = Math.ceil(SAMPLE_MS / Math.max(performance.now() - startedMs, 0.01));
      running.push({ arm, count: count * runsPerSample, samples: [] });
    } catch (error) {
      failed.push({ name, failure: describeError(error) });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of shuffled(running)) one.samples.push(await sampleOf(one.arm, one.count));
  }
  const first = running[0]?.samples ?? [];
  const arms = running.map(({ arm, samples }): ArmResult => {
    const added = samples.map((sample, round) => sample.cpu - first[round]!.cpu);
    const ratio = samples.map((sample, round) => sample.cpu / first[round]!.cpu);
    return {
      name: arm.name,
      cpu: median(samples.map((sample) => sample.cpu)),
      wall: median(samples.map((sample) => sample.wall)),
      addedCpu: median(added),
      cpuRatio: median(ratio),
      samples,
    };
  });
  return { arms: new Map(arms.map((arm) => [arm.name, arm])), failed };
}

/** The median over rounds of one arm's CPU divided by another's; undefined when one of them did not run. */
export function cpuRatioOf({ arms }: Comparison, name: string, toName: string): number | undefined {
  return perRound(arms.get(name), arms.get(toName), (a, b) => a.cpu / b.cpu);
}

/** The same for the difference, microseconds. */
export function cpuAddedBy({ arms }: Comparison, name: string, toName: string): number | undefined {
  return perRound(arms.get(name), arms.get(toName), (a, b) => a.cpu - b.cpu);
}

function perRound(
  arm: ArmResult | undefined,
  to: ArmResult | undefined,
  combine: (a: Sample, b: Sample) => number,
): number | undefined {
  if (arm === undefined || to === undefined) return undefined;
  return median(arm.samples.map((sample, round) => combine(sample, to.samples[round]!)));
}

async function sampleOf(arm: Arm, count: number): Promise<Sample> {
  // One arm's garbage is not another one's cost, and its caches are warm.
  collectYoungGarbage();
  await arm.run(Math.ceil(count / 10));
  const cpuBefore = threadCpuMicros();
  const wallBefore = performance.now();
  await arm.run(count);
  const wall = (performance.now() - wallBefore) * 1_000;
  const cpu = threadCpuMicros() - cpuBefore;
  await nextTurn();
  return { cpu: cpu / count, wall: wall / count };
}

export function threadCpuMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error("Run with --expose-gc (pnpm bench does).");
  globalThis.gc();
}

function collectYoungGarbage(): void {
  if (globalThis.gc === undefined) throw new Error("Run with --expose-gc (pnpm bench does).");
  globalThis.gc({ type: "minor" });
}

/** Bytes in use after everything that can be collected has been. */
export async function settledHeapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await nextTurn();
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function shuffled<T>(values: readonly T[]): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

export function describeError(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split("\n", 1)[0]!.slice(0, 160);
}
