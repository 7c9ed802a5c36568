import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultText, startProviderServer } from "../src/provider-server/index.ts";
import type { LedgerEntry, ProviderServer, ProviderStep } from "../src/provider-server/index.ts";
import { Anthropic, anthropics } from "./provider-server-sdks.ts";
import type { Anthropic as Client } from "./provider-server-sdks.ts";

let server: ProviderServer;
let anthropic: Client;
const body = {
  model: "claude-sonnet-4-6",
  max_tokens: 4_096,
  messages: [{ role: "user" as const, content: "hi" }],
};

beforeEach(async () => {
  server = await startProviderServer();
  anthropic = new Anthropic({ apiKey: "k", baseURL: server.origin, maxRetries: 0 });
});
afterEach(() => server.close());

interface Event {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** All events of a stream, then the error it ended with. */
async function events(step: ProviderStep, stopAfter?: number): Promise<Event[]> {
  server.script([step]);
  const seen: Event[] = [];
  try {
    for await (const event of await anthropic.messages.create({ ...body, stream: true })) {
      seen.push(event as unknown as Event);
      if (seen.filter(({ type }) => type === "content_block_delta").length === stopAfter) break;
    }
  } catch (error) {
    seen.push({ type: `!${(error as Error).constructor.name}` });
  }
  await server.waitForIdle();
  return seen;
}

function bill({ outcome, clientClosedEarly, billed }: LedgerEntry): unknown[] {
  return [outcome, clientClosedEarly, billed.inputTokens, billed.outputTokens];
}

const everything = {
  inputTokens: 100,
  cachedInputTokens: 30,
  cacheWrite5mTokens: 10,
  cacheWrite1hTokens: 5,
  outputTokens: 50,
  reasoningTokens: 20,
  webSearchRequests: 2,
  webFetchRequests: 1,
};

describe("messages", () => {
  test("every usage field, from one convention", async () => {
    server.script([{ usage: everything, anthropic: { speed: "fast", inferenceGeo: "us" } }]);
    const { data, response } = await anthropic.messages.create(body).withResponse();
    expect(data.content).toEqual([{ type: "text", text: defaultText, citations: null }]);
    expect(data.usage).toEqual({
      input_tokens: 55,
      cache_read_input_tokens: 30,
      cache_creation_input_tokens: 15,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 },
      output_tokens: 50,
      output_tokens_details: { thinking_tokens: 20 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      service_tier: "standard",
      speed: "fast",
      inference_geo: "us",
    });
    expect(response.headers.get("request-id")).toBe("req_000001");
    await server.waitForIdle();
    expect(server.ledger).toMatchObject([
      {
        provider: "anthropic",
        platform: "direct",
        route: "/messages",
        endpoint: "/messages",
        model: "claude-sonnet-4-6",
        served: {
          model: "claude-sonnet-4-6",
          serviceTier: "standard",
          speed: "fast",
          inferenceGeo: "us",
        },
        requestId: "req_000001",
        outcome: "complete",
        headers: { authorization: true },
        billed: { ...everything, usage: data.usage },
      },
    ]);
  });

  test("a write that is not split, and a contradiction, which is the test's own mistake", async () => {
    server.script([
      { usage: { inputTokens: 10, cacheWriteTokens: 4 } },
      { usage: { inputTokens: 1, cachedInputTokens: 2 } },
    ]);
    const { usage } = await anthropic.messages.create(body);
    expect(usage).toMatchObject({ input_tokens: 6, cache_creation: null, cache_creation_input_tokens: 4 });
    await expect(anthropic.messages.create(body)).rejects.toThrow("cannot be less than its cached part");
  });

  test("streams: the start knows the input, deltas are cumulative, thinking comes first", async () => {
    const all = await events({ usage: everything, thinking: "hm hm", chunks: 4 });
    const [start, delta, stop] = ["content_block_start", "content_block_delta", "content_block_stop"];
    const thinking = [start, delta, delta, delta, stop]; // the last delta is the signature
    const text = [start, delta, delta, stop];
    expect(all.map(({ type }) => type)).toEqual([
      "message_start",
      ...thinking,
      ...text,
      "message_delta",
      "message_stop",
    ]);
    expect(all[0]).toMatchObject({
      message: {
        content: [],
        usage: {
          input_tokens: 55,
          output_tokens: 1,
          cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 },
          server_tool_use: null,
        },
      },
    });
    expect(all.at(-2)).toMatchObject({
      delta: { stop_reason: "end_turn" },
      usage: {
        input_tokens: 55,
        cache_read_input_tokens: 30,
        output_tokens: 50,
        server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      },
    });
    expect(all.at(-2)?.["usage"]).not.toHaveProperty("cache_creation");
  });

  test("several deltas grow; old ones know the output only; later inputs replace the first", async () => {
    const usage = { outputTokens: 50, inputTokens: 400 };
    const grown = await events({ usage, anthropic: { messageDeltas: 3, startUsage: { inputTokens: 100 } } });
    const deltas = grown.filter(({ type }) => type === "message_delta");
    expect(deltas.map((delta) => (delta["usage"] as { output_tokens: number }).output_tokens)).toEqual([
      10, 20, 50,
    ]);
    expect(grown[0]).toMatchObject({ message: { usage: { input_tokens: 100 } } });
    expect(deltas.at(-1)).toMatchObject({ usage: { input_tokens: 400 } });
    const old = await events({ usage, anthropic: { deltaUsage: "output" } });
    expect(old.at(-2)?.["usage"]).toEqual({ output_tokens: 50 });
    const pinged = await events({ usage, anthropic: { pings: 2 } });
    expect(pinged.map(({ type }) => type)).toEqual(old.map(({ type }) => type)); // the SDK drops them
    const nulls = await events({ usage, anthropic: { deltaUsage: "null" } });
    expect(nulls.at(-2)?.["usage"]).toMatchObject({ input_tokens: null, output_tokens: 50 });
  });

  for (const [name, Class] of anthropics) {
    test(`${name}: the stream helper adds it up`, async () => {
      const client = new Class({ apiKey: "k", baseURL: server.origin, maxRetries: 0 });
      server.script([{ usage: everything }]);
      const message = await client.messages.stream(body).finalMessage();
      expect(message.content[0]).toMatchObject({ type: "text", text: defaultText });
      expect(message.usage).toMatchObject({ input_tokens: 55, output_tokens: 50 });
      await server.waitForIdle();
      expect(server.ledger[0]?.headers.helperMethod).toBe("stream");
    });
  }

  for (const stream of [false, true]) {
    test(`toolRunner takes as many hops as scripted (${stream ? "stream" : "json"})`, async () => {
      server.script([
        { toolCalls: [{ name: "weather", arguments: { city: "Köln" } }] },
        { toolCalls: [{ name: "weather" }], content: "Once more." },
        { content: "done" },
      ]);
      const cities: unknown[] = [];
      const runner = anthropic.beta.messages.toolRunner({
        ...body,
        stream,
        tools: [
          {
            type: "custom",
            name: "weather",
            description: "",
            input_schema: { type: "object", properties: { city: { type: "string" } } },
            parse: (input: unknown) => input as { city: string },
            run: ({ city }: { city: string }) => {
              cities.push(city);
              return "sunny";
            },
          },
        ],
      });
      const final = await runner.runUntilDone();
      expect(final.content).toMatchObject([{ type: "text", text: "done" }]);
      expect(cities).toEqual(["Köln", "sample"]);
      expect(server.requests).toBe(3);
      // The first hop creates a thread, in which the server holds tools and messages.
      expect(server.ledger.map(({ requestBody }) => "tools" in requestBody)).toEqual([true, false, false]);
    });
  }

  test("a thread that the server does not hold", async () => {
    const thread = { type: "continue" as const, previous_message_id: "msg_unknown" };
    const call = anthropic.beta.messages.create({ ...body, thread });
    await expect(call).rejects.toBeInstanceOf(Anthropic.ThreadNotFoundError);
  });

  test("a refusal is a 200 that is billed", async () => {
    server.script([{ refusal: "no", content: "Well, ", anthropic: { stopDetails: { category: "cyber" } } }]);
    const message = await anthropic.messages.create(body);
    expect(message).toMatchObject({
      stop_reason: "refusal",
      stop_details: { category: "cyber", explanation: "no" },
    });
    await server.waitForIdle();
    expect(server.billed()).toMatchObject({ outputTokens: 1_000 });
  });

  test("an answer keeps to max_tokens, fits a schema, dates the model", async () => {
    const cut = await anthropic.messages.create({ ...body, max_tokens: 30 });
    expect([cut.stop_reason, cut.usage.output_tokens]).toEqual(["max_tokens", 30]);
    const schema = { type: "object", properties: { a: { type: "integer" } } };
    const format = await anthropic.messages.create({
      ...body,
      output_config: { format: { type: "json_schema", schema } },
    });
    expect(format.content[0]).toMatchObject({ text: '{"a":1}' });
    await using dated = await startProviderServer({ snapshot: true });
    const client = new Anthropic({ apiKey: "k", baseURL: dated.origin });
    expect((await client.messages.create(body)).model).toBe("claude-sonnet-4-6-20260807");
  });

  test("free: counting and the catalogue", async () => {
    server.script([{ path: "/count_tokens", usage: { inputTokens: 77 } }]);
    expect(await anthropic.messages.countTokens(body)).toEqual({ input_tokens: 77 });
    expect((await anthropic.models.list()).data.map(({ id }) => id)).toContain("claude-sonnet-4-6");
    expect((await anthropic.models.retrieve("claude-x")).id).toBe("claude-x");
    await server.waitForIdle();
    expect(server.billed()).toMatchObject({ inputTokens: 0, outputTokens: 0 });
  });
});

