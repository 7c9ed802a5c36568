/** @module A refusal is Holdfast's own error: raised once, at once, before anything is sent, whatever would try again. */
import { BudgetExceededError, CallNotAllowedError, HoldfastError, PriceUnknownError } from "holdfast";
import { attributed } from "holdfast/google";
import { describe, expect, test } from "vitest";
import { ApiError } from "@google/genai";
import { ApiError as ApiError2 } from "google-genai-v2";
import {
  collect,
  dryBudget,
  failure,
  genAIKinds,
  generativeAIKind,
  MODEL,
  newest,
  rig,
  vertex,
} from "./harness.ts";
import type { GenAI } from "./harness.ts";

const config = { maxOutputTokens: 50 };
const ask = { model: MODEL, contents: "Hi", config };

const ways: Readonly<Record<string, (client: GenAI) => Promise<unknown>>> = {
  generateContent: (client) => client.models.generateContent(ask),
  generateContentStream: (client) => client.models.generateContentStream(ask),
  "chat.sendMessage": (client) =>
    client.chats.create({ model: MODEL, config }).sendMessage({ message: "Hi" }),
  "chat.sendMessageStream": (client) =>
    client.chats.create({ model: MODEL, config }).sendMessageStream({ message: "Hi" }),
  "attributed generateContent": (client) =>
    client.models.generateContent({ ...ask, config: attributed({ user: "u" }, config) }),
  embedContent: (client) => client.models.embedContent({ model: MODEL, contents: "Hi" }),
};

const interactionWays: Readonly<Record<string, (client: GenAI) => Promise<unknown>>> = {
  "interactions.create": (client) =>
    client.interactions.create({ model: MODEL, input: "Hi", generation_config: { max_output_tokens: 5 } }),
  "interactions.create, stream": (client) =>
    client.interactions.create({
      model: MODEL,
      input: "Hi",
      stream: true,
      generation_config: { max_output_tokens: 5 },
    }),
};

