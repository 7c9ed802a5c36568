/** @module What OpenAI's jobs are billed at when their results do not say all of it, at the prices of its models. */
import { createPriceSource } from "@holdfast/prices";
import { createHoldfast, memoryStore, PriceUnknownError, type HoldfastConfig } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { expect, test } from "vitest";

type Body = Record<string, unknown>;
type Answer = Response | Body;
type Routes = (method: string, path: string) => Answer;

/** The image model's text output is $10, its pictures are $32; a web search is $0.01 (per million, in the price data). */
const PICTURES = "gpt-image-1.5";
const TEXT = "gpt-5-mini";

function rig(routes: Routes, config: Partial<HoldfastConfig> = {}) {
  const budgets = [{ id: "all", limit: { usd: "100" }, window: "total" }] as const;
  const holdfast = createHoldfast({ budgets, ...config });
  const bills: { usage: object; costNanoUsd: number; usageSource: string }[] = [];
  holdfast.on("usage", ({ usage, costNanoUsd, usageSource }) =>
    bills.push({ usage, costNanoUsd, usageSource }),
  );
  const fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const answer = routes(init?.method ?? "GET", new URL(String(input)).pathname);
    return answer instanceof Response ? answer : Response.json(answer);
  };
  const client = wrapOpenAI(new OpenAI({ apiKey: "k", maxRetries: 0, fetch: fetch as never }), holdfast);
  return {
    holdfast,
    client,
    bills,
    held: async () => {
      await holdfast.flush();
      return (await holdfast.balances())[0]!.held.nanoUsd;
    },
    [Symbol.asyncDispose]: async () => {
      await holdfast.close({ drainMs: 0 });
    },
  };
}

interface BatchOf {
  readonly url: string;
  readonly line: Body;
  /** What the finished batch says besides. */
  readonly done: Body;
  readonly output?: () => Response;
}

async function finished({ url, line, done, output }: BatchOf) {
  const batch = { id: "batch_1", object: "batch", endpoint: url, completion_window: "24h" };
  const at = rig((method, path) => {
    if (path.endsWith("/content")) return output!();
    if (path === "/v1/files") return { id: "file-in" };
    if (method === "POST") return { ...batch, status: "validating" };
    const counts = { total: 2, completed: 2, failed: 0 };
    return { ...batch, status: "completed", output_file_id: "file-out", request_counts: counts, ...done };
  });
  const text = ["a", "b"]
    .map((custom_id) => JSON.stringify({ custom_id, method: "POST", url, body: line }))
    .join("\n");
  const { id } = await at.client.files.create({ file: new File([text], "in.jsonl"), purpose: "batch" });
  const { batches } = at.client;
  await batches.create({ input_file_id: id, endpoint: url as "/v1/responses", completion_window: "24h" });
  await batches.retrieve("batch_1");
  await at.held();
  return at;
}

const result = (custom_id: string, body: Body): string =>
  JSON.stringify({ custom_id, response: { status_code: 200, body }, error: null });

const tokens = (input: number, output: number): Body => ({
  input_tokens: input,
  output_tokens: output,
  total_tokens: input + output,
});

test("a batch of pictures is billed as pictures, by its own usage", async () => {
  await using at = await finished({
    url: "/v1/images/generations",
    line: { model: PICTURES, prompt: "a cat", quality: "high" },
    done: { model: PICTURES, usage: tokens(20, 6_000) },
  });
  expect(at.bills).toEqual([
    {
      usage: { inputTextTokens: 20, outputImageTokens: 6_000 },
      // At half of $5 and $32 per million.
      costNanoUsd: (20 * 5_000 + 6_000 * 32_000) / 2,
      usageSource: "provider",
    },
  ]);
});

test("a batch of pictures is billed as pictures, by its results", async () => {
  const body = { created: 1, data: [{ b64_json: "AAAA" }], usage: tokens(10, 3_000) };
  await using at = await finished({
    url: "/v1/images/generations",
    line: { model: PICTURES, prompt: "a cat", quality: "high" },
    done: {},
    output: () => new Response(`${result("a", body)}\n${result("b", body)}\n`),
  });
  expect(at.bills).toEqual([]);
  await (await at.client.files.content("file-out")).text();
  await at.held();
  expect(at.bills).toMatchObject([
    {
      usage: { inputTextTokens: 20, outputImageTokens: 6_000 },
      costNanoUsd: (20 * 5_000 + 6_000 * 32_000) / 2,
    },
  ]);
});

test("pictures that a batch edits are billed as pictures, as many as were held for", async () => {
  await using at = await finished({
    url: "/v1/images/edits",
    line: { model: PICTURES, prompt: "a cat", images: [{ file_id: "f" }] },
    done: { model: PICTURES, usage: tokens(2_000, 100) },
  });
  expect(at.bills).toMatchObject([{ usage: { inputImageTokens: 2_000, outputImageTokens: 100 } }]);
});

const SEARCHES: Body = {
  model: TEXT,
  input: "news?",
  tools: [{ type: "web_search" }],
  max_output_tokens: 100,
};

