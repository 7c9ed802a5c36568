/** @module What all scenes share: one provider, one Holdfast with its budgets, and the books on both sides. */
import {
  startProviderServer,
  type LedgerEntry,
  type ProviderServer,
} from "@holdfast/testkit/provider-server";
import { createHoldfast, type Balance, type Clock, type Holdfast, type UsageRecord } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { EventReplay } from "./event-replay.ts";
import { tagsOf } from "./truth.ts";

export interface World extends AsyncDisposable {
  readonly server: ProviderServer;
  readonly holdfast: Holdfast;
  /** Every usage record so far. */
  readonly records: readonly UsageRecord[];
  readonly replay: EventReplay;
  /** A guarded client, as one part of an application would have it. */
  client(agent: string): OpenAI;
  /** The one counter of a budget; nothing is spent in one that was not used yet. */
  balance(budgetId: string, value?: string): Promise<Balance | undefined>;
  /** Resolves when the provider is idle and everything has been settled and delivered. */
  settled(): Promise<void>;
  /** The provider's ledger for calls with this tag. */
  ledgerOf(tag: "agent" | "tenant" | "user", value: string): readonly LedgerEntry[];
}

/** Runs like the system clock, but always from the same noon, so that no window ends during the demo. */
function demoClock(): Clock {
  const offsetMs = Date.UTC(2026, 10, 20, 12) - performance.now();
  return { now: () => Math.floor(performance.now() + offsetMs) };
}

export async function createWorld(): Promise<World> {
  const server = await startProviderServer();
  const holdfast = createHoldfast({
    budgets: [
      {
        id: "support-bot",
        match: { agent: "support-bot" },
        limit: { usd: "0.021" },
        window: "month",
        timeZone: "Europe/Berlin",
      },
      { id: "tenant-day", per: ["tenant"], limit: { usd: "0.03" }, window: "day" },
      { id: "user-calls", per: ["user"], limit: { calls: 20 }, window: "day" },
    ],
    clock: demoClock(),
  });
  const records: UsageRecord[] = [];
  holdfast.on("usage", (record) => records.push(record));
  const replay = new EventReplay(holdfast);
  return {
    server,
    holdfast,
    records,
    replay,
    client: (agent) =>
      wrapOpenAI(new OpenAI({ apiKey: "sk-not-a-key", baseURL: server.url }), holdfast, { agent }),
    async balance(budgetId, value) {
      const balances = await holdfast.balances(budgetId);
      return balances.find(({ scope }) => Object.values(scope)[0] === value);
    },
    async settled() {
      await server.waitForIdle();
      await holdfast.flush();
    },
    ledgerOf: (tag, value) => server.ledger.filter((entry) => tagsOf(entry)[tag] === value),
    async [Symbol.asyncDispose]() {
      await holdfast.close();
      await server.close();
    },
  };
}
