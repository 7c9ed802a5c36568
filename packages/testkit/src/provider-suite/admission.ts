/** @module No call starts that could break a budget, and a refusal is the budget error itself, before anything is sent. */
import {
  BudgetExceededError,
  CallNotAllowedError,
  ClientNotSupportedError,
  formatUsd,
  PriceUnknownError,
} from "holdfast";
import type { Amounts } from "holdfast";
import { describe, expect, test } from "vitest";
import type { ProviderUnderTest } from "./provider-under-test.ts";
import { collect, failure, question, startRig } from "./rig.ts";

const CALLS = 100;
const FIT = 10;

type Doing<C> = (client: C) => PromiseLike<unknown>;

export function waysToAsk<C>(provider: ProviderUnderTest<C>): Readonly<Record<string, Doing<C>>> {
  return {
    "a whole answer": (client) => provider.ask(client, question(provider)),
    "a stream": async (client) => collect(await provider.stream(client, question(provider))),
  };
}

/** What one call holds: learned from a call that is let through. */
export async function worstCaseOf<C>(provider: ProviderUnderTest<C>, doing: Doing<C>): Promise<Amounts> {
  await using probe = await startRig(provider);
  await doing(probe.client);
  await probe.quiet();
  const reserved = probe.events.of("hold-reserved");
  expect(reserved).toHaveLength(1);
  return reserved[0]!.amounts;
}

export function admissionTests<C>(provider: ProviderUnderTest<C>): void {
  const denialOf = provider.denialOf ?? ((error: unknown) => error);

  describe.each(Object.entries(waysToAsk(provider)))("admission: %s", (_name, doing) => {
    test("of 100 at once with money for 10, exactly 10 are sent and nothing is overspent", async () => {
      const worst = await worstCaseOf(provider, doing);
      const limit = FIT * worst.nanoUsd;
      await using at = await startRig(provider, {
        budgets: [{ id: "all", limit: { usd: formatUsd(limit) }, window: "total" }],
        // A provider that bills every call at exactly its worst case.
        server: { usage: { inputTokens: worst.inputTokens, outputTokens: worst.outputTokens } },
      });

      const results = await Promise.allSettled(Array.from({ length: CALLS }, () => doing(at.client)));
      await at.quiet();

      expect(at.server.requests).toBe(FIT);
      expect(at.billedNanoUsd).toBe(limit);
      expect(await at.balance()).toEqual({ spent: limit, held: 0 });
      const errors = results.flatMap((result) =>
        result.status === "rejected" ? [denialOf(result.reason)] : [],
      );
      expect(errors).toHaveLength(CALLS - FIT);
      for (const error of errors) {
        expect(error).toBeInstanceOf(BudgetExceededError);
        expect(error).toMatchObject({
          code: "BUDGET_EXCEEDED",
          name: "BudgetExceededError",
          budgetId: "all",
          limit,
          requested: worst.nanoUsd,
        });
      }
      expect(at.events.of("call-denied")).toHaveLength(CALLS - FIT);
    });

    test("a denial is raised once, at once, and nothing is sent, however often the SDK would try again", async () => {
      await using at = await startRig(provider, {
        budgets: [{ id: "all", limit: { usd: "0" }, window: "total" }],
        maxRetries: 3,
      });
      const error = denialOf(await failure(doing(at.client)));
      await at.quiet();
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(at.server.requests).toBe(0);
      expect(at.events.of("call-denied")).toHaveLength(1);
      expect(at.events.usage).toEqual([]);
    });
  });

  describe("admission", () => {
    test("a model without a price is refused before it is sent", async () => {
      await using at = await startRig(provider);
      const asked = question(provider, { model: "no-such-model-99" });
      const error = denialOf(await failure(provider.ask(at.client, asked)));
      expect(error).toBeInstanceOf(PriceUnknownError);
      expect((error as Error).message).toContain("no-such-model-99");
      expect(at.server.requests).toBe(0);
      expect(await at.balance()).toEqual({ spent: 0, held: 0 });
    });

    test("a model without a price is let through, loudly, when the configuration says so", async () => {
      await using at = await startRig(provider, { config: { unknownModel: "unmetered" } });
      await provider.ask(at.client, question(provider, { model: "no-such-model-99" }));
      await at.quiet();
      expect(at.server.requests).toBe(1);
      expect(at.events.of("call-unmetered")).toMatchObject([
        { what: "unknown-model", subject: "no-such-model-99", provider: provider.provider },
      ]);
    });

    if (provider.wrapsInPlace !== true) {
      test("the client that was wrapped stays as it was", async () => {
        await using at = await startRig(provider, {
          budgets: [{ id: "all", limit: { usd: "0" }, window: "total" }],
        });
        await provider.ask(at.given, question(provider));
        expect(at.server.requests).toBe(1);
        expect(at.events.all).toEqual([]);
      });
    }

    if (provider.refusesSecondWrap !== false) {
      test("a client is not wrapped twice", async () => {
        await using at = await startRig(provider);
        expect(() => provider.wrap(at.client, at.holdfast)).toThrow(ClientNotSupportedError);
      });

      test.each([{}, { chat: {} }, { models: {} }, { messages: {} }])(
        "what is no client is refused when it is wrapped: %j",
        async (client) => {
          await using at = await startRig(provider);
          expect(() => provider.wrap(client as C, at.holdfast)).toThrow(ClientNotSupportedError);
        },
      );
    }

    for (const [name, go] of Object.entries(provider.bypasses ?? {})) {
      test(`a way around is refused: ${name}`, async () => {
        await using at = await startRig(provider);
        const error = denialOf(await failure(go(at.client)));
        expect(error).toBeInstanceOf(CallNotAllowedError);
        expect((error as Error).message).toMatch(/allow it|let such requests through/);
        expect(at.server.requests).toBe(0);
      });
    }
  });
}
