/** @module Data residency: held and charged with what the region adds, whatever way the client came to its address. */
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, wrapLanguageModel } from "ai";
import { createHoldfast } from "holdfast";
import { holdfastMiddleware } from "holdfast/ai-sdk";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { expect, test } from "vitest";

/** $5 and $30 per million, released after 2026-03-05. */
const NEW = "gpt-5.5";
const LIST_NANO_USD = 1_000 * 5_000 + 100 * 30_000;

function rig() {
  const holdfast = createHoldfast({ budgets: [{ id: "all", limit: { usd: "100" }, window: "total" }] });
  const bills: { costNanoUsd: number; heldNanoUsd: number }[] = [];
  holdfast.on("usage", ({ costNanoUsd, heldNanoUsd }) => bills.push({ costNanoUsd, heldNanoUsd }));
  const fetch = async (_: unknown, init?: RequestInit): Promise<Response> => {
    const { model, service_tier } = JSON.parse(String(init?.body)) as {
      model: string;
      service_tier?: string;
    };
    return Response.json({
      id: "resp_1",
      object: "response",
      created_at: 1,
      status: "completed",
      // As snapshots are named.
      model: `${model}-2026-04-01`,
      service_tier: service_tier ?? "default",
      output: [
        {
          type: "message",
          id: "m",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: "Hi", annotations: [] }],
        },
      ],
      usage: {
        input_tokens: 1_000,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 100,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 1_100,
      },
    });
  };
  const clientAt = (more: object): OpenAI =>
    wrapOpenAI(new OpenAI({ apiKey: "k", maxRetries: 0, fetch: fetch as never, ...more }), holdfast);
  return { holdfast, bills, fetch, clientAt };
}

const ask = (client: OpenAI, more: object = {}) =>
  client.responses.create({ model: NEW, input: "x".repeat(4_000), max_output_tokens: 100, ...more });

test.each<[string, object, object, number]>([
  ["a region by its option", { dataResidency: "eu" }, {}, 1.1],
  ["a region by its address", { baseURL: "https://jp.api.openai.com/v1" }, {}, 1.1],
  ["a tier in a region", { dataResidency: "us" }, { service_tier: "flex" }, 0.55],
  ["an older model in a region", { dataResidency: "eu" }, { model: "gpt-5.2" }, 0],
  ["no region", {}, {}, 1],
])("%s", async (_, options, request, factor) => {
  const { clientAt, bills, holdfast } = rig();
  await ask(clientAt(options), request);
  await holdfast.flush();
  if (factor === 0) {
    await ask(clientAt({}), request);
    await holdfast.flush();
    expect(bills[0]).toEqual(bills[1]);
  } else expect(bills[0]!.costNanoUsd).toBe(LIST_NANO_USD * factor);
  expect(bills[0]!.heldNanoUsd).toBeGreaterThanOrEqual(bills[0]!.costNanoUsd);
  await holdfast.close({ drainMs: 0 });
});

test("a client that is led to a region later is held and charged for that", async () => {
  const { clientAt, bills, holdfast } = rig();
  const client = clientAt({});
  await ask(client.withOptions({ dataResidency: "eu" } as object));
  await ask(client);
  await holdfast.flush();
  expect(bills.map(({ costNanoUsd }) => costNanoUsd)).toEqual([LIST_NANO_USD * 1.1, LIST_NANO_USD]);
  // The tokens that are held for may be those of cache writes, with other rates; the factor is the same.
  expect(bills[0]!.heldNanoUsd).toBe(Math.ceil(bills[1]!.heldNanoUsd * 1.1 - 1e-6));
  await holdfast.close({ drainMs: 0 });
});

test("a model of the AI SDK at such an address", async () => {
  const { bills, fetch, holdfast } = rig();
  const provider = createOpenAI({
    apiKey: "k",
    baseURL: "https://eu.api.openai.com/v1",
    fetch: fetch as typeof globalThis.fetch,
  });
  const model = wrapLanguageModel({ model: provider(NEW), middleware: holdfastMiddleware(holdfast) });
  await generateText({ model, prompt: "Hi", maxOutputTokens: 100, maxRetries: 0 });
  await holdfast.flush();
  expect(bills.map(({ costNanoUsd }) => costNanoUsd)).toEqual([LIST_NANO_USD * 1.1]);
  await holdfast.close({ drainMs: 0 });
});
