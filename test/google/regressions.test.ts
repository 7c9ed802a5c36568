/** @module What a review found to be charged, held or handed on wrongly, over HTTP. */
import { attributed } from "holdfast/google";
import { CallNotAllowedError, CallNotBoundedError } from "holdfast";
import { describe, expect, test } from "vitest";
import { failure, genAIKinds, generativeAIKind, MODEL, newest, RATES, rig } from "./harness.ts";

const PICTURES = "gemini-2.5-flash-image";
/** USD 0.30 and 30 per million (ai.google.dev/gemini-api/docs/pricing, 2026-11). */
const PICTURE_NANO_USD = 10 * 300 + 1_290 * 30_000;
const drawn = {
  usage: { inputTokens: 10, outputTokens: 1_290 },
  google: { withoutDetails: true },
};
const config = { maxOutputTokens: 50 };

describe("output whose kind the result of a job does not state", () => {
  test("of a batch is what its model generates", async () => {
    await using at = await rig({ kind: newest });
    at.server.script([drawn]);
    const { name } = await at.client.batches.create({
      model: PICTURES,
      src: [{ contents: [{ role: "user", parts: [{ text: "a cat" }] }] }],
    });
    await at.client.batches.get({ name: name! });
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ usageSource: "provider", usage: { outputImageTokens: 1_290 } }]);
    expect(await at.balance()).toMatchObject({ spent: PICTURE_NANO_USD / 2, held: 0 });
  });

  test("of a batch whose results name no model is what the batch's own generates", async () => {
    await using at = await rig({ kind: newest });
    const edit = (payload: unknown): unknown => {
      const { modelVersion: _, ...rest } = payload as Record<string, unknown>;
      return rest;
    };
    at.server.script([drawn]);
    const { name } = await at.client.batches.create({
      model: PICTURES,
      src: [{ contents: [{ role: "user", parts: [{ text: "a cat" }] }] }],
    });
    const without = JSON.parse(
      JSON.stringify(await (await fetch(`${at.server.origin}/v1beta/${name}`, { headers: KEY })).json()),
      (_key, value: unknown) =>
        typeof value === "object" && value !== null && !Array.isArray(value) ? edit(value) : value,
    ) as unknown;
    at.server.respond(({ method }) => (method === "GET" ? { body: without } : undefined));
    await at.client.batches.get({ name: name! });
    await at.quiet();
    expect(await at.balance()).toMatchObject({ spent: PICTURE_NANO_USD / 2, held: 0 });
  });

  test("of an interaction in the background is what its model generates", async () => {
    await using at = await rig({ kind: newest });
    at.server.script([drawn, drawn]);
    const ask = { model: PICTURES, input: "a cat" };
    const { id } = await at.client.interactions.create({ ...ask, background: true });
    await at.client.interactions.get(id!);
    await at.quiet();
    expect(await at.balance()).toMatchObject({ spent: PICTURE_NANO_USD, held: 0 });
    await at.client.interactions.create(ask);
    await at.quiet();
    expect(await at.balance()).toMatchObject({ spent: 2 * PICTURE_NANO_USD, held: 0 });
  });
});

const KEY = { "x-goog-api-key": "test-key" };

describe("what is held for is what is sent, however it is spelled", () => {
  test("extraBody in snake_case", async () => {
    await using at = await rig({
      kind: newest,
      client: {
        http: { extraBody: { generation_config: { candidate_count: 8, max_output_tokens: 10_000 } } },
      },
    });
    await at.client.models.generateContent({ model: MODEL, contents: "Hi" });
    await at.quiet();
    expect(at.events.usage[0]!.heldNanoUsd).toBeGreaterThanOrEqual(8 * 10_000 * RATES.output);
  });

  test("a limit in both spellings is refused", async () => {
    await using at = await rig({
      kind: newest,
      client: { http: { extraBody: { generation_config: { max_output_tokens: 60_000 } } } },
    });
    const error = await failure(at.client.models.generateContent({ model: MODEL, contents: "Hi", config }));
    expect(error).toBeInstanceOf(CallNotBoundedError);
    expect(at.server.ledger).toEqual([]);
  });

  test("a limit of ours goes where the request has its settings", async () => {
    await using at = await rig({
      kind: newest,
      config: { estimate: { missingOutputLimit: { send: 33 } } },
      client: { http: { extraBody: { generation_config: { top_k: 1 } } } },
    });
    await at.client.models.generateContent({ model: MODEL, contents: "Hi" });
    expect(at.server.ledger[0]!.requestBody).toMatchObject({
      generation_config: { top_k: 1, maxOutputTokens: 33 },
    });
    expect(at.server.ledger[0]!.requestBody).not.toHaveProperty("generationConfig");
  });

  test.each(["models/m:generate_content", "models/m:generateContentV2", "models/m:generateContent;v=1"])(
    "%s is not free, but unknown",
    async (path) => {
      await using at = await rig({ kind: newest });
      const { apiClient } = at.client as unknown as {
        apiClient: { request: (request: object) => Promise<unknown> };
      };
      const error = await failure(
        apiClient.request({ path, httpMethod: "POST", body: "{}", httpOptions: {} }),
      );
      expect(error).toBeInstanceOf(CallNotAllowedError);
      expect(at.server.requests).toBe(0);
    },
  );

  test("an interaction with an environment is refused, as the environment would be", async () => {
    await using at = await rig({ kind: newest });
    const ask = { model: MODEL, input: "Hi", environment: "environments/x" };
    expect(await failure(at.client.interactions.create(ask))).toBeInstanceOf(CallNotAllowedError);
    expect(at.server.ledger).toEqual([]);
  });
});

