/** @module Bedrock, Vertex and Foundry: the request is adapted and signed behind the guard, the answer read in one form. */
import type { PriceOverride } from "@holdfast/prices";
import { createPriceSource } from "@holdfast/prices";
import { describe, expect, test } from "vitest";
import {
  clientKinds,
  cloudKinds,
  collect,
  DEAR_MODEL,
  failure,
  messageBody,
  MODEL,
  RATES,
  rig,
  vertexAuth,
} from "./harness.ts";
import type { ClientKind } from "./harness.ts";

const usage = { inputTokens: 9, outputTokens: 12 };
const COST = 9 * RATES.input + 12 * RATES.output;
const bedrock = cloudKinds[0]!;
const [vertexGlobal, vertexRegional] = cloudKinds.slice(2, 4) as [ClientKind, ClientKind];

describe.each(cloudKinds)("$name", (kind) => {
  test.each([false, true])("goes to the platform's own address, streamed: %s", async (stream) => {
    await using at = await rig({ kind, server: { usage } });
    if (stream) await collect(await at.client.messages.create({ ...messageBody(), stream: true }));
    else await at.client.messages.create(messageBody());
    await at.quiet();
    expect(at.server.ledger.map(({ path }) => path)).toEqual([kind.pathOf(MODEL, stream)]);
    expect(at.events.usage).toMatchObject([
      { provider: kind.provider, requestedModel: MODEL, costNanoUsd: COST, stream },
    ]);
    expect(at.events.usage[0]!.providerRequestId).toMatch(/^req_/);
  });

  test("an error in the middle of a stream is charged as far as it went", async () => {
    await using at = await rig({ kind, server: { usage: { inputTokens: 9, outputTokens: 40 }, chunks: 10 } });
    at.server.script([{ errorEventAfterChunk: 4 }]);
    await failure(at.client.messages.stream(messageBody(500)).finalMessage());
    await at.quiet();
    const [record] = at.events.usage;
    expect(record).toMatchObject({ outcome: "partial", usageSource: "estimated" });
    expect(record!.costNanoUsd).toBeGreaterThanOrEqual(9 * RATES.input + 16 * RATES.output);
    expect(record!.costNanoUsd).toBeLessThan(record!.heldNanoUsd);
    expect((await at.balance()).held).toBe(0);
  });
});

test("Bedrock signs what is sent, middleware's changes included", async () => {
  const authorizations: string[] = [];
  const bodies: string[] = [];
  const seeing: typeof fetch = (input, init) => {
    authorizations.push(new Headers(init?.headers).get("authorization") ?? "");
    bodies.push(String(init?.body));
    return fetch(input, init);
  };
  const reroute = async (
    request: { body: string },
    next: (request: object) => Promise<Response>,
  ): Promise<Response> =>
    next({ ...request, body: JSON.stringify({ ...JSON.parse(request.body), model: DEAR_MODEL }) });
  await using at = await rig({
    kind: bedrock,
    server: { usage },
    client: { fetch: seeing, middleware: [reroute] },
  });
  await at.client.messages.create(messageBody());
  await at.quiet();
  expect(authorizations[0]).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIATEST\//);
  expect(JSON.parse(bodies[0]!)).not.toHaveProperty("model");
  expect(at.server.ledger[0]!.path).toBe(bedrock.pathOf(DEAR_MODEL));
  expect(at.events.usage).toMatchObject([{ requestedModel: DEAR_MODEL, costNanoUsd: 10 * COST }]);
});

