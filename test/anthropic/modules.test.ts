/** @module CJS and ESM copies of the SDK, and two copies of Holdfast in one process. */
import { createRequire } from "node:module";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { attributed, BudgetExceededError, createHoldfast, HoldfastError } from "holdfast";
import { wrapAnthropic } from "holdfast/anthropic";
import { describe, expect, test, vi } from "vitest";
import {
  API_KEY,
  collect,
  directKinds,
  failure,
  messageBody,
  prices,
  wideBudget,
  type AnthropicClass,
} from "./harness.ts";

const require = createRequire(import.meta.url);
const packages: Readonly<Record<string, string>> = {
  "1.12": "@anthropic-ai/sdk",
  "0.101": "anthropic-v0-101",
  "0.60": "anthropic-v0-60",
};

type Class = AnthropicClass;
const dry = { id: "dry", limit: { usd: "0.000000001" }, window: "day" } as const;

describe.each(directKinds)("$name, CJS", (kind) => {
  const Esm = kind.Class as unknown as Class;
  const { Anthropic: Cjs } = require(packages[kind.version]!) as { Anthropic: Class };

  test("is another copy of the classes, and is wrapped all the same", async () => {
    expect(Cjs).not.toBe(Esm);
    await using server = await startProviderServer({ usage: { inputTokens: 3, outputTokens: 5 } });
    const holdfast = createHoldfast({ budgets: [wideBudget], prices });
    const client = wrapAnthropic(new Cjs({ apiKey: API_KEY, baseURL: server.origin }), holdfast);
    expect(client).toBeInstanceOf(Cjs);
    expect(client).not.toBeInstanceOf(Esm);
    await client.messages.create(messageBody());
    await collect(await client.messages.create({ ...messageBody(), stream: true }));
    await client.messages.stream(messageBody()).done();
    await server.waitForIdle();
    await holdfast.flush();
    const [balance] = await holdfast.balances();
    expect(balance).toMatchObject({ spent: { nanoUsd: 3 * 28_000, calls: 3 }, held: { nanoUsd: 0 } });
  });

  test("a denial is an error of this copy of the SDK, in its helpers too", async () => {
    await using server = await startProviderServer();
    const client = wrapAnthropic(
      new Cjs({ apiKey: API_KEY, baseURL: server.origin }),
      createHoldfast({ budgets: [dry], prices }),
    );
    for (const call of [
      client.messages.create(messageBody()),
      client.messages.stream(messageBody()).done(),
    ]) {
      const error = await failure(call);
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(error).toBeInstanceOf(Cjs.AnthropicError);
      expect(error).not.toBeInstanceOf(Esm.AnthropicError);
    }
    expect(server.requests).toBe(0);
  });
});

async function anotherCopy(): Promise<{
  readonly core: typeof import("holdfast");
  readonly anthropic: typeof import("holdfast/anthropic");
}> {
  vi.resetModules();
  return { core: await import("holdfast"), anthropic: await import("holdfast/anthropic") };
}

describe.each(directKinds)("two copies of Holdfast, $name", (kind) => {
  test("recognise each other's errors, options and clients", async () => {
    const other = await anotherCopy();
    expect(other.core.BudgetExceededError).not.toBe(BudgetExceededError);
    await using server = await startProviderServer({ usage: { inputTokens: 3, outputTokens: 5 } });
    const budgets = [{ id: "t", per: ["tenant"], limit: { calls: 1 }, window: "total" }] as const;
    const holdfast = createHoldfast({ budgets, prices });
    const client = other.anthropic.wrapAnthropic(kind.make(server), holdfast);
    const call = () => client.messages.create(messageBody(), attributed({ tenant: "acme" }));
    await call();
    const error = await failure(call());
    expect(error).toMatchObject({ code: "BUDGET_EXCEEDED", scope: { tenant: "acme" } });
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error).toBeInstanceOf(other.core.BudgetExceededError);
    expect(HoldfastError.isHoldfastError(error)).toBe(true);
    expect(() => wrapAnthropic(client, holdfast)).toThrow(/wrapped already/);
  });
});
