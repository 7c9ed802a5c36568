/** @module The SDK's own retries: holds follow attempts, and what may have been billed stays charged. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { BudgetExceededError, formatUsd, memoryStore } from "holdfast";
import type { LedgerStore, SettleOperation } from "holdfast";
import { describe, expect, test } from "vitest";
import { allClientKinds, chatBody, clientKinds, collect, failure, rig } from "./harness.ts";
import type { Rig } from "./harness.ts";

const soon = { "retry-after-ms": "1" };
const retrying = { maxRetries: 2 };
const usage = { inputTokens: 5, outputTokens: 7 };
/** 5 x 1,000 + 7 x 4,000. */
const COST = 33_000;

const reservedNanoUsd = (at: Rig): number => at.events.of("hold-reserved")[0]!.amounts.nanoUsd;

describe.each(allClientKinds)("$name", (kind) => {
  test("500, 500, 200: one request, three attempts, one charge", async () => {
    await using at = await rig({ kind, client: retrying, attribution: { requestId: "msg-1" } });
    at.server.script([{ status: 500, headers: soon }, { status: 500, headers: soon }, { usage }]);

    const reply = await at.client.chat.completions.create(chatBody());
    await at.quiet();

    expect(reply.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 7 });
    expect(at.server.ledger.map(({ retryCount }) => retryCount)).toEqual([0, 1, 2]);
    const records = at.events.usage;
    expect(records.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(records.map(({ callId }) => callId)).size).toBe(1);
    expect(new Set(records.map(({ id }) => id)).size).toBe(3);
    expect(new Set(records.map(({ holdId }) => holdId)).size).toBe(3);
    expect(records.map(({ requestId }) => requestId)).toEqual(["msg-1", "msg-1", "msg-1"]);
    expect(records.map(({ outcome }) => outcome)).toEqual(["refused", "refused", "complete"]);
    expect(records.map(({ status }) => status)).toEqual([500, 500, 200]);
    expect(records.map(({ costNanoUsd }) => costNanoUsd)).toEqual([0, 0, COST]);
    expect(records.map(({ providerRequestId }) => providerRequestId)).toEqual(
      at.server.ledger.map(({ requestId }) => requestId),
    );
    expect(at.events.of("hold-released")).toHaveLength(2);
    expect(at.events.of("hold-settled")).toHaveLength(1);
    const [balance] = await at.holdfast.balances("all");
    expect(balance).toMatchObject({ spent: { nanoUsd: COST, calls: 1 }, held: { nanoUsd: 0, calls: 0 } });
  });

  test("500 three times: nothing is charged, nothing stays held", async () => {
    await using at = await rig({ kind, client: retrying });
    at.server.script([1, 2, 3].map(() => ({ status: 500, headers: soon })));

    const error = await failure<{ status: number }>(at.client.chat.completions.create(chatBody()));
    await at.quiet();

    expect(error.status).toBe(500);
    expect(at.server.requests).toBe(3);
    expect(at.events.usage.map(({ outcome, costNanoUsd }) => [outcome, costNanoUsd])).toEqual([
      ["refused", 0],
      ["refused", 0],
      ["refused", 0],
    ]);
    const [balance] = await at.holdfast.balances("all");
    expect(balance).toMatchObject({
      spent: { nanoUsd: 0, calls: 0 },
      held: { nanoUsd: 0, concurrentCalls: 0 },
    });
  });

  test("429 with retry-after-ms, on a stream", async () => {
    await using at = await rig({ kind, client: retrying });
    at.server.script([{ status: 429, headers: soon }, { usage }]);

    const chunks = await collect(await at.client.chat.completions.create({ ...chatBody(), stream: true }));
    await at.quiet();

    expect(chunks.length).toBeGreaterThan(1);
    expect(at.events.usage.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
      ["refused", 1],
      ["complete", 2],
    ]);
    expect(await at.balance()).toEqual({ spent: COST, held: 0 });
  });

  test("a lost reply is charged as ambiguous, and the next attempt holds again", async () => {
    await using at = await rig({ kind, client: retrying });
    at.server.script([{ lostReply: true, usage }, { usage }]);

    await at.client.chat.completions.create(chatBody());
    await at.quiet();

    const [first, second] = at.events.usage;
    const worst = reservedNanoUsd(at);
    expect(first).toMatchObject({
      outcome: "ambiguous",
      usageSource: "estimated",
      attempt: 1,
      costNanoUsd: worst,
    });
    expect(first).toMatchObject({ status: null, providerRequestId: null });
    expect(second).toMatchObject({
      outcome: "complete",
      usageSource: "provider",
      attempt: 2,
      costNanoUsd: COST,
    });
    expect(at.events.of("hold-reserved").map(({ attempt }) => attempt)).toEqual([1, 2]);
    // The provider billed both, and so did we: never less.
    expect(at.billedNanoUsd).toBe(2 * COST);
    const [balance] = await at.holdfast.balances("all");
    expect(balance!.spent.nanoUsd).toBe(worst + COST);
    expect(balance!.spent.calls).toBe(1);
    expect(balance!.held.nanoUsd).toBe(0);
  });

  test("a retry storm stops at the budget: the denial surfaces raw, once, unretried", async () => {
    await using probe = await rig({ kind });
    await probe.client.chat.completions.create(chatBody());
    await probe.quiet();
    const worst = reservedNanoUsd(probe);

    await using at = await rig({
      kind,
      client: { maxRetries: 20 },
      budgets: [{ id: "all", limit: { usd: formatUsd(2 * worst + 1) }, window: "total" }],
    });
    at.server.respond(() => ({ lostReply: true, usage }));

    const error = await failure<BudgetExceededError>(at.client.chat.completions.create(chatBody()));
    await at.quiet();

    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error).toBeInstanceOf(kind.sdk.OpenAI.OpenAIError);
    expect(error).toMatchObject({ spent: 2 * worst, held: 0, requested: worst });
    expect(at.server.requests).toBe(2);
    expect(at.events.of("call-denied").map(({ attempt }) => attempt)).toEqual([3]);
    expect(await at.balance()).toEqual({ spent: 2 * worst, held: 0 });
  });
});