describe("iterations", () => {
  const iterations = [
    { type: "compaction", usage: { inputTokens: 10, outputTokens: 2 } },
    { type: "advisor_message", model: "claude-opus-4-8", usage: { inputTokens: 7, outputTokens: 3 } },
    { type: "message", usage: { inputTokens: 100, outputTokens: 10 } },
    { type: "fallback_message", model: "claude-haiku-4-5", usage: { inputTokens: 200, outputTokens: 20 } },
  ] as const;

  test("are billed by model; the totals have only messages", async () => {
    server.script([{ usage: { webSearchRequests: 1 }, anthropic: { iterations } }]);
    const { usage } = await anthropic.beta.messages.create(body);
    expect(usage).toMatchObject({
      input_tokens: 300,
      output_tokens: 30,
      server_tool_use: { web_search_requests: 1 },
      iterations: [
        { type: "compaction", input_tokens: 10, output_tokens: 2 },
        { type: "advisor_message", model: "claude-opus-4-8", input_tokens: 7, output_tokens: 3 },
        { type: "message", model: "claude-sonnet-4-6", input_tokens: 100, output_tokens: 10 },
        { type: "fallback_message", model: "claude-haiku-4-5", input_tokens: 200, output_tokens: 20 },
      ],
    });
    await server.waitForIdle();
    const [entry] = server.ledger;
    expect(entry?.billed).toMatchObject({ inputTokens: 317, outputTokens: 35, webSearchRequests: 1 });
    expect(entry?.billed.parts.map(({ model, quantities }) => [model, quantities.inputTokens])).toEqual([
      ["claude-sonnet-4-6", 10],
      ["claude-opus-4-8", 7],
      ["claude-sonnet-4-6", 100],
      ["claude-haiku-4-5", 200],
    ]);
  });

  test("a stream that stops early cuts the last of them", async () => {
    await events({ anthropic: { iterations }, hangAfterChunk: 2 }, 2);
    expect(server.ledger[0]?.billed).toMatchObject({ inputTokens: 317, outputTokens: 2 + 3 + 10 + 8 });
  });
});

