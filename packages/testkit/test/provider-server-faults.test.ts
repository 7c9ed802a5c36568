import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultText, startProviderServer } from "../src/provider-server/index.ts";
import type { LedgerEntry, ProviderServer, ProviderStep } from "../src/provider-server/index.ts";

let server: ProviderServer;
let openai: OpenAI;
const body = { model: "gpt-5-mini", messages: [{ role: "user" as const, content: "hi" }] };

beforeEach(async () => {
  server = await startProviderServer();
  openai = new OpenAI({ apiKey: "sk-test", baseURL: server.url, maxRetries: 0 });
});
afterEach(() => server.close());

/** Outcome, who left, input and output: what a budget test compares. */
function bill({ outcome, clientClosedEarly, billed }: LedgerEntry): unknown[] {
  return [outcome, clientClosedEarly, billed.inputTokens, billed.outputTokens];
}

/** Reads a stream to its end or its error; says what came. */
async function read(step: ProviderStep, options: { stopAfter?: number } = {}): Promise<string> {
  server.script([step]);
  let text = "";
  let seen = 0;
  try {
    const stream = await openai.chat.completions.create({ ...body, stream: true });
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? "";
      text += piece;
      if (piece !== "") seen += 1;
      if (seen === options.stopAfter) break;
    }
  } catch (error) {
    text += `!${(error as Error).constructor.name}`;
  }
  await server.waitForIdle();
  return text;
}

describe("failures before generation bill nothing", () => {
  test("500, 500, 200 are three attempts of one call", async () => {
    server.script([{ status: 500 }, { status: 500, headers: { "retry-after-ms": "1" } }, {}]);
    const client = openai.withOptions({ maxRetries: 2 });
    await client.chat.completions.create(body);
    await server.waitForIdle();
    expect(server.requests).toBe(3);
    expect(server.ledger.map((entry) => [entry.retryCount, entry.status, ...bill(entry)])).toEqual([
      [0, 500, "failed", false, 0, 0],
      [1, 500, "failed", false, 0, 0],
      [2, 200, "complete", false, 1_000, 1_000],
    ]);
    expect(server.billed()).toMatchObject({ inputTokens: 1_000, outputTokens: 1_000 });
  });

  test("x-should-retry, error bodies and 401 arrive as the SDK's errors", async () => {
    server.script([
      { status: 500, headers: { "x-should-retry": "false" } },
      { status: 401 },
      {
        status: 429,
        headers: { "x-should-retry": "false" },
        body: { error: { code: "insufficient_quota" } },
      },
      { status: 400, body: "<html>bad gateway</html>", headers: { "content-type": "text/html" } },
    ]);
    const client = openai.withOptions({ maxRetries: 5 });
    await expect(client.chat.completions.create(body)).rejects.toMatchObject({
      status: 500,
      code: "server_error",
      requestID: "req_000001",
    });
    await expect(client.chat.completions.create(body)).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    await expect(client.chat.completions.create(body)).rejects.toMatchObject({ code: "insufficient_quota" });
    await expect(client.chat.completions.create(body)).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    expect(server.requests).toBe(4);
    expect(server.billed()).toMatchObject({ inputTokens: 0, outputTokens: 0 });
  });

  test("a dropped connection, and a hang that the client gives up", async () => {
    server.script([{ drop: true }, { hang: true }, { hang: true, generated: true }]);
    await expect(openai.chat.completions.create(body)).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
    for (let call = 0; call < 2; call += 1) {
      await expect(openai.chat.completions.create(body, { timeout: 40 })).rejects.toBeInstanceOf(
        OpenAI.APIConnectionTimeoutError,
      );
    }
    await server.waitForIdle();
    expect(server.ledger.map(bill)).toEqual([
      ["dropped", false, 0, 0],
      ["hung", true, 0, 0],
      ["hung", true, 1_000, 1_000],
    ]);
  });
});

