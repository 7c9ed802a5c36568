import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultText, startProviderServer } from "../src/provider-server/index.ts";
import type { LedgerEntry, ProviderServer, ProviderStep } from "../src/provider-server/index.ts";
import { genais, GoogleGenAI, GoogleGenerativeAI, signedIn } from "./provider-server-sdks.ts";
import type { GoogleGenAI as Client } from "./provider-server-sdks.ts";

let server: ProviderServer;
let google: Client;
const ask = { model: "gemini-2.5-flash", contents: "hi" };

function client(Class: typeof GoogleGenAI = GoogleGenAI): Client {
  return new Class({ apiKey: "k", httpOptions: { baseUrl: server.origin } });
}

function onVertex(Class: typeof GoogleGenAI = GoogleGenAI): Client {
  return new Class({
    vertexai: true,
    project: "p",
    location: "us-central1",
    httpOptions: { baseUrl: server.origin },
    googleAuthOptions: { authClient: signedIn as never },
  });
}

beforeEach(async () => {
  server = await startProviderServer();
  google = client();
});
afterEach(() => server.close());

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

function bill({ outcome, billed }: LedgerEntry): unknown[] {
  return [outcome, billed.inputTokens, billed.outputTokens];
}

const everything = {
  inputTokens: 1_000,
  cachedInputTokens: 100,
  toolUseInputTokens: 20,
  inputImageTokens: 50,
  inputAudioTokens: 30,
  outputTokens: 1_000,
  reasoningTokens: 500,
  outputImageTokens: 40,
};

const everythingOnTheWire = {
  promptTokenCount: 980,
  candidatesTokenCount: 500,
  thoughtsTokenCount: 500,
  toolUsePromptTokenCount: 20,
  cachedContentTokenCount: 100,
  totalTokenCount: 2_000,
  promptTokensDetails: [
    { modality: "TEXT", tokenCount: 900 },
    { modality: "IMAGE", tokenCount: 50 },
    { modality: "AUDIO", tokenCount: 30 },
  ],
  cacheTokensDetails: [{ modality: "TEXT", tokenCount: 100 }],
  candidatesTokensDetails: [
    { modality: "TEXT", tokenCount: 460 },
    { modality: "IMAGE", tokenCount: 40 },
  ],
  toolUsePromptTokensDetails: [{ modality: "TEXT", tokenCount: 20 }],
};