describe.each(clientKinds)("$name", (kind) => {
  test("a timeout after the generation began is charged", async () => {
    await using at = await rig({ kind, client: { timeout: 40, maxRetries: 0 } });
    at.server.script([{ delayMs: 5_000, usage }]);

    const error = await failure<Error>(at.client.chat.completions.create(chatBody()));
    await at.quiet();

    expect(error).toBeInstanceOf(kind.sdk.OpenAI.APIConnectionTimeoutError);
    expect(at.events.usage).toMatchObject([{ outcome: "ambiguous", usageSource: "estimated", attempt: 1 }]);
    expect(await at.balance()).toEqual({ spent: reservedNanoUsd(at), held: 0 });
  });

  test("an abort before the reply is charged, and it is the SDK's own abort error", async () => {
    await using at = await rig({ kind });
    at.server.script([{ hang: true }]);
    const controller = new AbortController();
    const call = at.client.chat.completions.create(chatBody(), { signal: controller.signal });
    const failed = failure<Error>(call);
    await at.server.waitFor(() => true);
    controller.abort();

    expect(await failed).toBeInstanceOf(kind.sdk.OpenAI.APIUserAbortError);
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "ambiguous", usageSource: "estimated" }]);
    expect(await at.balance()).toEqual({ spent: reservedNanoUsd(at), held: 0 });
  });

  test("aborted before it began: nothing is sent, held or charged", async () => {
    await using at = await rig({ kind });
    const signal = AbortSignal.abort();
    expect(await failure(at.client.chat.completions.create(chatBody(), { signal }))).toBeInstanceOf(
      kind.sdk.OpenAI.APIUserAbortError,
    );
    await at.quiet();
    expect(at.server.requests).toBe(0);
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
    expect(at.events.usage).toEqual([]);
  });

  test("a dropped connection is ambiguous; by configuration it is free", async () => {
    await using at = await rig({ kind, config: { settlement: { ambiguous: "release" } } });
    at.server.script([{ drop: true }]);
    await failure(at.client.chat.completions.create(chatBody()));
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "ambiguous", costNanoUsd: 0 }]);
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
  });

  test("connection refused: not sent, free, on every attempt", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => closed.once("listening", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await using at = await rig({
      kind,
      client: { baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 1 },
    });
    expect(await failure(at.client.chat.completions.create(chatBody()))).toBeInstanceOf(
      kind.sdk.OpenAI.APIConnectionError,
    );
    await at.quiet();
    expect(at.events.usage).toMatchObject([
      { outcome: "not-sent", costNanoUsd: 0, status: null, attempt: 1 },
      { outcome: "not-sent", costNanoUsd: 0, status: null, attempt: 2 },
    ]);
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
  });

  test("a gateway that gives up (504) may have been billed; other 5xx are not", async () => {
    await using at = await rig({ kind });
    at.server.script([{ status: 504 }]);
    await failure(at.client.chat.completions.create(chatBody()));
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "ambiguous", status: 504, usageSource: "estimated" }]);
    expect((await at.balance()).spent).toBe(reservedNanoUsd(at));
  });

  test("x-should-retry is obeyed: a 400 that says so is tried again under a hold of its own", async () => {
    await using at = await rig({ kind, client: retrying });
    at.server.script([{ status: 400, headers: { ...soon, "x-should-retry": "true" } }, { usage }]);
    await at.client.chat.completions.create(chatBody());
    await at.quiet();
    expect(at.events.usage.map(({ status, attempt }) => [status, attempt])).toEqual([
      [400, 1],
      [200, 2],
    ]);
    expect(await at.balance()).toEqual({ spent: COST, held: 0 });
  });

  test("store operations that arrive twice change nothing", async () => {
    const store = twice(memoryStore());
    await using at = await rig({ kind, client: retrying, config: { store } });
    at.server.script([{ status: 500, headers: soon }, { usage }, { lostReply: true, usage }, { usage }]);
    await at.client.chat.completions.create(chatBody());
    await collect(await at.client.chat.completions.create({ ...chatBody(), stream: true }));
    await at.quiet();
    const charged = at.events.usage.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
    expect(charged).toBe(2 * COST + reservedNanoUsd(at));
    expect(await at.balance()).toEqual({ spent: charged, held: 0 });
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });
});

/** A store whose every write arrives twice, as from a client library that sends again after a lost reply. */
function twice(inner: LedgerStore): LedgerStore {
  const again =
    <O, R>(operate: (operation: O) => R) =>
    (operation: O): R => {
      operate(operation);
      return operate(operation);
    };
  return {
    name: inner.name,
    reserve: again((operation) => inner.reserve(operation)),
    dispatch: again((operation) => inner.dispatch(operation)),
    settle: again((operation: SettleOperation) => inner.settle(operation)),
    release: again((operation) => inner.release(operation)),
    renew: again((operation) => inner.renew(operation)),
    expire: (operation) => inner.expire(operation),
    adjust: again((operation) => inner.adjust(operation)),
    override: again((operation) => inner.override(operation)),
    balances: (query) => inner.balances(query),
    close: () => inner.close(),
  } as LedgerStore;
}
