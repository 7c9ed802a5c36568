/** @module Writes until it is killed, and says of each operation that it was acknowledged, after it was. */
import { writeSync } from "node:fs";
import { amounts, type Scope } from "holdfast";
import { sqliteStore, type Durability } from "holdfast/sqlite";

export type Acknowledged =
  | { readonly verb: "reserve" | "dispatch" | "release"; readonly holdId: string }
  | { readonly verb: "settle"; readonly holdId: string; readonly nanoUsd: number };

const scope: Scope = {
  key: "org",
  budgetId: "org",
  values: {},
  window: { kind: "total" },
  limits: {},
  onExpiry: "charge",
};

const [path, durability, life] = process.argv.slice(2) as [string, Durability, string];
const store = sqliteStore(path, { durability, busyTimeoutMs: 20_000 });

/** Written at once: what the parent reads has been acknowledged, whatever happens to this process next. */
function acknowledged(what: Acknowledged): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

for (let call = 0; ; call++) {
  const holdId = `${life}-${call}`;
  const held = await store.reserve({
    operationId: holdId,
    scopes: [scope],
    amounts: amounts({ nanoUsd: 1_000, calls: 1 }),
    undispatchedTtlMs: 3_600_000,
  });
  if (held.outcome !== "held") throw new Error(`not held: ${held.outcome}`);
  acknowledged({ verb: "reserve", holdId });
  if (call % 3 === 0) {
    await store.release({ operationId: `${holdId}-r`, holdId });
    acknowledged({ verb: "release", holdId });
    continue;
  }
  await store.dispatch({ operationId: `${holdId}-d`, holdId, ttlMs: 3_600_000 });
  acknowledged({ verb: "dispatch", holdId });
  const nanoUsd = 500 + (call % 400);
  await store.settle({ operationId: `${holdId}-s`, holdId, amounts: amounts({ nanoUsd, calls: 1 }) });
  acknowledged({ verb: "settle", holdId, nanoUsd });
}
