import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultText, malformedUsages, omitted, startProviderServer } from "../src/provider-server/index.ts";
import type { ProviderServer, ProviderStep } from "../src/provider-server/index.ts";

let server: ProviderServer;
let openai: OpenAI;
const body = { model: "gpt-5-mini", input: "hi" };

beforeEach(async () => {
  server = await startProviderServer();
  openai = new OpenAI({ apiKey: "sk-test", baseURL: server.url, maxRetries: 0 });
});
afterEach(() => server.close());

type Event = OpenAI.Responses.ResponseStreamEvent;

async function events(step: ProviderStep): Promise<Event[]> {
  server.script([step]);
  const all: Event[] = [];
  for await (const event of await openai.responses.create({ ...body, stream: true })) all.push(event);
  await server.waitForIdle();
  return all;
}

const everyQuantity = {
  inputTokens: 900,
  cachedInputTokens: 300,
  cacheWrite30mTokens: 20,
  cacheWrite12hTokens: 5,
  outputTokens: 80,
  reasoningTokens: 30,
  webSearchRequests: 3,
  imageGenInputTokens: 50,
  imageGenInputImageTokens: 10,
  imageGenCachedTokens: 7,
  imageGenCachedTextTokens: 4,
  imageGenCachedImageTokens: 3,
  imageGenOutputTokens: 60,
  imageGenOutputImageTokens: 55,
  imageGenOutputTextTokens: 5,
};

