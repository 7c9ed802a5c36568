/** @module Every way of the SDK to ask for a message: the same result as bare, each request held for and billed once. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  clientKinds,
  collect,
  failure,
  messageBody,
  MODEL,
  newest,
  RATES,
  rig,
  truthOfPart,
  user,
} from "./harness.ts";
import type { Anthropic, AnthropicClass, ClientKind, Rig } from "./harness.ts";

const usage = { inputTokens: 9, outputTokens: 12 };
const COST = 9 * RATES.input + 12 * RATES.output;

interface Way {
  readonly work: (client: Anthropic) => PromiseLike<unknown>;
  /** Requests that it takes. */
  readonly requests?: number;
  readonly only?: (kind: ClientKind) => boolean;
}

const is1 = (kind: ClientKind): boolean => kind.version === "1.12";
const lookUp = { name: "look_up", input_schema: { type: "object" as const, properties: {} } };

const WAYS: Readonly<Record<string, Way>> = {
  create: { work: (client) => client.messages.create(messageBody()) },
  "create, with its response": {
    work: async (client) => (await client.messages.create(messageBody()).withResponse()).data,
  },
  "create, as a response": {
    work: async (client) => (await client.messages.create(messageBody()).asResponse()).json(),
  },
  "create, as a clone of a response": {
    work: async (client) => {
      const response = await client.messages.create(messageBody()).asResponse();
      const clone = response.clone();
      expect(response).toBeInstanceOf(Response);
      return [await clone.json(), await response.text()];
    },
  },
  "create, a stream": {
    work: async (client) => collect(await client.messages.create({ ...messageBody(), stream: true })),
  },
  "create, a stream, as a response": {
    work: async (client) =>
      (await client.messages.create({ ...messageBody(), stream: true }).asResponse()).text(),
  },
  "create, a stream that is teed": {
    work: async (client) => {
      const [one, two] = (await client.messages.create({ ...messageBody(), stream: true })).tee();
      return Promise.all([collect(one), collect(two)]);
    },
  },
  "create, a stream as a readable stream": {
    work: async (client) => {
      const stream = await client.messages.create({ ...messageBody(), stream: true });
      return collect(stream.toReadableStream() as unknown as AsyncIterable<Uint8Array>);
    },
  },
  stream: { work: async (client) => client.messages.stream(messageBody()).finalMessage() },
  "stream, its events": {
    work: async (client) => {
      const seen: unknown[] = [];
      const stream = client.messages.stream(messageBody());
      for (const name of [
        "connect",
        "streamEvent",
        "text",
        "contentBlock",
        "message",
        "finalMessage",
        "end",
      ] as const)
        stream.on(name as never, ((...given: unknown[]) => void seen.push([name, ...given])) as never);
      await stream.done();
      return seen;
    },
  },
  "stream, iterated": { work: async (client) => collect(client.messages.stream(messageBody())) },
  "beta create": { work: (client) => client.beta.messages.create(messageBody()) },
  "beta create, with betas": {
    work: (client) =>
      client.beta.messages.create({ ...messageBody(), betas: ["context-management-2025-06-27"] }),
  },
  "beta stream": { work: async (client) => client.beta.messages.stream(messageBody()).finalMessage() },
  parse: {
    only: (kind) => kind.version !== "0.60",
    work: (client) =>
      client.messages.parse({
        ...messageBody(),
        output_config: {
          format: { type: "json_schema", schema: { type: "object", properties: { a: { type: "string" } } } },
        },
      }),
  },
  toolRunner: {
    only: is1,
    requests: 2,
    work: (client) =>
      client.beta.messages
        .toolRunner({
          ...messageBody(),
          tools: [
            { ...lookUp, type: "custom", run: async () => "42", parse: (input: unknown) => input } as never,
          ],
        })
        .runUntilDone(),
  },
};

/** What was asked for, in the order of asking, and what came. */
async function both(
  kind: ClientKind,
  { work }: Way,
  step?: (n: number) => object,
): Promise<{ at: Rig; ours: unknown; theirs: unknown }> {
  const server = { usage, clock: { now: () => 0 } };
  const at = await rig({ kind, server });
  await using bare = await rig({ kind, server });
  for (const side of [at, bare]) {
    let n = 0;
    if (step !== undefined) side.server.respond(() => step(n++));
  }
  const ours = await work(at.client);
  const theirs = await work(bare.bare);
  await at.quiet();
  await bare.quiet();
  const sent = (side: Rig): unknown =>
    side.server.ledger.map(({ path, query, headers, requestBody }) => ({
      path,
      query,
      headers,
      requestBody,
    }));
  expect(sent(at)).toEqual(sent(bare));
  return { at, ours, theirs };
}

const clean = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, field: unknown) => (field instanceof Uint8Array ? [...field] : field)) ??
      "null",
  );