describe("models on Bedrock", () => {
  const rates = {
    inputUsdPerMillion: "1",
    outputUsdPerMillion: "5",
    contextWindowTokens: 200_000,
    maxOutputTokens: 8_192,
  };
  const price = (model: string, factor = 1): PriceOverride => ({
    provider: "aws",
    model,
    ...rates,
    inputUsdPerMillion: `${factor}`,
    outputUsdPerMillion: `${5 * factor}`,
  });
  const US = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
  const GLOBAL = "global.anthropic.claude-haiku-4-5-20251001-v1:0";
  const APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3";
  const prices = {
    source: createPriceSource({ overrides: [price(US, 1.1), price(GLOBAL), price(APPLICATION, 2)] }),
  };

  test.each([
    [GLOBAL, 1],
    [US, 1.1],
    [`arn:aws:bedrock:us-east-1:123456789012:inference-profile/${US}`, 1.1],
    [APPLICATION, 2],
  ])("%s costs %f times", async (model, factor) => {
    await using at = await rig({ kind: bedrock, server: { usage }, config: { prices } });
    at.server.respond(() => ({ model: "claude-haiku-4-5-20251001" }));
    await at.client.messages.create({ ...messageBody(), model });
    await at.quiet();
    expect(at.server.ledger[0]!.path).toBe(bedrock.pathOf(model));
    expect(at.events.usage[0]!.costNanoUsd).toBe(Math.round(COST * factor));
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("are priced by the list, with the premium of a geography", async () => {
    const costOf = async (model: string): Promise<number> => {
      await using at = await rig({
        kind: bedrock,
        server: { usage: { inputTokens: 1_000, outputTokens: 200 } },
        config: { prices: {} },
      });
      await at.client.messages.create({ ...messageBody(500), model });
      await at.quiet();
      return at.events.usage[0]!.costNanoUsd;
    };
    expect(await costOf(GLOBAL)).toBe(2_000_000);
    expect(await costOf(US)).toBe(2_200_000);
  });

  test("of a profile that nobody knows need a price of their own", async () => {
    await using at = await rig({ kind: bedrock });
    const error = await failure(at.client.messages.create({ ...messageBody(), model: APPLICATION }));
    expect(error).toMatchObject({ code: "PRICE_UNKNOWN" });
    expect(at.server.ledger).toEqual([]);
  });
});

test("on Vertex a regional endpoint costs its premium", async () => {
  const costOn = async (kind: ClientKind): Promise<[number, string | null]> => {
    await using at = await rig({
      kind,
      server: { usage: { inputTokens: 1_000, outputTokens: 200 } },
      config: { prices: {} },
    });
    await at.client.messages.create({ ...messageBody(500), model: "claude-sonnet-4-6" });
    await at.quiet();
    const [record] = at.events.usage;
    expect(record!.heldNanoUsd).toBeGreaterThanOrEqual(record!.costNanoUsd);
    expect(at.events.of("meter-anomaly")).toEqual([]);
    return [record!.costNanoUsd, record!.servedServiceTier];
  };
  expect(await costOn(vertexGlobal)).toEqual([6_000_000, "default"]);
  expect(await costOn(vertexRegional)).toEqual([6_600_000, "regional"]);
});

test("a call that got no credentials was never sent, and costs nothing", async () => {
  const authClient = {
    ...vertexAuth,
    getRequestHeaders: () => Promise.reject(new Error("no metadata server")),
  };
  await using at = await rig({ kind: vertexGlobal, client: { authClient, maxRetries: 1 } });
  const error = await failure(at.client.messages.create(messageBody()));
  expect(error.constructor.name).toBe("APIConnectionError");
  await at.quiet();
  expect(at.events.usage.map(({ outcome, costNanoUsd }) => [outcome, costNanoUsd])).toEqual([
    ["not-sent", 0],
    ["not-sent", 0],
  ]);
  expect(await at.balance()).toEqual({ spent: 0, held: 0 });
});

test.each(clientKinds.filter(({ provider }) => provider !== "anthropic"))(
  "$name leaves a stream at once when the application does, in the middle of nothing",
  async (kind) => {
    await using at = await rig({ kind, server: { usage: { inputTokens: 9, outputTokens: 40 }, chunks: 10 } });
    at.server.script([{ hangAfterChunk: 3 }]);
    const stream = await at.client.messages.create({ ...messageBody(500), stream: true });
    let texts = 0;
    for await (const event of stream) {
      if (event.type === "content_block_delta") texts += 1;
      if (texts === 3) break;
    }
    await at.quiet();
    expect(at.server.ledger[0]!.clientClosedEarly).toBe(true);
    expect(at.events.usage).toMatchObject([{ outcome: "partial" }]);
    expect((await at.balance()).held).toBe(0);
  },
);