describe("failures", () => {
  test("before generation: Anthropic's error shape, nothing billed", async () => {
    server.script([{ status: 529 }, { status: 429, headers: { "retry-after": "1" } }, { status: 400 }]);
    await expect(anthropic.messages.create(body)).rejects.toMatchObject({
      status: 529,
      requestID: "req_000001",
      error: { type: "error", error: { type: "overloaded_error" } },
    });
    await expect(anthropic.messages.create(body)).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    await expect(anthropic.messages.create(body)).rejects.toBeInstanceOf(Anthropic.BadRequestError);
    await expect(anthropic.post("/v1/nowhere", { body: {} })).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    expect(server.billed()).toMatchObject({ inputTokens: 0, outputTokens: 0 });
  });

  const cases: [string, ProviderStep, number | undefined, string, unknown[]][] = [
    ["closed by the client", { hangAfterChunk: 2 }, 2, "content_block_delta", ["aborted", true, 1_000, 400]],
    ["reset", { dropAfterChunk: 2 }, undefined, "!TypeError", ["dropped", false, 1_000, 400]],
    ["error event", { errorEventAfterChunk: 2 }, undefined, "!APIError", ["failed", false, 1_000, 400]],
    ["cut", { endAfterChunk: 2 }, undefined, "content_block_delta", ["truncated", false, 1_000, 400]],
    [
      "garbage",
      { garbageAtChunk: 3, chunkDelayMs: 5 },
      undefined,
      "!SyntaxError",
      ["aborted", true, 1_000, 600],
    ],
    ["no stop", { omitDone: true }, undefined, "message_delta", ["complete", false, 1_000, 1_000]],
    ["lost", { lostReply: true }, undefined, "!APIConnectionError", ["lost", false, 1_000, 1_000]],
  ];
  for (const [name, step, stopAfter, last, expected] of cases) {
    test(`in the middle: ${name}`, async () => {
      expect((await events(step, stopAfter)).at(-1)?.type).toBe(last);
      expect(server.ledger.map(bill)).toEqual([expected]);
    });
  }
});