describe.each(clientKinds)("$name", (kind) => {
  const ways = Object.entries(WAYS).filter(([, { only }]) => only?.(kind) !== false);

  test.each(ways)("%s", async (name, way) => {
    const tools = name === "toolRunner";
    const { at, ours, theirs } = await both(
      kind,
      way,
      tools
        ? (n) => (n === 0 ? { toolCalls: [{ name: "look_up", arguments: {} }] } : {})
        : name === "parse"
          ? () => ({ content: '{"a":"b"}' })
          : undefined,
    );
    await using _ = at;
    expect(clean(ours)).toEqual(clean(theirs));
    const { requests = 1 } = way;
    expect(at.server.ledger).toHaveLength(requests);
    expect(at.events.usage).toHaveLength(requests);
    for (const record of at.events.usage)
      expect(record).toMatchObject({ outcome: "complete", usageSource: "provider", costNanoUsd: COST });
    expect(await at.balance()).toEqual({ spent: requests * COST, held: 0 });
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("counting tokens is free, and asking for models too", async () => {
    await using at = await rig({
      kind,
      server: { usage },
      budgets: [{ id: "all", limit: { usd: "0" }, window: "total" }],
    });
    const { messages, models } = at.client;
    if (typeof messages.countTokens === "function") {
      const body = { model: MODEL, messages: [user()] };
      expect(await messages.countTokens(body)).toMatchObject({ input_tokens: 9 });
    }
    if (kind.Class === newest.Class) expect((await collect(models.list())).length).toBeGreaterThan(0);
    await at.quiet();
    expect(at.events.all).toEqual([]);
  });

  test("a denial is the budget's own error, of the SDK's family, and nothing is sent", async () => {
    await using at = await rig({
      kind,
      budgets: [{ id: "all", limit: { usd: "0" }, window: "total" }],
      client: { maxRetries: 2 },
    });
    const { AnthropicError } = kind.Class as unknown as AnthropicClass;
    for (const [name, { work }] of ways) {
      const error = await failure(work(at.client));
      expect(error, name).toMatchObject({ name: "BudgetExceededError", code: "BUDGET_EXCEEDED" });
      expect(error, name).toBeInstanceOf(AnthropicError);
    }
    await at.quiet();
    expect(at.server.ledger).toEqual([]);
    expect(at.events.of("call-denied")).toHaveLength(ways.length);
  });
});

describe("a tool loop", () => {
  test("whose second request is denied ends with the denial itself", async () => {
    const budget = [{ id: "all", limit: { usd: "0.0013" }, window: "total" }] as const;
    await using at = await rig({
      budgets: budget,
      server: { usage: { inputTokens: 9, outputTokens: 45 } },
      client: { maxRetries: 2 },
    });
    at.server.respond(() => ({ toolCalls: [{ name: "look_up", arguments: {} }] }));
    let ran = 0;
    const tool = { ...lookUp, type: "custom", run: async () => `${++ran}`, parse: (input: unknown) => input };
    const small = { ...messageBody(50), max_tokens: 50 };
    const runner = at.client.beta.messages.toolRunner({ ...small, tools: [tool as never] });
    const error = await failure(runner.runUntilDone());
    expect(error).toMatchObject({ name: "BudgetExceededError", code: "BUDGET_EXCEEDED" });
    await at.quiet();
    expect(at.server.ledger.length).toBeGreaterThan(0);
    expect(at.events.usage).toHaveLength(at.server.ledger.length);
    expect((await at.balance()).spent).toBe(at.billedNanoUsd);
  });
});

test("structured output by a schema helper is the same", async () => {
  await using at = await rig({ server: { usage } });
  const { zodOutputFormat } = await import("@anthropic-ai/sdk/helpers/zod");
  at.server.respond(() => ({ content: '{"a":"b"}' }));
  const parsed = await at.client.messages.parse({
    ...messageBody(),
    output_config: { format: zodOutputFormat(z.object({ a: z.string() })) },
  });
  expect(parsed.parsed_output).toEqual({ a: "b" });
  await at.quiet();
  expect((await at.balance()).spent).toBe(COST);
  expect(truthOfPart(at.server.ledger[0]!.billed.parts[0]!)).toBe(COST);
});

test("a turn of a thread is held for with what the turns before it came to, where that is known", async () => {
  await using at = await rig({ server: { usage } });
  const { beta } = at.client;
  const thread = beta.messages.thread({ model: MODEL, max_tokens: 50 });
  await thread.send(user("Hi"));
  await thread.send(user("And?"));
  const stream = thread.stream(user("And then?"));
  await stream.finalMessage();
  await at.quiet();
  expect(at.server.ledger.map(({ requestBody }) => (requestBody["thread"] as { type: string }).type)).toEqual(
    ["create", "continue", "continue"],
  );
  const held = at.events.usage.map(({ heldNanoUsd }) => heldNanoUsd);
  // What the turn before was billed is in the next one's hold.
  expect(held[1]! - held[0]!).toBeGreaterThanOrEqual(21 * RATES.input);
  expect(held[1]! - held[0]!).toBeLessThan(30 * RATES.input);
  expect((await at.balance()).spent).toBe(3 * COST);

  // Another client knows nothing of it.
  await using other = await rig({ server: { usage } });
  const turn = { ...messageBody(), thread: { type: "continue" as const, previous_message_id: "msg_1" } };
  await failure(other.client.beta.messages.create(turn));
  await other.quiet();
  expect(other.events.usage[0]!.heldNanoUsd).toBeGreaterThanOrEqual(200_000 * RATES.write1h);
});
