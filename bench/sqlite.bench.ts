/**
 * @module What the sqlite store costs beside the least that any SQLite store could do: one guarded update per scope, in
 * a transaction, to hold, and one more to settle.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteStore, type Durability } from "holdfast/sqlite";
import { compare, type Arm, type ArmMaker, type Comparison } from "./harness.ts";
import { atMost, failedRows, micros, times, type Row } from "./report.ts";
import { scopesOf, storeArm } from "./store.bench.ts";

const GROUP = "sqlite store (reserve and settle, per call, wall clock)";
const SCOPES = 4;
const PAIR_PER_RAW = 3;

const RAW = "raw: two transactions of guarded updates";
const PAIR = "reserve + settle";
const TRIPLE = "reserve + dispatch + settle";

const SYNCHRONOUS: Readonly<Record<Durability, string>> = { "power-loss": "FULL", "process-crash": "NORMAL" };

export async function benchSqlite(quick: boolean): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  try {
    const rows: Row[] = [];
    for (const durability of ["process-crash", "power-loss"] as const) {
      rows.push(...(await benchDurability(durability, join(folder, durability), quick)));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchDurability(
  durability: Durability,
  path: string,
  quick: boolean,
): Promise<readonly Row[]> {
  const keys = Array.from({ length: SCOPES }, (_, i) => `budget-${i}/value-${i}`);
  const store = (name: string, dispatch: boolean): Arm["run"] =>
    storeArm(sqliteStore(`${path}-${name}.db`, { durability }), scopesOf(keys), dispatch);
  const makers: readonly ArmMaker[] = [
    [RAW, () => rawArm(`${path}-raw.db`, SYNCHRONOUS[durability], keys)],
    [PAIR, () => store("pair", false)],
    [TRIPLE, () => store("triple", true)],
  ];
  const result = await compare(makers, { rounds: quick ? 7 : 15, count: quick ? 100 : 400 });
  const row = (name: string, target: Pick<Row, "target" | "met"> = {}): Row => ({
    group: GROUP,
    quantity: `${SCOPES} scopes, ${durability}: ${name}`,
    ours: micros(wallOf(result, name)),
    against: `raw ${micros(wallOf(result, RAW))}`,
    ratio: times(wallRatioOf(result, name)),
    ...target,
  });
  const target = { target: `<= ${PAIR_PER_RAW} x raw`, met: atMost(wallRatioOf(result, PAIR), PAIR_PER_RAW) };
  return [row(PAIR, target), row(TRIPLE), ...failedRows(GROUP, result.failed)];
}

function wallOf({ arms }: Comparison, name: string): number | undefined {
  return arms.get(name)?.wall;
}

/** The median over rounds: the disk is part of what is measured, so it is wall clock and not CPU. */
function wallRatioOf({ arms }: Comparison, name: string): number | undefined {
  const [arm, raw] = [arms.get(name), arms.get(RAW)];
  if (arm === undefined || raw === undefined) return undefined;
  const ratios = arm.samples.map((sample, round) => sample.wall / raw.samples[round]!.wall);
  return ratios.sort((a, b) => a - b)[ratios.length >> 1];
}

function rawArm(path: string, synchronous: string, keys: readonly string[]): Arm["run"] {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
    CREATE TABLE counter (key TEXT PRIMARY KEY, spent INTEGER, held INTEGER, lim INTEGER) STRICT, WITHOUT ROWID`);
  const insert = database.prepare("INSERT INTO counter VALUES (?, 0, 0, ?)");
  for (const key of keys) insert.run(key, Number.MAX_SAFE_INTEGER);
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const hold = database.prepare(
    "UPDATE counter SET held = held + ? WHERE key = ? AND spent + held + ? <= lim",
  );
  const settle = database.prepare("UPDATE counter SET held = held - ?, spent = spent + ? WHERE key = ?");
  return (count) => {
    for (let i = 0; i < count; i++) {
      begin.run();
      for (const key of keys) hold.run(200_000, key, 200_000);
      commit.run();
      begin.run();
      for (const key of keys) settle.run(200_000, 23_400, key);
      commit.run();
    }
  };
}
