/** @module Whether memory stays where it is, once what is remembered on purpose has filled. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { memoryStore } from "holdfast";
import { guardedClient, TENANTS } from "./arms.ts";
import { settledHeapBytes } from "./harness.ts";
import { atMost, type Row } from "./report.ts";
import { scopesOf, storeArm } from "./store.bench.ts";
import { completionFetch, MODEL, SHORT_PROMPT, stubClient } from "./stub-openai.ts";

const GROUP = "Heap (after collection, from half of the calls to all of them)";
const BYTES_PER_CALL = 1;

export async function benchHeap(quick: boolean): Promise<readonly Row[]> {
  return [await storeRow(quick ? 200_000 : 1_000_000), await callRow(quick ? 50_000 : 100_000)];
}

async function storeRow(calls: number): Promise<Row> {
  const store = memoryStore();
  const run = storeArm(store, scopesOf(["org", "team", "agent", "tenant"]), true);
  return growthRow("memory store, reserve + dispatch + settle", calls, async (count) => run(count));
}

async function callRow(calls: number): Promise<Row> {
  const { client, holdfast, usageEvents } = guardedClient(stubClient(completionFetch()), { listen: true });
  const params = {
    model: MODEL,
    max_completion_tokens: 256,
    messages: [{ role: "user" as const, content: SHORT_PROMPT }],
  };
  let made = 0;
  const row = await growthRow("guarded SDK calls, 100 tenants", calls, async (count) => {
    for (let i = 0; i < count; i++) {
      const tenant = TENANTS[made++ % TENANTS.length]!;
      await holdfast.with({ tenant }, () => client.chat.completions.create(params));
      if (i % 10 === 9) await nextTurn();
    }
    await holdfast.flush();
  });
  if (usageEvents() !== calls) throw new Error(`${usageEvents()} usage events for ${calls} calls`);
  return row;
}

async function growthRow(what: string, calls: number, run: (count: number) => Promise<void>): Promise<Row> {
  // By then what is remembered on purpose is full, and the code has been compiled.
  const first = calls / 2;
  await run(first);
  const before = await settledHeapBytes();
  await run(calls - first);
  const after = await settledHeapBytes();
  const perCall = (after - before) / (calls - first);
  return {
    group: GROUP,
    quantity: `${what}, ${calls.toLocaleString("en")} calls: growth per call`,
    ours: `${perCall.toFixed(3)} B`,
    against: `${megabytes(before)} -> ${megabytes(after)}`,
    target: `< ${BYTES_PER_CALL} B`,
    met: atMost(perCall, BYTES_PER_CALL),
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