describe.each(genAIKinds)("$name", (kind) => {
  test.each(Object.entries({ ...ways, ...(kind.vertex ? {} : interactionWays) }))(
    "by %s",
    async (name, call) => {
      await using at = await rig({
        kind,
        budgets: [dryBudget],
        client: { maxRetries: 4 },
        config: { estimate: {} },
      });
      const error = await failure<BudgetExceededError>(call(at.client));
      await at.quiet();
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(error).toBeInstanceOf(HoldfastError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe("BudgetExceededError");
      expect(error.code).toBe("BUDGET_EXCEEDED");
      expect(error.message).toContain("dry");
      expect(error.missing).toBe(error.requested - 1);
      if (!name.startsWith("interactions")) {
        expect(error).toBeInstanceOf(kind.sdk.endsWith("2.32") ? ApiError2 : ApiError);
      }
      expect(at.server.ledger).toEqual([]);
      expect(at.events.of("call-denied")).toHaveLength(1);
      expect(at.events.of("hold-reserved")).toEqual([]);
    },
  );

  test("a model without a price", async () => {
    await using at = await rig({ kind });
    const error = await failure(kind.ask(at.client, { model: "gemini-99-ultra-unknown" }));
    expect(error).toBeInstanceOf(PriceUnknownError);
    expect(at.server.ledger).toEqual([]);
  });

  test("a later try that finds no room", async () => {
    await using at = await rig({
      kind,
      client: { maxRetries: 3 },
      budgets: [{ id: "all", limit: { usd: "0.0003" }, window: "total" }],
    });
    at.server.script([{ status: 504 }, {}]);
    const error = await failure(kind.ask(at.client, {}));
    await at.quiet();
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(at.server.ledger).toHaveLength(1);
    expect(at.events.of("call-denied")).toHaveLength(1);
    expect((await at.balance()).held).toBe(0);
  });
});

describe(generativeAIKind.name, () => {
  const model = (client: Parameters<typeof generativeAIKind.ask>[0]) =>
    client.getGenerativeModel({ model: MODEL, generationConfig: config });
  test.each([
    ["generateContent", (client) => model(client).generateContent("Hi")],
    ["generateContentStream", (client) => model(client).generateContentStream("Hi")],
    ["sendMessage", (client) => model(client).startChat().sendMessage("Hi")],
    ["sendMessageStream", (client) => model(client).startChat().sendMessageStream("Hi")],
    ["embedContent", (client) => model(client).embedContent("Hi")],
  ] as readonly [string, (client: Parameters<typeof model>[0]) => Promise<unknown>][])(
    "by %s",
    async (_name, call) => {
      await using at = await rig({ kind: generativeAIKind, budgets: [dryBudget] });
      const error = await failure(call(at.client));
      await at.quiet();
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(error.name).toBe("BudgetExceededError");
      expect(at.server.ledger).toEqual([]);
      expect(at.events.of("call-denied")).toHaveLength(1);
    },
  );

  test("a denied message leaves the chat as it was", async () => {
    await using at = await rig({
      kind: generativeAIKind,
      budgets: [{ id: "all", limit: { calls: 1 }, window: "total" }],
    });
    const chat = model(at.client).startChat();
    await chat.sendMessage("one");
    await failure(chat.sendMessage("two"));
    expect(await chat.getHistory()).toHaveLength(2);
  });
});

describe("what is billed where no hold can follow it", () => {
  const bypasses: Readonly<Record<string, (client: GenAI) => Promise<unknown>>> = {
    realtime: (client) => client.live.connect({ model: MODEL, callbacks: { onmessage: () => undefined } }),
    "realtime, music": (client) =>
      client.live.music.connect({
        model: "models/lyria-realtime-exp",
        callbacks: { onmessage: () => undefined },
      }),
    "realtime, tokens": (client) =>
      client.authTokens.create({ config: { httpOptions: { apiVersion: "v1alpha" } } }),
    storage: (client) => client.caches.create({ model: MODEL, config: { contents: "Hi", ttl: "60s" } }),
    "fine-tuning": (client) =>
      client.tunings.tune({
        baseModel: MODEL,
        trainingDataset: { examples: [{ textInput: "a", output: "b" }] },
      }),
    videos: (client) => client.models.generateVideos({ model: "veo-3.1-generate-preview", prompt: "A cat" }),
    agents: (client) =>
      client.interactions.create({ agent: "deep-research-pro", input: "Hi", background: true } as never),
  };

  test.each(Object.entries(bypasses))("%s", async (name, call) => {
    // The SDK makes videos on Vertex AI only.
    await using at = await rig({ kind: name === "videos" ? vertex : newest });
    const error = await failure(call(at.client));
    await at.quiet();
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(error.message).toContain(`allow: ["${name.split(",")[0]}"]`);
    expect(at.server.ledger).toEqual([]);
  });

  test.each(Object.entries(bypasses).filter(([name]) => name === "storage" || name === "agents"))(
    "%s, allowed",
    async (name, call) => {
      await using at = await rig({ kind: newest, config: { allow: [name as "storage"] } });
      await call(at.client).catch(() => undefined);
      await at.quiet();
      expect(at.server.ledger.length).toBeGreaterThan(0);
      expect(at.events.of("call-unmetered")).toMatchObject([{ what: "allowed-bypass" }]);
      expect(at.events.of("hold-reserved")).toEqual([]);
    },
  );

  test("live sessions, allowed, are opened by the SDK", async () => {
    await using at = await rig({ kind: newest, config: { allow: ["realtime"] } });
    const opened = at.client.live.connect({
      model: MODEL,
      callbacks: { onmessage: () => undefined, onerror: () => undefined },
    });
    // The test server speaks no WebSocket: what comes is the SDK's own failure.
    expect(await failure(opened)).not.toBeInstanceOf(HoldfastError);
    expect(at.events.of("call-unmetered")).toMatchObject([
      { what: "allowed-bypass", subject: "live.connect" },
    ]);
  });

  test("free requests pass", async () => {
    await using at = await rig({ kind: newest, budgets: [dryBudget] });
    await at.client.models.countTokens({ model: MODEL, contents: "Hi" });
    await collect(await at.client.models.list()).catch(() => undefined);
    expect(at.server.ledger.length + at.server.requests).toBeGreaterThan(0);
    expect(at.events.of("hold-reserved")).toEqual([]);
  });
});
