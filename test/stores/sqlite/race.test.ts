/** Several processes, one file, money for a part of what they ask. */
import { startWorkers } from "@holdfast/testkit/processes";
import { listBalances } from "@holdfast/testkit/store-suite";
import { sqliteStore } from "holdfast/sqlite";
import { expect, it } from "vitest";
import { CALL, MONEY_FOR_CALLS } from "./race-scopes.ts";
import type { RaceArgs, RaceResult } from "./race-worker.ts";
import { sqliteFile } from "./sqlite-file.ts";

it.each([
  ["every call is settled", 0],
  ["every fifth call is given back", 5],
])(
  "4 processes x 250 calls, money for 100: exactly 100 when %s",
  { timeout: 120_000 },
  async (_, releaseEvery) => {
    using file = sqliteFile();
    const args: RaceArgs = { path: file.path, calls: 250, releaseEvery };
    await using group = startWorkers<RaceResult>({
      module: new URL("./race-worker.ts", import.meta.url),
      count: 4,
      args,
    });
    await group.ready;
    group.go();
    const results = await group.results;

    const admitted = results.reduce((sum, result) => sum + result.admitted, 0);
    expect(admitted).toBe(MONEY_FOR_CALLS);
    expect(results.every(({ admitted: mine, denied, released }) => mine + denied + released === 250)).toBe(
      true,
    );
    if (releaseEvery > 0) expect(results.some(({ released }) => released > 0)).toBe(true);

    const store = sqliteStore(file.path);
    const balances = await listBalances(store);
    const org = balances.find(({ scope }) => scope.key === "org")!;
    expect(org.spent).toMatchObject({ nanoUsd: 100 * CALL.nanoUsd, calls: 100, outputTokens: 10_000 });
    expect(balances.every(({ held }) => Object.values(held).every((amount) => amount === 0))).toBe(true);
    const own = balances.filter(({ scope }) => scope.budgetId === "process");
    expect(own.reduce((sum, { spent }) => sum + spent.nanoUsd, 0)).toBe(org.spent.nanoUsd);
    await store.close();
  },
);
