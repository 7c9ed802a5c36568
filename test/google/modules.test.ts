/** @module CJS and ESM copies of the SDKs, and two copies of Holdfast in one process. */
import { createRequire } from "node:module";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { BudgetExceededError, createHoldfast } from "holdfast";
import { wrapGoogle } from "holdfast/google";
import { describe, expect, test, vi } from "vitest";
import { clientKinds, failure, prices, type AnyGoogle, type ClientKind } from "./harness.ts";

const require = createRequire(import.meta.url);

/** The same clients, made of the copy that `require` gives. */
const modules: Readonly<Record<string, { readonly file: string; readonly name: string }>> = {
  "@google/genai 3.1": { file: "@google/genai", name: "GoogleGenAI" },
  "@google/genai 2.32": { file: "google-genai-v2", name: "GoogleGenAI" },
};
const kinds = clientKinds.filter(({ name }) => Object.hasOwn(modules, name));

function fromRequire(kind: ClientKind, server: { origin: string; url: string }): AnyGoogle {
  const { file, name } = modules[kind.name]!;
  const Client = (require(file) as Record<string, new (options: object) => AnyGoogle>)[name]!;
  expect(kind.make(server)).not.toBeInstanceOf(Client);
  return new Client({ apiKey: "k", httpOptions: { baseUrl: server.origin } });
}

describe.each(kinds)("$name, CJS", (kind) => {
  test("is another copy of the classes, and is wrapped all the same", async () => {
    await using server = await startProviderServer({ usage: { inputTokens: 3, outputTokens: 5 } });
    const holdfast = createHoldfast({
      budgets: [{ id: "all", limit: { usd: "10" }, window: "total" }],
      prices,
    });
    const client = wrapGoogle(fromRequire(kind, server), holdfast);
    await kind.ask(client, {});
    for await (const _ of await kind.stream(client, {}));
    await server.waitForIdle();
    await holdfast.flush();
    const [balance] = await holdfast.balances();
    // 3 x 1,000 and 5 x 4,000, twice.
    expect(balance).toMatchObject({ spent: { nanoUsd: 46_000, calls: 2 }, held: { nanoUsd: 0 } });
  });

  test("a denial is the budget error, and an error of this copy of the SDK", async () => {
    await using server = await startProviderServer();
    const holdfast = createHoldfast({ budgets: [{ id: "dry", limit: { usd: "0" }, window: "day" }], prices });
    const client = wrapGoogle(fromRequire(kind, server), holdfast);
    const error = await failure(kind.ask(client, {}));
    expect(error).toBeInstanceOf(BudgetExceededError);
    const { ApiError } = require(modules[kind.name]!.file) as { ApiError: new (options: object) => Error };
    expect(error).toBeInstanceOf(ApiError);
    expect(server.requests).toBe(0);
  });
});

test("a wrapper from another copy of Holdfast works, and its errors are known to both", async () => {
  vi.resetModules();
  const other = await import("holdfast/google");
  expect(other.wrapGoogle).not.toBe(wrapGoogle);
  await using server = await startProviderServer();
  const holdfast = createHoldfast({ budgets: [{ id: "dry", limit: { usd: "0" }, window: "day" }], prices });
  const [kind] = kinds;
  const client = other.wrapGoogle(kind!.make(server), holdfast);
  const error = await failure(kind!.ask(client, {}));
  expect(error).toBeInstanceOf(BudgetExceededError);
  expect(server.requests).toBe(0);
});
