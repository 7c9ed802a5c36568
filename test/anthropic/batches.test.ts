/** @module Message batches: held at create from their requests, settled when their results are read, whoever reads them. */
import type { ProviderStep } from "@holdfast/testkit/provider-server";
import { wrapAnthropic } from "holdfast/anthropic";
import { describe, expect, test } from "vitest";
import {
  collect,
  DEAR_MODEL,
  directKinds,
  failure,
  messageBody,
  MODEL,
  RATES,
  rig,
  type Rig,
} from "./harness.ts";

const usage = { inputTokens: 9, outputTokens: 12 };
/** At half price. */
const COST = (9 * RATES.input + 12 * RATES.output) / 2;

const item = (id: string, model = MODEL, max = 50) => ({ custom_id: id, params: messageBody(max, model) });

async function openJobs(at: Rig): Promise<{ jobId: string; requests: number; heldNanoUsd: number }[]> {
  return collect(
    at.holdfast.jobs() as AsyncIterable<{ jobId: string; requests: number; heldNanoUsd: number }>,
  );
}

describe.each(directKinds)("$name", (kind) => {
  test.each(["batches", "beta batches"])("%s are held for until their results are read", async (which) => {
    await using at = await rig({ kind, server: { usage } });
    const { batches } =
      which === "batches"
        ? at.client.messages
        : (at.client.beta.messages as never as Rig["client"]["messages"]);
    const batch = await batches.create({ requests: [item("a"), item("b"), item("c", DEAR_MODEL)] });
    await at.quiet();
    const [job] = await openJobs(at);
    expect(job).toMatchObject({ jobId: batch.id, requests: 3 });
    const held = (await at.balance()).held;
    expect(held).toBe(job!.heldNanoUsd);
    expect(held).toBeGreaterThanOrEqual(((2 + 10) * 50 * RATES.output) / 2);
    expect(at.events.usage).toEqual([]);

    expect((await batches.retrieve(batch.id)).processing_status).toBe("ended");
    await at.quiet();
    expect((await at.balance()).held).toBe(held);

    const results = await collect(await batches.results(batch.id));
    expect(results.map(({ custom_id: id, result }) => [id, result.type]).toSorted()).toEqual([
      ["a", "succeeded"],
      ["b", "succeeded"],
      ["c", "succeeded"],
    ]);
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 12 * COST, held: 0 });
    expect(at.events.usage).toMatchObject([
      { costNanoUsd: 12 * COST, usageSource: "provider", endpoint: "batches" },
    ]);
    expect(await openJobs(at)).toEqual([]);

    // Reading them again charges nothing again.
    await collect(await batches.results(batch.id));
    await at.quiet();
    expect((await at.balance()).spent).toBe(12 * COST);
  });

  test("a batch of which nothing succeeded is given back when that is seen", async () => {
    await using at = await rig({ kind, server: { usage } });
    const step: ProviderStep = { batchResult: "errored" };
    at.server.respond(() => step);
    const { batches } = at.client.messages;
    const batch = await batches.create({ requests: [item("a"), item("b")] });
    await at.quiet();
    expect((await at.balance()).held).toBeGreaterThan(0);
    await collect(await batches.list());
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
    expect(batch.id).toMatch(/^msgbatch_/);
  });

  test("a batch that is too dear is not created", async () => {
    await using at = await rig({ kind, budgets: [{ id: "all", limit: { usd: "0.0002" }, window: "total" }] });
    const { batches } = at.client.messages;
    await batches.create({ requests: [item("a")] });
    expect(await failure(batches.create({ requests: [item("b"), item("c")] }))).toMatchObject({
      code: "BUDGET_EXCEEDED",
    });
    await at.quiet();
    expect(at.server.ledger).toHaveLength(1);
  });
});

test("only what succeeded is billed", async () => {
  await using at = await rig({ server: { usage } });
  const kinds = { a: "succeeded", b: "errored", c: "expired", d: "canceled" } as const;
  at.server.respond(() => ({ batchResult: (id) => kinds[id as keyof typeof kinds] }));
  const { batches } = at.client.messages;
  const batch = await batches.create({ requests: Object.keys(kinds).map((id) => item(id)) });
  await collect(await batches.results(batch.id));
  await at.quiet();
  expect(await at.balance()).toEqual({ spent: COST, held: 0 });
});

test("results that are not read to their end settle nothing, and those that are do", async () => {
  await using at = await rig({ server: { usage } });
  const { batches } = at.client.messages;
  const batch = await batches.create({ requests: Array.from({ length: 2_000 }, (_, n) => item(`r${n}`)) });
  for await (const _ of await batches.results(batch.id)) break;
  await at.quiet();
  const { spent, held } = await at.balance();
  expect(spent).toBe(0);
  expect(held).toBeGreaterThan(0);
  await collect(await batches.results(batch.id));
  await at.quiet();
  expect(await at.balance()).toEqual({ spent: 2_000 * COST, held: 0 });
});

test("a client of the same budget that did not create the batch settles it", async () => {
  await using at = await rig({ server: { usage } });
  const batch = await at.client.messages.batches.create({ requests: [item("a")] });
  const other = wrapAnthropic(at.bare, at.holdfast);
  await collect(await other.messages.batches.results(batch.id));
  await at.quiet();
  expect(await at.balance()).toEqual({ spent: COST, held: 0 });
});

test("a request that cannot be held for keeps its batch from being created", async () => {
  await using at = await rig();
  const { batches } = at.client.messages;
  const create = (params: object) =>
    batches.create({ requests: [item("a"), { custom_id: "b", params: params as never }] });
  expect(await failure(create({ ...messageBody(), model: "who-knows" }))).toMatchObject({
    code: "PRICE_UNKNOWN",
  });
  const code = { ...messageBody(), tools: [{ type: "code_execution_20260521", name: "code_execution" }] };
  expect(await failure(create(code))).toMatchObject({ code: "CALL_NOT_ALLOWED" });
  await at.quiet();
  expect(at.server.ledger).toEqual([]);
  expect(await at.balance()).toEqual({ spent: 0, held: 0 });
});

test("what a request of a batch may bill besides is held for on its own model, and is no request", async () => {
  const heldFor = async (params: object): Promise<{ held: number; requests: number }> => {
    await using at = await rig();
    await at.client.beta.messages.batches.create({ requests: [{ custom_id: "a", params: params as never }] });
    await at.quiet();
    const [job] = await openJobs(at);
    return { held: (await at.balance()).held, requests: job!.requests };
  };
  const own = await heldFor(messageBody());
  const dear = await heldFor(messageBody(50, DEAR_MODEL));
  const both = await heldFor({ ...messageBody(), fallbacks: [{ model: DEAR_MODEL }] });
  expect(both).toEqual({ held: own.held + dear.held, requests: 1 });
});
