/** @module The wrapped client as an object: of the same class, beside the given one, wrapped once; clones stay guarded. */
import { ClientNotSupportedError } from "holdfast";
import { wrapAnthropic } from "holdfast/anthropic";
import { describe, expect, test } from "vitest";
import { clientKinds, failure, messageBody, rig } from "./harness.ts";

const broke = [{ id: "all", limit: { usd: "0" }, window: "total" }] as const;

describe.each(clientKinds)("$name, the client itself", (kind) => {
  test("is of the same class, by the same name", async () => {
    await using at = await rig({ kind });
    const { client, bare } = at;
    expect(client).toBeInstanceOf(kind.Class);
    expect(client.constructor.name).toBe(bare.constructor.name);
    for (const field of [
      "baseURL",
      "apiKey",
      "maxRetries",
      "timeout",
      "awsRegion",
      "projectId",
      "resource",
    ] as const)
      expect((client as never)[field]).toBe((bare as never)[field]);
    expect(client.messages.constructor).toBe(bare.messages.constructor);
    expect(Object.keys(client).toSorted()).toEqual(Object.keys(bare).toSorted());
  });

  test("leaves the given client as it was, unguarded", async () => {
    await using at = await rig({ kind });
    const before = Object.getPrototypeOf(at.bare) as object;
    await at.bare.messages.create(messageBody());
    await at.quiet();
    expect(Object.getPrototypeOf(at.bare)).toBe(before);
    expect(at.events.all).toEqual([]);
  });

  test("is not wrapped twice, and nor is a clone of it", async () => {
    await using at = await rig({ kind });
    expect(() => wrapAnthropic(at.client, at.holdfast)).toThrow(ClientNotSupportedError);
    expect(() => wrapAnthropic(at.client.withOptions({}), at.holdfast)).toThrow(/wrapped already/);
  });

  test("is priced by its platform, or as it is told", async () => {
    await using at = await rig({ kind });
    await at.client.messages.create(messageBody());
    await using other = await rig({ kind, wrap: { provider: "anthropic" } });
    await other.client.messages.create(messageBody());
    await at.quiet();
    await other.quiet();
    expect(at.events.usage[0]!.provider).toBe(kind.provider);
    expect(other.events.usage[0]!.provider).toBe("anthropic");
  });

  test.each([
    ["withOptions", {}],
    ["withOptions with retries", { maxRetries: 1 }],
    ["withOptions with other middleware", { middleware: [] }],
    ["withOptions with a fetch", { fetch: (...given: Parameters<typeof fetch>) => fetch(...given) }],
  ])("stays guarded through %s", async (_name, options) => {
    await using at = await rig({ kind, budgets: broke });
    const clone = at.client.withOptions(options as never);
    expect(clone).toBeInstanceOf(kind.Class);
    expect(await failure(clone.messages.create(messageBody()))).toMatchObject({ code: "BUDGET_EXCEEDED" });
    expect(await failure(clone.withOptions({}).messages.create(messageBody()))).toMatchObject({
      code: "BUDGET_EXCEEDED",
    });
    await at.quiet();
    expect(at.server.ledger).toEqual([]);
  });

  test("guards what is posted by hand", async () => {
    await using at = await rig({ kind, budgets: broke });
    const error = await failure(at.client.post("/v1/messages", { body: messageBody() }));
    expect(error).toMatchObject({ code: "BUDGET_EXCEEDED" });
    expect(
      await failure(at.client.post("/v1/messages?beta=true", { body: messageBody(), stream: true })),
    ).toMatchObject({
      code: "BUDGET_EXCEEDED",
    });
    const request = at.client.request({ method: "post", path: "/v1/messages", body: messageBody() });
    expect(await failure(request)).toMatchObject({ code: "BUDGET_EXCEEDED" });
    expect(at.server.ledger).toEqual([]);
  });
});

test("options that are used again make another call", async () => {
  await using at = await rig();
  const options = { method: "post" as const, path: "/v1/messages", body: messageBody() };
  await Promise.all([at.client.request(options), at.client.request(options)]);
  await at.client.request(options);
  await at.quiet();
  expect(at.events.usage).toHaveLength(3);
  expect(new Set(at.events.usage.map(({ callId }) => callId)).size).toBe(3);
  expect(at.events.usage.every(({ attempt }) => attempt === 1)).toBe(true);
  expect(options).toEqual({ method: "post", path: "/v1/messages", body: messageBody() });
});

test("what is not a client is refused in words", async () => {
  await using at = await rig();
  expect(() => wrapAnthropic({} as never, at.holdfast)).toThrow(ClientNotSupportedError);
  expect(() => wrapAnthropic({} as never, at.holdfast)).toThrow(/withOptions/);
  expect(() => wrapAnthropic({ ...at.bare } as never, at.holdfast)).toThrow(ClientNotSupportedError);
  expect(() => wrapAnthropic(at.bare, {})).toThrow(/createHoldfast/);
});

test.each([
  ["bedrock", { awsRegion: "us-east-1" }],
  ["vertex", { region: "us-east5", projectId: "p" }],
])("a %s client that adapts its requests where nobody sees it is refused", async (name, fields) => {
  await using at = await rig();
  const old = Object.assign(at.bare.withOptions({}), fields, { backendMiddleware: undefined });
  expect(() => wrapAnthropic(old, at.holdfast)).toThrow(new RegExp(`${name} client is too old`));
});
