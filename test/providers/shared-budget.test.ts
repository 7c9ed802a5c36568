/** @module One budget for clients of all providers in one process: exactly the money that is there is spent. */
import { createPriceSource } from "@holdfast/prices";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import type { ProviderUnderTest } from "@holdfast/testkit/provider-suite";
import { BudgetExceededError, createHoldfast, formatUsd } from "holdfast";
import type { HoldfastEvents } from "holdfast";
import { expect, test } from "vitest";
import { aiSdkModels } from "./ai-sdk.ts";
import { anthropicClients } from "./anthropic.ts";
import { googleClients } from "./google.ts";
import { openaiClients } from "./openai.ts";

/** What one client of the matrix does, whatever it is a client of. */
interface Racer {
  readonly name: string;
  readonly provider: string;
  readonly ask: () => PromiseLike<unknown>;
}

type Server = Awaited<ReturnType<typeof startProviderServer>>;
type AnyProvider = ProviderUnderTest<unknown>;

const newestOfEach = [openaiClients, anthropicClients, googleClients, aiSdkModels].map(
  (clients) =>
    (clients.find(({ name }) => /^openai 7$|sdk 1\.12|genai 3\.1$|^ai 7/.test(name)) ??
      clients[0]) as AnyProvider,
);

function racer(provider: AnyProvider, server: Server, holdfast: object): Racer {
  const bare = provider.makeClient(server, { maxRetries: 0, apiKey: "sk-test" });
  const client = provider.wrap(bare, holdfast);
  const ask = { model: provider.model, prompt: "Hi", maxOutputTokens: 50 };
  return { name: provider.name, provider: provider.provider, ask: () => provider.ask(client, ask) };
}

const holdfastWith = (limitNanoUsd: number): ReturnType<typeof createHoldfast> =>
  createHoldfast({
    budgets: [{ id: "all", limit: { usd: formatUsd(limitNanoUsd) }, window: "total" }],
    prices: {
      source: createPriceSource({
        overrides: newestOfEach.map(({ provider, model }) => ({
          provider,
          model,
          inputUsdPerMillion: "1",
          outputUsdPerMillion: "4",
          contextWindowTokens: 128_000,
          maxOutputTokens: 16_384,
        })),
      }),
    },
  });

test("is of four kinds", () => {
  expect(newestOfEach.map(({ provider }) => provider)).toEqual(["openai", "anthropic", "google", "openai"]);
});

test("100 calls at once through each of four clients, money for some of them: not a nano-USD too much", async () => {
  await using server = await startProviderServer({ usage: { inputTokens: 20, outputTokens: 50 } });
  const limitNanoUsd = 250 * 230_000;
  const holdfast = holdfastWith(limitNanoUsd);
  const held: HoldfastEvents["hold-reserved"][] = [];
  holdfast.on("hold-reserved", (event) => void held.push(event));
  const racers = newestOfEach.map((provider) => racer(provider, server, holdfast));

  const calls = Array.from({ length: 100 }, () => racers).flat();
  const results = await Promise.allSettled(calls.map(({ ask }) => ask()));
  await server.waitForIdle();
  await holdfast.flush();

  const sent = results.filter(({ status }) => status === "fulfilled").length;
  const denials = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  for (const error of denials) expect(error).toBeInstanceOf(BudgetExceededError);
  expect(server.requests).toBe(sent);
  expect(sent).toBeGreaterThan(200);
  expect(denials.length).toBeGreaterThan(50);
  // All that was admitted at once fitted together.
  expect(held.reduce((sum, { amounts }) => sum + amounts.nanoUsd, 0)).toBeLessThanOrEqual(limitNanoUsd);
  // Each of them got some of it.
  expect(new Set(server.ledger.map(({ provider }) => provider))).toEqual(
    new Set(["openai", "anthropic", "google"]),
  );
  const [balance] = await holdfast.balances();
  expect(balance!.spent.nanoUsd).toBe(sent * (20 * 1_000 + 50 * 4_000));
  expect(balance!.held.nanoUsd).toBe(0);
});
