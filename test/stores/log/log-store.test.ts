/** The store of examples/your-own-store: the suite, and what the suite cannot know: that it survives its process. */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "@holdfast/testkit";
import { dumpState, storeSuite } from "@holdfast/testkit/store-suite";
import { amounts, type Scope } from "holdfast";
import { expect, it } from "vitest";
import { logStore } from "../../../examples/your-own-store/log-store.ts";

const START = new Date("2026-03-28T22:30:00Z");

function logFile(): { path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-log-"));
  return { path: join(folder, "ledger.log"), remove: () => rmSync(folder, { recursive: true }) };
}

storeSuite({
  name: "log",
  createStore: async () => {
    const file = logFile();
    const clock = createFakeClock(START);
    const store = logStore(file.path, { clock });
    return {
      store,
      clock,
      async dispose() {
        await store.close();
        file.remove();
      },
    };
  },
});

it("a log that is opened again holds the same, and answers replays as before", async () => {
  const file = logFile();
  const clock = createFakeClock(START);
  const scope: Scope = {
    key: "k",
    budgetId: "b",
    values: { tenant: "\ud800", user: undefined },
    window: { kind: "rolling", durationMs: 60_000, segments: 6 },
    limits: { nanoUsd: 100 },
    onExpiry: "quarantine",
  };
  const reserve = (operationId: string, nanoUsd: number) => ({
    operationId,
    scopes: [scope],
    amounts: amounts({ nanoUsd }),
    undispatchedTtlMs: 5_000,
  });
  const before = logStore(file.path, { clock });
  await before.reserve(reserve("a", 40));
  await before.dispatch({ operationId: "a:d", holdId: "a", ttlMs: 1_000 });
  await before.reserve(reserve("b", 30));
  await before.settle({ operationId: "b:s", holdId: "b", amounts: amounts({ nanoUsd: 25 }) });
  expect(() => before.reserve(reserve("c", -1))).toThrow();
  clock.advance(2_000);
  const denied = await before.reserve(reserve("d", 99));
  const dump = await dumpState(before, { limits: true });
  await before.close();
  appendFileSync(file.path, '{"atMs":1,"verb":"reser');

  const after = logStore(file.path, { clock });
  expect(await dumpState(after, { limits: true })).toBe(dump);
  expect(await after.reserve(reserve("d", 99))).toEqual({ ...denied, replayed: true, expired: undefined });
  expect(
    await after.settle({ operationId: "a:s", holdId: "a", amounts: amounts({ nanoUsd: 1 }) }),
  ).toMatchObject({
    outcome: "settled",
    corrected: true,
  });
  await after.close();
  file.remove();
});
