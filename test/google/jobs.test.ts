/** @module Work that goes on after the request has returned is held for until somebody sees its result. */
import { CallNotAllowedError, CallNotBoundedError } from "holdfast";
import type { OpenJob } from "holdfast";
import { describe, expect, test } from "vitest";
import { collect, failure, genAIKinds, MODEL, newest, RATES, rig, vertex } from "./harness.ts";
import type { GenAI, Rig } from "./harness.ts";

const kinds = genAIKinds.filter((kind) => !kind.vertex);
const config = { maxOutputTokens: 50 };
const inlined = (count: number): never =>
  Array.from({ length: count }, (_, i) => ({
    contents: [{ role: "user", parts: [{ text: `question ${i}` }] }],
    config,
  })) as never;

async function openJobs(at: Rig<GenAI>): Promise<OpenJob[]> {
  await at.holdfast.flush();
  return collect(at.holdfast.jobs());
}

describe.each(kinds)("$name", (kind) => {
  test("a batch is held at half price, and settled by its results", async () => {
    await using at = await rig({ kind });
    at.server.script([{ backgroundPolls: 1, usage: { inputTokens: 10, outputTokens: 20 } }]);
    const batch = await at.client.batches.create({ model: MODEL, src: inlined(3) });
    expect(await openJobs(at)).toMatchObject([{ jobId: batch.name, endpoint: "batches", requests: 3 }]);
    const { held } = await at.balance();
    expect(held).toBeGreaterThanOrEqual((3 * 50 * RATES.output) / 2);
    await at.client.batches.get({ name: batch.name! });
    expect((await openJobs(at)).length).toBe(1);
    const done = await at.client.batches.get({ name: batch.name! });
    expect(done.dest?.inlinedResponses).toHaveLength(3);
    await at.client.batches.get({ name: batch.name! });
    await at.quiet();
    expect(await openJobs(at)).toEqual([]);
    expect(at.events.usage).toMatchObject([
      { endpoint: "batches", usageSource: "provider", usage: { inputTextTokens: 30, outputTextTokens: 60 } },
    ]);
    expect(await at.balance()).toEqual({
      spent: (30 * RATES.input + 60 * RATES.output) / 2,
      held: 0,
      calls: 3,
    });
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("whoever sees the result settles it: a list by another client of the same budgets", async () => {
    await using at = await rig({ kind });
    at.server.script([{ usage: { inputTokens: 10, outputTokens: 20 } }]);
    await at.client.batches.create({ model: MODEL, src: inlined(2) });
    await collect(await at.client.batches.list());
    await at.quiet();
    expect(await openJobs(at)).toEqual([]);
    expect((await at.balance()).held).toBe(0);
    expect(at.events.usage).toHaveLength(1);
  });

  test("a batch that was cancelled in time costs nothing", async () => {
    await using at = await rig({ kind });
    at.server.script([{ backgroundPolls: 9 }]);
    const { name } = await at.client.batches.create({ model: MODEL, src: inlined(2) });
    await at.client.batches.cancel({ name: name! });
    await at.client.batches.get({ name: name! });
    await at.quiet();
    expect(await openJobs(at)).toEqual([]);
    expect(await at.balance()).toEqual({ spent: 0, held: 0, calls: 0 });
  });

  test("only the requests that succeeded are billed", async () => {
    await using at = await rig({ kind });
    at.server.script([
      {
        usage: { inputTokens: 10, outputTokens: 20 },
        batchResult: (key) => (key === "0" ? "errored" : "succeeded"),
      },
    ]);
    const { name } = await at.client.batches.create({ model: MODEL, src: inlined(3) });
    await at.client.batches.get({ name: name! });
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ usage: { inputTextTokens: 20, outputTextTokens: 40 } }]);
  });

  test("an interaction in the background", async () => {
    await using at = await rig({ kind });
    at.server.script([{ backgroundPolls: 1, usage: { inputTokens: 10, outputTokens: 20 } }]);
    const { id } = await at.client.interactions.create({
      model: MODEL,
      input: "Hi",
      background: true,
      generation_config: { max_output_tokens: 50 },
    });
    expect(await openJobs(at)).toMatchObject([{ jobId: id, endpoint: "interactions", requests: 1 }]);
    expect((await at.balance()).held).toBeGreaterThan(50 * RATES.output);
    await at.client.interactions.get(id!);
    expect((await openJobs(at)).length).toBe(1);
    expect((await at.client.interactions.get(id!)).status).toBe("completed");
    await at.quiet();
    expect(await openJobs(at)).toEqual([]);
    expect(at.events.usage).toMatchObject([{ usageSource: "provider", costNanoUsd: at.billedNanoUsd }]);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });

  test("an interaction in the background whose result is streamed", async () => {
    await using at = await rig({ kind });
    at.server.script([{ backgroundPolls: 0, usage: { inputTokens: 10, outputTokens: 20 } }]);
    const { id } = await at.client.interactions.create({
      model: MODEL,
      input: "Hi",
      background: true,
      generation_config: { max_output_tokens: 50 },
    });
    await collect(await at.client.interactions.get(id!, { stream: true }));
    await at.quiet();
    expect(await openJobs(at)).toEqual([]);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  });

  test("one that was cancelled is charged what was held, since nobody says what it did", async () => {
    await using at = await rig({ kind });
    at.server.script([{ backgroundPolls: 9 }]);
    const { id } = await at.client.interactions.create({
      model: MODEL,
      input: "Hi",
      background: true,
      generation_config: { max_output_tokens: 50 },
    });
    const { held } = await at.balance();
    await at.client.interactions.cancel(id!);
    await at.quiet();
    const after = await at.balance();
    expect(after.held).toBe(0);
    expect(after.spent).toBeGreaterThanOrEqual(at.billedNanoUsd);
    expect(after.spent).toBeLessThanOrEqual(held);
  });
});

describe("what cannot be seen", () => {
  test("a batch in a file", async () => {
    await using at = await rig({ kind: newest });
    const error = await failure(at.client.batches.create({ model: MODEL, src: "files/abc" }));
    expect(error).toBeInstanceOf(CallNotBoundedError);
    expect(error.message).toContain('allow: ["batches"]');
    expect(at.server.ledger).toEqual([]);
  });

  test("a batch in a file, allowed", async () => {
    await using at = await rig({ kind: newest, config: { allow: ["batches"] } });
    await at.client.batches.create({ model: MODEL, src: "files/abc" }).catch(() => undefined);
    await at.quiet();
    expect(at.server.ledger).toHaveLength(1);
    expect(at.events.of("call-unmetered")).toMatchObject([{ what: "allowed-bypass" }]);
  });

  test("a batch on Vertex AI", async () => {
    await using at = await rig({ kind: vertex });
    const error = await failure(at.client.batches.create({ model: MODEL, src: "gs://bucket/in.jsonl" }));
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(at.server.ledger).toEqual([]);
  });

  test("a batch of embeddings", async () => {
    await using at = await rig({ kind: newest });
    const created = await at.client.batches.createEmbeddings({
      model: MODEL,
      src: { inlinedRequests: { contents: ["one", "two"] } },
    });
    expect((await openJobs(at))[0]).toMatchObject({ requests: 2 });
    await at.client.batches.get({ name: created.name! });
    await at.quiet();
    expect(await openJobs(at)).toEqual([]);
    expect((await at.balance()).held).toBe(0);
  });
});