describe("responses", () => {
  test("reports every usage field", async () => {
    server.script([{ usage: everyQuantity, serviceTier: "flex" }]);
    const reply = await openai.responses.create(body);
    expect(reply.output_text).toBe(defaultText);
    expect(reply.service_tier).toBe("flex");
    expect(reply.usage).toEqual({
      input_tokens: 900,
      input_tokens_details: {
        cached_tokens: 300,
        cache_write_tokens: 25,
        cache_write_tokens_details: { ttl_30m_tokens: 20, ttl_12h_tokens: 5 },
      },
      output_tokens: 80,
      output_tokens_details: { reasoning_tokens: 30 },
      total_tokens: 980,
    });
    const tools = {
      image_gen: {
        input_tokens: 50,
        input_tokens_details: { text_tokens: 40, image_tokens: 10 },
        output_tokens: 60,
        total_tokens: 110,
        cached_tokens: 7,
        cached_tokens_details: { cached_text_tokens: 4, cached_image_tokens: 3 },
        output_tokens_details: { text_tokens: 5, image_tokens: 55 },
      },
      web_search: { num_requests: 3 },
    };
    expect(reply.tool_usage).toEqual(tools);
    await server.waitForIdle();
    expect(server.ledger[0]?.billed).toMatchObject({
      ...everyQuantity,
      usage: { ...reply.usage, tool_usage: tools },
    });
  });

  test("streams the full event sequence", async () => {
    const all = await events({ chunks: 2 });
    expect(all.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(all.map(({ sequence_number: number }) => number)).toEqual(all.map((_, index) => index));
    expect(all[0]).toMatchObject({ response: { status: "in_progress", usage: null, output: [] } });
    expect(all.at(-1)).toMatchObject({ response: { status: "completed", usage: { total_tokens: 2_000 } } });
    expect(server.ledger[0]).toMatchObject({ outcome: "complete", chunksWritten: 2 });
  });

  test("the stream helper and parse work", async () => {
    const final = await openai.responses.stream(body).finalResponse();
    expect([final.output_text, final.usage?.total_tokens]).toEqual([defaultText, 2_000]);
    const schema = { type: "object", properties: { n: { type: "integer" } } };
    const text = { format: { type: "json_schema" as const, name: "n", schema } };
    expect((await openai.responses.parse({ ...body, text })).output_parsed).toEqual({ n: 1 });
    expect((await openai.responses.stream({ ...body, text }).finalResponse()).output_parsed).toEqual({
      n: 1,
    });
  });

  test("tool calls, whole and streamed", async () => {
    const step: ProviderStep = {
      toolCalls: [
        { name: "a", arguments: { x: "é" } },
        { name: "b", arguments: "{}" },
      ],
    };
    server.script([step]);
    const reply = await openai.responses.create(body);
    expect(reply.output).toMatchObject([
      { type: "function_call", name: "a", arguments: '{"x":"é"}' },
      { type: "function_call", name: "b", arguments: "{}" },
    ]);
    const all = await events(step);
    expect(all.map(({ sequence_number: number }) => number)).toEqual(all.map((_, index) => index));
    expect(all.filter(({ type }) => type === "response.function_call_arguments.done")).toHaveLength(2);
    server.script([step]);
    expect((await openai.responses.stream(body).finalResponse()).output).toHaveLength(2);
  });

  test("failed and incomplete responses carry usage and bill", async () => {
    for (const responseStatus of ["failed", "incomplete"] as const) {
      const last = (await events({ responseStatus })).at(-1);
      expect(last).toMatchObject({
        type: `response.${responseStatus}`,
        response: { status: responseStatus, usage: { output_tokens: 1_000 } },
      });
    }
    const short = await openai.responses.create({ ...body, max_output_tokens: 16 });
    expect([short.status, short.usage?.output_tokens]).toEqual(["incomplete", 16]);
    expect(server.billed()).toMatchObject({ inputTokens: 3_000, outputTokens: 2_016 });
  });

  test("an early end, an error event and a refusal", async () => {
    expect((await events({ endAfterChunk: 2 })).at(-1)?.type).toBe("response.output_text.delta");
    await expect(events({ errorEventAfterChunk: 1 })).rejects.toBeInstanceOf(OpenAI.APIError);
    const refused = await events({ refusal: "no, thank you" });
    expect(refused.some(({ type }) => type === "response.refusal.done")).toBe(true);
    expect(server.ledger.map(({ outcome, billed }) => [outcome, billed.outputTokens])).toEqual([
      ["truncated", 400],
      ["failed", 200],
      ["complete", 1_000],
    ]);
  });

  test("background: queued without usage, polled, fetched as a stream, deleted", async () => {
    server.script([{ backgroundPolls: 1 }]);
    const queued = await openai.responses.create({ ...body, background: true });
    expect([queued.status, queued.usage]).toEqual(["queued", null]);
    expect((await openai.responses.retrieve(queued.id)).status).toBe("in_progress");
    const done = await openai.responses.retrieve(queued.id);
    expect([done.status, done.usage?.total_tokens]).toEqual(["completed", 2_000]);
    const replay: string[] = [];
    for await (const event of await openai.responses.retrieve(queued.id, { stream: true }))
      replay.push(event.type);
    expect(replay.at(-1)).toBe("response.completed");
    await openai.responses.delete(queued.id);
    await expect(openai.responses.retrieve(queued.id)).rejects.toMatchObject({ status: 404 });
    await server.waitForIdle();
    expect(server.billed()).toMatchObject({ inputTokens: 1_000, outputTokens: 1_000 });
  });

  test("a background response that is cancelled in time bills its input", async () => {
    server.script([{ backgroundPolls: 9 }]);
    const { id } = await openai.responses.create({ ...body, background: true });
    expect((await openai.responses.cancel(id)).status).toBe("cancelled");
    expect((await openai.responses.retrieve(id)).status).toBe("cancelled");
    await server.waitForIdle();
    expect(server.billed()).toMatchObject({ inputTokens: 1_000, outputTokens: 0 });
  });

  test("a background stream runs on when its reader leaves", async () => {
    server.script([{ hangAfterChunk: 1 }]);
    const stream = await openai.responses.create({ ...body, background: true, stream: true });
    for await (const event of stream) if (event.type === "response.output_text.delta") break;
    await server.waitForIdle();
    expect(server.ledger[0]).toMatchObject({ outcome: "aborted", billed: { outputTokens: 1_000 } });
  });

  test("counting is free, compaction and decisions are not", async () => {
    expect((await openai.responses.inputTokens.count(body)).input_tokens).toBe(1_000);
    server.script([{ usage: { inputTokens: 77 } }]);
    expect((await openai.responses.inputTokens.count(body)).input_tokens).toBe(77);
    expect((await openai.responses.compact({ model: "gpt-5", input: "x" })).usage.total_tokens).toBe(2_000);
    await openai.post("/decisions", { body: { model: "gpt-5", questions: [{ name: "q" }] } });
    await server.waitForIdle();
    expect(server.ledger.map(({ billed }) => billed.inputTokens)).toEqual([0, 0, 1_000, 1_000]);
  });
});

describe("malformed usage", () => {
  const chat = { model: "m", messages: [{ role: "user" as const, content: "hi" }] };

  test("every kind reaches the client as it is, and the ledger keeps the truth", async () => {
    const seen = new Map<string, unknown>();
    for (const malformedUsage of malformedUsages) {
      server.script([{ malformedUsage, usage: { cachedInputTokens: 5 } }]);
      const reply = await openai.chat.completions.create(chat);
      seen.set(malformedUsage, "usage" in reply ? reply.usage : "(absent)");
    }
    await server.waitForIdle();
    expect(seen.get("missing")).toBe("(absent)");
    expect(seen.get("null")).toBeNull();
    expect(seen.get("empty")).toEqual({});
    expect(seen.get("strings")).toMatchObject({ prompt_tokens: "1000" });
    expect(seen.get("negative")).toMatchObject({ prompt_tokens: -1_000 });
    expect(seen.get("huge")).toMatchObject({ completion_tokens: 1e300 });
    expect(seen.get("infinite")).toMatchObject({ completion_tokens: Number.POSITIVE_INFINITY });
    expect(seen.get("cachedOverPrompt")).toMatchObject({
      prompt_tokens: 1_000,
      prompt_tokens_details: { cached_tokens: 2_001 },
    });
    expect(seen.get("totalMismatch")).toMatchObject({ prompt_tokens: 1_000, total_tokens: 7 });
    expect(server.billed().inputTokens).toBe(1_000 * malformedUsages.length);
  });

  test("own distortions, in streams and responses too", async () => {
    server.script([
      { reportedUsage: (truth) => ({ ...truth, prompt_tokens: 3 }) },
      { reportedUsage: () => omitted },
      { malformedUsage: "strings" },
    ]);
    const ask = { ...chat, stream: true as const, stream_options: { include_usage: true } };
    const last: unknown[] = [];
    for (let call = 0; call < 2; call += 1) {
      let final: object = {};
      for await (const chunk of await openai.chat.completions.create(ask)) final = chunk;
      last.push("usage" in final ? final.usage : "(absent)");
    }
    expect(last).toMatchObject([{ prompt_tokens: 3, completion_tokens: 1_000 }, "(absent)"]);
    expect((await openai.responses.create(body)).usage).toMatchObject({ input_tokens: "1000" });
  });
});
