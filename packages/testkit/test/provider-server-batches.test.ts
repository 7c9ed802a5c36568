import OpenAI, { toFile } from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFakeClock, startProviderServer } from "../src/index.ts";
import type { BatchResultType, ProviderServer, ProviderStep } from "../src/provider-server/index.ts";
import { Anthropic, genais } from "./provider-server-sdks.ts";

let server: ProviderServer;

beforeEach(async () => {
  server = await startProviderServer({ clock: createFakeClock(Date.UTC(2026, 0, 1)) });
});
afterEach(() => server.close());

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** Three items: "a" bills 5 of output, "b" fails, "c" bills 7. */
const mixed: ProviderStep = {
  backgroundPolls: 1,
  usage: { inputTokens: 100 },
  itemUsage: (key) => ({ outputTokens: key === "a" ? 5 : 7 }),
  batchResult: (key): BatchResultType => (key === "b" ? "errored" : "succeeded"),
};
const keys = ["a", "b", "c"];

/** The entry of the call that made the batch. */
async function created(): Promise<unknown> {
  await server.waitForIdle();
  const entry = server.ledger.findLast(
    ({ method, endpoint }) =>
      method === "POST" && /(?:batches|:batchGenerateContent|:asyncBatchEmbedContent)$/.test(endpoint),
  );
  return {
    model: entry?.served?.model,
    tier: entry?.served?.serviceTier,
    input: entry?.billed.inputTokens,
    output: entry?.billed.outputTokens,
    parts: entry?.billed.parts.map(({ quantities }) => quantities.outputTokens),
  };
}

describe("Anthropic", () => {
  const params = {
    model: "claude-sonnet-4-6",
    max_tokens: 64,
    messages: [{ role: "user" as const, content: "hi" }],
  };
  const requests = keys.map((custom_id) => ({ custom_id, params }));

  test("bills what succeeds, says so when it has ended", async () => {
    const { batches } = new Anthropic({ apiKey: "k", baseURL: server.origin }).messages;
    server.script([mixed]);
    const batch = await batches.create({ requests });
    expect(batch).toMatchObject({
      type: "message_batch",
      processing_status: "in_progress",
      results_url: null,
      created_at: "2026-01-01T00:00:00.000Z",
      request_counts: { processing: 3 },
    });
    expect((await batches.retrieve(batch.id)).processing_status).toBe("in_progress");
    expect(await batches.retrieve(batch.id)).toMatchObject({
      processing_status: "ended",
      request_counts: { processing: 0, succeeded: 2, errored: 1 },
    });
    const results = await collect(await batches.results(batch.id));
    expect(results.map(({ custom_id: id, result }) => [id, result.type])).toEqual([
      ["c", "succeeded"],
      ["b", "errored"],
      ["a", "succeeded"],
    ]);
    expect(results[0]?.result).toMatchObject({
      message: { usage: { input_tokens: 100, output_tokens: 7, service_tier: "batch" } },
    });
    expect((await batches.list()).data).toHaveLength(1);
    expect(await created()).toEqual({
      model: "claude-sonnet-4-6",
      tier: "batch",
      input: 200,
      output: 12,
      parts: [5, 7],
    });
    expect(server.billed()).toMatchObject({ inputTokens: 200, outputTokens: 12 });
    expect(await batches.delete(batch.id)).toMatchObject({ type: "message_batch_deleted" });
    await expect(batches.retrieve(batch.id)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });

  test("cancelled in time it bills nothing, too late it changes nothing", async () => {
    const { batches } = new Anthropic({ apiKey: "k", baseURL: server.origin }).messages;
    server.script([{ ...mixed, backgroundPolls: Infinity }]);
    const batch = await batches.create({ requests });
    expect((await batches.cancel(batch.id)).processing_status).toBe("canceling");
    expect((await batches.retrieve(batch.id)).request_counts.canceled).toBe(3);
    expect(await created()).toMatchObject({ input: 0, output: 0 });
    server.script([{ ...mixed, backgroundPolls: Infinity }]);
    const late = await batches.create({ requests });
    expect((await batches.retrieve(late.id)).processing_status).toBe("in_progress");
    server.endJobs();
    expect((await batches.cancel(late.id)).processing_status).toBe("ended");
    expect(await created()).toMatchObject({ input: 200, output: 12 });
  });
});

describe("OpenAI", () => {
  const lines = keys.map((custom_id) =>
    JSON.stringify({
      custom_id,
      method: "POST",
      url: "/v1/chat/completions",
      body: { model: "gpt-5-mini", messages: [] },
    }),
  );

  test("takes a file, makes files, reports usage when it is done", async () => {
    const openai = new OpenAI({ apiKey: "k", baseURL: server.url, maxRetries: 0 });
    const input = await openai.files.create({
      purpose: "batch",
      file: await toFile(Buffer.from(lines.join("\n")), "input.jsonl"),
    });
    server.script([mixed]);
    const ask = {
      input_file_id: input.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    } as const;
    const batch = await openai.batches.create(ask);
    expect(batch).toMatchObject({ status: "validating", model: "gpt-5-mini" });
    expect(batch.usage).toBeUndefined();
    expect((await openai.batches.retrieve(batch.id)).status).toBe("in_progress");
    const done = await openai.batches.retrieve(batch.id);
    expect(done).toMatchObject({
      status: "completed",
      request_counts: { total: 3, completed: 2, failed: 1 },
      usage: { input_tokens: 200, output_tokens: 12, total_tokens: 212 },
    });
    const output = (await (await openai.files.content(String(done.output_file_id))).text())
      .trim()
      .split("\n");
    expect(output.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { custom_id: "c", response: { status_code: 200, body: { usage: { completion_tokens: 7 } } } },
      { custom_id: "a", response: { status_code: 200, body: { usage: { completion_tokens: 5 } } } },
    ]);
    const errors = await (await openai.files.content(String(done.error_file_id))).text();
    expect(JSON.parse(errors)).toMatchObject({ custom_id: "b", response: { status_code: 400 } });
    expect((await openai.batches.list()).data).toHaveLength(1);
    expect(await created()).toEqual({
      model: "gpt-5-mini",
      tier: "batch",
      input: 200,
      output: 12,
      parts: [5, 7],
    });
    expect(server.billed()).toMatchObject({ inputTokens: 200, outputTokens: 12 });
    server.script([{ batchResult: "expired" }]);
    const expired = await openai.batches.create(ask);
    expect(await openai.batches.retrieve(expired.id)).toMatchObject({
      status: "expired",
      output_file_id: null,
      usage: { total_tokens: 0 },
    });
    expect(await created()).toMatchObject({ input: 0, output: 0 });
    server.script([{ ...mixed, backgroundPolls: 1 }]);
    const cancelled = await openai.batches.create(ask);
    expect((await openai.batches.cancel(cancelled.id)).status).toBe("cancelling");
    expect((await openai.batches.retrieve(cancelled.id)).status).toBe("cancelled");
    expect(await created()).toMatchObject({ output: 0 });
  });

  test("a background response: queued, in progress, then usage; ended by hand", async () => {
    const openai = new OpenAI({ apiKey: "k", baseURL: server.url, maxRetries: 0 });
    server.script([{ backgroundPolls: Infinity }]);
    const queued = await openai.responses.create({ model: "m", input: "x", background: true });
    const running = await openai.responses.retrieve(queued.id);
    server.endJobs();
    const ended = await openai.responses.retrieve(queued.id);
    expect([queued, running, ended].map(({ status, usage }) => [status, usage?.total_tokens])).toEqual([
      ["queued", undefined],
      ["in_progress", undefined],
      ["completed", 2_000],
    ]);
    await server.waitForIdle();
    expect(server.billed()).toMatchObject({ outputTokens: 1_000 });
  });
});