describe.each(genais)("%s", (_name, Class) => {
  test("every usage field, and the tier or the traffic", async () => {
    server.script([{ usage: everything }, { usage: everything, serviceTier: "flex" }]);
    const direct = await client(Class).models.generateContent(ask);
    expect(direct.text).toBe(defaultText);
    expect(direct.usageMetadata).toEqual({ ...everythingOnTheWire, serviceTier: "standard" });
    const vertex = await onVertex(Class).models.generateContent(ask);
    expect(vertex.usageMetadata).toEqual({ ...everythingOnTheWire, trafficType: "ON_DEMAND_FLEX" });
    await server.waitForIdle();
    const common = { provider: "google", endpoint: ":generateContent", model: "gemini-2.5-flash" };
    expect(server.ledger).toMatchObject([
      { ...common, platform: "direct", served: { serviceTier: "standard" }, billed: everything },
      { ...common, platform: "vertex", served: { serviceTier: "flex" }, billed: everything },
    ]);
    expect(server.ledger[0]?.headers.authorization).toBe(true);
  });

  test("stream chunks carry running totals, thoughts first", async () => {
    server.script([{ usage: { outputTokens: 1_000, reasoningTokens: 500 }, chunks: 4 }]);
    const chunks = await collect(await client(Class).models.generateContentStream(ask));
    expect(chunks.map(({ text }) => text).join("")).toBe(defaultText);
    expect(
      chunks.map(({ usageMetadata: usage }) => [usage?.thoughtsTokenCount, usage?.candidatesTokenCount]),
    ).toEqual([
      [250, undefined],
      [500, undefined],
      [500, 250],
      [500, 500],
      [500, 500],
    ]);
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe("STOP");
  });

  test("usage on the last chunk only, or on the first", async () => {
    server.script([{ google: { usageOn: "last" } }, { google: { usageOn: "first" } }]);
    const patterns = [];
    for (let call = 0; call < 2; call += 1) {
      const chunks = await collect(await client(Class).models.generateContentStream(ask));
      patterns.push(chunks.map(({ usageMetadata }) => usageMetadata?.candidatesTokenCount ?? 0));
    }
    expect(patterns).toEqual([
      [0, 0, 0, 0, 0, 1_000],
      [200, 0, 0, 0, 0, 0],
    ]);
  });

  test("automatic function calling takes as many hops as scripted", async () => {
    server.script([
      { toolCalls: [{ name: "weather", arguments: { city: "Köln" } }] },
      { toolCalls: [{ name: "weather" }] },
      { content: "done" },
    ]);
    const cities: unknown[] = [];
    const tool = {
      tool: () =>
        Promise.resolve({
          functionDeclarations: [
            {
              name: "weather",
              parameters: { type: "OBJECT" as never, properties: { city: { type: "STRING" as never } } },
            },
          ],
        }),
      callTool: (calls: { args?: Record<string, unknown> }[]) => {
        cities.push(...calls.map(({ args }) => args?.["city"]));
        return Promise.resolve([{ functionResponse: { name: "weather", response: { ok: true } } }]);
      },
    };
    const reply = await client(Class).models.generateContent({ ...ask, config: { tools: [tool] } });
    expect([reply.text, cities]).toEqual(["done", ["Köln", "sample"]]);
    await server.waitForIdle();
    expect(server.requests).toBe(3);
    expect(server.billed()).toMatchObject({ inputTokens: 3_000 });
  });

  const hops: ProviderStep[] = [
    { google: { continuationToken: "t1" }, content: "one " },
    { google: { continuationToken: "t2" }, content: "two " },
    { content: "three" },
  ];
  test("automatic continuation asks again with the token", async () => {
    server.script(hops);
    const reply = await client(Class).models.generateContent(ask);
    expect(reply.text).toBe("one two three");
    server.script(hops);
    const chunks = await collect(await client(Class).models.generateContentStream(ask));
    expect(chunks.map(({ text }) => text ?? "").join("")).toBe("one two three");
    await server.waitForIdle();
    expect(server.requests).toBe(6);
    expect(server.ledger.map(({ requestBody }) => requestBody["continuationToken"])).toEqual([
      undefined,
      "t1",
      "t2",
      undefined,
      "t1",
      "t2",
    ]);
  });

  test("a dropped stream goes on from its checkpoint", async () => {
    server.script([
      { google: { continuationToken: "t1", checkpointAtChunk: 2 }, dropAfterChunk: 2, content: "abcde" },
      { content: "cde" },
    ]);
    const chunks = await collect(await client(Class).models.generateContentStream(ask));
    expect(chunks.map(({ text }) => text ?? "").join("")).toBe("abcde");
    await server.waitForIdle();
    expect(server.ledger.map(bill)).toEqual([
      ["dropped", 1_000, 400],
      ["complete", 1_000, 1_000],
    ]);
  });

  test("interactions: whole, streamed, in the background, cancelled, continued", async () => {
    const { interactions } = client(Class);
    const input = { model: "gemini-2.5-flash", input: "hi" };
    server.script([{ usage: { ...everything, webSearchRequests: 2 } }]);
    const whole = await interactions.create(input);
    expect([whole.status, whole.output_text]).toEqual(["completed", defaultText]);
    expect(whole.usage).toMatchObject({
      total_input_tokens: 980,
      total_output_tokens: 500,
      total_thought_tokens: 500,
      total_tool_use_tokens: 20,
      total_cached_tokens: 100,
      total_tokens: 2_000,
      grounding_tool_count: [{ type: "google_search", count: 2 }],
    });
    const events = await collect(await interactions.create({ ...input, stream: true }));
    expect(events.map(({ event_type: type }) => type)).toEqual([
      "interaction.created",
      "step.start",
      ...Array.from({ length: 5 }, () => "step.delta"),
      "step.stop",
      "interaction.completed",
    ]);
    server.script([{ google: { usageOn: "every" } }]);
    const counted = await collect(await interactions.create({ ...input, stream: true }));
    expect(
      counted.flatMap((event) =>
        event.event_type === "step.delta" ? [event.metadata?.total_usage?.total_output_tokens] : [],
      ),
    ).toEqual([200, 400, 600, 800, 1_000]);
    server.script([{ backgroundPolls: 1 }, { backgroundPolls: Infinity }]);
    const later = await interactions.create({ ...input, background: true });
    const polled = [later, await interactions.get(later.id), await interactions.get(later.id)];
    expect(polled.map(({ status, usage }) => [status, usage?.total_tokens])).toEqual([
      ["in_progress", undefined],
      ["in_progress", undefined],
      ["completed", 2_000],
    ]);
    const never = await interactions.create({ ...input, background: true });
    expect((await interactions.cancel(never.id)).status).toBe("cancelled");
    await server.waitForIdle();
    expect(
      server.ledger.find(({ requestBody, id }) => requestBody["background"] === true && id > 6),
    ).toMatchObject({ endpoint: "/interactions", billed: { inputTokens: 1_000, outputTokens: 0 } });
    const before = server.requests;
    server.script([{ google: { continuationToken: "t1" }, content: "one " }, { content: "two" }]);
    const continued = await interactions.create(input);
    expect([continued.output_text, continued.usage?.total_tokens, server.requests - before]).toEqual([
      "one two",
      4_000,
      2,
    ]);
  });

  test("embeddings, images, caches, the catalogue", async () => {
    const embedded = await client(Class).models.embedContent({
      model: "gemini-embedding-001",
      contents: ["a", "b"],
      config: { outputDimensionality: 3 },
    });
    expect(embedded.embeddings?.map(({ values }) => values?.length)).toEqual([3, 3]);
    const onVertexAI = await onVertex(Class).models.embedContent({
      model: "text-embedding-004",
      contents: ["abc", "de"],
    });
    expect(onVertexAI.metadata).toEqual({ billableCharacterCount: 5 });
    expect(onVertexAI.embeddings?.map(({ statistics }) => statistics?.tokenCount)).toEqual([500, 500]);
    await onVertex(Class).models.generateImages({
      model: "imagen-4",
      prompt: "x",
      config: { numberOfImages: 2 },
    });
    const cache = await client(Class).caches.create({
      model: "gemini-2.5-flash",
      config: { contents: "x", ttl: "7200s" },
    });
    expect(cache.usageMetadata?.totalTokenCount).toBe(1_000);
    expect((await collect(await client(Class).models.list())).length).toBeGreaterThan(2);
    expect(await client(Class).models.countTokens(ask)).toMatchObject({ totalTokens: 1_000 });
    await server.waitForIdle();
    expect(
      server.ledger.map(({ endpoint, billed }) => [endpoint, billed.inputTokens, billed.outputTokens]),
    ).toEqual([
      [":batchEmbedContents", 1_000, 0],
      [":predict", 1_000, 0],
      [":predict", 0, 0],
      ["/cachedContents", 1_000, 0],
      ["/models", 0, 0],
      [":countTokens", 0, 0],
    ]);
    expect(server.billed()).toMatchObject({ characters: 5, images: 2, storedTokenHours: 2_000 });
  });
});

