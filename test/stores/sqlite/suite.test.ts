/** The whole store suite on sqlite: on a file that two connections have open, in memory, and by the running clock. */
import { storeSuite } from "@holdfast/testkit/store-suite";
import { createFakeClock } from "@holdfast/testkit";
import { sqliteStore } from "holdfast/sqlite";
import { onFile, sqliteFile } from "./sqlite-file.ts";

storeSuite({ name: "sqlite, a file", createStore: onFile({ durability: "process-crash" }) });

storeSuite({
  name: "sqlite, every commit on disk",
  createStore: onFile({ durability: "power-loss" }),
  property: { numRuns: 10 },
});

storeSuite({
  name: "sqlite, in memory",
  createStore: async () => {
    const clock = createFakeClock(new Date("2026-10-24T21:30:00Z"));
    const store = sqliteStore(":memory:", { clock });
    return { store, clock, dispose: async () => store.close() };
  },
  property: { seed: 71 },
});

storeSuite({
  name: "sqlite, by the running clock",
  createStore: async () => {
    const file = sqliteFile();
    const store = sqliteStore(file.path, { durability: "process-crash" });
    return {
      store,
      another: async () => sqliteStore(file.path, { durability: "process-crash" }),
      dispose: async () => {
        await store.close();
        file[Symbol.dispose]();
      },
    };
  },
  property: { numRuns: 30 },
});
