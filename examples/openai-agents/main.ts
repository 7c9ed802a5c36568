/** @module The OpenAI Agents SDK over a wrapped client. No key: the provider test server answers. */
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { Agent, OpenAIProvider, Runner, tool } from "@openai/agents";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { z } from "zod";

// Stands in for api.openai.com: your application has no server, no baseURL and its own key.
await using server = await startProviderServer({ usage: { inputTokens: 200, outputTokens: 300 } });

await using holdfast = createHoldfast({
  budgets: [{ id: "tenant-day", per: ["tenant"], limit: { usd: "0.004" }, window: "day" }],
});
const openai = wrapOpenAI(new OpenAI({ apiKey: "sk-not-a-key", baseURL: server.url }), holdfast);

// Instead of a Runner of your own: setDefaultOpenAIClient(openai).
const runner = new Runner({
  modelProvider: new OpenAIProvider({ openAIClient: openai }),
  // Traces go to OpenAI by a way of their own; nothing here is sent anywhere.
  tracingDisabled: true,
});
const agent = new Agent({
  name: "support",
  instructions: "Help with parcels.",
  model: "gpt-4.1-mini",
  modelSettings: { maxTokens: 500 },
  tools: [
    tool({
      name: "track",
      description: "Finds a parcel.",
      parameters: z.object({ parcel: z.string() }),
      execute: ({ parcel }) => `Parcel ${parcel} is on its way.`,
    }),
  ],
});

const track = { toolCalls: [{ name: "track", arguments: { parcel: "7" } }] };

await holdfast.with({ tenant: "acme" }, async () => {
  // Three requests to the Responses API, each held for and settled on its own.
  server.script([track, track, { content: "It comes tomorrow." }]);
  const { finalOutput } = await runner.run(agent, "Where is parcel 7?");
  console.log(`answered after ${server.ledger.length} requests: ${finalOutput}`);

  // A run that never ends by itself: the budget ends it, at whichever request has no room.
  server.respond(() => track);
  try {
    await runner.run(agent, "And parcel 8?", { maxTurns: 100 });
  } catch (error) {
    if (!(error instanceof BudgetExceededError)) throw error;
    console.log(`REFUSED after ${server.ledger.length} requests: ${error.message}`);
  }
});

for (const { budgetId, scope, spent, left } of await holdfast.balances()) {
  console.log(
    `${budgetId} ${scope["tenant"]}: ${formatUsd(spent.nanoUsd)} USD spent, ${formatUsd(left.nanoUsd!)} left`,
  );
}
