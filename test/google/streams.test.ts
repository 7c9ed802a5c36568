/** @module Streams that are left early, and the dispatcher that long ones need. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GoogleGenAI } from "@google/genai";
import { createHoldfast } from "holdfast";
import { wrapGoogle } from "holdfast/google";
import { describe, expect, test } from "vitest";
import {
  API_KEY,
  collect,
  failure,
  genAIKinds,
  generativeAIKind,
  MODEL,
  newest,
  prices,
  RATES,
  rig,
  wideBudget,
} from "./harness.ts";

const twenty = { usage: () => ({ inputTokens: 10, outputTokens: 40 }), chunks: 20 };

describe.each(genAIKinds)("$name", (kind) => {
  test("break cancels upstream and settles: Gemini bills what it goes on generating, so the whole limit", async () => {
    await using at = await rig({ kind, server: twenty });
    at.server.script([{ chunks: 20, hangAfterChunk: 3 }]);
    const stream = await kind.stream(at.client, { maxOutputTokens: 1_000 });
    for await (const chunk of stream) {
      expect(chunk).toBeDefined();
      break;
    }
    await at.quiet();
    expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: true, outcome: "aborted" });
    expect(at.events.usage).toMatchObject([
      { outcome: "partial", usageSource: "estimated", outputTokens: 1_000 },
    ]);
    // What the prompt took was stated by then.
    expect(at.events.usage[0]!.usage.inputTextTokens).toBe(10);
    const { spent, held } = await at.balance();
    expect(held).toBe(0);
    expect(spent).toBe(10 * RATES.input + 1_000 * RATES.output);
  });

  test("break in a chat", async () => {
    await using at = await rig({ kind, server: twenty });
    at.server.script([{ chunks: 20, hangAfterChunk: 3 }]);
    const chat = at.client.chats.create({ model: MODEL, config: { maxOutputTokens: 50 } });
    for await (const _ of await chat.sendMessageStream({ message: "Hi" })) break;
    await at.quiet();
    expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: true });
    expect(await at.balance()).toMatchObject({ held: 0, calls: 1 });
  });

  test("a stream that is read to its end is not cancelled", async () => {
    await using at = await rig({ kind, server: twenty });
    const chunks = await collect(await kind.stream(at.client, { maxOutputTokens: 50 }));
    await at.quiet();
    expect(chunks.length).toBeGreaterThanOrEqual(20);
    expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: false, outcome: "complete" });
    expect(at.events.usage).toMatchObject([{ outcome: "complete", usageSource: "provider" }]);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });

  test("abort", async () => {
    await using at = await rig({ kind, server: twenty });
    at.server.script([{ chunks: 20, hangAfterChunk: 5 }]);
    const controller = new AbortController();
    const stream = await kind.stream(at.client, { signal: controller.signal });
    const error = await failure(
      (async () => {
        let chunks = 0;
        for await (const _ of stream) if (++chunks === 4) controller.abort();
      })(),
    );
    await at.quiet();
    expect(error.name).toBe("AbortError");
    expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: true });
    expect(at.events.usage).toMatchObject([
      { outcome: "partial", usageSource: "estimated", outputTokens: 50 },
    ]);
  });

  test("a request that was aborted before it was made holds nothing", async () => {
    await using at = await rig({ kind });
    const error = await failure(kind.ask(at.client, { signal: AbortSignal.abort() }));
    await at.quiet();
    expect(error.name).toBe("AbortError");
    expect(at.server.ledger).toEqual([]);
    expect(at.events.of("hold-reserved")).toEqual([]);
  });

  test.each([
    ["an error in the stream", { errorEventAfterChunk: 3 }],
    ["a dropped connection", { dropAfterChunk: 3 }],
    ["an end without the final chunk", { endAfterChunk: 3 }],
  ])("%s", async (_name, step) => {
    await using at = await rig({ kind, server: twenty });
    at.server.script([{ chunks: 20, ...step }]);
    await collect(await kind.stream(at.client, {})).catch(() => undefined);
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "partial", usageSource: "estimated" }]);
    const { spent, held } = await at.balance();
    expect(held).toBe(0);
    expect(spent).toBeGreaterThanOrEqual(at.billedNanoUsd);
  });

  test("usage in the first chunk only is not taken for the total", async () => {
    await using at = await rig({ kind, server: twenty });
    at.server.script([{ google: { usageOn: "first" } }]);
    await collect(await kind.stream(at.client, {}));
    await at.quiet();
    expect(at.events.usage[0]).toMatchObject({ usageSource: "estimated", inputTokens: 10 });
    expect(at.events.usage[0]!.outputTokens).toBeGreaterThan(2);
    expect(at.events.of("meter-anomaly")).toMatchObject([{ anomaly: "usage-missing" }]);
  });
});

describe(generativeAIKind.name, () => {
  test("break leaves the rest to the SDK, which reads it; the true usage settles", async () => {
    await using at = await rig({ kind: generativeAIKind, server: twenty });
    for await (const _ of await generativeAIKind.stream(at.client, {})) break;
    await at.quiet();
    expect(at.server.ledger[0]).toMatchObject({ clientClosedEarly: false, outcome: "complete" });
    expect(at.events.usage).toMatchObject([{ outcome: "complete", usageSource: "provider" }]);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });

  test("abort and dropped connections are charged in full", async () => {
    await using at = await rig({ kind: generativeAIKind, server: twenty });
    at.server.script([
      { chunks: 20, hangAfterChunk: 5 },
      { chunks: 20, dropAfterChunk: 3 },
    ]);
    const controller = new AbortController();
    const stream = await generativeAIKind.stream(at.client, { signal: controller.signal });
    await failure(
      (async () => {
        for await (const _ of stream) controller.abort();
      })(),
    );
    await failure(collect(await generativeAIKind.stream(at.client, {})));
    await at.quiet();
    for (const record of at.events.usage) {
      expect(record).toMatchObject({ outcome: "partial", usageSource: "estimated", outputTokens: 50 });
    }
    expect(at.events.usage).toHaveLength(2);
    expect((await at.balance()).held).toBe(0);
  });
});

/** What `fetch` is given for a request of a client without a fetch of its own. */
async function dispatchersOf(
  ask: (client: GoogleGenAI) => Promise<unknown>,
): Promise<{ bare: unknown[]; ours: unknown[] }> {
  const original = globalThis.fetch;
  const seen: unknown[] = [];
  const holdfast = createHoldfast({ budgets: [wideBudget], prices });
  globalThis.fetch = async (input, init) => {
    seen.push((init as { dispatcher?: unknown } | undefined)?.dispatcher ?? input);
    return Response.json({ candidates: [], usageMetadata: { promptTokenCount: 1, totalTokenCount: 1 } });
  };
  try {
    const client = new GoogleGenAI({ apiKey: API_KEY });
    await ask(client).catch(() => undefined);
    const bare = seen.splice(0);
    await ask(wrapGoogle(client, holdfast)).catch(() => undefined);
    return { bare, ours: seen };
  } finally {
    globalThis.fetch = original;
    await holdfast.close();
  }
}

