/** @module Models of the Vercel AI SDK under a budget. No key: the provider test server answers. */
import { createOpenAI } from "@ai-sdk/openai";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { embed, generateText, streamText, wrapEmbeddingModel, wrapLanguageModel } from "ai";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import { holdfastEmbeddingMiddleware, holdfastMiddleware } from "holdfast/ai-sdk";

// Stands in for api.openai.com: your application has no server, no baseURL and its own key.
await using server = await startProviderServer({ usage: { inputTokens: 200, outputTokens: 400 } });
const openai = createOpenAI({ apiKey: "sk-not-a-key", baseURL: server.url });

await using holdfast = createHoldfast({
  budgets: [{ id: "tenant-day", per: ["tenant"], limit: { usd: "0.004" }, window: "day" }],
});
const model = wrapLanguageModel({ model: openai("gpt-5-mini"), middleware: holdfastMiddleware(holdfast) });
const embedder = wrapEmbeddingModel({
  model: openai.embedding("text-embedding-3-small"),
  middleware: holdfastEmbeddingMiddleware(holdfast),
});

await holdfast.with({ tenant: "acme" }, async () => {
  const { text } = await generateText({ model, prompt: "Where is my parcel?", maxOutputTokens: 500 });
  console.log(`generated: ${text.slice(0, 40)}...`);

  const { textStream } = streamText({ model, prompt: "When does it come?", maxOutputTokens: 500 });
  let length = 0;
  for await (const delta of textStream) length += delta.length;
  console.log(`streamed: ${length} characters`);

  const { usage } = await embed({ model: embedder, value: "parcels and post" });
  console.log(`embedded: ${usage.tokens} tokens`);
});

// Tags can also come with the call; they are not sent to the provider.
const call = {
  model,
  prompt: "Can I pick it up?",
  maxOutputTokens: 2_000,
  providerOptions: { holdfast: { tenant: "acme" } },
};
try {
  await generateText(call);
} catch (error) {
  if (!(error instanceof BudgetExceededError)) throw error;
  console.log(`REFUSED: ${error.message}`);
}
// A stream reports it where the SDK reports whatever keeps a stream from starting.
const denied = streamText({
  ...call,
  onError: ({ error }) => console.log(`REFUSED in onError: ${(error as Error).name}`),
});
await denied.consumeStream();

for (const { budgetId, scope, spent, left } of await holdfast.balances()) {
  console.log(
    `${budgetId} ${scope["tenant"]}: ${formatUsd(spent.nanoUsd)} USD spent, ${formatUsd(left.nanoUsd!)} left`,
  );
}
