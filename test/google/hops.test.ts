/** @module Each request that is billed is held for and settled by itself, however many the SDK makes of one call. */
import { BudgetExceededError } from "holdfast";
import { describe, expect, test } from "vitest";
import { collect, failure, genAIKinds, MODEL, RATES, rig } from "./harness.ts";
import type { GenAI, Rig } from "./harness.ts";

/** A tool that the SDK calls by itself. */
function weatherTool(): {
  readonly calls: unknown[];
  tool: () => Promise<object>;
  callTool: (calls: unknown[]) => Promise<object[]>;
} {
  const calls: unknown[] = [];
  return {
    calls,
    tool: async () => ({
      functionDeclarations: [{ name: "weather", parameters: { type: "OBJECT", properties: {} } }],
    }),
    callTool: async (asked) => {
      calls.push(...asked);
      return asked.map(() => ({ functionResponse: { name: "weather", response: { sky: "clear" } } }));
    },
  };
}

const byCalls = (calls: number) => [{ id: "all", limit: { calls }, window: "total" }] as const;

async function expectSettled(at: Rig<GenAI>, requests: number): Promise<void> {
  await at.quiet();
  expect(at.server.ledger).toHaveLength(requests);
  expect(at.events.usage).toHaveLength(requests);
  expect(at.events.usage.every(({ usageSource }) => usageSource === "provider")).toBe(true);
  expect(at.events.of("meter-anomaly")).toEqual([]);
  expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: requests });
}

const hops = [
  { toolCalls: [{ name: "weather", arguments: {} }], usage: { inputTokens: 20, outputTokens: 5 } },
  { toolCalls: [{ name: "weather", arguments: {} }], usage: { inputTokens: 30, outputTokens: 6 } },
  { content: "clear", usage: { inputTokens: 40, outputTokens: 7 } },
];

const continued = [
  { google: { continuationToken: "t1" }, content: "one ", usage: { inputTokens: 10, outputTokens: 5 } },
  { google: { continuationToken: "t2" }, content: "two ", usage: { inputTokens: 15, outputTokens: 6 } },
  { content: "three", usage: { inputTokens: 21, outputTokens: 7 } },
];

describe.each(genAIKinds)("$name", (kind) => {
  test("automatic function calling", async () => {
    await using at = await rig({ kind });
    at.server.script(hops);
    const tool = weatherTool();
    const answer = await at.client.models.generateContent({
      model: MODEL,
      contents: "How is the weather?",
      config: { maxOutputTokens: 50, tools: [tool as never] },
    });
    expect(answer.text).toBe("clear");
    expect(answer.usageMetadata?.promptTokenCount).toBe(40);
    expect(tool.calls).toHaveLength(2);
    await expectSettled(at, 3);
    expect((await at.balance()).spent).toBe(90 * RATES.input + 18 * RATES.output);
  });

  test("automatic function calling in a stream", async () => {
    await using at = await rig({ kind });
    at.server.script(hops);
    const tool = weatherTool();
    const stream = await at.client.models.generateContentStream({
      model: MODEL,
      contents: "How is the weather?",
      config: { maxOutputTokens: 50, tools: [tool as never] },
    });
    await collect(stream);
    expect(tool.calls).toHaveLength(2);
    await expectSettled(at, 3);
  });

  test("automatic continuation", async () => {
    await using at = await rig({ kind });
    at.server.script(continued);
    const answer = await at.client.models.generateContent({
      model: MODEL,
      contents: "Count",
      config: { maxOutputTokens: 50 },
    });
    expect(answer.text).toBe("one two three");
    expect(answer.usageMetadata?.promptTokenCount).toBe(46);
    await expectSettled(at, 3);
    expect((await at.balance()).spent).toBe(46 * RATES.input + 18 * RATES.output);
  });

  test("automatic continuation of a stream, with the attribution of the call", async () => {
    await using at = await rig({ kind, attribution: { agent: "counter" } });
    at.server.script(continued);
    const stream = await at.holdfast.with({ user: "u1" }, () =>
      at.client.models.generateContentStream({
        model: MODEL,
        contents: "Count",
        config: { maxOutputTokens: 50 },
      }),
    );
    // Somebody else reads it.
    const chunks = await at.holdfast.with({ user: "u2", tenant: "t" }, () => collect(stream));
    expect(chunks.map(({ text }) => text ?? "").join("")).toBe("one two three");
    await expectSettled(at, 3);
    for (const { attribution } of at.events.usage)
      expect(attribution).toEqual({ agent: "counter", user: "u1" });
  });

  test("chats", async () => {
    await using at = await rig({ kind });
    at.server.script(hops);
    const tool = weatherTool();
    const chat = at.client.chats.create({
      model: MODEL,
      config: { maxOutputTokens: 50, tools: [tool as never] },
    });
    expect((await chat.sendMessage({ message: "How is the weather?" })).text).toBe("clear");
    await collect(await chat.sendMessageStream({ message: "And tomorrow?" }));
    await expectSettled(at, 4);
  });

  test.each([
    ["function calling", hops, true],
    ["continuation", continued, false],
  ] as const)("%s stops at the budget, by the budget's own error, once", async (_name, steps, withTool) => {
    await using at = await rig({ kind, budgets: byCalls(1), client: { maxRetries: 4 } });
    at.server.script(steps);
    const config = { maxOutputTokens: 50, ...(withTool ? { tools: [weatherTool() as never] } : {}) };
    const error = await failure(at.client.models.generateContent({ model: MODEL, contents: "Go", config }));
    await at.quiet();
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error.name).toBe("BudgetExceededError");
    expect(at.server.ledger).toHaveLength(1);
    expect(at.events.of("call-denied")).toHaveLength(1);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });

  test.each([
    ["function calling", hops, true],
    ["continuation", continued, false],
  ] as const)("%s of a stream stops at the budget, once", async (_name, steps, withTool) => {
    await using at = await rig({ kind, budgets: byCalls(1), client: { maxRetries: 4 } });
    at.server.script(steps);
    const config = { maxOutputTokens: 50, ...(withTool ? { tools: [weatherTool() as never] } : {}) };
    const stream = await at.client.models.generateContentStream({ model: MODEL, contents: "Go", config });
    const seen: unknown[] = [];
    const error = await failure(
      (async () => {
        for await (const chunk of stream) seen.push(chunk);
      })(),
    );
    await at.quiet();
    expect(seen.length).toBeGreaterThan(0);
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error.name).toBe("BudgetExceededError");
    expect(at.server.ledger).toHaveLength(1);
    expect(at.events.of("call-denied")).toHaveLength(1);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });
});
