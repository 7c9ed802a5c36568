/** @module The shortest way to a client that cannot overspend. No key: the provider test server answers. */
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";

// Stands in for api.openai.com: your application has no server, no baseURL and its own key.
await using server = await startProviderServer({ usage: { inputTokens: 12, outputTokens: 900 } });

await using holdfast = createHoldfast({
  budgets: [{ id: "tenant-day", per: ["tenant"], limit: { usd: "0.005" }, window: "day" }],
});
const openai = wrapOpenAI(new OpenAI({ apiKey: "sk-not-a-key", baseURL: server.url }), holdfast);

for (const question of ["Where is my parcel?", "When does it come?", "Can I pick it up?"]) {
  try {
    const reply = await holdfast.with({ tenant: "acme" }, () =>
      openai.chat.completions.create({
        model: "gpt-5-mini",
        messages: [{ role: "user", content: question }],
        max_completion_tokens: 1_000,
      }),
    );
    console.log(`${question} ${reply.choices[0]?.message.content}`);
  } catch (error) {
    if (!(error instanceof BudgetExceededError)) throw error;
    console.log(`${question} REFUSED: ${error.message}`);
  }
}

for (const { budgetId, scope, spent, left } of await holdfast.balances()) {
  console.log(
    `${budgetId} ${scope["tenant"]}: ${formatUsd(spent.nanoUsd)} USD spent, ${formatUsd(left.nanoUsd!)} left`,
  );
}
