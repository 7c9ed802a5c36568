import { createPriceSource } from "@holdfast/prices";
import { describe, expect, it } from "vitest";
import { fakeClock } from "../../../test/support/guard-kit.ts";
import { createHoldfast } from "../../create-holdfast.ts";
import type { Holdfast } from "../../holdfast.ts";
import type { UsageRecord } from "../../meter/usage-record.ts";
import type { HoldfastConfig } from "../../holdfast-config.ts";
import { holdfastMiddleware } from "./middleware.ts";
import type { LanguageCallOptions } from "./sdk-types.ts";

/** 1 USD per million tokens, 0.01 per search; a name that does not reason. */
const prices = {
  source: createPriceSource({
    overrides: [
      {
        provider: "openai",
        model: "gpt-4o",
        inputUsdPerMillion: "1",
        outputUsdPerMillion: "1",
        webSearchUsdPerThousand: "10",
        contextWindowTokens: 10_000,
      },
      { provider: "openai", model: "gpt-5", inputUsdPerMillion: "1", outputUsdPerMillion: "1" },
      { provider: "google", model: "gemini-2.0-flash", inputUsdPerMillion: "1", outputUsdPerMillion: "1" },
    ],
  }),
};

interface Kit {
  readonly holdfast: Holdfast;
  readonly usage: UsageRecord[];
  open(
    upstream: ReadableStream<unknown>,
    more?: Partial<LanguageCallOptions>,
    model?: { provider: string; modelId: string },
  ): Promise<ReadableStream<unknown>>;
}

function kit(config: Partial<HoldfastConfig> = {}): Kit {
  const holdfast = createHoldfast({
    budgets: [{ id: "all", limit: { usd: "10" }, window: "total" }],
    prices,
    ...config,
  });
  const usage: UsageRecord[] = [];
  holdfast.on("usage", (record) => void usage.push(record));
  const middleware = holdfastMiddleware(holdfast);
  return {
    holdfast,
    usage,
    async open(upstream, more = {}, model = { provider: "openai.chat", modelId: "gpt-4o" }) {
      const prompt = [{ role: "user", content: [{ type: "text", text: "Hi" }] }];
      const given: LanguageCallOptions = { prompt, maxOutputTokens: 2_000, ...more };
      const params = await middleware.transformParams({ type: "stream", params: given, model });
      const doStream = () => Promise.resolve({ stream: upstream });
      return (await middleware.wrapStream({ doStream, params, model })).stream;
    },
  };
}

const delta = (text: string, type = "text-delta"): object => ({ type, id: "1", delta: text });
const finish = (usage: object | undefined, reason: unknown = { unified: "stop", raw: "stop" }): object => ({
  type: "finish",
  finishReason: reason,
  usage: usage ?? { inputTokens: { total: undefined }, outputTokens: { total: undefined } },
});
const used = (input: number, output: number): object => ({
  inputTokens: { total: input, noCache: input },
  outputTokens: { total: output },
});

