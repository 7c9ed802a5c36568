/** @module What comes out of `wrapGoogle` is a client like the one that went in; what cannot be guarded is not wrapped. */
import { GoogleGenAI, Models } from "@google/genai";
import { createRequire } from "node:module";
import { inspect } from "node:util";
import { BudgetExceededError, CallNotAllowedError, ClientNotSupportedError, createHoldfast } from "holdfast";
import { wrapGoogle } from "holdfast/google";
import type { GoogleClient } from "holdfast/google";
import { describe, expect, test } from "vitest";
import {
  API_KEY,
  clientKinds,
  dryBudget,
  failure,
  genAIKinds,
  generativeAIKind,
  MODEL,
  newest,
  prices,
  rig,
  wideBudget,
} from "./harness.ts";
import type { GenAI, GenAIKind } from "./harness.ts";

const here = { origin: "http://127.0.0.1:9", url: "http://127.0.0.1:9/v1" };
const holdfast = createHoldfast({ budgets: [wideBudget], prices });
const wrap = <C extends GoogleClient>(client: C): C => wrapGoogle(client, holdfast);

describe.each(clientKinds)("$name", (kind) => {
  test("is of the same class, and the given client is left as it is", () => {
    const bare = kind.make(here);
    const before = inspect(bare, { depth: 3, showHidden: true });
    const client = wrap(bare);
    expect(client).not.toBe(bare);
    expect(client).toBeInstanceOf(bare.constructor);
    expect(client.constructor).toBe(bare.constructor);
    expect(inspect(bare, { depth: 3, showHidden: true })).toBe(before);
  });

  test("is not wrapped twice", () => {
    const client = wrap(kind.make(here));
    expect(() => wrap(client)).toThrow(ClientNotSupportedError);
    expect(() => wrap(client)).toThrow("wrapped already");
  });

  test("the given client is not guarded", async () => {
    await using at = await rig({ kind, budgets: [{ id: "dry", limit: { calls: 0 }, window: "day" }] });
    await kind.ask(at.bare, {});
    await at.quiet();
    expect(at.server.ledger).toHaveLength(1);
    expect(at.events.all).toEqual([]);
  });
});

describe.each(genAIKinds)("$name", (kind) => {
  test("has the same members, settings and module classes", () => {
    const bare = kind.make(here) as unknown as Record<string, object>;
    const client = wrap(kind.make(here)) as unknown as Record<string, object>;
    expect(Object.keys(client).filter((key) => key !== "_interactions")).toEqual(Object.keys(bare));
    for (const name of Object.keys(bare)) {
      expect(client[name]?.constructor).toBe(bare[name]?.constructor);
      expect(Object.keys(client[name] ?? {})).toEqual(Object.keys(bare[name] ?? {}));
      if (typeof bare[name] !== "object") expect(client[name]).toEqual(bare[name]);
    }
    for (const name of ["interactions", "webhooks"]) {
      expect(client[name]?.constructor).toBe(bare[name]?.constructor);
      expect(client[name]).toBe(client[name]);
    }
  });

  test("shows no insides", () => {
    const shown = inspect(wrap(kind.make(here)), { depth: 4 });
    expect(shown).not.toMatch(/GuardedCall|LedgerStore|budgets/);
  });
});

test("CommonJS clients", () => {
  const { GoogleGenAI: Cjs } = createRequire(import.meta.url)("@google/genai") as {
    GoogleGenAI: typeof GoogleGenAI;
  };
  expect(Cjs).not.toBe(GoogleGenAI);
  expect(wrap(new Cjs({ apiKey: API_KEY }))).toBeInstanceOf(Cjs);
});

test("a client of the application's own subclass, and one whose interactions were used", () => {
  class Own extends GoogleGenAI {
    hello = (): string => this.models.constructor.name;
  }
  const own = new Own({ apiKey: API_KEY });
  void own.interactions;
  const client = wrap(own);
  expect(client).toBeInstanceOf(Own);
  expect(client.hello()).toBe("Models");
  expect(client.interactions).not.toBe(own.interactions);
});

