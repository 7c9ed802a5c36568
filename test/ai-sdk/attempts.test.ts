/** Every try of the SDK is an attempt with a hold of its own; what ends otherwise than well is charged by what is known. */
import { BudgetExceededError, CallNotBoundedError, PriceUnknownError } from "holdfast";
import { describe, expect, it } from "vitest";
import { chat6, chat7, failure, kinds, RATES, responses7, rig } from "./harness.ts";
import type { Rig } from "./harness.ts";

const coreKinds = kinds.filter(({ name }) => !name.includes("openai 3 chat") || name.startsWith("ai 6"));

const ask = (world: Rig, more: object = {}) =>
  world.ai.generateText({ model: world.model, prompt: "Hi", maxOutputTokens: 50, ...more });

/** The whole stream; errors are the SDK's to report. */
async function read(world: Rig, more: object = {}): Promise<{ parts: string[]; errors: unknown[] }> {
  const errors: unknown[] = [];
  const result = world.ai.streamText({
    model: world.model,
    prompt: "Hi",
    maxOutputTokens: 50,
    onError: ({ error }) => void errors.push(error),
    ...more,
  });
  const parts: string[] = [];
  for await (const part of result.fullStream) parts.push(part.type);
  return { parts, errors };
}

const soon = { "retry-after-ms": "1" };
const usage = { inputTokens: 100, outputTokens: 20 };
const cost = 100 * RATES.input + 20 * RATES.output;

