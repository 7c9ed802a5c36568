/** @module LangChain.js over a wrapped OpenAI client. No key: the provider test server answers. */
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { ChatOpenAI, ChatOpenAICompletions, ChatOpenAIResponses } from "@langchain/openai";
import { tool } from "@langchain/core/tools";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";

// Stands in for api.openai.com: your application has no server, no baseURL and its own key.
await using server = await startProviderServer({ usage: { inputTokens: 100, outputTokens: 300 } });

await using holdfast = createHoldfast({
  budgets: [{ id: "tenant-day", per: ["tenant"], limit: { usd: "0.003" }, window: "day" }],
});
const openai = wrapOpenAI(new OpenAI({ apiKey: "sk-not-a-key", baseURL: server.url }), holdfast);

/**
 * LangChain makes a client of its own where it is given none, and `configuration: { fetch }` would only see single tries
 * of it: the guard is in the client. So the models of both APIs get the wrapped one, and `bindTools` and `withConfig`
 * keep them. With `maxRetries: 0` the OpenAI SDK retries instead of LangChain, which would also retry a denial.
 */
function guardedChat(fields: { model: string; maxTokens: number }): ChatOpenAI {
  const own = { ...fields, maxRetries: 0, apiKey: "sk-unused" };
  const completions = new ChatOpenAICompletions(own);
  const responses = new ChatOpenAIResponses(own);
  const chat = new ChatOpenAI({ ...own, completions, responses });
  for (const model of [completions, responses, chat]) model.client = openai;
  return chat;
}

const chat = guardedChat({ model: "gpt-5-mini", maxTokens: 500 });
const track = tool(() => "It is on its way.", { name: "track", description: "Finds a parcel." });

await holdfast.with({ tenant: "acme" }, async () => {
  const reply = await chat.invoke("Where is my parcel?");
  console.log(`invoked: ${reply.text.slice(0, 40)}...`);

  server.script([{ toolCalls: [{ name: "track", arguments: {} }] }]);
  const asked = await chat.bindTools([track]).invoke("Track it, please.");
  console.log(`with a tool: ${asked.tool_calls?.[0]?.name}`);

  let length = 0;
  for await (const chunk of await chat.stream("When does it come?")) length += chunk.text.length;
  console.log(`streamed: ${length} characters`);

  try {
    for (;;) await chat.invoke("Can I pick it up?");
  } catch (error) {
    if (!(error instanceof BudgetExceededError)) throw error;
    console.log(`REFUSED: ${error.message}`);
  }
});

for (const { budgetId, scope, spent, left } of await holdfast.balances()) {
  console.log(
    `${budgetId} ${scope["tenant"]}: ${formatUsd(spent.nanoUsd)} USD spent, ${formatUsd(left.nanoUsd!)} left`,
  );
}