describe("generated, but not received, is billed", () => {
  test("a lost reply bills in full, streamed or not, and so does its retry", async () => {
    server.script([{ lostReply: true }, {}]);
    await openai.withOptions({ maxRetries: 1 }).chat.completions.create(body);
    expect(await read({ lostReply: true })).toBe("!APIConnectionError");
    await server.waitForIdle();
    expect(server.ledger.map(bill)).toEqual([
      ["lost", false, 1_000, 1_000],
      ["complete", false, 1_000, 1_000],
      ["lost", false, 1_000, 1_000],
    ]);
    expect(server.ledger[0]?.status).toBeUndefined();
  });

  test("a body that never comes after its headers: two generations, one result", async () => {
    server.script([{ bodyHangAfterHeaders: true }, {}]);
    await openai.chat.completions.create(body, { timeout: 60, maxRetries: 1 });
    await server.waitForIdle();
    expect(server.ledger.map(bill)).toEqual([
      ["hung", true, 1_000, 1_000],
      ["complete", false, 1_000, 1_000],
    ]);
  });

  test("a client that leaves while a whole answer is generated pays for it", async () => {
    server.script([{ delayMs: 5_000 }]);
    const controller = new AbortController();
    const call = openai.chat.completions.create(body, { signal: controller.signal });
    await server.waitFor(({ outcome }) => outcome === "in-progress");
    controller.abort();
    await expect(call).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await server.waitForIdle();
    expect(server.ledger.map(bill)).toEqual([["aborted", true, 1_000, 1_000]]);
  });
});

describe("a stream that stops early bills the chunks written", () => {
  test("closed by the client", async () => {
    await read({ hangAfterChunk: 2 }, { stopAfter: 2 });
    expect(server.ledger.map((entry) => [entry.chunksWritten, ...bill(entry)])).toEqual([
      [2, "aborted", true, 1_000, 400],
    ]);
    expect(server.ledger[0]?.billed.usage).toMatchObject({ completion_tokens: 400, total_tokens: 1_400 });
  });

  test("closed by the client while chunks come with a delay", async () => {
    await read({ chunks: 50, chunkDelayMs: 10 }, { stopAfter: 2 });
    const [entry] = server.ledger;
    expect(entry).toMatchObject({ outcome: "aborted", clientClosedEarly: true });
    expect(entry?.chunksWritten).toBeLessThan(10);
    expect(entry?.billed.outputTokens).toBe((entry?.chunksWritten ?? 0) * 20);
  });

  test("the last chunk carries the remainder, and parts are clipped", async () => {
    const usage = { outputTokens: 10, reasoningTokens: 9, inputTokens: 3, cachedInputTokens: 2 };
    await read({ chunks: 4, usage, hangAfterChunk: 2 }, { stopAfter: 2 });
    await read({ chunks: 4, usage, endAfterChunk: 4 });
    expect(server.ledger.map(({ billed }) => [billed.outputTokens, billed.reasoningTokens])).toEqual([
      [6, 6],
      [10, 9],
    ]);
    expect(server.ledger[0]?.billed).toMatchObject({ inputTokens: 3, cachedInputTokens: 2 });
  });

  const points = Array.from(defaultText);
  const cut = points.slice(0, Math.floor((2 * points.length) / 5)).join("");
  const cases: [string, ProviderStep, string, unknown[]][] = [
    ["reset", { dropAfterChunk: 2 }, `${cut}!TypeError`, ["dropped", false, 1_000, 400]],
    ["reset at once", { dropAfterChunk: 0 }, "!TypeError", ["dropped", false, 1_000, 0]],
    ["clean end without [DONE]", { endAfterChunk: 2 }, cut, ["truncated", false, 1_000, 400]],
    ["error event", { errorEventAfterChunk: 2 }, `${cut}!APIError`, ["failed", false, 1_000, 400]],
    [
      "generated",
      { dropAfterChunk: 2, generated: true },
      `${cut}!TypeError`,
      ["dropped", false, 1_000, 1_000],
    ],
    ["not billed", { dropAfterChunk: 2, generated: false }, `${cut}!TypeError`, ["dropped", false, 0, 0]],
    ["no [DONE]", { omitDone: true }, defaultText, ["complete", false, 1_000, 1_000]],
  ];
  for (const [name, step, text, expected] of cases) {
    test(name, async () => {
      expect(await read(step)).toBe(text);
      expect(server.ledger.map(bill)).toEqual([expected]);
    });
  }

  test("garbage in the middle", async () => {
    expect(await read({ garbageAtChunk: 3, chunkDelayMs: 5 })).toBe(`${cut}!SyntaxError`);
    expect(server.ledger[0]).toMatchObject({ outcome: "aborted", clientClosedEarly: true });
  });
});

