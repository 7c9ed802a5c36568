/** @module Azure: the deployment decides what runs, and so what is held. */
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { createHoldfast, HoldfastError } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { describe, expect, test } from "vitest";
import { API_KEY, chatBody, Events, MODEL, overrides, sdks } from "./harness.ts";
import type { OpenAI } from "./harness.ts";

describe.each(sdks)("$name, Azure with a deployment", (sdk) => {
  const azure = async (deployment: string) => {
    const server = await startProviderServer({ usage: { inputTokens: 3, outputTokens: 5 } });
    const dear = {
      inputUsdPerMillion: "100",
      outputUsdPerMillion: "400",
      maxOutputTokens: 16_000,
      contextWindowTokens: 128_000,
    };
    const holdfast = createHoldfast({
      budgets: [{ id: "all", limit: { usd: "1000" }, window: "total" }],
      prices: {
        overrides: [...overrides, { provider: "azure", model: "dear-one", ...dear }],
        aliases: { "my-deployment": MODEL },
      },
    });
    const client = wrapOpenAI(
      new sdk.AzureOpenAI({
        apiKey: API_KEY,
        endpoint: server.origin,
        apiVersion: "2025-04-01-preview",
        deployment,
        maxRetries: 0,
      }) as unknown as OpenAI,
      holdfast,
    );
    return {
      server,
      holdfast,
      client,
      events: new Events(holdfast),
      [Symbol.asyncDispose]: () => server.close(),
    };
  };

  test("the deployment says the model where the body does not", async () => {
    await using at = await azure("my-deployment");
    await at.client.chat.completions.create({ ...chatBody(), model: "" });
    await at.holdfast.flush();
    expect(at.server.ledger[0]!.path).toBe("/openai/deployments/my-deployment/chat/completions");
    expect(at.events.usage).toMatchObject([{ provider: "azure", requestedModel: "my-deployment" }]);
  });

  test("the deployment decides what is held: the body's model is not what runs", async () => {
    await using at = await azure("dear-one");
    await at.client.chat.completions.create(chatBody(50));
    await at.holdfast.flush();
    expect(at.server.ledger[0]!.path).toBe("/openai/deployments/dear-one/chat/completions");
    expect(at.events.of("hold-reserved")[0]!.amounts.nanoUsd).toBeGreaterThanOrEqual(50 * 400_000);
  });

  test.each([
    ["text", (body: object) => JSON.stringify(body)],
    ["bytes", (body: object) => new TextEncoder().encode(JSON.stringify(body))],
    ["a stream", (body: object) => new Blob([JSON.stringify(body)]).stream()],
  ])(
    "a body that is %s already is read or refused, never held for as if it were empty",
    async (_name, as) => {
      await using at = await azure("my-deployment");
      const body = {
        ...chatBody(1_000),
        n: 4,
        messages: [{ role: "user", content: "word ".repeat(20_000) }],
      };
      const options = { body: as(body), headers: { "content-type": "application/json" } } as object;
      const sent = await Promise.resolve(at.client.post("/chat/completions", options)).then(
        () => true,
        (error: unknown) => !(error instanceof HoldfastError),
      );
      await at.holdfast.flush();
      // 20,000 words of input and 4,000 tokens of output.
      const held = at.events.of("hold-reserved")[0]?.amounts;
      if (!sent) expect(at.server.requests).toBe(0);
      else expect([held!.inputTokens >= 20_000, held!.outputTokens >= 4_000]).toEqual([true, true]);
    },
  );
});
