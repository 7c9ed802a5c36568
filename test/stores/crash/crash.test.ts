/**
 * kill -9 at every labelled point of a call: what the provider billed and what the store says agree as the policy says.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startWorkers } from "@holdfast/testkit/processes";
import { startProviderServer, type ProviderServer } from "@holdfast/testkit/provider-server";
import type { BudgetConfig, LedgerStore, ScopeState } from "holdfast";
import { migratePostgres } from "holdfast/postgres";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { openStore, type Backend } from "../backends.ts";
import { POINTS, type CrashArgs, type Point } from "./points.ts";

const UNDISPATCHED_MS = 1_000;
const DISPATCHED_MS = 2_500;

/** What the killed call costs by the policy "charge": nothing, what was held for it, or what it really cost. */
const CHARGED: Readonly<Record<Point, "nothing" | "hold" | "cost">> = {
  "before reserve": "nothing",
  "reserve reply lost": "nothing",
  "before dispatch": "nothing",
  "before send": "hold",
  "mid-stream": "hold",
  "after usage": "hold",
  "settle reply lost": "cost",
  "after settle": "cost",
};

const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
let server: ProviderServer;
const backends: Record<string, Backend> = {};

beforeAll(async () => {
  server = await startProviderServer({ usage: { inputTokens: 20, outputTokens: 100 } });
  const pool = new Pool({ connectionString: inject("postgresUrl"), max: 1 });
  await pool.query("CREATE DATABASE crash");
  await pool.end();
  const url = new URL(inject("postgresUrl"));
  url.pathname = "/crash";
  const crash = new Pool({ connectionString: url.href, max: 1 });
  await migratePostgres(crash);
  await crash.end();
  Object.assign(backends, {
    sqlite: { kind: "sqlite", path: join(folder, "crash.db") },
    Redis: { kind: "ioredis", url: inject("redisUrl"), prefix: "crash" },
    Postgres: { kind: "pg", url: url.href },
  } satisfies Record<string, Backend>);
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

/** gpt-5-mini: 0.25 USD per million tokens in, 2 USD out. */
function billedNanoUsd(user: string): number {
  return server.ledger
    .filter((entry) => entry.requestBody["user"] === user)
    .reduce((sum, { billed }) => sum + billed.inputTokens * 250 + billed.outputTokens * 2_000, 0);
}
const COST = 20 * 250 + 100 * 2_000;

async function stateOf(store: LedgerStore, budgetId: string): Promise<ScopeState | undefined> {
  return (await store.balances({ budgetIds: [budgetId] })).balances[0];
}

interface Crash {
  readonly billed: number;
  readonly held: number;
  readonly atDeath: ScopeState | undefined;
  readonly inTheEnd: ScopeState | undefined;
}

/** Kills a process at the point in its second call, and waits until its holds have expired. */
async function crashAt(point: Point, backend: Backend, onExpiry: BudgetConfig["onExpiry"]): Promise<Crash> {
  const id = `${onExpiry}, ${point}, ${backend.kind}`;
  const args: CrashArgs = {
    backend,
    baseURL: server.url,
    user: id,
    undispatchedTtlMs: UNDISPATCHED_MS,
    dispatchedTtlMs: DISPATCHED_MS,
    budget: { id, limit: { usd: "1" }, window: "total", onExpiry: onExpiry! },
  };
  await using workers = startWorkers({ module: new URL("crash-worker.ts", import.meta.url), args });
  const [worker] = workers.workers;
  await workers.ready;
  worker!.arm(point, 2);
  workers.go();
  await worker!.reached(point, 2);
  expect(await worker!.kill()).toMatchObject({ signal: "SIGKILL" });
  const opened = await openStore(backend);
  const { store } = opened;
  try {
    const atDeath = await stateOf(store, id);
    const held = atDeath?.held.nanoUsd ?? 0;
    const deadline = Date.now() + 3 * DISPATCHED_MS;
    let inTheEnd = atDeath;
    while (onExpiry !== "quarantine" && (inTheEnd?.held.calls ?? 0) > 0 && Date.now() < deadline) {
      await delay(100);
      await store.expire({ limit: 100 });
      inTheEnd = await stateOf(store, id);
    }
    if (onExpiry === "quarantine") {
      await delay(DISPATCHED_MS + 200);
      await store.expire({ limit: 100 });
      inTheEnd = await stateOf(store, id);
    }
    return { billed: billedNanoUsd(id), held, atDeath, inTheEnd };
  } finally {
    await opened.close();
  }
}

describe.each(["sqlite", "Redis", "Postgres"])("a process killed on %s", (name) => {
  it.concurrent.each(POINTS)("%s", async (point) => {
    const { billed, held, inTheEnd } = await crashAt(point, backends[name]!, "charge");
    const charged = { nothing: 0, hold: held, cost: COST }[CHARGED[point]];
    if (CHARGED[point] === "hold") expect(held).toBeGreaterThan(COST);
    expect(inTheEnd?.spent.nanoUsd).toBe(COST + charged);
    expect(inTheEnd?.held.nanoUsd).toBe(0);
    // Never under-counted, and nothing that the provider did not begin is charged more than its hold.
    expect(billed).toBeLessThanOrEqual(inTheEnd!.spent.nanoUsd);
    if (CHARGED[point] === "cost") expect(billed).toBe(inTheEnd!.spent.nanoUsd);
    if (CHARGED[point] === "nothing") expect(billed).toBe(COST);
  });
});

describe("the budget's policy decides what a killed call costs", () => {
  it.concurrent("release: nothing, although the provider billed it", async () => {
    const { billed, inTheEnd } = await crashAt("after usage", backends["Redis"]!, "release");
    expect(inTheEnd?.spent.nanoUsd).toBe(COST);
    expect(billed).toBe(2 * COST);
  });

  it.concurrent("quarantine: its hold stays held until somebody resolves it", async () => {
    const { held, inTheEnd } = await crashAt("mid-stream", backends["Redis"]!, "quarantine");
    expect(held).toBeGreaterThan(0);
    expect(inTheEnd).toMatchObject({ spent: { nanoUsd: COST }, held: { nanoUsd: held } });
  });
});