describe.each(genais)("Google by %s", (_name, Class) => {
  test("inlined requests, embeddings, cancel", async () => {
    const { batches } = new Class({ apiKey: "k", httpOptions: { baseUrl: server.origin } });
    server.script([{ ...mixed, batchResult: (key) => (key === "1" ? "errored" : "succeeded") }]);
    const src = keys.map((text) => ({ contents: text }));
    const batch = await batches.create({ model: "gemini-2.5-flash", src });
    const name = String(batch.name);
    const states = [batch.state, (await batches.get({ name })).state];
    const done = await batches.get({ name });
    expect([...states, done.state]).toEqual([
      "JOB_STATE_RUNNING",
      "JOB_STATE_RUNNING",
      "JOB_STATE_SUCCEEDED",
    ]);
    expect(
      done.dest?.inlinedResponses?.map(
        ({ response, error }) => error?.code ?? response?.usageMetadata?.candidatesTokenCount,
      ),
    ).toEqual([7, 400, 7]);
    expect(await created()).toMatchObject({ model: "gemini-2.5-flash", input: 200, output: 14 });
    const embedded = await batches.createEmbeddings({
      model: "gemini-embedding-001",
      src: { inlinedRequests: { contents: ["a"] } },
    });
    const vectors = (await batches.get({ name: String(embedded.name) })).dest?.inlinedEmbedContentResponses;
    expect(vectors?.length).toBe(1);
    expect(await created()).toMatchObject({ output: 0, parts: [undefined] });
    server.script([{ backgroundPolls: Infinity }]);
    const endless = String((await batches.create({ model: "gemini-2.5-flash", src })).name);
    await batches.cancel({ name: endless });
    expect((await batches.get({ name: endless })).state).toBe("JOB_STATE_CANCELLED");
    expect(await created()).toMatchObject({ input: 0 });
    expect(await collect(await batches.list())).toHaveLength(3);
  });
});