describe("what is not known is not wrapped", () => {
  const make = (): Record<string, unknown> => newest.make(here) as unknown as Record<string, unknown>;
  const api = (client: Record<string, unknown>): Record<string, unknown> =>
    client["apiClient"] as Record<string, unknown>;
  const cases: readonly (readonly [string, (client: Record<string, unknown>) => unknown, string])[] = [
    ["no transport", (client) => delete client["apiClient"], "it has no apiClient"],
    [
      "a transport without its core",
      (client) => (api(client)["apiCall"] = undefined),
      "its apiClient has no apiCall",
    ],
    [
      "a core with other parameters",
      (client) => (api(client)["apiCall"] = (url: string, init: object) => fetch(url, init)),
      "takes other parameters",
    ],
    ["no models", (client) => delete client["models"], "it has no models"],
    [
      "models over something else",
      (client) => (client["models"] = new Models({} as never)),
      "its models does not use",
    ],
    ["chats over something else", (client) => (client["chats"] = {}), "its chats do not use its models"],
    [
      "a module that did not exist",
      (client) => (client["dreams"] = { apiClient: api(client) }),
      "its dreams is not known",
    ],
  ];

  test.each(cases)("%s", (_name, change, problem) => {
    const client = make();
    change(client);
    expect(() => wrap(client as unknown as GenAI)).toThrow(ClientNotSupportedError);
    expect(() => wrap(client as unknown as GenAI)).toThrow(problem);
  });

  test("interactions over something else", () => {
    const client = make();
    Object.defineProperty(client, "interactions", { value: { create: () => undefined } });
    expect(() => wrap(client as unknown as GenAI)).toThrow("its interactions do not use its apiClient");
  });

  test("another class altogether", () => {
    expect(() => wrap({ models: {}, chats: {}, vertexai: false })).toThrow(ClientNotSupportedError);
  });

  test("a GoogleGenerativeAI whose models can do more than is known", () => {
    const client = generativeAIKind.make(here);
    const { getGenerativeModel } = client;
    client.getGenerativeModel = function (...args) {
      const model = getGenerativeModel.apply(this, args);
      return Object.setPrototypeOf(model, { ...methodsOf(model), dream: () => undefined }) as typeof model;
    };
    expect(() => wrap(client)).toThrow("its model's dream is not known");
  });
});

function methodsOf(object: object): object {
  const prototype = Object.getPrototypeOf(object) as object;
  return Object.fromEntries(
    Object.getOwnPropertyNames(prototype).map((name) => [name, prototype[name as never]]),
  );
}

describe("a client whose requests take no fetch, as before 2.23", () => {
  /** The newest client with the older transport. */
  const older: GenAIKind = {
    ...newest,
    make: (server, settings) => {
      const client = newest.make(server, settings);
      const { apiClient } = client as unknown as { apiClient: Record<string, unknown> };
      const send = apiClient["apiCall"] as (...args: unknown[]) => Promise<Response>;
      apiClient["getFetch"] = undefined;
      apiClient["apiCall"] = function (this: object, ...[url, init, retries, timeout, signal]: OldCall) {
        return send.call(this, url, init, retries, timeout, signal);
      };
      Object.defineProperty(apiClient["apiCall"], "length", { value: 5 });
      return client;
    },
  };
  type OldCall = [url: unknown, init: unknown, retries: unknown, timeout: unknown, signal: unknown];

  test("is guarded request by request", async () => {
    await using at = await rig({ kind: older });
    at.server.script([{}, { status: 500 }, { chunks: 20, hangAfterChunk: 3 }]);
    await older.ask(at.client, {});
    await failure(older.ask(at.client, {}));
    for await (const _ of await older.stream(at.client, {})) break;
    await at.quiet();
    expect(at.events.usage.map(({ outcome }) => outcome)).toEqual(["complete", "refused", "partial"]);
    expect(at.server.ledger[2]).toMatchObject({ clientClosedEarly: true });
    expect(await at.balance()).toMatchObject({ held: 0, calls: 2 });
  });

  test("stops at the budget", async () => {
    await using at = await rig({ kind: older, budgets: [dryBudget] });
    expect(await failure(older.ask(at.client, {}))).toBeInstanceOf(BudgetExceededError);
    expect(at.server.ledger).toEqual([]);
  });

  test("refuses what it hides: its retries, and the members that send by themselves", async () => {
    await using at = await rig({ kind: older, client: { maxRetries: 2 } });
    const error = await failure(older.ask(at.client, {}));
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(error.message).toContain("retryOptions");
    for (const name of ["interactions", "agents", "webhooks"] as const) {
      expect(() => at.client[name]).toThrow(CallNotAllowedError);
    }
    await at.quiet();
    expect(at.server.ledger).toEqual([]);
    expect((await at.balance()).held).toBe(0);
  });
});

test("a billable request that comes past the client's own methods does not leave", async () => {
  await using at = await rig({ kind: newest });
  const inner = at.client as unknown as {
    getNextGenClient: () => { interactions: { create: (body: object) => Promise<unknown> } };
  };
  await expect(inner.getNextGenClient().interactions.create({ model: MODEL, input: "Hi" })).rejects.toThrow();
  expect(at.server.ledger).toEqual([]);
});
