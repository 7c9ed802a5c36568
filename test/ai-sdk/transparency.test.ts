/** With budget left, a wrapped model is what it was: same results, same parts, same errors, same requests. */
import { startProviderServer } from "@holdfast/testkit/provider-server";
import type { ProviderServer } from "@holdfast/testkit/provider-server";
import { createHoldfast } from "holdfast";
import { holdfastMiddleware } from "holdfast/ai-sdk";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { failure, kinds, prices, wideBudget } from "./harness.ts";
import type { Ai, Kind, Model } from "./harness.ts";

interface Side {
  readonly ai: Ai;
  readonly model: ReturnType<Ai["wrapLanguageModel"]>;
  readonly server: ProviderServer;
}

type Script = Parameters<ProviderServer["script"]>[0];

/** The same on the bare and on the wrapped model, each with a server of its own that answers alike. */
async function both<T>(kind: Kind, script: Script, run: (side: Side) => Promise<T>): Promise<[T, T]> {
  const one = async (wrap: (model: Model) => Model): Promise<T> => {
    await using server = await startProviderServer({ clock: { now: () => Date.UTC(2026, 10, 1) } });
    server.script(script);
    const model = wrap(kind.make(server, kind.modelId)) as Side["model"];
    const value = await run({ ai: kind.ai, model, server });
    await server.waitForIdle();
    return withoutServer(
      { value, sent: server.ledger.map(({ requestBody, headers }) => ({ requestBody, headers })) },
      server,
    ) as T;
  };
  const holdfast = createHoldfast({ budgets: [wideBudget], prices });
  // Wrapped by a middleware that does nothing, since wrapping alone makes another object of the model.
  const bare = await one((model) =>
    kind.ai.wrapLanguageModel({ model, middleware: { specificationVersion: "v4" } }),
  );
  const wrapped = await one((model) =>
    kind.ai.wrapLanguageModel({ model, middleware: holdfastMiddleware(holdfast) }),
  );
  await holdfast.close({ drainMs: 1 });
  return [bare, wrapped];
}

/** Addresses and ids that are drawn anew each time. */
const VOLATILE = new Set([
  "localPort",
  "remotePort",
  "toolCallId",
  "bytesRead",
  "date",
  "timestamp",
  "id",
  "callId",
  "messageId",
  "stack",
  "performance",
]);

function withoutServer(value: unknown, server: ProviderServer, seen = new Set<object>()): unknown {
  if (typeof value === "string") return value.replaceAll(server.origin, "http://server");
  if (typeof value === "function") return "(function)";
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return "(again)";
  seen.add(value);
  if (Array.isArray(value)) return value.map((one) => withoutServer(one, server, seen));
  const plain: Record<string, unknown> = {
    class: (value.constructor as { name?: string } | undefined)?.name,
  };
  for (const key of Object.getOwnPropertyNames(value)) {
    if (VOLATILE.has(key)) continue;
    plain[key] = withoutServer((value as Record<string, unknown>)[key], server, seen);
  }
  return plain;
}

const prompt = [
  { role: "system" as const, content: "Be brief." },
  {
    role: "user" as const,
    content: [
      { type: "text" as const, text: "What is this?" },
      { type: "file" as const, mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
    ],
  },
];
const options = { prompt, maxOutputTokens: 50, temperature: 0.5, stopSequences: ["."] } as never;

async function partsOf(stream: ReadableStream<unknown>): Promise<unknown[]> {
  const parts: unknown[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

describe.each(kinds)("$name", (kind) => {
  const tool = { name: "weather", arguments: { city: "Rome" } };

  it("gives the model's own result", async () => {
    const [bare, wrapped] = await both(kind, [{ toolCalls: [tool] }], ({ model }) =>
      Promise.resolve(model.doGenerate(options)),
    );
    expect(wrapped).toEqual(bare);
  });

  it("gives the model's own parts, one by one", async () => {
    const script: Script = [{ chunks: 4, usage: { inputTokens: 10, outputTokens: 9, reasoningTokens: 3 } }];
    const [bare, wrapped] = await both(kind, script, async ({ model }) => {
      const { stream, ...rest } = await model.doStream(options);
      return { parts: await partsOf(stream), rest };
    });
    expect(wrapped).toEqual(bare);
    expect((bare as unknown as { value: { parts: unknown[] } }).value.parts.length).toBeGreaterThan(4);
  });

  it("gives generateText's own result, tools and structured output included", async () => {
    const [bare, wrapped] = await both(
      kind,
      [{ toolCalls: [tool] }, { content: "Warm." }],
      async ({ ai, model }) => {
        const result = await ai.generateText({
          model,
          prompt: "Hi",
          maxOutputTokens: 50,
          stopWhen: ai.stepCountIs(3),
          tools: {
            weather: ai.tool({
              inputSchema: z.object({ city: z.string() }),
              execute: () => Promise.resolve({ degrees: 20 }),
            }),
          },
        });
        const { text, content, usage, totalUsage, finishReason, warnings, providerMetadata } = result;
        const steps = result.steps.map((step) => ({
          content: step.content,
          usage: step.usage,
          request: step.request,
        }));
        return { text, content, usage, totalUsage, finishReason, warnings, providerMetadata, steps };
      },
    );
    expect(wrapped).toEqual(bare);
  });

  it("gives streamText's own parts", async () => {
    const [bare, wrapped] = await both(kind, [{ chunks: 3 }], async ({ ai, model }) => {
      const result = ai.streamText({ model, prompt: "Hi", maxOutputTokens: 50 });
      const parts: unknown[] = [];
      for await (const part of result.fullStream) parts.push(part);
      return { parts, usage: await result.usage, reason: await result.finishReason };
    });
    expect(wrapped).toEqual(bare);
  });

  it.each<[string, Script[number]]>([
    ["a bad request", { status: 400 }],
    ["a lost reply", { lostReply: true }],
    ["a body that is not JSON", { body: "<html>" }],
  ])("fails with the provider's own error: %s", async (_, step) => {
    const [bare, wrapped] = await both(kind, [step], ({ model }) =>
      failure(Promise.resolve(model.doGenerate(options))),
    );
    expect(wrapped).toEqual(bare);
  });

  it("fails in the middle of a stream with the error of the bare one", async () => {
    const [bare, wrapped] = await both(kind, [{ chunks: 4, dropAfterChunk: 2 }], async ({ model }) => {
      const { stream } = await model.doStream(options);
      const parts: unknown[] = [];
      const reader = stream.getReader();
      const error = await (async () => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return undefined;
          parts.push(value);
        }
      })().catch((reason: unknown) => reason);
      return { parts, error };
    });
    expect(wrapped).toEqual(bare);
  });

  it("keeps what the model says of itself", async () => {
    const [bare, wrapped] = await both(kind, [], async ({ model }) => {
      const { provider, modelId, specificationVersion } = model;
      return { provider, modelId, specificationVersion, urls: Object.keys(await model.supportedUrls) };
    });
    expect(wrapped).toEqual(bare);
  });
});