test("videos are billed by the second, and a stream without alt=sse is one array", async () => {
  const vertex = onVertex();
  const source = { prompt: "x" };
  const operation = await vertex.models.generateVideos({
    model: "veo-3",
    source,
    config: { durationSeconds: 6 },
  });
  expect((await vertex.operations.getVideosOperation({ operation })).done).toBe(true);
  const path = "/v1beta/models/m:streamGenerateContent";
  const reply = await fetch(server.origin + path, { method: "POST", body: "{}" });
  expect(await reply.json()).toMatchObject([{ usageMetadata: { totalTokenCount: 2_000 } }]);
  await server.waitForIdle();
  expect(server.billed()).toMatchObject({ videoSeconds: 6, inputTokens: 1_000, outputTokens: 1_000 });
});

test("@google/generative-ai: calls, streams, chats, embeddings", async () => {
  const model = new GoogleGenerativeAI("k").getGenerativeModel(
    { model: "gemini-1.5-flash" },
    { baseUrl: server.origin },
  );
  const whole = await model.generateContent("hi");
  expect(whole.response.text()).toBe(defaultText);
  const { stream, response } = await model.generateContentStream("hi");
  expect((await collect(stream)).map((chunk) => chunk.text()).join("")).toBe(defaultText);
  expect((await response).usageMetadata).toMatchObject({ totalTokenCount: 2_000 });
  expect((await model.startChat().sendMessage("hi")).response.text()).toBe(defaultText);
  expect((await model.embedContent("hi")).embedding.values).toHaveLength(768);
  expect((await model.countTokens("hi")).totalTokens).toBe(1_000);
  server.script([{ status: 429 }]);
  await expect(model.generateContent("hi")).rejects.toMatchObject({ status: 429 });
  await server.waitForIdle();
  expect(server.ledger.every(({ provider }) => provider === "google")).toBe(true);
  expect(server.billed()).toMatchObject({ inputTokens: 4_000, outputTokens: 3_000 });
});