describe("the dispatcher without time limits", () => {
  test("is kept for generateContent", async () => {
    const { bare, ours } = await dispatchersOf((client) =>
      client.models.generateContent({ model: MODEL, contents: "Hi", config: { maxOutputTokens: 5 } }),
    );
    expect(bare).toMatchObject([{ dispatch: expect.any(Function) }]);
    expect(ours).toMatchObject([{ dispatch: expect.any(Function) }]);
  });

  test("is brought along for interactions, and does what it says", async () => {
    const { ours } = await dispatchersOf((client) =>
      client.interactions.create({ model: MODEL, input: "Hi", generation_config: { max_output_tokens: 5 } }),
    );
    const [dispatcher] = ours as { dispatch: (options: object, handler: object) => unknown }[];
    const given: object[] = [];
    const key = Symbol.for("undici.globalDispatcher.1");
    const scope = globalThis as Record<symbol, unknown>;
    const before = scope[key];
    scope[key] = { dispatch: (options: object) => given.push(options) };
    try {
      dispatcher!.dispatch({ path: "/x" }, {});
    } finally {
      scope[key] = before;
    }
    expect(given).toEqual([{ path: "/x", headersTimeout: 0, bodyTimeout: 0 }]);
  });

  test("is left out where the application has a fetch", async () => {
    const server = createServer((_request, response) => response.end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const inits: unknown[] = [];
    const own: typeof fetch = (input, init) => {
      inits.push(init);
      return fetch(input, init);
    };
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using at = await rig({ kind: newest, client: { http: { baseUrl, fetch: own } } });
    await newest.ask(at.client, {});
    server.close();
    expect(inits).toHaveLength(1);
    expect(inits[0]).not.toHaveProperty("dispatcher");
  });
});
