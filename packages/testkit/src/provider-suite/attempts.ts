/** @module Holds follow attempts: what failed before it was generated is free, what may have been billed stays charged. */
import { BudgetExceededError, formatUsd } from "holdfast";
import { describe, expect, test } from "vitest";
import { worstCaseOf } from "./admission.ts";
import type { ProviderUnderTest } from "./provider-under-test.ts";
import { collect, failure, question, startRig } from "./rig.ts";

const soon = { "retry-after-ms": "1" };
const usage = { inputTokens: 5, outputTokens: 7 };
/** 5 x 1,000 + 7 x 4,000. */
const COST = 33_000;

export function attemptTests<C>(provider: ProviderUnderTest<C>): void {
  const ask = (client: C): PromiseLike<unknown> => provider.ask(client, question(provider));

  describe("attempts", () => {
    test.each([400, 401, 404, 429, 500, 503])(
      "a %i before generation is free and holds nothing",
      async (status) => {
        await using at = await startRig(provider, { server: { usage } });
        at.server.script([{ status }]);
        await failure(ask(at.client));
        await at.quiet();
        expect(at.server.requests).toBe(1);
        expect(at.events.usage).toMatchObject([{ outcome: "refused", status, costNanoUsd: 0, attempt: 1 }]);
        expect(await at.balance()).toEqual({ spent: 0, held: 0 });
      },
    );

    test("a lost reply is charged as what it may have cost, and said to be estimated", async () => {
      await using at = await startRig(provider, { server: { usage } });
      at.server.script([{ lostReply: true }]);
      await failure(ask(at.client));
      await at.quiet();
      const [record] = at.events.usage;
      expect(record).toMatchObject({ outcome: "ambiguous", usageSource: "estimated", status: null });
      expect(record!.costNanoUsd).toBe(record!.heldNanoUsd);
      expect(await at.balance()).toEqual({ spent: record!.heldNanoUsd, held: 0 });
      expect(record!.heldNanoUsd).toBeGreaterThanOrEqual(at.billedNanoUsd);
    });

    test("an answer is charged what the provider says, once", async () => {
      await using at = await startRig(provider, { server: { usage }, attribution: { requestId: "msg-1" } });
      await ask(at.client);
      await collect(await provider.stream(at.client, question(provider)));
      await at.quiet();
      expect(at.events.usage).toHaveLength(2);
      for (const record of at.events.usage) {
        expect(record).toMatchObject({
          provider: provider.provider,
          requestedModel: provider.model,
          outcome: "complete",
          status: 200,
          usageSource: "provider",
          costNanoUsd: COST,
          inputTokens: 5,
          outputTokens: 7,
          requestId: "msg-1",
          admittedBy: "store",
        });
      }
      expect(at.events.usage.map(({ stream }) => stream)).toEqual([false, true]);
      expect(at.events.of("meter-anomaly")).toEqual([]);
      expect(at.billedNanoUsd).toBe(2 * COST);
      expect(await at.balance()).toEqual({ spent: 2 * COST, held: 0 });
    });

    test("the attribution that holds where the call is made is its own", async () => {
      await using at = await startRig(provider, { server: { usage }, attribution: { team: "support" } });
      await Promise.all(["u-1", "u-2"].map((user) => at.holdfast.with({ user }, async () => ask(at.client))));
      await at.quiet();
      const seen = at.events.usage.map(({ attribution }) => [attribution["team"], attribution["user"]]);
      expect(seen.toSorted()).toEqual([
        ["support", "u-1"],
        ["support", "u-2"],
      ]);
    });

    test("a listener that throws changes neither the answer nor the ledger", async () => {
      await using at = await startRig(provider, { server: { usage } });
      for (const name of ["hold-reserved", "hold-dispatched", "hold-settled", "usage"] as const) {
        at.holdfast.on(name, () => {
          throw new Error("listener");
        });
      }
      await ask(at.client);
      await at.quiet();
      expect(await at.balance()).toEqual({ spent: COST, held: 0 });
    });
  });

  if (provider.retries) retryTests(provider);
}

function retryTests<C>(provider: ProviderUnderTest<C>): void {
  const ask = (client: C): PromiseLike<unknown> => provider.ask(client, question(provider));
  const denialOf = provider.denialOf ?? ((error: unknown) => error);

  describe("retries of the SDK", () => {
    test("500, 500, 200: one request, three attempts, one charge", { timeout: 30_000 }, async () => {
      await using at = await startRig(provider, { maxRetries: 2 });
      at.server.script([{ status: 500, headers: soon }, { status: 500, headers: soon }, { usage }]);
      await ask(at.client);
      await at.quiet();
      const records = at.events.usage;
      expect(records.map(({ outcome }) => outcome)).toEqual(["refused", "refused", "complete"]);
      expect(records.map(({ costNanoUsd }) => costNanoUsd)).toEqual([0, 0, COST]);
      expect(new Set(records.map(({ holdId }) => holdId)).size).toBe(3);
      expect(await at.balance()).toEqual({ spent: COST, held: 0 });
      expect(at.server.requests).toBe(3);
    });

    test("a 429 on a stream is free, and the next try is held for anew", { timeout: 30_000 }, async () => {
      await using at = await startRig(provider, { maxRetries: 2 });
      at.server.script([{ status: 429, headers: soon }, { usage }]);
      const pieces = await collect(await provider.stream(at.client, question(provider)));
      await at.quiet();
      expect(pieces.map((piece) => provider.textOf(piece)).join("")).not.toBe("");
      expect(at.events.usage.map(({ outcome }) => outcome)).toEqual(["refused", "complete"]);
      expect(await at.balance()).toEqual({ spent: COST, held: 0 });
    });

    test(
      "a storm of failing tries stops at the budget, and the denial is raised once",
      { timeout: 30_000 },
      async () => {
        const worst = await worstCaseOf(provider, ask);
        await using at = await startRig(provider, {
          maxRetries: 8,
          budgets: [{ id: "all", limit: { usd: formatUsd(2 * worst.nanoUsd + 1) }, window: "total" }],
        });
        // 504: a gateway gave up on a request that the provider may be working on, and billing.
        at.server.respond(() => ({ status: 504, headers: soon }));
        const error = denialOf(await failure(ask(at.client)));
        await at.quiet();
        expect(error).toBeInstanceOf(BudgetExceededError);
        expect(error).toMatchObject({ spent: 2 * worst.nanoUsd, held: 0 });
        expect(at.server.requests).toBe(2);
        expect(at.events.of("call-denied")).toHaveLength(1);
        expect(await at.balance()).toEqual({ spent: 2 * worst.nanoUsd, held: 0 });
      },
    );
  });
}
