/** Whose call it is: the middleware's default, the context, the call itself. */
import { AttributionError, ClientNotSupportedError, ConfigError } from "holdfast";
import { holdfastMiddleware } from "holdfast/ai-sdk";
import { describe, expect, it } from "vitest";
import { chat6, chat7, failure, rig } from "./harness.ts";
import type { Rig } from "./harness.ts";

const tagged = (world: Rig, tags: Record<string, unknown>, more: object = {}) =>
  world.ai.generateText({
    model: world.model,
    prompt: "Hi",
    maxOutputTokens: 50,
    providerOptions: { holdfast: tags, ...more } as never,
  });

describe.each([chat7, chat6])("$name", (kind) => {
  it("takes tags from the middleware, the context and the call, the later winning", async () => {
    await using world = await rig({
      kind,
      attribution: { agent: "default", team: "default", tenant: "default" },
    });
    await world.holdfast.with({ team: "context", tenant: "context" }, () =>
      tagged(world, { tenant: "call", requestId: "r-1" }, { openai: { user: "u" } }),
    );
    await world.quiet();
    const [record] = world.events.usage;
    expect({ ...record!.attribution }).toEqual({
      agent: "default",
      team: "context",
      tenant: "call",
      requestId: "r-1",
    });
    expect(record!.requestId).toBe("r-1");
    // They go no further, and the provider's own options do.
    expect(world.server.ledger[0]!.requestBody).toMatchObject({ user: "u" });
    expect(JSON.stringify(world.server.ledger[0]!.requestBody)).not.toContain("holdfast");
  });

  it.each<[string, unknown]>([
    ["a number", { tenant: 7 }],
    ["a list", ["tenant"]],
    ["nothing", null],
  ])("refuses tags that are not strings: %s", async (_, tags) => {
    await using world = await rig({ kind });
    expect(await failure(tagged(world, tags as Record<string, unknown>))).toBeInstanceOf(AttributionError);
    expect(world.server.ledger).toHaveLength(0);
  });

  it("keeps the budgets of tenants apart", async () => {
    await using world = await rig({
      kind,
      budgets: [{ id: "tenant", per: ["tenant"], limit: { calls: 1 }, window: "day" }],
    });
    await tagged(world, { tenant: "a" });
    await tagged(world, { tenant: "b" });
    expect((await failure(tagged(world, { tenant: "a" }))).name).toBe("BudgetExceededError");
    expect(world.server.ledger).toHaveLength(2);
  });

  it("refuses a model that is wrapped twice", async () => {
    await using world = await rig({ kind });
    const twice = world.ai.wrapLanguageModel({
      model: world.model,
      middleware: holdfastMiddleware(world.holdfast),
    });
    const error = await failure(world.ai.generateText({ model: twice, prompt: "Hi", maxOutputTokens: 50 }));
    expect(error).toBeInstanceOf(ClientNotSupportedError);
    await world.quiet();
    expect(world.server.ledger).toHaveLength(0);
    expect(await world.balance()).toEqual({ spent: 0, held: 0 });
  });

  it("works beside the SDK's own middleware", async () => {
    await using world = await rig({ kind });
    const model = world.ai.wrapLanguageModel({
      model: world.bare,
      middleware: [
        world.ai.defaultSettingsMiddleware({ settings: { maxOutputTokens: 30 } }),
        holdfastMiddleware(world.holdfast),
      ],
    });
    await world.ai.generateText({ model, prompt: "Hi" });
    await world.quiet();
    expect(world.server.ledger[0]!.requestBody).toMatchObject({ max_tokens: 30 });
    expect(await world.balance()).toEqual({ spent: world.billedNanoUsd, held: 0 });
  });

  it("sends what was held for, whatever the application changes meanwhile", async () => {
    await using world = await rig({ kind });
    const content = [{ type: "text" as const, text: "Hi" }];
    const call = world.model.doGenerate({ prompt: [{ role: "user", content }], maxOutputTokens: 50 });
    content.push({ type: "text", text: "x ".repeat(10_000) });
    await call;
    expect(JSON.stringify(world.server.ledger[0]!.requestBody)).not.toContain("x x x");
  });
});

describe("a middleware", () => {
  it("needs a Holdfast", () => {
    expect(() => holdfastMiddleware({})).toThrow(ConfigError);
  });

  it("takes the names of the price list from its options", async () => {
    await using world = await rig({
      kind: chat7,
      provider: { name: "my-gateway" },
      wrap: { provider: "azure", model: "my-deployment" },
    });
    await world.ai.generateText({ model: world.model, prompt: "Hi", maxOutputTokens: 50 });
    await world.quiet();
    expect(world.events.usage[0]).toMatchObject({ provider: "azure", requestedModel: "my-deployment" });
  });
});
