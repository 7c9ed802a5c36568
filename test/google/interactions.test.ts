/** @module Interactions: a second HTTP stack, with retries, continuation and streams of its own. */
import { BudgetExceededError } from "holdfast";
import { attributed } from "holdfast/google";
import { describe, expect, test } from "vitest";
import { collect, failure, genAIKinds, MODEL, RATES, rig } from "./harness.ts";
import type { GenAI } from "./harness.ts";

const kinds = genAIKinds.filter(({ vertex }) => !vertex);
const generation_config = { max_output_tokens: 50 };

const create = (client: GenAI, options?: object) =>
  client.interactions.create({ model: MODEL, input: "Hi", generation_config }, options);
const stream = (client: GenAI) =>
  client.interactions.create({ model: MODEL, input: "Hi", stream: true, generation_config });

const continued = [
  { google: { continuationToken: "t1" }, content: "one ", usage: { inputTokens: 10, outputTokens: 5 } },
  { google: { continuationToken: "t2" }, content: "two ", usage: { inputTokens: 15, outputTokens: 6 } },
  { content: "three", usage: { inputTokens: 21, outputTokens: 7 } },
];
const quick = {
  retries: {
    strategy: "attempt-count-backoff",
    backoff: { initialInterval: 1, maxInterval: 1, exponent: 1, maxElapsedTime: 1_000 },
    retryConnectionErrors: true,
    maxRetries: 3,
  },
};

describe.each(kinds)("$name", (kind) => {
  test("create", async () => {
    await using at = await rig({ kind });
    at.server.script([
      {
        content: "Hello",
        usage: { inputTokens: 100, cachedInputTokens: 40, outputTokens: 30, reasoningTokens: 20 },
      },
    ]);
    const answer = await create(at.client);
    await at.quiet();
    expect(answer.output_text).toBe("Hello");
    expect(at.events.usage).toMatchObject([
      {
        endpoint: "interactions",
        usageSource: "provider",
        usage: { inputTextTokens: 60, cacheReadTextTokens: 40, outputTextTokens: 10, reasoningTokens: 20 },
        costNanoUsd: 60 * RATES.input + 40 * RATES.cached + 30 * RATES.output,
      },
    ]);
    expect((await at.balance()).held).toBe(0);
  });

  test("stream", async () => {
    await using at = await rig({ kind });
    at.server.script([{ chunks: 5 }]);
    const events = await collect(await stream(at.client));
    await at.quiet();
    expect(events.at(-1)).toMatchObject({ event_type: "interaction.completed" });
    expect(at.events.usage).toMatchObject([{ outcome: "complete", usageSource: "provider" }]);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });

  test("break cancels upstream and settles", async () => {
    await using at = await rig({ kind });
    at.server.script([{ chunks: 20, hangAfterChunk: 3 }]);
    let seen = 0;
    for await (const _ of await stream(at.client)) if (++seen === 4) break;
    await at.quiet();
    expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: true });
    expect(at.events.usage).toMatchObject([
      { outcome: "partial", usageSource: "estimated", outputTokens: 50 },
    ]);
    expect((await at.balance()).held).toBe(0);
  });

  test("continuation, each request by itself", async () => {
    await using at = await rig({ kind });
    at.server.script(continued);
    const answer = await at.holdfast.with({ user: "u1" }, () => create(at.client));
    await at.quiet();
    expect(answer.output_text).toBe("one two three");
    expect(at.server.ledger).toHaveLength(3);
    expect(at.events.usage.map(({ attribution }) => attribution)).toEqual(Array(3).fill({ user: "u1" }));
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 3 });
  });

  test("continuation of a stream, with the attribution of the call", async () => {
    await using at = await rig({ kind });
    at.server.script(continued);
    const events = await at.holdfast.with({ user: "u1" }, () => stream(at.client));
    await at.holdfast.with({ user: "u2" }, () => collect(events));
    await at.quiet();
    expect(at.server.ledger).toHaveLength(3);
    expect(at.events.usage.map(({ attribution }) => attribution)).toEqual(Array(3).fill({ user: "u1" }));
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 3 });
  });

  test.each([
    ["create", create],
    ["stream", async (client: GenAI) => collect(await stream(client))],
    [
      "stream by its reader",
      async (client: GenAI) => {
        const reader = ((await stream(client)) as unknown as ReadableStream).getReader();
        while (!(await reader.read()).done);
      },
    ],
  ])("a continuation that is denied: %s", async (name, call) => {
    await using at = await rig({ kind, budgets: [{ id: "all", limit: { calls: 1 }, window: "total" }] });
    at.server.script(continued);
    const error = await failure<
      BudgetExceededError & { interrupted?: { partialInteraction?: { output_text?: string } } }
    >(call(at.client));
    await at.quiet();
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error.name).toBe("BudgetExceededError");
    expect(at.server.ledger).toHaveLength(1);
    expect(at.events.of("call-denied")).toHaveLength(1);
    expect(error.interrupted).toBeInstanceOf(Error);
    if (name === "create") expect(error.interrupted?.partialInteraction?.output_text).toBe("one ");
    expect(Object.keys(error)).not.toContain("interrupted");
    expect((await at.balance()).held).toBe(0);
  });

  test("tries are attempts of one call", async () => {
    await using at = await rig({ kind });
    at.server.script([{ status: 500 }, { status: 429 }, {}]);
    await create(at.client, quick);
    await at.quiet();
    expect(at.events.usage.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, "refused"],
      [2, "refused"],
      [3, "complete"],
    ]);
    expect(new Set(at.events.usage.map(({ callId }) => callId)).size).toBe(1);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });

  test("an attribution of its own", async () => {
    await using at = await rig({ kind, attribution: { agent: "a" } });
    await create(at.client, attributed({ user: "u9" }));
    await at.quiet();
    expect(at.events.usage[0]!.attribution).toEqual({ agent: "a", user: "u9" });
  });

  test("a stream that does not continue by itself, from a token", async () => {
    await using at = await rig({ kind });
    const events = await at.client.interactions.create({
      model: MODEL,
      input: "Hi",
      stream: true,
      generation_config,
      automatic_continuation: false,
      continuation_token: "t0",
    });
    expect((await collect(events)).at(-1)).toMatchObject({ event_type: "interaction.completed" });
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "complete", usageSource: "provider" }]);
  });

  test("abort", async () => {
    await using at = await rig({ kind });
    at.server.script([{ hang: true }]);
    const controller = new AbortController();
    const asked = failure(create(at.client, { signal: controller.signal }));
    await at.server.waitFor(() => true);
    controller.abort();
    expect((await asked).constructor.name).toBe("APIUserAbortError");
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "ambiguous" }]);
    const before = await failure(create(at.client, { signal: AbortSignal.abort() }));
    expect(before.constructor.name).toBe("APIUserAbortError");
    expect(at.events.usage).toHaveLength(1);
    expect((await at.balance()).held).toBe(0);
  });

  test("a limit that is sent along", async () => {
    await using at = await rig({ kind, config: { estimate: { missingOutputLimit: { send: 33 } } } });
    await at.client.interactions.create({ model: MODEL, input: "Hi" });
    await at.quiet();
    expect(at.server.ledger[0]!.requestBody).toMatchObject({ generation_config: { max_output_tokens: 33 } });
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("reading, cancelling and deleting are free", async () => {
    await using at = await rig({ kind });
    const { id } = await create(at.client);
    await at.quiet();
    const before = await at.balance();
    expect((await at.client.interactions.get(id!)).output_text).toBeDefined();
    await at.client.interactions.delete(id!).catch(() => undefined);
    expect(await at.balance()).toEqual(before);
  });
});