describe.each(coreKinds)("$name", (kind) => {
  it("charges nothing for a refused try, and the next one in full", async () => {
    await using world = await rig({ kind });
    world.server.script([{ status: 500, headers: soon }, { usage }]);
    await ask(world);
    world.server.script([{ status: 429, headers: soon }, { status: 500, headers: soon }, { usage }]);
    expect((await read(world)).errors).toEqual([]);
    await world.quiet();
    expect(world.events.usage.map(({ outcome, status }) => [outcome, status])).toEqual([
      ["refused", 500],
      ["complete", 200],
      ["refused", 429],
      ["refused", 500],
      ["complete", 200],
    ]);
    expect(await world.balance()).toEqual({ spent: 2 * cost, held: 0 });
  });

  it("charges a try whose connection was lost what was held, and the next one as well", async () => {
    await using world = await rig({ kind });
    world.server.script([{ lostReply: true, usage }, { usage }]);
    // The SDK waits for two seconds before it tries again by itself: see the denial on a later try.
    await failure(ask(world, { maxRetries: 0 }));
    await ask(world);
    await world.quiet();
    const [lost, answered] = world.events.usage;
    expect([lost!.outcome, answered!.outcome]).toEqual(["ambiguous", "complete"]);
    expect(await world.balance()).toEqual({ spent: lost!.heldNanoUsd + cost, held: 0 });
    expect(world.billedNanoUsd).toBeLessThanOrEqual(lost!.heldNanoUsd + cost);
  });

  it("gives back the hold when nothing could be connected to", async () => {
    await using world = await rig({ kind });
    await world.server.close();
    await failure(ask(world, { maxRetries: 0 }));
    await world.holdfast.flush();
    expect(world.events.usage[0]!.outcome).toBe("not-sent");
    expect(await world.balance()).toEqual({ spent: 0, held: 0 });
  });

  it("admits ten of a hundred when there is money for ten", async () => {
    await using world = await rig({ kind });
    world.server.respond(() => ({ usage: { inputTokens: 1, outputTokens: 1 }, delayMs: 30 }));
    await ask(world);
    await world.quiet();
    const each = world.events.usage[0]!.heldNanoUsd;
    const limit = (await world.balance()).spent + 10 * each;
    world.holdfast.updateBudgets([{ id: "all", limit: { usd: (limit / 1e9).toFixed(9) }, window: "total" }]);
    const calls = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? ask(world) : world.model.doGenerate(options()))),
    );
    const denied = calls.filter((call) => call.status === "rejected");
    for (const { reason } of denied) expect(reason).toBeInstanceOf(BudgetExceededError);
    await world.quiet();
    expect(world.server.ledger.length).toBe(calls.length - denied.length + 1);
    // The two kinds of call differ by a few tokens of overhead.
    expect(calls.length - denied.length).toBeGreaterThanOrEqual(10);
    expect(calls.length - denied.length).toBeLessThanOrEqual(11);
    expect((await world.balance()).spent).toBeLessThanOrEqual(limit);
  });

  it("denies with the budget error itself, without a retry, and sends nothing", async () => {
    await using world = await rig({ kind, budgets: [{ id: "all", limit: { usd: "0" }, window: "day" }] });
    const denied = await failure(ask(world));
    expect(denied).toBeInstanceOf(BudgetExceededError);
    expect((denied as BudgetExceededError).budgetId).toBe("all");
    const { parts, errors } = await read(world);
    // As the SDK reports any failure to start: onError, an error part, and no output.
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(BudgetExceededError);
    expect(parts).toContain("error");
    await world.quiet();
    expect(world.events.of("call-denied")).toHaveLength(2);
    expect(world.server.ledger).toHaveLength(0);
    expect(await world.balance()).toEqual({ spent: 0, held: 0 });
  });

  it("refuses a model without a price", async () => {
    await using world = await rig({ kind, modelId: "nobody-knows-1" });
    expect(await failure(ask(world))).toBeInstanceOf(PriceUnknownError);
    expect(world.server.ledger).toHaveLength(0);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "charges at least what is billed when aborted after chunk %i",
    async (chunk) => {
      await using world = await rig({ kind });
      world.server.script([
        { chunks: 6, hangAfterChunk: chunk, usage: { inputTokens: 40, outputTokens: 60 } },
      ]);
      const control = new AbortController();
      const errors: unknown[] = [];
      const result = world.ai.streamText({
        model: world.model,
        prompt: "Hi",
        maxOutputTokens: 500,
        abortSignal: control.signal,
        onError: ({ error }) => void errors.push(error),
      });
      if (chunk === 0) {
        void world.server.waitFor((entry) => entry.status === 200).then(() => control.abort());
      }
      let arrived = 0;
      for await (const _ of result.textStream) if (++arrived === chunk) control.abort();
      await world.quiet();
      expect(errors).toEqual([]);
      expect(world.server.ledger[0]!.outcome).toBe("aborted");
      const [record] = world.events.usage;
      expect(["partial", "ambiguous"]).toContain(record!.outcome);
      expect(record!.usageSource).toBe("estimated");
      const { spent, held } = await world.balance();
      expect(held).toBe(0);
      expect(spent).toBeGreaterThanOrEqual(world.billedNanoUsd);
      expect(spent).toBeLessThanOrEqual(record!.heldNanoUsd);
    },
  );

  it("charges at least what is billed when the connection breaks in the middle", async () => {
    await using world = await rig({ kind });
    for (const step of [{ dropAfterChunk: 3 }, { endAfterChunk: 3 }, { errorEventAfterChunk: 3 }]) {
      const before = await world.balance();
      const billed = world.billedNanoUsd;
      world.server.script([{ chunks: 6, usage: { inputTokens: 40, outputTokens: 60 }, ...step }]);
      await read(world, { maxOutputTokens: 500 }).catch(() => undefined);
      await world.quiet();
      const { spent, held } = await world.balance();
      expect(held).toBe(0);
      expect(spent - before.spent).toBeGreaterThanOrEqual(world.billedNanoUsd - billed);
      expect(spent - before.spent).toBeGreaterThan(0);
      expect(world.events.usage.at(-1)!.usageSource).toBe("estimated");
    }
  });

  it("cancels upstream when the model's stream is left, and charges what was seen", async () => {
    await using world = await rig({ kind });
    world.server.script([{ chunks: 6, hangAfterChunk: 3, usage: { inputTokens: 40, outputTokens: 60 } }]);
    const { stream } = await world.model.doStream({ ...options(), maxOutputTokens: 500 });
    for await (const part of stream) if (part.type === "text-delta") break;
    await world.quiet();
    expect(world.server.ledger[0]!.outcome).toBe("aborted");
    const { spent, held } = await world.balance();
    expect(held).toBe(0);
    expect(world.events.usage[0]!.outcome).toBe("partial");
    expect(spent).toBeGreaterThanOrEqual(world.billedNanoUsd);
  });

  it("holds nothing for a call that is aborted before it begins", async () => {
    await using world = await rig({ kind });
    const error = await failure(ask(world, { abortSignal: AbortSignal.abort() }));
    expect(error.name).toBe("AbortError");
    expect(world.events.all).toEqual([]);
    expect(world.server.ledger).toHaveLength(0);
  });
});