describe("pace and bytes", () => {
  test("cuts anywhere, inside a character too, and all in one write", async () => {
    expect(await read({ splitBytes: 1, content: "é漢😀" })).toBe("é漢😀");
    expect(await read({ splitBytes: [300, 700, 701] })).toBe(defaultText);
    expect(await read({ coalesce: true })).toBe(defaultText);
    server.script([{ splitBytes: 3 }, { dropAfterChunk: 2 }, { endAfterChunk: 1 }]);
    const whole = await openai.chat.completions.create(body);
    expect(whole.choices[0]?.message.content).toBe(defaultText);
    await expect(openai.chat.completions.create(body)).rejects.toThrow();
    await expect(openai.chat.completions.create(body)).rejects.toThrow();
    await server.waitForIdle();
    expect(server.ledger.slice(-2).map(bill)).toEqual([
      ["dropped", false, 1_000, 1_000],
      ["truncated", false, 1_000, 1_000],
    ]);
  });

  test("an answer larger than any socket buffer arrives whole, or stops with its reader", async () => {
    const content = "é".repeat(4_000_000);
    expect(await read({ content })).toHaveLength(content.length);
    await read({ content, chunks: 200 }, { stopAfter: 1 });
    const [whole, cut] = server.ledger;
    expect(whole).toMatchObject({ outcome: "complete", billed: { outputTokens: 1_000 } });
    expect(cut).toMatchObject({ outcome: "aborted" });
    expect(cut?.billed.outputTokens).toBe((cut?.chunksWritten ?? 0) * 5);
    expect(cut?.chunksWritten).toBeLessThan(200);
  });

  test("edit changes each payload", async () => {
    server.script([{ edit: (payload) => ({ ...(payload as object), model: "edited" }) }]);
    expect((await openai.chat.completions.create(body)).model).toBe("edited");
  });
});

describe("script and lifecycle", () => {
  test("steps by path, then the responder, then the defaults", async () => {
    server.script([{ path: "/embeddings", status: 400 }, { content: "queued" }]);
    server.respond((request) => (request.model === "special" ? { content: "responder" } : undefined));
    const say = async (model: string): Promise<string | null | undefined> =>
      (await openai.chat.completions.create({ ...body, model })).choices[0]?.message.content;
    expect([await say("special"), await say("special"), await say("plain")]).toEqual([
      "queued",
      "responder",
      defaultText,
    ]);
    expect(server.pendingSteps).toBe(1);
    await expect(openai.embeddings.create({ model: "e", input: "x" })).rejects.toMatchObject({ status: 400 });
    server.reset();
    expect([server.requests, server.ledger.length, await say("special")]).toEqual([0, 0, defaultText]);
  });

  test("a callback that throws is a 500 that says so, not a crash", async () => {
    server.respond(() => {
      throw new Error("broken test");
    });
    await expect(openai.chat.completions.create(body)).rejects.toThrow(/broken test/);
    expect(server.ledger[0]).toMatchObject({ outcome: "failed", status: 500, billed: { inputTokens: 0 } });
    expect(server.ledger[0]?.serverError).toContain("broken test");
  });

  test("broken JSON is a 400", async () => {
    const reply = await fetch(`${server.url}/chat/completions`, { method: "POST", body: "{" });
    expect([reply.status, server.billed().inputTokens]).toEqual([400, 0]);
  });

  test("many clients that leave at once do no harm", async () => {
    server.respond(() => ({ chunks: 20, chunkDelayMs: 1 }));
    const calls = Array.from({ length: 50 }, async (_, index) => {
      const stream = await openai.chat.completions.create({ ...body, stream: true });
      let seen = 0;
      for await (const _chunk of stream) if ((seen += 1) > index % 10) break;
    });
    await Promise.all(calls);
    await server.waitForIdle();
    expect(server.ledger).toHaveLength(50);
    expect(server.ledger.every(({ outcome }) => outcome === "aborted")).toBe(true);
    for (const { billed, chunksWritten } of server.ledger)
      expect(billed.outputTokens).toBe(chunksWritten * 50);
    expect(server.peakInProgress).toBeGreaterThan(1);
  });

  test("close ends what hangs", async () => {
    const own = await startProviderServer({ defaults: { hang: true } });
    const client = openai.withOptions({ baseURL: own.url });
    const call = client.chat.completions.create(body).catch((error: unknown) => error);
    await own.waitFor(() => true);
    await own[Symbol.asyncDispose]();
    expect(await call).toBeInstanceOf(OpenAI.APIConnectionError);
    expect(own.ledger.map(bill)).toEqual([["hung", false, 0, 0]]);
    await own.close();
  });
});
