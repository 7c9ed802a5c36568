/** What a call of a wrapped model costs is what the provider bills, on every major, provider and endpoint. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { anthropic7, chat7, google7, kinds, RATES, responses7, rig, SEARCH } from "./harness.ts";

const usage = { inputTokens: 100, cachedInputTokens: 30, outputTokens: 20 };
const cost = 70 * RATES.input + 30 * RATES.cached + 20 * RATES.output;

describe.each(kinds)("$name", (kind) => {
  it("settles what generateText and streamText cost to the provider's usage", async () => {
    await using world = await rig({ kind });
    const { ai, model, server } = world;
    server.respond(() => ({ usage }));
    const { text } = await ai.generateText({ model, prompt: "Hi", maxOutputTokens: 50 });
    const streamed = ai.streamText({ model, prompt: "Hi", maxOutputTokens: 50 });
    let seen = "";
    for await (const delta of streamed.textStream) seen += delta;
    await world.quiet();

    expect(text).not.toBe("");
    expect(seen).not.toBe("");
    expect(world.billedNanoUsd).toBe(2 * cost);
    expect(await world.balance()).toEqual({ spent: 2 * cost, held: 0 });
    expect(world.events.of("meter-anomaly")).toEqual([]);
    for (const record of world.events.usage) {
      expect(record).toMatchObject({
        endpoint: "ai-sdk.language",
        provider: kind.provider,
        requestedModel: kind.modelId,
        outcome: "complete",
        usageSource: "provider",
        status: 200,
        inputTokens: 100,
        outputTokens: 20,
        costNanoUsd: cost,
      });
      expect(record.heldNanoUsd).toBeGreaterThan(cost);
    }
    expect(world.events.usage.map(({ stream }) => stream)).toEqual([false, true]);
    // Google's provider does not tell which model served a stream.
    const served = kind.provider === "google" ? null : kind.modelId;
    expect(world.events.usage.map(({ servedModel }) => servedModel)).toEqual([kind.modelId, served]);
  });

  it("holds each step of a tool loop apart, and the sums agree", async () => {
    await using world = await rig({ kind, attribution: { agent: "helper" } });
    const { ai, model, server, holdfast } = world;
    const tools = {
      weather: ai.tool({
        inputSchema: z.object({ city: z.string() }),
        execute: () => Promise.resolve({ degrees: 20 }),
      }),
    };
    const steps = [
      { toolCalls: [{ name: "weather", arguments: { city: "Berlin" } }], usage },
      { toolCalls: [{ name: "weather", arguments: { city: "Rome" } }], usage },
      { content: "Both are warm.", usage },
    ];
    const call = { model, tools, prompt: "Hi", maxOutputTokens: 50, stopWhen: ai.stepCountIs(5) };
    server.script(steps);
    const generated = await holdfast.with({ tenant: "acme" }, () => ai.generateText(call));
    server.script(steps);
    // Made in the context, read outside of it: later steps begin while it is read.
    const streamed = holdfast.with({ tenant: "acme" }, () => ai.streamText(call));
    let text = "";
    for await (const delta of streamed.textStream) text += delta;
    const total = await streamed.totalUsage;
    await world.quiet();

    expect(generated.text).toBe("Both are warm.");
    expect(text).toBe("Both are warm.");
    expect(server.ledger).toHaveLength(6);
    expect(world.events.of("hold-reserved")).toHaveLength(6);
    for (const { attribution } of world.events.usage) {
      expect({ ...attribution }).toEqual({ agent: "helper", tenant: "acme" });
    }
    expect([generated.totalUsage.inputTokens, total.inputTokens]).toEqual([300, 300]);
    expect(world.events.usage.reduce((sum, record) => sum + record.inputTokens, 0)).toBe(600);
    expect(await world.balance()).toEqual({ spent: world.billedNanoUsd, held: 0 });
  });

  it("settles structured output", async () => {
    await using world = await rig({ kind });
    const { ai, model, server } = world;
    server.respond(() => ({ content: '{"city":"Rome"}', usage }));
    const schema = z.object({ city: z.string() });
    const { output } = await ai.generateText({
      model,
      prompt: "Hi",
      maxOutputTokens: 50,
      output: ai.Output.object({ schema }),
    });
    await world.quiet();
    // Anthropic's provider asks for it as a tool call, whose arguments the test server makes up.
    expect(output).toEqual({ city: expect.any(String) as string });
    expect(await world.balance()).toEqual({ spent: world.billedNanoUsd, held: 0 });
  });

  it("counts reasoning as output", async () => {
    await using world = await rig({ kind });
    world.server.respond(() => ({ usage: { inputTokens: 100, outputTokens: 50, reasoningTokens: 40 } }));
    await world.ai.generateText({ model: world.model, prompt: "Hi", maxOutputTokens: 60 });
    await world.quiet();
    expect(await world.balance()).toEqual({ spent: 100 * RATES.input + 50 * RATES.output, held: 0 });
    expect(world.events.usage[0]!.usage.reasoningTokens).toBe(40);
  });

  it("charges what was held, and says so, when an answer carries no usage", async () => {
    await using world = await rig({ kind });
    world.server.respond(() => ({ malformedUsage: "missing" }));
    // Anthropic's and Google's providers may reject such an answer; it was billed all the same.
    await world.ai
      .generateText({ model: world.model, prompt: "Hi", maxOutputTokens: 50, maxRetries: 0 })
      .catch(() => undefined);
    await world.quiet();
    const [record] = world.events.usage;
    expect(record).toMatchObject({ usageSource: "estimated" });
    expect(await world.balance()).toEqual({ spent: record!.heldNanoUsd, held: 0 });
  });
});

describe("what only the provider's own usage object tells", () => {
  it.each(["generate", "stream"])(
    "Anthropic's cache lives, searches and exclusive input (%s)",
    async (how) => {
      await using world = await rig({ kind: anthropic7 });
      const { ai, model, server } = world;
      server.respond(() => ({
        usage: {
          inputTokens: 100,
          cachedInputTokens: 30,
          cacheWrite5mTokens: 10,
          cacheWrite1hTokens: 5,
          outputTokens: 50,
          webSearchRequests: 2,
        },
      }));
      const call = { model, prompt: "Hi", maxOutputTokens: 100 };
      if (how === "generate") await ai.generateText(call);
      else for await (const _ of ai.streamText(call).textStream);
      await world.quiet();
      expect(world.events.usage[0]!.usage).toEqual({
        inputTextTokens: 55,
        cacheReadTextTokens: 30,
        cacheWriteTokens: 10,
        cacheWriteLongTokens: 5,
        outputTextTokens: 50,
        webSearches: 2,
      });
      expect(await world.balance()).toEqual({
        spent:
          55 * RATES.input +
          30 * RATES.cached +
          10 * RATES.write +
          5 * RATES.writeLong +
          50 * RATES.output +
          2 * SEARCH,
        held: 0,
      });
    },
  );

  it.each(["generate", "stream"])("an advisor is billed at its own model's price (%s)", async (how) => {
    await using world = await rig({ kind: anthropic7 });
    const { ai, model, server } = world;
    server.respond(() => ({
      anthropic: {
        iterations: [
          { type: "message", usage: { inputTokens: 100, outputTokens: 10 } },
          {
            type: "advisor_message",
            model: "claude-sonnet-4-5",
            usage: { inputTokens: 200, outputTokens: 20 },
          },
          { type: "compaction", usage: { inputTokens: 50, outputTokens: 5 } },
        ],
      },
    }));
    const call = { model, prompt: "Hi", maxOutputTokens: 100 };
    if (how === "generate") await ai.generateText(call);
    else for await (const _ of ai.streamText(call).textStream);
    await world.quiet();
    expect(await world.balance()).toEqual({ spent: 350 * RATES.input + 35 * RATES.output, held: 0 });
  });

  it("OpenAI's searches in the Responses API, and what is held for them", async () => {
    await using world = await rig({ kind: responses7 });
    const { ai, model, server } = world;
    server.respond(() => ({
      usage,
      edit: (given: unknown) => {
        const payload = given as { output?: unknown };
        const search = {
          type: "web_search_call",
          id: "ws_1",
          status: "completed",
          action: { type: "search", query: "x" },
        };
        const { output } = payload;
        return Array.isArray(output) ? { ...payload, output: [search, ...(output as unknown[])] } : payload;
      },
    }));
    const { openai } = await import("@ai-sdk/openai");
    const tools = { web_search: openai.tools.webSearch({}) };
    await ai.generateText({ model, prompt: "Hi", tools, maxOutputTokens: 50 });
    await world.quiet();
    expect(world.events.usage[0]!.usage.webSearches).toBe(1);
    expect(await world.balance()).toEqual({ spent: cost + SEARCH, held: 0 });
    // Ten searches and the window are held, since nobody bounds them.
    expect(world.events.usage[0]!.heldNanoUsd).toBeGreaterThan(10 * SEARCH);
  });

  it.each(["generate", "stream"])("Gemini's searches and tool input (%s)", async (how) => {
    await using world = await rig({ kind: google7 });
    const { ai, model, server } = world;
    server.respond(() => ({
      usage: { inputTokens: 1_000, toolUseInputTokens: 200, cachedInputTokens: 100, outputTokens: 50 },
      google: { webSearchQueries: ["a", "b"] },
    }));
    const { google } = await import("@ai-sdk/google");
    const call = {
      model,
      prompt: "Hi",
      tools: { google_search: google.tools.googleSearch({}) },
      maxOutputTokens: 100,
    };
    if (how === "generate") await ai.generateText(call);
    else for await (const _ of ai.streamText(call).textStream);
    await world.quiet();
    // Gemini 2 bills the grounded answer, not its queries.
    expect(await world.balance()).toEqual({
      spent: 900 * RATES.input + 100 * RATES.cached + 50 * RATES.output + SEARCH,
      held: 0,
    });
  });

  it("sums the requests that Google's provider makes of one long answer", async () => {
    await using world = await rig({ kind: google7 });
    const { ai, model, server } = world;
    server.script([
      { google: { continuationToken: "t1" }, content: "one ", usage: { inputTokens: 100, outputTokens: 10 } },
      { content: "two", usage: { inputTokens: 110, outputTokens: 20 } },
    ]);
    const { text } = await ai.generateText({ model, prompt: "Hi", maxOutputTokens: 100 });
    await world.quiet();
    expect(text).toBe("one two");
    expect(await world.balance()).toEqual({ spent: world.billedNanoUsd, held: 0 });
    expect(world.events.usage[0]).toMatchObject({ inputTokens: 210, outputTokens: 30 });
  });

  it("charges what was held when a later one of those requests is refused", async () => {
    await using world = await rig({ kind: google7 });
    const { ai, model, server } = world;
    server.script([
      { google: { continuationToken: "t1" }, content: "one ", usage: { inputTokens: 100, outputTokens: 10 } },
      { status: 400 },
    ]);
    await ai.generateText({ model, prompt: "Hi", maxOutputTokens: 100 }).catch(() => undefined);
    await world.quiet();
    const [record] = world.events.usage;
    expect(record).toMatchObject({ outcome: "ambiguous", status: 400 });
    expect(await world.balance()).toEqual({ spent: record!.heldNanoUsd, held: 0 });
  });

  it("the tier that served", async () => {
    await using world = await rig({
      config: { prices: { overrides: [] } },
      kind: chat7,
      modelId: "gpt-5-mini",
    });
    const { ai, model, server } = world;
    server.respond(() => ({ usage: { inputTokens: 1_000, outputTokens: 100 }, serviceTier: "flex" }));
    await ai.generateText({
      model,
      prompt: "Hi",
      maxOutputTokens: 500,
      providerOptions: { openai: { serviceTier: "flex" } },
    });
    await world.quiet();
    expect(world.events.usage[0]).toMatchObject({
      requestedServiceTier: "flex",
      servedServiceTier: "flex",
      // Half of 0.25 USD and 2 USD per million.
      costNanoUsd: (1_000 * 250 + 100 * 2_000) / 2,
    });
  });
});
