/** @module CJS and ESM copies of the SDK, and two copies of Holdfast in one process. */
import { createRequire } from "node:module";
import { inspect } from "node:util";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { attributed, BudgetExceededError, createHoldfast, HoldfastError } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { describe, expect, test, vi } from "vitest";
import { API_KEY, chatBody, collect, failure, prices, sdks, wideBudget } from "./harness.ts";
import type { OpenAI, Sdk } from "./harness.ts";

const require = createRequire(import.meta.url);
const packages: Readonly<Record<number, string>> = { 5: "openai-v5", 6: "openai-v6", 7: "openai" };

const cjs = sdks.map((sdk) => {
  const module = require(packages[sdk.major]!) as Pick<Sdk, "OpenAI" | "AzureOpenAI">;
  return {
    ...sdk,
    name: `${sdk.name}, CJS`,
    esm: sdk,
    OpenAI: module.OpenAI,
    AzureOpenAI: module.AzureOpenAI,
  };
});

const dry = { id: "dry", limit: { usd: "0.000000001" }, window: "day" } as const;

describe.each(cjs)("$name", ({ OpenAI, AzureOpenAI, esm }) => {
  test("is another copy of the classes, and is wrapped all the same", async () => {
    expect(OpenAI).not.toBe(esm.OpenAI);
    await using server = await startProviderServer({ usage: { inputTokens: 3, outputTokens: 5 } });
    const holdfast = createHoldfast({ budgets: [wideBudget], prices });
    const client = wrapOpenAI(new OpenAI({ apiKey: API_KEY, baseURL: server.url }), holdfast);
    expect(client).toBeInstanceOf(OpenAI);
    expect(client).not.toBeInstanceOf(esm.OpenAI);
    await client.chat.completions.create(chatBody());
    await collect(await client.chat.completions.create({ ...chatBody(), stream: true }));
    await client.chat.completions.stream({ ...chatBody(), stream: true }).done();
    const azure = wrapOpenAI(
      new AzureOpenAI({ apiKey: API_KEY, endpoint: server.origin, apiVersion: "2025-04-01-preview" }),
      holdfast,
    );
    await azure.chat.completions.create(chatBody());
    await server.waitForIdle();
    await holdfast.flush();
    const [balance] = await holdfast.balances();
    expect(balance).toMatchObject({ spent: { nanoUsd: 4 * 23_000, calls: 4 }, held: { nanoUsd: 0 } });
  });

  test("a denial is an error of this copy of the SDK, in its helpers too", async () => {
    await using server = await startProviderServer();
    const client = wrapOpenAI(
      new OpenAI({ apiKey: API_KEY, baseURL: server.url }),
      createHoldfast({ budgets: [dry], prices }),
    );
    for (const call of [
      client.chat.completions.create(chatBody()),
      client.chat.completions.stream({ ...chatBody(), stream: true }).done(),
    ]) {
      const error = await failure(call);
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(error).toBeInstanceOf(OpenAI.OpenAIError);
      expect(error).not.toBeInstanceOf(esm.OpenAI.OpenAIError);
    }
    expect(server.requests).toBe(0);
  });
});

interface Copy {
  readonly core: typeof import("holdfast");
  readonly openai: typeof import("holdfast/openai");
}

/** Imports the sources of Holdfast anew. */
async function anotherCopy(): Promise<Copy> {
  vi.resetModules();
  return { core: await import("holdfast"), openai: await import("holdfast/openai") };
}

describe.each(sdks)("two copies of Holdfast, $name", (sdk) => {
  const make = (server: { url: string }): OpenAI =>
    new sdk.OpenAI({ apiKey: API_KEY, baseURL: server.url, maxRetries: 0 });

  test("recognise each other's errors", async () => {
    const other = await anotherCopy();
    expect(other.core.BudgetExceededError).not.toBe(BudgetExceededError);
    await using server = await startProviderServer();
    const client = other.openai.wrapOpenAI(
      make(server),
      other.core.createHoldfast({ budgets: [dry], prices }),
    );
    const error = await failure(client.chat.completions.create(chatBody()));
    for (const { core } of [other, { core: { HoldfastError, BudgetExceededError } }]) {
      expect(core.HoldfastError.isHoldfastError(error)).toBe(true);
      expect(error instanceof core.HoldfastError).toBe(true);
      expect(error instanceof core.BudgetExceededError).toBe(true);
    }
    expect(error instanceof other.core.PriceUnknownError).toBe(false);
    const direct = await failure(Promise.reject(new other.core.ConfigError([])));
    expect(direct).toBeInstanceOf(HoldfastError);
    expect(direct).not.toBeInstanceOf(BudgetExceededError);
  });

  test("a wrapper of one copy works with a Holdfast of the other", async () => {
    const other = await anotherCopy();
    await using server = await startProviderServer({ usage: { inputTokens: 3, outputTokens: 5 } });
    const holdfast = createHoldfast({ budgets: [wideBudget], prices });
    const client = other.openai.wrapOpenAI(make(server), holdfast);
    await holdfast.with({ tenant: "acme" }, () =>
      client.chat.completions.create(chatBody(), other.core.attributed({ user: "u1" })),
    );
    await holdfast.flush();
    expect((await holdfast.balances())[0]).toMatchObject({
      spent: { nanoUsd: 23_000 },
      held: { nanoUsd: 0 },
    });
  });

  test("attributed() of one copy is understood by the other", async () => {
    const other = await anotherCopy();
    await using server = await startProviderServer();
    const holdfast = other.core.createHoldfast({
      budgets: [{ id: "t", per: ["tenant"], limit: { calls: 1 }, window: "total" }],
      prices,
    });
    const client = other.openai.wrapOpenAI(make(server), holdfast);
    const call = () => client.chat.completions.create(chatBody(), attributed({ tenant: "acme" }));
    await call();
    expect(await failure(call())).toMatchObject({ code: "BUDGET_EXCEEDED", scope: { tenant: "acme" } });
  });

  test("a client that one copy has wrapped is not wrapped again by the other", async () => {
    const other = await anotherCopy();
    await using server = await startProviderServer();
    const holdfast = createHoldfast({ budgets: [wideBudget], prices });
    const client = wrapOpenAI(make(server), holdfast);
    expect(() => other.openai.wrapOpenAI(client, holdfast)).toThrow(/wrapped already/);
  });
});

test("importing Holdfast has no side effects, and a Holdfast shows none of its insides", async () => {
  const globals = Object.getOwnPropertyNames(globalThis).length;
  const fetch = globalThis.fetch;
  const { core } = await anotherCopy();
  expect(Object.getOwnPropertyNames(globalThis)).toHaveLength(globals);
  expect(globalThis.fetch).toBe(fetch);
  const shown = inspect(core.createHoldfast({ budgets: [wideBudget], prices }), { depth: 20 });
  expect(shown).toBe("Holdfast {}");
});
