/** @module Concurrent calls on a budget with money for ten: exactly ten are sent, whatever the method. */
import { BudgetExceededError, formatUsd } from "holdfast";
import type { Amounts, BudgetConfig } from "holdfast";
import { describe, expect, test, vi } from "vitest";
import {
  allClientKinds,
  chatBody,
  clientKinds,
  collect,
  failure,
  MODEL,
  rig,
  wideBudget,
} from "./harness.ts";
import type { ClientKind, OpenAI } from "./harness.ts";

const CALLS = 100;
const FIT = 10;

type Call = (client: OpenAI) => Promise<unknown>;

const calls: Readonly<Record<string, Call>> = {
  "chat create": (client) => client.chat.completions.create(chatBody()),
  "chat create, stream: true": async (client) =>
    collect(await client.chat.completions.create({ ...chatBody(), stream: true })),
  "responses.create": (client) =>
    client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 50 }),
  "chat.completions.stream()": (client) =>
    client.chat.completions.stream({ ...chatBody(), stream: true }).finalChatCompletion(),
};

/** What one call holds: learned from a call that is let through. */
async function worstCase(kind: ClientKind, call: Call): Promise<Amounts> {
  await using probe = await rig({ kind });
  await call(probe.client);
  await probe.quiet();
  const reserved = probe.events.of("hold-reserved");
  expect(reserved).toHaveLength(1);
  return reserved[0]!.amounts;
}

/** A provider that bills every call at exactly its worst case. */
const billing = (worst: Amounts): object => ({
  usage: { inputTokens: worst.inputTokens, outputTokens: worst.outputTokens },
});

interface Race {
  readonly succeeded: number;
  readonly errors: readonly unknown[];
}

async function race(client: OpenAI, call: Call, count = CALLS): Promise<Race> {
  const results = await Promise.allSettled(Array.from({ length: count }, () => call(client)));
  return {
    succeeded: results.filter(({ status }) => status === "fulfilled").length,
    errors: results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : [])),
  };
}

describe.each(allClientKinds)("$name", (kind) => {
  describe.each(Object.entries(calls))("%s", (_name, call) => {
    test("100 at once, money for 10: 10 are sent and not a nano-USD is overspent", async () => {
      const worst = await worstCase(kind, call);
      const limit = FIT * worst.nanoUsd;
      const budget: BudgetConfig = { id: "all", limit: { usd: formatUsd(limit) }, window: "total" };
      await using at = await rig({ kind, budgets: [budget], server: billing(worst) });

      const { succeeded, errors } = await race(at.client, call);
      await at.quiet();

      expect(succeeded).toBe(FIT);
      expect(at.server.requests).toBe(FIT);
      expect(at.billedNanoUsd).toBe(limit);
      expect(await at.balance()).toEqual({ spent: limit, held: 0 });
      expect(errors).toHaveLength(CALLS - FIT);
      for (const error of errors) {
        expect(error).toBeInstanceOf(BudgetExceededError);
        const denied = error as BudgetExceededError;
        expect(denied).toMatchObject({
          code: "BUDGET_EXCEEDED",
          name: "BudgetExceededError",
          budgetId: "all",
          dimension: "nanoUsd",
          limit,
          requested: worst.nanoUsd,
          resetsAtMs: null,
          fitsAfterInFlight: denied.spent < limit,
          maxOutputTokensThatFit: 0,
          missing: worst.nanoUsd,
        });
        expect(denied.spent + denied.held).toBe(limit);
        expect({ ...denied.scope }).toEqual({});
        expect(denied.window.id).toBe("total");
      }
      expect(at.events.of("call-denied")).toHaveLength(CALLS - FIT);
    });
  });
});

