/** @module A refusal is Holdfast's own error and the SDK's at once: raised once, at once, before anything is sent. */
import {
  BudgetExceededError,
  CallNotAllowedError,
  HoldfastClosedError,
  HoldfastError,
  PriceUnknownError,
  StoreUnavailableError,
  formatUsd,
  memoryStore,
} from "holdfast";
import type { BudgetConfig } from "holdfast";
import { describe, expect, test } from "vitest";
import { coreKinds, chatBody, clientKinds, collect, failure, MODEL, rig } from "./harness.ts";
import type { OpenAI } from "./harness.ts";

/** Less than any call may cost. */
const dry: BudgetConfig = { id: "dry", limit: { usd: "0.000000001" }, window: "day" };
const retrying = { maxRetries: 5 };

type Call = (client: OpenAI) => PromiseLike<unknown>;

const ways: Readonly<Record<string, Call>> = {
  create: (client) => client.chat.completions.create(chatBody()),
  "create, stream: true": (client) => client.chat.completions.create({ ...chatBody(), stream: true }),
  "create().withResponse()": (client) => client.chat.completions.create(chatBody()).withResponse(),
  "create().asResponse()": (client) => client.chat.completions.create(chatBody()).asResponse(),
  parse: (client) => client.chat.completions.parse(chatBody()),
  "stream().finalMessage()": (client) =>
    client.chat.completions.stream({ ...chatBody(), stream: true }).finalMessage(),
  "for await of stream()": (client) =>
    collect(client.chat.completions.stream({ ...chatBody(), stream: true })),
  "stream().done()": (client) => client.chat.completions.stream({ ...chatBody(), stream: true }).done(),
  runTools: (client) =>
    client.chat.completions.runTools({ ...chatBody(), tools: [tool] } as never).finalContent(),
  "responses.create": (client) =>
    client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 9 }),
  "responses.stream()": (client) =>
    collect(client.responses.stream({ model: MODEL, input: "Hi", max_output_tokens: 9 })),
  "responses.stream().finalResponse()": (client) =>
    client.responses.stream({ model: MODEL, input: "Hi", max_output_tokens: 9 }).finalResponse(),
  "responses.parse": (client) => client.responses.parse({ model: MODEL, input: "Hi", max_output_tokens: 9 }),
  embeddings: (client) => client.embeddings.create({ model: "text-embedding-3-small", input: "Hi" }),
  images: (client) => client.images.generate({ model: "gpt-image-1", prompt: "A cat" }),
  transcription: (client) =>
    client.audio.transcriptions.create({ model: "gpt-4o-transcribe", file: new File(["abcd"], "a.wav") }),
  "client.post": (client) => client.post("/chat/completions", { body: chatBody() }),
  withOptions: (client) =>
    client
      .withOptions({ timeout: 5, apiVersion: "2025-04-01-preview" } as object)
      .chat.completions.create(chatBody()),
};

const tool = {
  type: "function",
  function: {
    name: "weather",
    parse: JSON.parse,
    parameters: { type: "object", properties: {} },
    function: () => "sunny",
  },
} as const;

