/**
 * @module A budget that survives a kill. No key: the provider test server answers.
 *
 *   node --conditions=holdfast-source examples/single-machine/main.ts
 *
 * An application (worker.ts) spends from a budget that lives in a SQLite file. It is killed with SIGKILL in the middle
 * of its calls and started again: the budget goes on where it was, what the dead process still held is charged when its
 * time is over, since the provider may have billed it, and the money ends where the limit is.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { formatUsd, NANO_PER_USD } from "holdfast";
import { sqliteStore } from "holdfast/sqlite";
import { LIMIT_USD, NANO_USD_PER_TOKEN, type WorkerArgs, type WorkerMessage } from "./budget.ts";

const KILL_AFTER_ANSWERS = 8;
const LIMIT_NANO_USD = Number(LIMIT_USD) * NANO_PER_USD;

await using server = await startProviderServer({
  usage: ({ id }) => ({ inputTokens: 12, outputTokens: 400 + 50 * (id % 10) }),
  delayMs: 60,
});
const folder = await mkdtemp(join(tmpdir(), "holdfast-single-machine-"));
const ledgerPath = join(folder, "ledger.db");

interface Money {
  readonly spent: number;
  readonly held: number;
  /** What the provider has billed, or is going to bill for what it is working on. */
  readonly truth: number;
}

const table: [string, Money][] = [];
const failures: string[] = [];
const check = (ok: boolean, what: string): void => void (ok || failures.push(what));

function startWorker(): { readonly child: ChildProcess; readonly messages: WorkerMessage[] } {
  const args: WorkerArgs = { ledgerPath, providerUrl: server.url };
  const child = fork(fileURLToPath(new URL("worker.ts", import.meta.url)), [JSON.stringify(args)]);
  const messages: WorkerMessage[] = [];
  child.on("message", (message: WorkerMessage) => messages.push(message));
  return { child, messages };
}

/** Reads the file, as any process of the machine may at any time. */
function look(when: string): Money {
  const store = sqliteStore(ledgerPath);
  const balances = store.balances({});
  if (balances instanceof Promise) throw new Error("sqlite answers at once");
  void store.close();
  const [budget] = balances.balances;
  const { inputTokens, outputTokens } = server.billed();
  const money = {
    spent: budget?.spent.nanoUsd ?? 0,
    held: budget?.held.nanoUsd ?? 0,
    truth: inputTokens * NANO_USD_PER_TOKEN.input + outputTokens * NANO_USD_PER_TOKEN.output,
  };
  table.push([when, money]);
  check(money.spent + money.held <= LIMIT_NANO_USD, `${when}: more than the limit is spent and held`);
  check(money.truth <= money.spent + money.held, `${when}: the provider has billed more than is known`);
  return money;
}

// The first life ends without warning, with four calls in the air.
const first = startWorker();
while (first.messages.filter(({ kind }) => kind === "answered").length < KILL_AFTER_ANSWERS) {
  await once(first.child, "message");
}
await server.waitFor((entry) => entry.outcome === "in-progress");
first.child.kill("SIGKILL");
await once(first.child, "exit");
await server.waitForIdle();
const killed = look("after kill -9");
check(killed.spent > 0 && killed.held > 0, "the kill came in the middle of calls");

// The second life finds everything, and spends the rest.
const second = startWorker();
const [exitCode] = await once(second.child, "exit");
check(exitCode === 0, "the second life ended well");
await server.waitForIdle();
const started = second.messages.find((message) => message.kind === "started");
check(
  started?.spentNanoUsd === killed.spent && started.heldNanoUsd === killed.held,
  "the second life goes on where the first one ended",
);
const refused = second.messages.find((message) => message.kind === "refused");
check(refused !== undefined, "the second life was refused in the end");
const ended = look("when it was refused");
check(ended.held === 0, "the holds of the dead process have expired");
check(ended.spent > killed.spent + killed.held, "the second life has spent");

// What was recorded call by call is in the same file: everything but the calls that the first life could not end.
const store = sqliteStore(ledgerPath);
const rollups = await store.usage.rollups({ groupBy: ["tenant"] });
await store.close();
const recorded = rollups.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
check(recorded > 0 && recorded <= ended.spent, "the usage records are a part of what is spent");

const columns = ["", "spent", "held", "provider's truth"];
const rows = table.map(([when, { spent, held, truth }]) => [when, ...[spent, held, truth].map(formatUsd)]);
for (const [when = "", ...cells] of [columns, ...rows]) {
  console.log(when.padEnd(22) + cells.map((cell) => cell.padStart(18)).join(""));
}
console.log(`\nLimit ${LIMIT_USD} USD. ${refused?.message ?? ""}\n`);
for (const { day, group, calls, costNanoUsd } of rollups) {
  console.log(`${day} ${group["tenant"]}: ${calls} calls, ${formatUsd(costNanoUsd)} USD`);
}
for (const failure of failures) console.log(`FAILED: ${failure}`);
await rm(folder, { recursive: true });
process.exitCode = failures.length === 0 ? 0 : 1;
