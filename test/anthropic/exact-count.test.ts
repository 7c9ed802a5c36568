/** @module Counting the input before the call, when that is asked for: a bound by the provider's own count. */
import { describe, expect, test } from "vitest";
import { clientKinds, collect, failure, messageBody, MODEL, RATES, rig, user } from "./harness.ts";

const usage = { inputTokens: 1_000, outputTokens: 12 };
const wrap = { exactInputTokens: true };
const LISTED = (1_000 * 1.02 + 16) * RATES.input + 50 * RATES.output;
/** The workspace may have the US as its geography. */
const HELD = LISTED * 1.1;
const withCount = clientKinds.filter(({ name }) => !name.startsWith("AnthropicBedrock "));

describe.each(withCount)("$name", (kind) => {
  test("asks the same client, holds for the answer, and sends the same request", async () => {
    await using at = await rig({ kind, server: { usage }, wrap });
    await at.client.messages.create(messageBody());
    await collect(
      await at.client.beta.messages.create({ ...messageBody(), system: "Be brief.", stream: true }),
    );
    await at.quiet();
    expect(at.server.ledger.map(({ endpoint }) => endpoint)).toEqual([
      "/messages/count_tokens",
      "/messages",
      "/messages/count_tokens",
      "/messages",
    ]);
    const [, , counted] = at.server.ledger;
    expect(counted!.requestBody).toMatchObject({ messages: [user()], system: "Be brief." });
    expect(counted!.requestBody).not.toHaveProperty("max_tokens");
    expect(counted!.requestBody).not.toHaveProperty("stream");
    expect(at.events.usage.map(({ heldNanoUsd }) => heldNanoUsd)).toEqual(
      kind.provider === "anthropic" ? [HELD, HELD] : [LISTED, LISTED],
    );
    expect((await at.balance()).held).toBe(0);
  });
});

test.each([
  ["an error", { status: 500 }],
  ["an answer that is none", { body: "{}" }],
  ["a dropped connection", { drop: true }],
  ["no number", { body: '{"input_tokens":"many"}' }],
])("%s leaves the estimate, and the call goes on", async (_name, step) => {
  await using at = await rig({ server: { usage }, wrap, client: { maxRetries: 2 } });
  at.server.script([{ ...step, path: "/messages/count_tokens" }]);
  await at.client.messages.create(messageBody());
  await at.quiet();
  expect(at.server.ledger.filter(({ endpoint }) => endpoint.endsWith("count_tokens"))).toHaveLength(1);
  expect(at.events.usage).toMatchObject([{ outcome: "complete" }]);
  expect(at.events.usage[0]!.heldNanoUsd).toBeLessThan(HELD);
});

test("Bedrock has no such endpoint, and holds for the estimate", async () => {
  await using at = await rig({
    kind: clientKinds.find(({ name }) => name.startsWith("AnthropicBedrock "))!,
    server: { usage },
    wrap,
  });
  await at.client.messages.create(messageBody());
  await at.quiet();
  expect(at.server.ledger.map(({ endpoint }) => endpoint)).toEqual(["/messages"]);
  expect(at.events.usage).toMatchObject([{ outcome: "complete" }]);
});

test("is not done unless it is asked for", async () => {
  await using at = await rig({ server: { usage } });
  await at.client.messages.create(messageBody());
  await at.quiet();
  expect(at.server.ledger).toHaveLength(1);
});

test("counts what middleware sends", async () => {
  const middleware = [
    async (
      request: { body: string; url: string },
      next: (request: object) => Promise<Response>,
    ): Promise<Response> =>
      next(
        request.url.endsWith("/v1/messages")
          ? { ...request, body: JSON.stringify({ ...JSON.parse(request.body), system: "changed" }) }
          : request,
      ),
  ];
  await using at = await rig({ server: { usage }, wrap, client: { middleware } });
  await at.client.messages.create(messageBody());
  await at.quiet();
  expect(at.server.ledger.map(({ requestBody }) => requestBody["system"])).toEqual(["changed", "changed"]);
  expect(at.events.usage[0]!.heldNanoUsd).toBe(HELD);
});

test("an aborted call counts nothing", async () => {
  await using at = await rig({ server: { usage }, wrap });
  const error = await failure(
    at.client.messages.create(messageBody(50, MODEL), { signal: AbortSignal.abort() }),
  );
  expect(error.constructor.name).toBe("APIUserAbortError");
  await at.quiet();
  expect(at.server.ledger).toEqual([]);
  expect(at.events.usage).toEqual([]);
});
