/** @module A Mastra agent with a model of the AI SDK under a budget. No key: the provider test server answers. */
import { createOpenAI } from "@ai-sdk/openai";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { Agent } from "@mastra/core/agent";
import type { MastraModelConfig } from "@mastra/core/llm";
import { createTool } from "@mastra/core/tools";
import { wrapLanguageModel } from "ai";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import { holdfastMiddleware } from "holdfast/ai-sdk";
import { z } from "zod";

// Nothing of this is reported anywhere.
process.env["MASTRA_TELEMETRY_DISABLED"] = "1";

// Stands in for api.openai.com: your application has no server, no baseURL and its own key.
await using server = await startProviderServer({ usage: { inputTokens: 200, outputTokens: 300 } });
const openai = createOpenAI({ apiKey: "sk-not-a-key", baseURL: server.url });

await using holdfast = createHoldfast({
  budgets: [{ id: "tenant-day", per: ["tenant"], limit: { usd: "0.004" }, window: "day" }],
});
const model = wrapLanguageModel({
  model: openai("gpt-4.1-mini"),
  middleware: holdfastMiddleware(holdfast),
});
const agent = new Agent({
  id: "support",
  name: "support",
  instructions: "Help with parcels.",
  // Mastra 1.71 has types of its own for models, which those of ai 7, wrapped or not, do not match.
  model: model as unknown as MastraModelConfig,
  tools: {
    track: createTool({
      id: "track",
      description: "Finds a parcel.",
      inputSchema: z.object({ parcel: z.string() }),
      execute: ({ parcel }) => Promise.resolve(`Parcel ${parcel} is on its way.`),
    }),
  },
});

const track = { toolCalls: [{ name: "track", arguments: { parcel: "7" } }] };
const settings = { modelSettings: { maxOutputTokens: 500 } };

await holdfast.with({ tenant: "acme" }, async () => {
  // Each step is a request of its own, held for and settled on its own.
  server.script([track, { content: "It comes tomorrow." }]);
  const { text } = await agent.generate("Where is parcel 7?", settings);
  console.log(`answered after ${server.ledger.length} requests: ${text}`);

  // A run that never ends by itself: the budget ends it, at whichever request has no room.
  server.respond(() => track);
  try {
    await agent.generate("And parcel 8?", { ...settings, maxSteps: 100 });
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
