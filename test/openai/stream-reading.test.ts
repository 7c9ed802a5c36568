/** @module Every way to read a stream, and what the application sees of it: what the bare SDK shows. */
import { getEventListeners } from "node:events";
import { createFakeClock } from "@holdfast/testkit";
import type { ProviderStep } from "@holdfast/testkit/provider-server";
import { describe, expect, test } from "vitest";
import { coreKinds, chatBody, clientKinds, collect, failure, MODEL, rig } from "./harness.ts";
import type { OpenAI } from "./harness.ts";

const usage = { inputTokens: 4, outputTokens: 10 };
const COST = 4 * 1_000 + 10 * 4_000;

const chatStream = (client: OpenAI, extra: object = {}) =>
  client.chat.completions.create({ ...chatBody(), stream: true, ...extra });

const askings = [{}, { stream_options: { include_usage: true } }, { stream_options: {} }, { n: 2 }];

describe.each(coreKinds)("$name", (kind) => {
  test.each([
    ["plain", {}],
    ["byte by byte", { splitBytes: 1 }],
    ["seven bytes a piece", { splitBytes: 7 }],
    ["in one piece", { coalesce: true }],
    ["without [DONE]", { omitDone: true }],
    ["with a tool call", { toolCalls: [{ name: "weather", arguments: { city: 'a"usage":null,b' } }] }],
    [
      "with text that looks like usage",
      { content: '{"usage":null,"choices":[]} ,"usage":null data: [DONE]\n\n' },
    ],
  ] satisfies [string, ProviderStep][])("%s: the chunks are those of the bare SDK", async (name, step) => {
    await using at = await rig({ kind, server: { usage, clock: { now: () => 0 } } });
    await using bare = await rig({ kind, server: { usage, clock: { now: () => 0 } } });
    at.server.respond(() => step);
    bare.server.respond(() => step);

    // A thousand writes each way are enough.
    const extras = name === "byte by byte" ? askings.slice(0, 1) : askings;
    for (const extra of extras) {
      const ours = await collect(await chatStream(at.client, extra));
      const theirs = await collect(await chatStream(bare.bare, extra));
      expect(ours).toEqual(theirs);
      expect(ours.map((chunk) => Object.keys(chunk))).toEqual(theirs.map((chunk) => Object.keys(chunk)));
      const asked = "stream_options" in extra && "include_usage" in extra.stream_options;
      expect(ours.some((chunk) => "usage" in chunk)).toBe(asked);
      expect(ours.at(-1)!.choices).toHaveLength(asked ? 0 : 1);
    }
    await at.quiet();
    expect(at.events.usage.map(({ costNanoUsd, usageSource }) => [costNanoUsd, usageSource])).toEqual(
      extras.map(() => [COST, "provider"]),
    );
    expect(await at.balance()).toEqual({ spent: extras.length * COST, held: 0 });
  });
});