function streamOf(
  parts: readonly unknown[],
  onCancel: (reason: unknown) => void = () => undefined,
): ReadableStream<unknown> {
  const left = [...parts];
  return new ReadableStream(
    {
      pull(controller) {
        if (left.length === 0) controller.close();
        else controller.enqueue(left.shift());
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
}

async function read(stream: ReadableStream<unknown>): Promise<unknown[]> {
  const parts: unknown[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

describe("a stream's parts", () => {
  it("pass through as they are, when they are asked for", async () => {
    const { open, holdfast, usage } = kit();
    let pulled = 0;
    const parts = [delta("a"), "not a part", null, delta("b"), finish(used(10, 2))];
    const upstream = new ReadableStream(
      {
        pull(controller) {
          if (pulled === parts.length) controller.close();
          else controller.enqueue(parts[pulled++]);
        },
      },
      { highWaterMark: 0 },
    );
    const stream = await open(upstream);
    expect(pulled).toBe(0);
    const reader = stream.getReader();
    expect((await reader.read()).value).toBe(parts[0]);
    expect(pulled).toBe(1);
    reader.releaseLock();
    const rest = await read(stream);
    expect(rest).toEqual(parts.slice(1));
    for (const [i, part] of rest.entries()) expect(part).toBe(parts[i + 1]);
    await holdfast.flush();
    expect(usage[0]).toMatchObject({ outcome: "complete", inputTokens: 10, outputTokens: 2 });
  });

  it("settle at the finish, whatever comes after it", async () => {
    const { open, holdfast, usage } = kit();
    const stream = await open(streamOf([finish(used(10, 2)), delta("more")]));
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    await holdfast.flush();
    expect(usage.map(({ outcome, costNanoUsd }) => [outcome, costNanoUsd])).toEqual([["complete", 12_000]]);
  });

  it("take the reason of a cancellation upstream, read or not", async () => {
    for (const readFirst of [true, false]) {
      const { open, holdfast, usage } = kit();
      const reasons: unknown[] = [];
      const stream = await open(streamOf([delta("a"), delta("b")], (reason) => void reasons.push(reason)));
      const reader = stream.getReader();
      if (readFirst) await reader.read();
      await reader.cancel("enough");
      await holdfast.flush();
      expect(reasons).toEqual(["enough"]);
      expect(usage[0]!.outcome).toBe("partial");
    }
  });

  it("fail with the very error of the model", async () => {
    const { open, holdfast, usage } = kit();
    const broken = new Error("terminated");
    const parts = [delta("a")];
    const upstream = new ReadableStream({
      pull(controller) {
        const part = parts.shift();
        if (part === undefined) controller.error(broken);
        else controller.enqueue(part);
      },
    });
    await expect(read(await open(upstream))).rejects.toBe(broken);
    await holdfast.flush();
    expect(usage[0]).toMatchObject({ outcome: "partial", usageSource: "estimated" });
  });
});

describe("a stream that ends without its usage", () => {
  const text = "some text that was generated ".repeat(20);
  const seenOf = async (
    parts: readonly unknown[],
    more?: Partial<LanguageCallOptions>,
  ): Promise<UsageRecord> => {
    const { open, holdfast, usage } = kit();
    await read(await open(streamOf(parts), more));
    await holdfast.flush();
    return usage[0]!;
  };

  it.each<[string, readonly object[]]>([
    ["text", [delta(text)]],
    ["reasoning", [delta(text, "reasoning-delta")]],
    ["the input of a tool", [delta(text, "tool-input-delta")]],
    ["a tool call that came at once", [{ type: "tool-call", toolCallId: "1", input: text }]],
    [
      "a tool call that came piece by piece",
      [delta(text, "tool-input-delta"), { type: "tool-call", toolCallId: "1", input: text }],
    ],
  ])("is charged for what was seen, and for what may have been unseen: %s", async (_, parts) => {
    const record = await seenOf(parts);
    expect(record.outcome).toBe("partial");
    // At least 80 words' worth once, not twice, and 256 tokens behind the last.
    expect(record.outputTokens).toBeGreaterThan(256 + 80);
    expect(record.outputTokens).toBeLessThan(256 + 300);
  });

  it("is charged nothing unseen when the provider had stopped", async () => {
    const record = await seenOf([delta("Hi"), finish(undefined)]);
    expect(record).toMatchObject({ outcome: "partial", usageSource: "estimated" });
    expect(record.outputTokens).toBeLessThan(10);
  });

  it.each<[string, unknown]>([
    ["an end of the connection", { unified: "other", raw: undefined }],
    ["an error", { unified: "error", raw: "error" }],
    ["an old model's error", "error"],
  ])("has not stopped by itself: %s", async (_, reason) => {
    expect((await seenOf([delta("Hi"), finish(undefined, reason)])).outputTokens).toBeGreaterThan(256);
  });

  it("is charged all of the output for a file, whose tokens nobody can tell", async () => {
    const record = await seenOf([{ type: "file", mediaType: "image/png", data: "AAAA" }]);
    expect(record.outputTokens).toBe(2_000);
  });

  it("is charged for thoughts by the time, where there may be some", async () => {
    for (const [modelId, hidden] of [
      ["gpt-4o", 0],
      ["gpt-5", 1_500],
    ] as const) {
      const clock = fakeClock();
      const { open, holdfast, usage } = kit({ clock });
      const stream = await open(streamOf([delta("Hi")]), {}, { provider: "openai.chat", modelId });
      const reader = stream.getReader();
      await reader.read();
      clock.advance(1_500);
      await reader.cancel();
      await holdfast.flush();
      expect(usage[0]!.outputTokens - hidden).toBeGreaterThan(256);
      expect(usage[0]!.outputTokens - hidden).toBeLessThan(256 + 10);
    }
  });

  it("believes running totals for the input, and as a lower bound of the output", async () => {
    const { open, holdfast, usage } = kit();
    const cut = finish(used(77, 500), { unified: "other", raw: undefined });
    await read(
      await open(
        streamOf([delta("Hi"), cut]),
        {},
        { provider: "google.generative-ai", modelId: "gemini-2.0-flash" },
      ),
    );
    await holdfast.flush();
    expect(usage[0]).toMatchObject({ outcome: "partial", inputTokens: 77, outputTokens: 500 + 256 });
  });

  it("settles at the abort, when nobody reads any more", async () => {
    const { open, holdfast, usage } = kit();
    const control = new AbortController();
    const stream = await open(streamOf([delta("Hi"), delta("there")]), { abortSignal: control.signal });
    await stream.getReader().read();
    control.abort();
    await holdfast.flush();
    expect(usage[0]!.outcome).toBe("partial");
    expect((await holdfast.balances())[0]!.held.nanoUsd).toBe(0);
  });
});

describe("sound in a stream", () => {
  it("is taken to be as much as it can be, since the SDK only tells the sum", async () => {
    const { open, holdfast, usage } = kit();
    // 16,000 bytes of WAV are at most 2 seconds, and 20 tokens.
    const sound = { type: "file", mediaType: "audio/wav", data: new Uint8Array(16_000) };
    const prompt = [{ role: "user", content: [{ type: "text", text: "What is said?" }, sound] }];
    await read(await open(streamOf([finish(used(100, 5))]), { prompt }));
    await holdfast.flush();
    expect(usage[0]!.usage).toEqual({ inputTextTokens: 80, inputAudioTokens: 20, outputTextTokens: 5 });
  });
});

describe("what is not the SDK's kind", () => {
  const hostile = Object.defineProperty({}, "type", {
    get: () => {
      throw new Error("not yours");
    },
  });

  it("passes through, and all that was held is charged: a part", async () => {
    const { open, holdfast, usage } = kit();
    const parts = [delta("a"), hostile, delta("b")];
    const seen = await read(await open(streamOf(parts)));
    expect(seen).toHaveLength(3);
    expect(seen[1]).toBe(hostile);
    await holdfast.flush();
    expect(usage[0]).toMatchObject({ outcome: "ambiguous", costNanoUsd: usage[0]!.heldNanoUsd });
  });

  it.each([undefined, null, "text"])(
    "passes through, and all that was held is charged: %j as a result",
    async (result) => {
      const holdfast = createHoldfast({
        budgets: [{ id: "all", limit: { usd: "10" }, window: "total" }],
        prices,
      });
      const middleware = holdfastMiddleware(holdfast);
      const model = { provider: "openai.chat", modelId: "gpt-4o" };
      const given = { prompt: [], maxOutputTokens: 10 };
      const params = await middleware.transformParams({ type: "generate", params: given, model });
      const doGenerate = () => Promise.resolve(result as unknown as object);
      expect(await middleware.wrapGenerate({ doGenerate, params, model })).toBe(result);
      await holdfast.flush();
      const [balance] = await holdfast.balances();
      expect(balance!.spent.nanoUsd).toBeGreaterThan(0);
      expect(balance!.held.nanoUsd).toBe(0);
    },
  );

  it("does not leave without a plan", async () => {
    const holdfast = createHoldfast({
      budgets: [{ id: "all", limit: { usd: "10" }, window: "total" }],
      prices,
    });
    const doGenerate = () => Promise.reject(new Error("was sent"));
    const call = holdfastMiddleware(holdfast).wrapGenerate({
      doGenerate,
      params: { prompt: [] },
      model: { provider: "openai.chat", modelId: "gpt-4o" },
    });
    await expect(call).rejects.toMatchObject({ code: "CALL_NOT_ALLOWED" });
  });
});

describe("the provider's own tools in a stream", () => {
  it("are counted by their calls", async () => {
    const { open, holdfast, usage } = kit();
    const call = (toolName: string, providerExecuted: boolean): object => ({
      type: "tool-call",
      toolCallId: toolName,
      toolName,
      input: "{}",
      providerExecuted,
    });
    const parts = [call("search", true), call("search", true), call("search", false), call("other", true)];
    const tools = [{ type: "provider", id: "openai.web_search", name: "search", args: {} }];
    await read(await open(streamOf([...parts, finish(used(10, 2))]), { tools }));
    await holdfast.flush();
    expect(usage[0]!.usage.webSearches).toBe(2);
    expect(usage[0]!.costNanoUsd).toBe(12_000 + 2 * 10_000_000);
  });
});

describe("the hold of a long stream", () => {
  it("is kept alive while its parts come", async () => {
    const clock = fakeClock();
    const { open, holdfast, usage } = kit({ clock });
    const minutes = 90;
    const parts = Array.from({ length: minutes * 64 }, () => delta("x"));
    const stream = await open(streamOf([...parts, finish(used(10, 2))]));
    let count = 0;
    for await (const _ of stream) if (++count % 64 === 0) clock.advance(60_000);
    await holdfast.flush();
    expect(usage[0]!.outcome).toBe("complete");
    const [balance] = await holdfast.balances();
    expect([balance!.spent.nanoUsd, balance!.held.nanoUsd]).toEqual([12_000, 0]);
  });
});
