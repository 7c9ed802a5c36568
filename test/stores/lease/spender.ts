/** A process that spends from one leased budget until it is told to end, is stopped, or is killed. */
import { setTimeout as delay } from "node:timers/promises";
import { workerMain } from "@holdfast/testkit/processes";
import { amounts, type Scope } from "holdfast";
import { leased } from "holdfast/lease";
import { openStore, type Backend } from "../backends.ts";

export interface SpenderArgs {
  readonly over: Backend;
  readonly scope: Scope;
  readonly nanoUsd: number;
  /** Settled calls before it stands still with some in flight. */
  readonly calls: number;
  readonly inFlight: number;
  readonly leaseMs: number;
}

export interface SpenderResult {
  readonly granted: number;
  readonly settled: number;
  /** Calls that were admitted after it had stood still, and by whom. */
  readonly afterwards: readonly (string | undefined)[];
}

workerMain<SpenderArgs, SpenderResult>(async ({ args, barrier, mark }) => {
  const { scope, nanoUsd, leaseMs } = args;
  const { store: base, close } = await openStore(args.over);
  const store = leased(base, { lease: () => true, leaseMs });
  let lastId = 0;
  const hold = async (): Promise<{ holdId: string; admittedBy: string | undefined }> => {
    const operationId = `${process.pid}.${(lastId += 1)}`;
    const held = await store.reserve({
      operationId,
      scopes: [scope],
      amounts: amounts({ nanoUsd, calls: 1 }),
      undispatchedTtlMs: 600_000,
    });
    if (held.outcome !== "held") throw new Error(`expected room for ${operationId}`);
    await store.dispatch({ operationId: `${operationId}:d`, holdId: operationId, ttlMs: 600_000 });
    return { holdId: operationId, admittedBy: held.admittedBy };
  };
  const settle = async (holdId: string): Promise<void> => {
    await store.settle({ operationId: `${holdId}:s`, holdId, amounts: amounts({ nanoUsd, calls: 1 }) });
  };
  await barrier();
  for (let n = 0; n < args.calls; n += 1) {
    await settle((await hold()).holdId);
    if (n % 50 === 0) await delay(5);
  }
  const open = [];
  for (let n = 0; n < args.inFlight; n += 1) open.push(await hold());
  const granted = store.leases().reduce((sum, lease) => sum + lease.granted.nanoUsd, 0);
  mark("in flight");
  // After a stop that outlived the slices, this runs before any timer.
  const late = await hold();
  for (const { holdId } of [...open, late]) await settle(holdId);
  await store.close();
  await close();
  return { granted, settled: args.calls + args.inFlight + 1, afterwards: [late.admittedBy] };
});