describe.each(clientKinds)("$name", (kind) => {
  test("the responses stream is passed on event by event, split bytes included", async () => {
    await using at = await rig({ kind, server: { usage, clock: { now: () => 0 } } });
    await using bare = await rig({ kind, server: { usage, clock: { now: () => 0 } } });
    for (const step of [
      {},
      { splitBytes: 3 },
      { responseStatus: "incomplete" as const },
      { omitDone: true },
    ]) {
      at.server.script([step]);
      bare.server.script([step]);
      const body = { model: MODEL, input: "Hi", max_output_tokens: 50, stream: true } as const;
      expect(await collect(await at.client.responses.create(body))).toEqual(
        await collect(await bare.bare.responses.create(body)),
      );
    }
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 4 * COST, held: 0 });
  });

  test("a failed response is charged what it reports", async () => {
    await using at = await rig({ kind, server: { usage } });
    at.server.script([{ responseStatus: "failed" }]);
    await collect(
      await at.client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 50, stream: true }),
    ).catch(() => undefined);
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ usageSource: "provider", costNanoUsd: COST }]);
  });

  test("tee(): both branches have every chunk, and it is charged once", async () => {
    await using at = await rig({ kind, server: { usage } });
    const [left, right] = (await chatStream(at.client)).tee();
    const [ours, theirs] = await Promise.all([collect(left), collect(right)]);
    expect(ours).toEqual(theirs);
    expect(ours.length).toBeGreaterThan(5);
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "complete", costNanoUsd: COST }]);
    expect(await at.balance()).toEqual({ spent: COST, held: 0 });
  });

  test("toReadableStream() and back", async () => {
    await using at = await rig({ kind, server: { usage } });
    await using bare = await rig({ kind, server: { usage } });
    const ours = await new Response((await chatStream(at.client)).toReadableStream()).text();
    const theirs = await new Response((await chatStream(bare.bare)).toReadableStream()).text();
    const undated = (text: string): string => text.replaceAll(/"created":\d+/g, "");
    expect(undated(ours)).toBe(undated(theirs));
    expect(ours).not.toContain('"usage"');
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: COST, held: 0 });
  });

  test("cancelling the stream of toReadableStream() stops the generation", async () => {
    await using at = await rig({ kind, server: { usage } });
    at.server.script([{ hangAfterChunk: 2 }]);
    const reader = (await chatStream(at.client)).toReadableStream().getReader();
    await reader.read();
    await reader.cancel();
    await at.quiet();
    expect(at.server.ledger).toMatchObject([{ outcome: "aborted", clientClosedEarly: true }]);
    expect(at.events.usage).toMatchObject([{ outcome: "partial", usageSource: "estimated" }]);
    expect((await at.balance()).spent).toBeGreaterThanOrEqual(at.billedNanoUsd);
  });

  test("asResponse(): the raw events, without what the application did not ask for", async () => {
    await using at = await rig({ kind, server: { usage, clock: { now: () => 0 } } });
    await using bare = await rig({ kind, server: { usage, clock: { now: () => 0 } } });
    const ours = await chatStream(at.client).asResponse();
    const theirs = await chatStream(bare.bare).asResponse();
    const text = await collectText(ours.body!);
    expect(text).toBe(await collectText(theirs.body!));
    expect(text).toContain("data: [DONE]");
    // Read as a whole as well.
    expect(await (await chatStream(at.client).asResponse()).text()).toBe(
      await (await chatStream(bare.bare).asResponse()).text(),
    );
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 2 * COST, held: 0 });
  });

  test("a stream that nobody reads keeps its hold until it expires, and is charged then", async () => {
    const clock = createFakeClock();
    await using at = await rig({ kind, config: { clock, dispatchedTtlMs: 60_000 }, server: { usage } });
    const stream = await chatStream(at.client);
    await at.server.waitForIdle();
    const [reserved] = at.events.of("hold-reserved");
    const held = reserved?.amounts.nanoUsd ?? 0;
    expect(await at.balance()).toEqual({ spent: 0, held });
    clock.advance(59_999);
    expect(await at.balance()).toEqual({ spent: 0, held });
    clock.advance(2);
    expect(await at.balance()).toEqual({ spent: held, held: 0 });
    await at.holdfast.flush();
    expect(at.events.of("hold-expired")).toMatchObject([{ dispatched: true, holdId: reserved!.holdId }]);

    // Read after all: the truth corrects the charge, once.
    expect((await collect(stream)).length).toBeGreaterThan(5);
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: COST, held: 0 });
    expect(at.events.of("hold-settled")).toMatchObject([{ corrected: true }]);
  });

  test("an abort behind the end changes nothing", async () => {
    await using at = await rig({ kind, server: { usage } });
    const controller = new AbortController();
    const { signal } = controller;
    const stream = await at.client.chat.completions.create({ ...chatBody(), stream: true }, { signal });
    await collect(stream);
    await at.client.chat.completions.create(chatBody(), { signal });
    stream.controller.abort();
    controller.abort();
    await at.quiet();
    expect(at.events.usage.map(({ outcome }) => outcome)).toEqual(["complete", "complete"]);
    expect(await at.balance()).toEqual({ spent: 2 * COST, held: 0 });
  });

  test("a signal that lives long gathers no listeners of ours", async () => {
    await using at = await rig({ kind, server: { usage } });
    const left = async (client: OpenAI): Promise<number> => {
      const { signal } = new AbortController();
      for (let n = 0; n < 5; n += 1) {
        await collect(await client.chat.completions.create({ ...chatBody(), stream: true }, { signal }));
        await client.chat.completions.create(chatBody(), { signal });
      }
      return getEventListeners(signal, "abort").length;
    };
    expect(await left(at.client)).toBe(await left(at.bare));
  });

  test("iterating twice fails as with the bare SDK", async () => {
    await using at = await rig({ kind, server: { usage } });
    await using bare = await rig({ kind, server: { usage } });
    const errors: Error[] = [];
    for (const client of [at.client, bare.bare]) {
      const stream = await chatStream(client);
      await collect(stream);
      errors.push(await failure<Error>(collect(stream)));
    }
    expect([errors[0]!.constructor.name, errors[0]!.message]).toEqual([
      errors[1]!.constructor.name,
      errors[1]!.message,
    ]);
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: COST, held: 0 });
  });

  test("garbage in the stream: the SDK's own error, and the attempt is charged", async () => {
    await using at = await rig({ kind, server: { usage } });
    await using bare = await rig({ kind, server: { usage } });
    at.server.script([{ garbageAtChunk: 3 }]);
    bare.server.script([{ garbageAtChunk: 3 }]);
    const ours = await failure<Error>(chatStream(at.client).then(collect));
    const theirs = await failure<Error>(chatStream(bare.bare).then(collect));
    expect([ours.name, ours.message]).toEqual([theirs.name, theirs.message]);
    await at.quiet();
    expect(at.events.usage).toHaveLength(1);
    const { spent, held } = await at.balance();
    expect(held).toBe(0);
    expect(spent).toBeGreaterThanOrEqual(at.billedNanoUsd);
  });

  test("tokens that may be under way when the client leaves are part of the estimate", async () => {
    const spent = async (unseenOutputTokens: number): Promise<number> => {
      await using at = await rig({ kind, server: { usage }, config: { settlement: { unseenOutputTokens } } });
      at.server.script([{ hangAfterChunk: 2 }]);
      for await (const _ of await chatStream(at.client)) break;
      await at.quiet();
      return (await at.balance()).spent;
    };
    expect((await spent(30)) - (await spent(0))).toBe(30 * 4_000);
  });

  test("partial: hold charges all that was held", async () => {
    await using at = await rig({ kind, server: { usage }, config: { settlement: { partial: "hold" } } });
    at.server.script([{ endAfterChunk: 2 }]);
    await collect(await chatStream(at.client));
    await at.quiet();
    const [record] = at.events.usage;
    expect(record).toMatchObject({
      outcome: "partial",
      usageSource: "estimated",
      costNanoUsd: record!.heldNanoUsd,
    });
  });

  test("a server that rejects stream_options: includeUsage off sends none, and the stream is charged by what was seen", async () => {
    await using at = await rig({ kind, wrap: { includeUsage: false }, server: { usage, chunks: 5 } });
    await collect(await chatStream(at.client));
    await at.quiet();
    expect(at.server.ledger[0]!.requestBody).not.toHaveProperty("stream_options");
    expect(at.events.usage).toMatchObject([{ outcome: "partial", usageSource: "estimated" }]);
    expect(at.events.of("meter-anomaly")).toMatchObject([{ anomaly: "usage-missing" }]);
    expect((await at.balance()).spent).toBeGreaterThanOrEqual(COST);
  });
});

async function collectText(body: ReadableStream<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}
