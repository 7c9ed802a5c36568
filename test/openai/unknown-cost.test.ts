/** @module A cost that is not known, or not bounded: refused, priced at a ceiling, or let through loudly. */
import { BudgetExceededError, CallNotBoundedError, PriceUnknownError } from "holdfast";
import { describe, expect, test } from "vitest";
import { chatBody, clientKinds, failure, MODEL, rig, user } from "./harness.ts";

const retrying = { maxRetries: 5 };

describe.each(clientKinds)("$name", (kind) => {
  test("a model without a price is refused before it is sent", async () => {
    await using at = await rig({ kind, client: retrying });
    for (const model of ["foo-1", "", "constructor", "gpt-4o-mini-foo", "x".repeat(10_000)]) {
      const error = await failure<PriceUnknownError>(
        at.client.chat.completions.create({ ...chatBody(), model }),
      );
      expect(error).toBeInstanceOf(PriceUnknownError);
      expect(error).toBeInstanceOf(kind.sdk.OpenAI.OpenAIError);
      expect(error).toMatchObject({ code: "PRICE_UNKNOWN", provider: "openai", model });
      expect(error.message.length).toBeLessThan(500);
    }
    await at.quiet();
    expect(at.server.requests).toBe(0);
    expect(at.events.all).toEqual([]);
  });

  test("a ceiling prices what has no price", async () => {
    const ceiling = { inputUsdPerMillion: "2", outputUsdPerMillion: "3" };
    await using at = await rig({
      kind,
      config: { unknownModel: { ceiling } },
      server: { usage: { inputTokens: 5, outputTokens: 7 } },
    });
    await at.client.chat.completions.create({ ...chatBody(), model: "foo-1" });
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ costNanoUsd: 5 * 2_000 + 7 * 3_000, priceSource: "ceiling" }]);
    expect((await at.balance()).spent).toBe(31_000);
  });

  test("unmetered is loud: an event for every call, and it still counts as a call", async () => {
    await using at = await rig({
      kind,
      config: { unknownModel: "unmetered" },
      budgets: [{ id: "all", limit: { usd: "1", calls: 2 }, window: "total" }],
    });
    const call = () => at.client.chat.completions.create({ ...chatBody(), model: "foo-1" });
    await call();
    await call();
    expect(await failure(call())).toMatchObject({ code: "BUDGET_EXCEEDED", dimension: "calls" });
    await at.quiet();
    expect(at.events.of("call-unmetered").slice(0, 2)).toMatchObject([
      { what: "unknown-model", subject: "foo-1", provider: "openai" },
      { what: "unknown-model", subject: "foo-1" },
    ]);
    expect(at.events.usage).toMatchObject([{ inputTokens: 1_000 }, { inputTokens: 1_000 }]);
  });

  test("an output without any bound is refused", async () => {
    const overrides = [
      { provider: "openai", model: "foo-1", inputUsdPerMillion: "1", outputUsdPerMillion: "1" },
    ];
    await using at = await rig({ kind, config: { prices: { overrides } } });
    const error = await failure(at.client.chat.completions.create({ model: "foo-1", messages: [user()] }));
    expect(error).toBeInstanceOf(CallNotBoundedError);
    expect(error).toMatchObject({ code: "CALL_NOT_BOUNDED" });
    expect(error.message).toMatch(/max_completion_tokens.*missingOutputLimit/);
    expect(at.server.requests).toBe(0);
  });

  test("a missing output limit can be sent along", async () => {
    await using at = await rig({ kind, config: { estimate: { missingOutputLimit: { send: 77 } } } });
    await at.client.chat.completions.create({ model: MODEL, messages: [user()] });
    await at.client.responses.create({ model: MODEL, input: "Hi" });
    await at.client.chat.completions.create(chatBody(11));
    expect(at.server.ledger.map(({ requestBody: body }) => body["max_completion_tokens"])).toEqual([
      77,
      undefined,
      undefined,
    ]);
    expect(at.server.ledger.map(({ requestBody: body }) => body["max_output_tokens"])).toEqual([
      undefined,
      77,
      undefined,
    ]);
    expect(at.server.ledger[2]!.requestBody["max_tokens"]).toBe(11);
    await at.quiet();
    expect(at.events.of("hold-reserved").map(({ amounts }) => amounts.outputTokens)).toEqual([77, 77, 11]);
  });

  test("the largest output that still fits does fit", async () => {
    await using at = await rig({ kind, budgets: [{ id: "all", limit: { usd: "0.002" }, window: "total" }] });
    const error = await failure<BudgetExceededError>(at.client.chat.completions.create(chatBody(16_000)));
    const fits = error.maxOutputTokensThatFit!;
    expect(fits).toBeGreaterThan(0);
    expect(error.message).toContain(`An output limit of ${fits} tokens would fit now.`);
    expect(await failure(at.client.chat.completions.create(chatBody(fits + 1)))).toBeInstanceOf(
      BudgetExceededError,
    );
    await at.client.chat.completions.create(chatBody(fits));
    expect(at.server.requests).toBe(1);
  });
});
