/** One budget for an application that asks OpenAI, Anthropic and Google. Runs without a key, against a local stand-in. */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import { wrapAnthropic } from "holdfast/anthropic";
import { wrapGoogle } from "holdfast/google";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";

// Stands in for all three; with keys and without the addresses, the same code talks to the real ones.
await using server = await startProviderServer({ usage: { inputTokens: 40, outputTokens: 120 } });

const holdfast = createHoldfast({
  budgets: [{ id: "support", match: { agent: "support-bot" }, limit: { usd: "0.0037" }, window: "day" }],
});
const spent = new Map<string, number>();
holdfast.on("usage", ({ provider, costNanoUsd }) => {
  spent.set(provider, (spent.get(provider) ?? 0) + costNanoUsd);
});

const agent = { agent: "support-bot" };
const openai = wrapOpenAI(new OpenAI({ apiKey: "none", baseURL: server.url }), holdfast, agent);
const anthropic = wrapAnthropic(new Anthropic({ apiKey: "none", baseURL: server.origin }), holdfast, agent);
const google = wrapGoogle(
  new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: server.origin } }),
  holdfast,
  agent,
);

const prompt = "Where is my parcel?";
const ask: Readonly<Record<string, () => Promise<unknown>>> = {
  openai: () => openai.responses.create({ model: "gpt-5-mini", input: prompt, max_output_tokens: 300 }),
  anthropic: () =>
    anthropic.messages.create({
      model: "claude-haiku-4-5",
      max_tokens: 300,
      messages: [{ role: "user", content: prompt }],
    }),
  google: () =>
    google.models.generateContent({
      model: "gemini-2.5-flash",
      contents: prompt,
      config: { maxOutputTokens: 300 },
    }),
};

for (let round = 1; round <= 3; round += 1) {
  for (const [name, call] of Object.entries(ask)) {
    try {
      await call();
      console.log(`${round}. ${name} answered`);
    } catch (error) {
      if (!(error instanceof BudgetExceededError)) throw error;
      console.log(`${round}. ${name} was not asked: ${error.message}`);
    }
  }
}

await holdfast.flush();
for (const [provider, nanoUsd] of spent) console.log(`${provider}: ${formatUsd(nanoUsd)} USD`);
const [support] = await holdfast.balances("support");
console.log(`together ${formatUsd(support!.spent.nanoUsd)} of ${formatUsd(support!.limits.nanoUsd!)} USD`);
await holdfast.close();
