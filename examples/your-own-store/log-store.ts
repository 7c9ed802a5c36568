/**
 * @module A store of one's own, small and whole: a log of operations in a file, replayed when it is opened.
 *
 * One process, one machine. What has been answered is in the file, so it survives the process (not the power: nothing
 * is synced). docs/write-your-own-store.md leads through it; it passes the store suite.
 */
import { closeSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { memoryStore, systemClock, type Clock, type LedgerStore } from "holdfast";

type Verb = "reserve" | "dispatch" | "settle" | "release" | "renew" | "expire" | "adjust" | "override";

interface Line {
  readonly atMs: number;
  readonly verb: Verb;
  readonly operation: unknown;
}

export function logStore(path: string, options: { readonly clock?: Clock } = {}): LedgerStore {
  const clock = options.clock ?? systemClock;
  const file = openSync(path, "a");
  let nowMs = 0;
  // The state machine is the memory store's. It never reads a clock of its own: the time is part of each operation.
  const state = memoryStore({ clock: { now: () => nowMs }, rememberedOperations: 1_000_000 });

  function apply<V extends Verb>(
    verb: V,
    operation: Parameters<LedgerStore[V]>[0],
  ): ReturnType<LedgerStore[V]> {
    return (state[verb] as (given: typeof operation) => ReturnType<LedgerStore[V]>)(operation);
  }

  // The same operations at the same times give the same state, refused ones included.
  for (const { atMs, verb, operation } of readLines(path)) {
    nowMs = atMs;
    try {
      void apply(verb, operation as never);
    } catch {
      // It was refused then, too.
    }
  }

  function run<V extends Verb>(
    verb: V,
    operation: Parameters<LedgerStore[V]>[0],
  ): ReturnType<LedgerStore[V]> {
    nowMs = Math.max(nowMs, clock.now());
    const line: Line = { atMs: nowMs, verb, operation };
    // Written before it is applied: if this throws, nothing has happened, and that is no denial.
    writeSync(file, `${JSON.stringify(line)}\n`);
    return apply(verb, operation);
  }

  return {
    name: "log",
    reserve: (operation) => run("reserve", operation),
    dispatch: (operation) => run("dispatch", operation),
    settle: (operation) => run("settle", operation),
    release: (operation) => run("release", operation),
    renew: (operation) => run("renew", operation),
    expire: (operation) => run("expire", operation),
    adjust: (operation) => run("adjust", operation),
    override: (operation) => run("override", operation),
    balances(query) {
      nowMs = Math.max(nowMs, clock.now());
      return state.balances(query);
    },
    close: () => closeSync(file),
  };
}

/** The whole lines of the file; half a line, written by a process that was killed, is cut off. */
function readLines(path: string): readonly Line[] {
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  truncateSync(path, Buffer.byteLength(whole));
  return whole
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}
