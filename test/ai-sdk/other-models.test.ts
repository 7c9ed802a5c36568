/** Embedding and image models, through the hooks that the SDK has for them. */
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAI as createOpenAIv3 } from "ai-sdk-openai-v3";
import { BudgetExceededError, PriceUnknownError } from "holdfast";
import { holdfastEmbeddingMiddleware, holdfastImageMiddleware } from "holdfast/ai-sdk";
import { describe, expect, it } from "vitest";
import { chat6, chat7, failure, RATES, rig } from "./harness.ts";
import type { Rig } from "./harness.ts";

describe.each([
  { ...chat7, providerAt: (url: string) => createOpenAI({ apiKey: "k", baseURL: url }) },
  {
    ...chat6,
    providerAt: (url: string) =>
      createOpenAIv3({ apiKey: "k", baseURL: url }) as unknown as ReturnType<typeof createOpenAI>,
  },
])("$name", (kind) => {
  const embedder = (world: Rig, name = "text-embedding-3-small") =>
    world.ai.wrapEmbeddingModel({
      model: kind.providerAt(world.server.url).embedding(name),
      middleware: holdfastEmbeddingMiddleware(world.holdfast, { agent: "search" }),
    });

  it("settles embeddings by their tokens", async () => {
    await using world = await rig({ kind });
    world.server.respond(() => ({ usage: { inputTokens: 7 } }));
    const model = embedder(world);
    const { embedding, usage } = await world.ai.embed({ model, value: "Hello" });
    await world.ai.embedMany({ model, values: ["Hello", "you"] });
    await world.quiet();
    expect(embedding.length).toBeGreaterThan(0);
    expect(usage.tokens).toBe(7);
    expect(await world.balance()).toEqual({ spent: 14 * RATES.input, held: 0 });
    expect(world.events.usage[0]).toMatchObject({
      endpoint: "ai-sdk.embedding",
      usageSource: "provider",
      servedModel: "text-embedding-3-small",
    });
    expect({ ...world.events.usage[0]!.attribution }).toEqual({ agent: "search" });
    expect(world.events.of("meter-anomaly")).toEqual([]);
  });

  it("denies embeddings, and refuses models without a price", async () => {
    await using world = await rig({ kind, budgets: [{ id: "all", limit: { usd: "0" }, window: "day" }] });
    expect(await failure(world.ai.embed({ model: embedder(world), value: "Hello" }))).toBeInstanceOf(
      BudgetExceededError,
    );
    const unknown = embedder(world, "embedder-1");
    expect(await failure(world.ai.embed({ model: unknown, value: "Hello" }))).toBeInstanceOf(
      PriceUnknownError,
    );
    expect(world.server.ledger).toHaveLength(0);
  });

  it("holds each try of an embedding apart", async () => {
    await using world = await rig({ kind });
    world.server.script([{ status: 500, headers: { "retry-after-ms": "1" } }, { usage: { inputTokens: 7 } }]);
    await world.ai.embed({ model: embedder(world), value: "Hello" });
    await world.quiet();
    expect(world.events.usage.map(({ outcome }) => outcome)).toEqual(["refused", "complete"]);
    expect(await world.balance()).toEqual({ spent: 7 * RATES.input, held: 0 });
  });

  it("settles pictures by their tokens", async () => {
    await using world = await rig({
      kind,
      config: {
        prices: {
          overrides: [
            {
              provider: "openai",
              model: "gpt-image-1",
              inputUsdPerMillion: "5",
              outputImageUsdPerMillion: "40",
            },
          ],
        },
      },
    });
    world.server.respond(() => ({ usage: { inputTokens: 10, outputTokens: 1_000 } }));
    const { generateImage } = world.ai;
    const model = world.ai.wrapImageModel({
      model: kind.providerAt(world.server.url).image("gpt-image-1"),
      middleware: holdfastImageMiddleware(world.holdfast),
    });
    const { images } = await generateImage({ model, prompt: "A cat", n: 2 });
    await world.quiet();
    expect(images).toHaveLength(2);
    const [record] = world.events.usage;
    expect(record).toMatchObject({ endpoint: "ai-sdk.image", usageSource: "provider" });
    expect(await world.balance()).toEqual({ spent: 10 * 5_000 + 1_000 * 40_000, held: 0 });
    expect(record!.heldNanoUsd).toBeGreaterThan(2 * 6_240 * 40_000);
  });
});

describe("Google's embeddings", () => {
  it("report no tokens, so they are charged what was held", async () => {
    await using world = await rig({ kind: chat7 });
    const google = createGoogle({ apiKey: "k", baseURL: `${world.server.origin}/v1beta` });
    const model = world.ai.wrapEmbeddingModel({
      model: google.embedding("gemini-embedding-001"),
      middleware: holdfastEmbeddingMiddleware(world.holdfast),
    });
    await world.ai.embed({ model, value: "Hello" });
    await world.quiet();
    const [record] = world.events.usage;
    expect(record).toMatchObject({ usageSource: "estimated", provider: "google" });
    expect(await world.balance()).toEqual({ spent: record!.heldNanoUsd, held: 0 });
  });
});
