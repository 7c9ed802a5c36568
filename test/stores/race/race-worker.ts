/** One of several processes that want money from the same budget, all at once. */
import { workerMain } from "@holdfast/testkit/processes";
import { amounts, type Scope } from "holdfast";
import { openStore, type Backend } from "../backends.ts";

export interface RaceArgs {
  readonly backend: Backend;
  readonly scope: Scope;
  readonly calls: number;
  readonly concurrency: number;
  readonly nanoUsd: number;
}

export interface RaceResult {
  readonly admitted: number;
  readonly denied: number;
}

workerMain<RaceArgs, RaceResult>(async ({ args, index, barrier }) => {
  const { scope, calls, concurrency, nanoUsd } = args;
  const { store, close } = await openStore(args.backend);
  const asked = amounts({ nanoUsd, calls: 1, inputTokens: 10, outputTokens: 5, totalTokens: 15 });
  let next = 0;
  let admitted = 0;
  let denied = 0;
  await store.balances({});
  await barrier();

  async function caller(): Promise<void> {
    for (let n = next++; n < calls; n = next++) {
      const holdId = `race.${index}.${n}`;
      const result = await store.reserve({
        operationId: holdId,
        scopes: [scope],
        amounts: asked,
        undispatchedTtlMs: 60_000,
      });
      if (result.outcome !== "held") {
        denied += 1;
        continue;
      }
      admitted += 1;
      await store.dispatch({ operationId: `${holdId}:d`, holdId, ttlMs: 60_000 });
      await store.settle({ operationId: `${holdId}:s`, holdId, amounts: asked });
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller));
  // Nobody gives back what it holds in advance before all have asked for everything they want.
  await barrier();
  await close();
  return { admitted, denied };
});