describe.each(genAIKinds)("$name", (kind) => {
  test.each(["return", "throw"] as const)(
    "a stream that is closed before its first chunk (%s) is let go of",
    async (close) => {
      await using at = await rig({ kind });
      at.server.script([{ chunks: 20, hangAfterChunk: 3 }]);
      const stream = (await kind.stream(at.client, {})) as AsyncGenerator<unknown>;
      if (close === "return") await stream.return(undefined);
      else await failure(stream.throw(new Error("mine")));
      await at.quiet();
      expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: true, outcome: "aborted" });
      expect(at.events.usage).toMatchObject([{ outcome: "partial" }]);
      expect((await at.balance()).held).toBe(0);
    },
  );

  test("and so is a chat's", async () => {
    await using at = await rig({ kind });
    at.server.script([{ chunks: 20, hangAfterChunk: 3 }]);
    const chat = at.client.chats.create({ model: MODEL, config });
    await (await chat.sendMessageStream({ message: "Hi" })).return(undefined);
    await at.quiet();
    expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: true, outcome: "aborted" });
    expect((await at.balance()).held).toBe(0);
  });

  test("a stream that is left while the provider's tools add to its input is charged the whole window", async () => {
    await using at = await rig({ kind });
    at.server.script([{ chunks: 20, hangAfterChunk: 3 }]);
    const stream = await at.client.models.generateContentStream({
      model: MODEL,
      contents: "Hi",
      config: { ...config, tools: [{ codeExecution: {} }] },
    });
    for await (const _ of stream) break;
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "partial", usage: { inputTextTokens: 128_000 } }]);
    expect((await at.balance()).spent).toBe(128_000 * RATES.input + 50 * RATES.output);
  });

  test("a stream that is left is charged the input that it has stated, a file's too", async () => {
    await using at = await rig({ kind });
    at.server.script([{ chunks: 20, hangAfterChunk: 3 }]);
    const stream = await at.client.models.generateContentStream({
      model: MODEL,
      contents: [{ role: "user", parts: [{ fileData: { fileUri: "gs://b/f", mimeType: "text/plain" } }] }],
      config,
    });
    for await (const _ of stream) break;
    await at.quiet();
    expect((await at.balance()).spent).toBe(10 * RATES.input + 50 * RATES.output);
  });
});

describe("attribution", () => {
  test.each(["create", "createEmbeddings"] as const)("of one batch: %s", async (method) => {
    await using at = await rig({ kind: newest });
    const own = attributed({ tenant: "t1" }, {});
    if (method === "create") {
      const contents = [{ role: "user", parts: [{ text: "Hi" }] }];
      await at.client.batches.create({ model: MODEL, src: [{ contents, config }], config: own });
    } else {
      const src = { inlinedRequests: { contents: ["one"] } };
      await at.client.batches.createEmbeddings({ model: MODEL, src, config: own });
    }
    await at.quiet();
    expect(at.events.of("hold-reserved")).toMatchObject([{ attribution: { tenant: "t1" } }]);
  });
});

describe("request options that are null", () => {
  type Model = ReturnType<(typeof generativeAIKind)["make"]>["getGenerativeModel"] extends (
    ...args: never[]
  ) => infer M
    ? M
    : never;
  const none = null as never;
  const works: Readonly<Record<string, (model: Model) => Promise<unknown>>> = {
    generateContent: (model) => model.generateContent("Hi", none),
    generateContentStream: async (model) => (await model.generateContentStream("Hi", none)).response,
    embedContent: (model) => model.embedContent("Hi", none),
    batchEmbedContents: (model) =>
      model.batchEmbedContents({ requests: [{ content: { role: "user", parts: [{ text: "Hi" }] } }] }, none),
    sendMessage: (model) => model.startChat().sendMessage("Hi", none),
    sendMessageStream: async (model) => (await model.startChat().sendMessageStream("Hi", none)).response,
  };

  test.each(Object.entries(works))("%s works as with the bare client", async (_name, work) => {
    await using at = await rig({ kind: generativeAIKind });
    const params = { model: MODEL, generationConfig: config };
    await work(at.bare.getGenerativeModel(params));
    await work(at.client.getGenerativeModel(params));
    await at.quiet();
    expect(at.server.ledger).toHaveLength(2);
    expect(at.events.usage).toHaveLength(1);
  });
});
