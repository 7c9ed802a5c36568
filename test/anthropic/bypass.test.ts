/** @module What is billed where no hold can follow it is refused, until it is allowed by its name. */
import { describe, expect, test } from "vitest";
import { directKinds, failure, messageBody, newest, rig } from "./harness.ts";
import type { Anthropic, AnthropicClass } from "./harness.ts";

const WAYS: Readonly<Record<string, (client: Anthropic) => PromiseLike<unknown>>> = {
  "a session": (client) => client.beta.sessions.create({ agent: "a", environment_id: "e" } as never),
  "an event in a session": (client) => client.beta.sessions.events.send("s1", { events: [] } as never),
  "the run of a deployment": (client) => client.beta.deployments.run("d1" as never, {} as never),
  "an environment": (client) => client.beta.environments.create({ name: "e" } as never),
  "a dream": (client) => client.beta.dreams.create({} as never),
};

describe.each(Object.entries(WAYS))("%s", (_name, work) => {
  test("is refused by default, in words that say how to allow it", async () => {
    await using at = await rig({ client: { maxRetries: 2 } });
    const error = await failure(work(at.client));
    expect(error).toMatchObject({ name: "CallNotAllowedError", code: "CALL_NOT_ALLOWED" });
    expect(error.message).toContain('allow: ["agents"]');
    expect(error).toBeInstanceOf((newest.Class as unknown as AnthropicClass).AnthropicError);
    expect(at.server.ledger).toEqual([]);
  });

  test("goes out unmetered, with an event, when it is allowed", async () => {
    await using at = await rig({ config: { allow: ["agents"] } });
    await work(at.client).then(undefined, () => undefined);
    await at.quiet();
    expect(at.server.ledger).toHaveLength(1);
    expect(at.events.of("call-unmetered")).toMatchObject([{ provider: "anthropic", what: "allowed-bypass" }]);
    expect(at.events.usage).toEqual([]);
  });
});

describe.each(directKinds)("$name", (kind) => {
  test("what is not known is refused, or reported, by configuration", async () => {
    await using at = await rig({ kind });
    expect(await failure(at.client.post("/v1/mystery", { body: {} }))).toMatchObject({
      code: "CALL_NOT_ALLOWED",
    });
    await using open = await rig({ kind, config: { unknownEndpoint: "alarm" } });
    await open.client.post("/v1/mystery", { body: {} }).then(undefined, () => undefined);
    await at.quiet();
    await open.quiet();
    expect(at.server.ledger).toEqual([]);
    expect(open.server.ledger).toHaveLength(1);
    expect(open.events.of("call-unmetered")).toMatchObject([
      { what: "unknown-endpoint", subject: "POST /v1/mystery" },
    ]);
  });

  test.each([
    [
      "fetchOptions that replace the body",
      (client: Anthropic) => client.messages.create(messageBody(), { fetchOptions: { body: "{}" } as never }),
    ],
    [
      "a body that is a stream",
      (client: Anthropic) => client.post("/v1/messages", { body: new ReadableStream() }),
    ],
    ["a body that is no object", (client: Anthropic) => client.post("/v1/messages", { body: [1] as never })],
    [
      "a body that is no JSON",
      (client: Anthropic) =>
        client.post("/v1/messages", { body: "text" as never, headers: { "content-type": "text/plain" } }),
    ],
  ])("%s cannot be held for", async (_name, work) => {
    await using at = await rig({ kind });
    expect(await failure(work(at.client))).toMatchObject({ code: "CALL_NOT_BOUNDED" });
    expect(at.server.ledger).toEqual([]);
  });

  test("a body that is a text of JSON is read", async () => {
    await using at = await rig({ kind, server: { usage: { inputTokens: 3, outputTokens: 5 } } });
    await at.client.post("/v1/messages", {
      body: JSON.stringify(messageBody()) as never,
      headers: { "content-type": "application/json" },
    });
    await at.quiet();
    expect(at.server.ledger[0]!.requestBody).toEqual(messageBody());
    expect(at.events.usage).toMatchObject([{ costNanoUsd: 28_000 }]);
  });
});

test("the client's fetch, called by hand, lets nothing billable through where the SDK has no other seam", async () => {
  const old = directKinds[2]!;
  await using at = await rig({ kind: old });
  const { fetch: metered } = at.client as unknown as { fetch: typeof fetch };
  const post = { method: "POST", body: JSON.stringify(messageBody()) };
  expect(await failure(metered(`${at.server.origin}/v1/messages`, post))).toMatchObject({
    code: "CALL_NOT_ALLOWED",
  });
  expect(
    (await metered(`${at.server.origin}/v1/models`, { headers: { "anthropic-version": "2023-06-01" } }))
      .status,
  ).toBe(200);
});
