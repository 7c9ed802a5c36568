/** A process that is killed in the middle of writing, again and again: what it was told is there afterwards. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { sqliteStore, type Durability } from "holdfast/sqlite";
import { describe, expect, it } from "vitest";
import type { Acknowledged } from "./crash-worker.ts";
import { sqliteFile } from "./sqlite-file.ts";

const LIVES = 6;

/** Lets it work for a while, kills it, and gives back what it had said by then. */
async function lifeOf(path: string, durability: Durability, life: number): Promise<Acknowledged[]> {
  const child = fork(
    fileURLToPath(new URL("./crash-worker.ts", import.meta.url)),
    [path, durability, `${life}`],
    {
      execArgv: ["--conditions=holdfast-source"],
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    },
  );
  const said: Acknowledged[] = [];
  const lines = createInterface({ input: child.stdout! });
  lines.on("line", (line) => said.push(JSON.parse(line) as Acknowledged));
  const ended = Promise.all([once(child, "exit"), once(lines, "close")]);
  // It is killed somewhere in its work, not while it starts.
  await once(lines, "line");
  await wait(40 + life * 37);
  child.kill("SIGKILL");
  const [[, signal]] = await ended;
  expect(signal).toBe("SIGKILL");
  return said;
}

describe.each(["process-crash", "power-loss"] as const)("kill -9, durability %s", (durability) => {
  it("loses nothing that was acknowledged, and leaves a sound file", { timeout: 120_000 }, async () => {
    using file = sqliteFile();
    const said: Acknowledged[] = [];
    for (let life = 0; life < LIVES; life++) {
      said.push(...(await lifeOf(file.path, durability, life)));
      const check = new DatabaseSync(file.path);
      expect(check.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      check.close();
    }
    expect(said.length).toBeGreaterThan(LIVES * 10);

    // What each hold was last said to be; at most one operation after it was done and not said, by each life.
    const last = new Map<string, Acknowledged>();
    for (const one of said) last.set(one.holdId, one);
    const database = new DatabaseSync(file.path);
    const rows = database.prepare("SELECT id, state, charged FROM hold").all() as {
      readonly id: string;
      readonly state: string;
      readonly charged: string | null;
    }[];
    database.close();
    const states = new Map(rows.map((row) => [row.id, row]));
    const next: Readonly<Record<Acknowledged["verb"], readonly string[]>> = {
      reserve: ["reserved", "dispatched", "released"],
      dispatch: ["dispatched", "settled"],
      settle: ["settled"],
      release: ["released"],
    };
    for (const [holdId, one] of last) {
      const row = states.get(holdId);
      expect(next[one.verb], `${holdId} after ${one.verb}`).toContain(row?.state);
      if (one.verb === "settle") expect(JSON.parse(row!.charged!)).toEqual([one.nanoUsd, 1, 0, 0, 0, 0]);
    }
    const unsaid = rows.filter(({ id }) => !last.has(id));
    expect(unsaid.length).toBeLessThanOrEqual(LIVES);

    // And the balance is that of the holds, to the unit.
    const store = sqliteStore(file.path);
    const [org] = (await store.balances({})).balances;
    const live = rows.filter(({ state }) => state === "reserved" || state === "dispatched");
    const settled = rows.filter(({ state }) => state === "settled");
    expect(org!.held.nanoUsd).toBe(live.length * 1_000);
    expect(org!.spent.nanoUsd).toBe(
      settled.reduce((sum, { charged }) => sum + (JSON.parse(charged!) as number[])[0]!, 0),
    );
    expect(org!.spent.calls).toBe(settled.length);
    await store.close();
  });
});