describe("answers", () => {
  test("JSON by schema, thoughts, grounding, several candidates", async () => {
    server.script([
      {},
      { usage: { outputTokens: 9, reasoningTokens: 4 } },
      { google: { webSearchQueries: ["a", "b"] } },
      {},
    ]);
    const json = await google.models.generateContent({
      ...ask,
      config: {
        responseMimeType: "application/json",
        responseSchema: { type: "OBJECT" as never, properties: { n: { type: "INTEGER" as never } } },
      },
    });
    expect(json.text).toBe('{"n":1}');
    const config = { thinkingConfig: { includeThoughts: true } };
    const thought = await google.models.generateContent({ ...ask, config });
    expect(thought.candidates?.[0]?.content?.parts?.[0]).toMatchObject({ thought: true });
    const grounded = await google.models.generateContent(ask);
    expect(grounded.candidates?.[0]?.groundingMetadata?.webSearchQueries).toEqual(["a", "b"]);
    const several = await google.models.generateContent({
      ...ask,
      config: { candidateCount: 2, maxOutputTokens: 30 },
    });
    expect(several.candidates?.map(({ finishReason }) => finishReason)).toEqual(["MAX_TOKENS", "MAX_TOKENS"]);
    expect(several.usageMetadata?.candidatesTokenCount).toBe(60);
    await server.waitForIdle();
    expect(server.ledger[2]?.billed.webSearchRequests).toBe(2);
  });

  test("a blocked prompt bills its input", async () => {
    server.script([{ refusal: "no" }, { refusal: "no" }]);
    const whole = await google.models.generateContent(ask);
    expect(whole.promptFeedback).toMatchObject({ blockReason: "SAFETY", blockReasonMessage: "no" });
    expect(whole.candidates).toBeUndefined();
    const [only] = await collect(await google.models.generateContentStream(ask));
    expect(only?.promptFeedback).toMatchObject({ blockReason: "SAFETY" });
    await server.waitForIdle();
    expect(server.billed()).toMatchObject({ inputTokens: 2_000, outputTokens: 0 });
  });
});

describe("failures", () => {
  const config = { automaticContinuation: false };

  test("Google's error shape, nothing billed", async () => {
    server.script([{ status: 429 }, { status: 503 }]);
    await expect(google.models.generateContent(ask)).rejects.toMatchObject({
      name: "ApiError",
      status: 429,
      message: expect.stringContaining("RESOURCE_EXHAUSTED") as string,
    });
    await expect(google.models.generateContent(ask)).rejects.toMatchObject({ status: 503 });
    await server.waitForIdle();
    expect(server.ledger.map(bill)).toEqual([
      ["failed", 0, 0],
      ["failed", 0, 0],
    ]);
  });

  const cases: [string, ProviderStep, RegExp | undefined, unknown[]][] = [
    ["error event", { errorEventAfterChunk: 2 }, /UNAVAILABLE/, ["failed", 1_000, 400]],
    ["reset", { dropAfterChunk: 2 }, /terminated/, ["dropped", 1_000, 400]],
    ["cut", { endAfterChunk: 2 }, undefined, ["truncated", 1_000, 400]],
    ["garbage", { garbageAtChunk: 2 }, /JSON/, ["complete", 1_000, 1_000]],
    ["lost", { lostReply: true }, /fetch failed/, ["lost", 1_000, 1_000]],
  ];
  for (const [name, step, message, expected] of cases) {
    test(`in the middle: ${name}`, async () => {
      server.script([step]);
      const read = async (): Promise<unknown> =>
        collect(await google.models.generateContentStream({ ...ask, config }));
      if (message === undefined) await read();
      else await expect(read()).rejects.toThrow(message);
      await server.waitForIdle();
      expect(server.ledger.map(bill)).toEqual([expected]);
    });
  }

  test("an abort is seen by the server", async () => {
    server.script([{ hangAfterChunk: 2 }]);
    const controller = new AbortController();
    const stream = await google.models.generateContentStream({
      ...ask,
      config: { ...config, abortSignal: controller.signal },
    });
    let seen = 0;
    await expect(async () => {
      for await (const _ of stream) {
        seen += 1;
        if (seen === 2) controller.abort();
      }
    }).rejects.toThrow();
    await server.waitForIdle();
    expect(server.ledger[0]).toMatchObject({ clientClosedEarly: true });
    expect(server.ledger.map(bill)).toEqual([["aborted", 1_000, 400]]);
  });
});
