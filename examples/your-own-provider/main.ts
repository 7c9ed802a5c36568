/** A provider that Holdfast does not know: an adapter, a wrapper, and the same hard budgets. */
import { Mistral } from "@mistralai/mistralai";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import { denialOf, wrapMistral } from "./wrap-mistral.ts";

// Stands in for the API, which speaks the same wire format.
await using server = await startProviderServer({ usage: { inputTokens: 40, outputTokens: 100 } });

const holdfast = createHoldfast({
  budgets: [{ id: "drafts", per: ["user"], limit: { usd: "0.002" }, window: "day" }],
});
const mistral = wrapMistral(new Mistral({ apiKey: "no-key-needed", serverURL: server.origin }), holdfast);

for (let draft = 1; draft <= 3; draft += 1) {
  try {
    const answer = await holdfast.with({ user: "u-42" }, () =>
      mistral.chat.complete({
        model: "mistral-large-latest",
        messages: [{ role: "user", content: "Draft a reply." }],
        maxTokens: 200,
      }),
    );
    console.log(`draft ${draft}: ${answer.usage.completionTokens} output tokens`);
  } catch (error) {
    const denial = denialOf(error);
    if (!(denial instanceof BudgetExceededError)) throw error;
    console.log(`draft ${draft}: refused, ${denial.message}`);
  }
}

await holdfast.flush();
for (const { spent, limits } of await holdfast.balances("drafts")) {
  console.log(
    `spent ${formatUsd(spent.nanoUsd)} of ${formatUsd(limits.nanoUsd!)} USD; sent ${server.requests} requests`,
  );
}
await holdfast.close();
