/**
 * @module The application: asks questions, four at a time, until its budget says no. Everything that it must not forget
 * is in one SQLite file, so it can be killed at any moment.
 */
import { BudgetExceededError, createHoldfast, recordUsage } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { sqliteStore } from "holdfast/sqlite";
import { setTimeout as wait } from "node:timers/promises";
import OpenAI from "openai";
import { BUDGETS, DISPATCHED_TTL_MS, MODEL, type WorkerArgs, type WorkerMessage } from "./budget.ts";

const { ledgerPath, providerUrl } = JSON.parse(process.argv[2]!) as WorkerArgs;
const tell = (message: WorkerMessage): void => void process.send!(message);

const store = sqliteStore(ledgerPath);
const holdfast = createHoldfast({ budgets: BUDGETS, store, dispatchedTtlMs: DISPATCHED_TTL_MS });
const recording = recordUsage(holdfast, store.usage);
const openai = wrapOpenAI(new OpenAI({ apiKey: "sk-not-a-key", baseURL: providerUrl }), holdfast);

const { balances } = await store.balances({});
tell({
  kind: "started",
  spentNanoUsd: balances[0]?.spent.nanoUsd ?? 0,
  heldNanoUsd: balances[0]?.held.nanoUsd ?? 0,
});

let refusal: BudgetExceededError | undefined;

async function askUntilRefused(tenant: string): Promise<void> {
  while (refusal === undefined) {
    try {
      await holdfast.with({ tenant }, () =>
        openai.chat.completions.create({
          model: MODEL,
          messages: [{ role: "user", content: "Where is my parcel?" }],
          max_completion_tokens: 1_000,
        }),
      );
      tell({ kind: "answered" });
    } catch (error) {
      if (!(error instanceof BudgetExceededError)) throw error;
      // As long as calls in flight hold money that may come back, it is worth waiting for them.
      if (error.fitsAfterInFlight) await wait(50);
      else refusal = error;
    }
  }
}

await Promise.all(["acme", "acme", "globex", "initech"].map(askUntilRefused));
await holdfast.close();
await recording.close();
tell({ kind: "refused", message: refusal!.message });
process.disconnect();