describe.each(coreKinds)("$name", (kind) => {
  test.each(Object.entries(ways))("by %s", async (_name, call) => {
    await using at = await rig({ kind, client: retrying, budgets: [dry] });
    const error = await failure<BudgetExceededError>(call(at.client));
    await at.quiet();

    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toBeInstanceOf(kind.sdk.OpenAI.OpenAIError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(kind.sdk.OpenAI.APIError);
    expect(HoldfastError.isHoldfastError(error)).toBe(true);
    expect(error).not.toBeInstanceOf(PriceUnknownError);
    expect(error.code).toBe("BUDGET_EXCEEDED");
    expect(error.name).toBe("BudgetExceededError");
    expect(error.constructor.name).toBe("BudgetExceededError");
    expect(error.missing).toBe(error.requested - 1);
    expect(error.message).toMatch(/^Budget "dry" has no room for this call: it may need /);
    expect(error.stack).toContain("BudgetExceededError");
    expect(String(error)).toBe(`BudgetExceededError: ${error.message}`);
    expect(at.server.requests).toBe(0);
    expect(at.events.all.map(({ name }) => name)).toEqual(["call-denied"]);
    expect(at.events.of("call-denied")[0]).toMatchObject({
      attempt: 1,
      budgetId: "dry",
      dimension: "nanoUsd",
      limit: 1,
      spent: 0,
      held: 0,
      requested: error.requested,
      fitsAfterInFlight: false,
      provider: kind.azure ? "azure" : "openai",
    });
    expect(await at.balance("dry")).toEqual({ spent: 0, held: 0 });
  });

  test("runTools: the second turn is denied by the error itself, after one request", async () => {
    await using probe = await rig({ kind });
    await probe.client.chat.completions.create({ ...chatBody(), tools: [] });
    await probe.quiet();
    const worst = probe.events.of("hold-reserved")[0]!.amounts.nanoUsd;
    // Room for one turn (the tool makes it a little dearer), not for two.
    await using at = await rig({
      kind,
      client: retrying,
      budgets: [{ id: "all", limit: { usd: formatUsd(worst + 190_000) }, window: "total" }],
      server: { usage: { inputTokens: 10, outputTokens: 50 } },
    });
    at.server.respond(() => ({ toolCalls: [{ name: "weather" }] }));
    const runner = at.client.chat.completions.runTools({ ...chatBody(), tools: [tool] } as never);
    const ended: unknown[] = [];
    runner.on("error", (error) => ended.push(error));
    const error = await failure<Error>(runner.finalContent());
    await at.quiet();
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(ended).toEqual([error]);
    expect(at.server.requests).toBe(1);
    expect(at.events.of("call-denied")).toHaveLength(1);
    expect((await at.balance()).held).toBe(0);
  });
});

const switchOn = (error: HoldfastError): string => {
  switch (error.code) {
    case "BUDGET_EXCEEDED":
      return "budget";
    case "PRICE_UNKNOWN":
      return "price";
    default:
      return error.code;
  }
};

describe.each(clientKinds)("$name", (kind) => {
  test("errors are told apart by code", async () => {
    await using at = await rig({ kind, budgets: [dry] });
    const denied = await failure<HoldfastError>(at.client.chat.completions.create(chatBody()));
    const unknown = await failure<HoldfastError>(
      at.client.chat.completions.create({ ...chatBody(), model: "foo" }),
    );
    expect([switchOn(denied), switchOn(unknown)]).toEqual(["budget", "price"]);
  });

  test("a broken store is not a denial, and nothing is sent", async () => {
    const broken = Object.assign(new Error("redis://app:s3cret@db"), { code: "ECONNRESET" });
    const store = { ...bound(memoryStore()), reserve: () => Promise.reject(broken) };
    await using at = await rig({ kind, client: retrying, config: { store } });
    const error = await failure(at.client.chat.completions.create(chatBody()));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).not.toBeInstanceOf(BudgetExceededError);
    expect(error.cause).toBeInstanceOf(Error);
    expect(at.server.requests).toBe(0);
    expect(at.events.of("call-denied")).toEqual([]);
  });

  test("after close() nothing is admitted", async () => {
    await using at = await rig({ kind });
    await at.holdfast.close();
    expect(await failure(at.client.chat.completions.create(chatBody()))).toBeInstanceOf(HoldfastClosedError);
    expect(
      await failure(at.client.chat.completions.stream({ ...chatBody(), stream: true }).done()),
    ).toBeInstanceOf(HoldfastClosedError);
    expect(at.server.requests).toBe(0);
  });

  test("a refused call can be made again once there is room", async () => {
    await using at = await rig({ kind, budgets: [dry] });
    const call = () => at.client.chat.completions.create(chatBody());
    expect(await failure(call())).toBeInstanceOf(BudgetExceededError);
    await at.holdfast.override({
      budget: "dry",
      extra: { usd: "1" },
      ttlMs: 60_000,
      actor: "ops",
      reason: "test",
    });
    expect((await call()).choices).toHaveLength(1);
  });

  test("not allowed is an SDK error too", async () => {
    await using at = await rig({ kind, client: retrying });
    const error = await failure(at.client.post("/mystery", { body: {} }));
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(error).toBeInstanceOf(kind.sdk.OpenAI.OpenAIError);
    expect(at.server.requests).toBe(0);
  });
});

/** The methods of a store as an object that can be spread. */
function bound<T extends object>(store: T): T {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(store)).filter(
    (name) => name !== "constructor",
  );
  const methods = names.map((name) => {
    const member = (store as Record<string, unknown>)[name];
    return [name, typeof member === "function" ? (member.bind(store) as unknown) : member] as const;
  });
  return { ...store, ...Object.fromEntries(methods) };
}