describe.each(clientKinds)("$name", (kind) => {
  test("three overlapping budgets of which one binds: all or nothing", async () => {
    const call: Call = (client) => client.chat.completions.create(chatBody());
    const worst = await worstCase(kind, call);
    const usd = (times: number): { usd: string } => ({ usd: formatUsd(times * worst.nanoUsd) });
    await using at = await rig({
      kind,
      attribution: { tenant: "acme", agent: "bot" },
      budgets: [
        { id: "all", limit: usd(50), window: "total" },
        { id: "tenant", per: ["tenant"], limit: usd(FIT), window: "month" },
        { id: "agent", match: { agent: "bot" }, limit: usd(30), window: "day" },
      ],
      server: billing(worst),
    });

    const { succeeded, errors } = await race(at.client, call);
    await at.quiet();

    expect(succeeded).toBe(FIT);
    expect(at.server.requests).toBe(FIT);
    for (const error of errors as BudgetExceededError[]) {
      expect(error).toMatchObject({
        budgetId: "tenant",
        scope: { tenant: "acme" },
        requested: worst.nanoUsd,
      });
      expect(error.resetsAtMs).toBe(error.window.endMs);
      expect(error.window.endMs).toBeGreaterThan(Date.now());
    }
    for (const id of ["all", "tenant", "agent"]) {
      expect(await at.balance(id)).toEqual({ spent: FIT * worst.nanoUsd, held: 0 });
    }
  });

  test("a call that fits is never refused because of an oversized one beside it", async () => {
    const small: Call = (client) => client.chat.completions.create(chatBody());
    const big: Call = (client) => client.chat.completions.create(chatBody(16_000));
    const worst = await worstCase(kind, small);
    const rounds = 200;
    await using at = await rig({
      kind,
      // The oversized call fits the first budget and not the second; the small one has just enough in both.
      budgets: [
        { id: "wide", limit: { usd: "1" }, window: "total" },
        { id: "all", limit: { usd: formatUsd(rounds * worst.nanoUsd) }, window: "total" },
      ],
      server: billing(worst),
    });
    let refusedBig = 0;
    for (let round = 0; round < rounds; round += 1) {
      const order = round % 2 === 0 ? [big, small] : [small, big];
      const results = await Promise.allSettled(order.map((call) => call(at.client)));
      expect(results[order.indexOf(small)]!.status).toBe("fulfilled");
      if (results[order.indexOf(big)]!.status === "rejected") refusedBig += 1;
    }
    expect(refusedBig).toBe(rounds);
    expect(at.server.requests).toBe(rounds);
    expect(await at.balance()).toEqual({ spent: rounds * worst.nanoUsd, held: 0 });
  });

  test.each(["calls", "inputTokens", "outputTokens", "totalTokens"] as const)(
    "a limit of %s binds",
    async (dimension) => {
      const call: Call = (client) => client.chat.completions.create(chatBody());
      const worst = await worstCase(kind, call);
      const limit = FIT * worst[dimension];
      await using at = await rig({
        kind,
        budgets: [{ id: "quota", limit: { [dimension]: limit }, window: "total" }],
        server: billing(worst),
      });

      const { succeeded, errors } = await race(at.client, call);
      await at.quiet();

      expect(succeeded).toBe(FIT);
      expect(at.server.requests).toBe(FIT);
      expect(errors).toHaveLength(CALLS - FIT);
      for (const error of errors) {
        expect(error).toMatchObject({ budgetId: "quota", dimension, limit, requested: worst[dimension] });
      }
      const [balance] = await at.holdfast.balances("quota");
      expect(balance!.spent[dimension]).toBe(limit);
      expect(balance!.left[dimension]).toBe(0);
    },
  );

  test("a limit of concurrentCalls binds while they are in flight, and only then", async () => {
    const call: Call = (client) => client.chat.completions.create(chatBody());
    await using at = await rig({
      kind,
      budgets: [{ id: "slots", limit: { concurrentCalls: FIT }, window: "total" }],
    });
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    at.server.respond(async () => {
      await gate;
      return undefined;
    });

    const running = Array.from({ length: CALLS }, () => call(at.client));
    const settled = Promise.allSettled(running);
    const refused = await Promise.all(running.slice(FIT).map((one) => failure(one)));
    for (const error of refused) {
      expect(error).toMatchObject({
        dimension: "concurrentCalls",
        limit: FIT,
        held: FIT,
        spent: 0,
        requested: 1,
      });
      expect(error).toMatchObject({ fitsAfterInFlight: true, maxOutputTokensThatFit: null });
    }
    await vi.waitFor(() => expect(at.server.inProgress).toBe(FIT));
    open();
    await settled;
    expect(at.server.peakInProgress).toBe(FIT);

    const again = await race(at.client, call, FIT);
    expect(again.succeeded).toBe(FIT);
    expect(at.server.requests).toBe(2 * FIT);
  });

  test("a budget runs dry one call after the other, without a nano-USD too much", async () => {
    const call: Call = (client) => client.chat.completions.create(chatBody());
    const worst = await worstCase(kind, call);
    const limit = FIT * worst.nanoUsd - 1;
    await using at = await rig({
      kind,
      budgets: [{ ...wideBudget, limit: { usd: formatUsd(limit) } }],
      server: { usage: { inputTokens: 3, outputTokens: 7 } },
    });
    let sent = 0;
    let denied: BudgetExceededError | undefined;
    while (denied === undefined) {
      try {
        await call(at.client);
        sent += 1;
      } catch (error) {
        denied = error as BudgetExceededError;
      }
    }
    await at.quiet();
    expect(denied).toBeInstanceOf(BudgetExceededError);
    const { spent, held } = await at.balance();
    expect(held).toBe(0);
    expect(spent).toBe(at.billedNanoUsd);
    expect(spent).toBeLessThanOrEqual(limit);
    expect(spent + worst.nanoUsd).toBeGreaterThan(limit);
    expect(at.server.requests).toBe(sent);
    expect(denied.missing).toBe(spent + worst.nanoUsd - limit);
  });
});