function options() {
  return {
    prompt: [{ role: "user" as const, content: [{ type: "text" as const, text: "Hi" }] }],
    maxOutputTokens: 50,
  };
}

describe("a denial on a later try", () => {
  it.each([chat7, chat6])(
    "is the last error of the SDK's RetryError ($name)",
    async (kind) => {
      await using world = await rig({
        kind,
        budgets: [{ id: "all", limit: { usd: "0.0005" }, window: "day" }],
      });
      // The first try is lost and charged in full, so there is no room for a second.
      world.server.script([{ lostReply: true }]);
      const error = await failure<Error & { lastError?: unknown }>(ask(world));
      expect(world.ai.RetryError.isInstance(error)).toBe(true);
      expect(error.lastError).toBeInstanceOf(BudgetExceededError);
      await world.quiet();
      expect(world.server.ledger).toHaveLength(1);
      const { spent, held } = await world.balance();
      expect(held).toBe(0);
      expect(spent).toBeLessThanOrEqual(500_000);
    },
    20_000,
  );
});

describe("what leaves the loop over a stream of streamText", () => {
  it("does not stop the SDK, wrapped or not; its hold stays, until it expires into a charge", async () => {
    await using world = await rig({ kind: chat7 });
    const left = async (model: Rig["model"]): Promise<void> => {
      world.server.script([{ chunks: 6, hangAfterChunk: 3 }]);
      const { textStream } = world.ai.streamText({ model, prompt: "Hi", maxOutputTokens: 500 });
      for await (const _ of textStream) break;
    };
    await left(world.bare as Rig["model"]);
    await left(world.model);
    await world.server.waitFor(
      (entry) => entry.id === world.server.ledger.at(-1)!.id && entry.chunksWritten >= 3,
    );
    expect(world.server.ledger.map(({ outcome }) => outcome)).toEqual(["in-progress", "in-progress"]);
    expect((await world.balance()).held).toBeGreaterThan(0);
  });
});

describe("errors before anything is sent", () => {
  it("give the hold back", async () => {
    await using world = await rig({ kind: chat7 });
    const bad = { providerOptions: { openai: { serviceTier: 7 } } };
    expect((await failure(ask(world, bad))).name).toBe("AI_InvalidArgumentError");
    await world.holdfast.flush();
    expect(world.events.usage[0]!.outcome).toBe("not-sent");
    expect(await world.balance()).toEqual({ spent: 0, held: 0 });
  });
});

describe("a missing output limit", () => {
  it("is held at the model's maximum", async () => {
    await using world = await rig({ kind: responses7 });
    await ask(world, { maxOutputTokens: undefined });
    await world.quiet();
    expect(world.events.usage[0]!.heldNanoUsd).toBeGreaterThan(16_384 * RATES.output);
    expect(world.server.ledger[0]!.requestBody).not.toHaveProperty("max_output_tokens");
  });

  it.each(kinds)("is sent along where the configuration says so ($name)", async (kind) => {
    await using world = await rig({ kind, config: { estimate: { missingOutputLimit: { send: 300 } } } });
    await ask(world, { maxOutputTokens: undefined });
    await world.quiet();
    expect(world.events.usage[0]!.heldNanoUsd).toBeLessThan(800 * RATES.output);
    expect(JSON.stringify(world.server.ledger[0]!.requestBody)).toContain(":300");
  });

  it("is refused when no bound is known", async () => {
    await using world = await rig({
      kind: chat7,
      modelId: "bare-1",
      config: {
        prices: { overrides: [{ provider: "openai", model: "bare-1", inputUsdPerMillion: "1" }] },
      },
    });
    expect(await failure(ask(world, { maxOutputTokens: undefined }))).toBeInstanceOf(CallNotBoundedError);
  });
});