test("a batch that searches waits for its results, which list the searches", async () => {
  const found = (calls: number): Body => ({
    object: "response",
    model: TEXT,
    usage: tokens(100, 50),
    output: Array.from({ length: calls }, () => ({ type: "web_search_call" })),
  });
  await using at = await finished({
    url: "/v1/responses",
    line: SEARCHES,
    done: { model: TEXT, usage: tokens(200, 100) },
    output: () => new Response(`${result("a", found(1))}\n${result("b", found(2))}\n`),
  });
  expect(at.bills).toEqual([]);
  expect(await at.held()).toBeGreaterThan(0);
  await (await at.client.files.content("file-out")).text();
  expect(await at.held()).toBe(0);
  expect(at.bills).toMatchObject([
    {
      usage: { inputTextTokens: 200, outputTextTokens: 100, webSearches: 3 },
      costNanoUsd: (200 * 250 + 100 * 2_000) / 2 + 3 * 10_000_000,
    },
  ]);
});

test("a batch that searches and has no results to read is billed the searches that were held for", async () => {
  await using at = await finished({
    url: "/v1/responses",
    line: { ...SEARCHES, max_tool_calls: 2 },
    done: { model: TEXT, usage: tokens(200, 100), output_file_id: undefined },
  });
  expect(at.bills).toMatchObject([{ usage: { webSearches: 4 } }]);
});

test("a part of the results is no bill", async () => {
  const body = {
    object: "chat.completion",
    model: TEXT,
    usage: { prompt_tokens: 10, completion_tokens: 10 },
  };
  const both = `${result("a", body)}\n${result("b", body)}\n`;
  let status = 206;
  await using at = await finished({
    url: "/v1/chat/completions",
    line: { model: TEXT, messages: [{ role: "user", content: "Hi" }], max_completion_tokens: 100 },
    done: {},
    output: () => new Response(status === 206 ? `${result("a", body)}\n` : both, { status }),
  });
  await (await at.client.files.content("file-out", { headers: { range: "bytes=0-99" } })).text();
  await at.held();
  expect(at.bills).toEqual([]);
  status = 200;
  await (await at.client.files.content("file-out")).text();
  await at.held();
  expect(at.bills).toMatchObject([{ usage: { inputTextTokens: 20, outputTextTokens: 20 } }]);
});

test("a background stream that is lost behind megabytes keeps the name of its job", async () => {
  const response = { id: "resp_1", object: "response", background: true, model: TEXT, output: [] };
  const event = (type: string, more: Body): Uint8Array =>
    new TextEncoder().encode(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`);
  await using at = rig((method) => {
    if (method === "GET") return { ...response, status: "completed", usage: tokens(100, 50) };
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        if (sent === 1)
          controller.enqueue(event("response.created", { response: { ...response, status: "in_progress" } }));
        else if (sent < 20) controller.enqueue(event("response.partial", { b64: "A".repeat(300_000) }));
        else controller.error(new Error("lost"));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const stream = await at.client.responses.create({
    model: TEXT,
    input: "Hi",
    background: true,
    stream: true,
    max_output_tokens: 100,
  });
  const read = async (): Promise<void> => {
    for await (const _ of stream);
  };
  await expect(read()).rejects.toThrow();
  expect(await at.held()).toBeGreaterThan(0);
  expect(at.bills).toEqual([]);
  await at.client.responses.retrieve("resp_1");
  expect(await at.held()).toBe(0);
  expect(at.bills).toMatchObject([{ costNanoUsd: 100 * 250 + 50 * 2_000, usageSource: "provider" }]);
});

test("a file that had no price when it was uploaded is read again when there is one", async () => {
  const text = JSON.stringify({
    custom_id: "a",
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: TEXT, messages: [{ role: "user", content: "Hi" }], max_completion_tokens: 100 },
  });
  const batch = { id: "batch_1", object: "batch", status: "validating", completion_window: "24h" };
  await using at = rig((_, path) => {
    if (path.endsWith("/content")) return new Response(text);
    return path === "/v1/files" ? { id: "file-in" } : batch;
  });
  const priced = createPriceSource();
  at.holdfast.replacePrices({ version: "none", priceOf: () => undefined });
  await at.client.files.create({ file: new File([text], "in.jsonl"), purpose: "batch" });
  const create = () =>
    at.client.batches.create({
      input_file_id: "file-in",
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
  await expect(create()).rejects.toBeInstanceOf(PriceUnknownError);
  at.holdfast.replacePrices(priced);
  await create();
  expect(await at.held()).toBeGreaterThan(0);
});

test("an aborted call that waits for its hold keeps none, and fails as the SDK does", async () => {
  let ask: () => void = () => undefined;
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const memory = memoryStore();
  const reserve = memory.reserve.bind(memory);
  const reserves: string[] = [];
  const store = Object.assign(memory, {
    reserve: async (operation: Parameters<typeof reserve>[0]) => {
      reserves.push(operation.operationId);
      ask();
      await answered;
      return reserve(operation);
    },
  });
  // Room for one hold, so that a second one would be denied.
  await using at = rig(() => ({}), { store, budgets: [{ id: "all", limit: { calls: 1 }, window: "total" }] });
  const controller = new AbortController();
  const call = at.client.responses.create(
    { model: TEXT, input: "Hi", max_output_tokens: 100 },
    { signal: controller.signal },
  );
  const failed = expect(call).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
  await asked;
  controller.abort();
  await new Promise((resolve) => setImmediate(resolve));
  answer();
  await failed;
  expect(await at.held()).toBe(0);
  expect(reserves).toHaveLength(1);
  expect((await at.holdfast.balances())[0]!.held.calls).toBe(0);
  expect(await at.holdfast.close({ drainMs: 0 })).toMatchObject({ inFlight: 0 });
});
