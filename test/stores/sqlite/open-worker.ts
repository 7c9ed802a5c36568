/** @module Opens a file that nobody has opened before, at the same time as others do. */
import { workerMain } from "@holdfast/testkit/processes";
import { sqliteStore } from "holdfast/sqlite";

workerMain<{ readonly path: string }, string>(async ({ args, index, barrier }) => {
  await barrier();
  const store = sqliteStore(args.path, { durability: "process-crash", busyTimeoutMs: 20_000 });
  const scope = {
    key: `process-${index}`,
    budgetId: "b",
    values: {},
    window: { kind: "total" },
    limits: {},
    onExpiry: "charge",
  } as const;
  const { outcome } = await store.adjust({ operationId: `${index}`, scope, delta: { calls: 1 } });
  await store.close();
  return outcome;
});
