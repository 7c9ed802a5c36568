/** @module One process of the race: calls until it has made its share of them, and says how many were admitted. */
import { workerMain } from "@holdfast/testkit/processes";
import { amounts } from "holdfast";
import { sqliteStore } from "holdfast/sqlite";
import { CALL, scopesOf } from "./race-scopes.ts";

export interface RaceArgs {
  readonly path: string;
  readonly calls: number;
  /** Every n-th admitted call is given back and tried again by somebody. */
  readonly releaseEvery: number;
}

export interface RaceResult {
  readonly admitted: number;
  readonly denied: number;
  readonly released: number;
}

workerMain<RaceArgs, RaceResult>(async ({ args, index, barrier }) => {
  const store = sqliteStore(args.path, { durability: "process-crash", busyTimeoutMs: 20_000 });
  const result = { admitted: 0, denied: 0, released: 0 };
  await barrier();
  for (let call = 0; call < args.calls; call++) {
    const holdId = `${index}-${call}`;
    const reserved = await store.reserve({
      operationId: holdId,
      scopes: scopesOf(index),
      amounts: CALL,
      undispatchedTtlMs: 600_000,
    });
    if (reserved.outcome !== "held") {
      result.denied += 1;
      continue;
    }
    if (args.releaseEvery > 0 && call % args.releaseEvery === 0) {
      await store.release({ operationId: `${holdId}-r`, holdId });
      result.released += 1;
      continue;
    }
    await store.dispatch({ operationId: `${holdId}-d`, holdId, ttlMs: 600_000 });
    await store.settle({
      operationId: `${holdId}-s`,
      holdId,
      amounts: amounts({ ...CALL, concurrentCalls: 0 }),
    });
    result.admitted += 1;
  }
  await store.close();
  return result;
});
