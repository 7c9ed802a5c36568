/** @module openai 7 gives up on a body that stalls behind a 200, and tries again: two generations, two charges. */
import { BudgetExceededError, formatUsd } from "holdfast";
import { describe, expect, test } from "vitest";
import { chatBody, failure, MODEL, newest, rig, truthNanoUsd } from "./harness.ts";
import type { Rig } from "./harness.ts";

const usage = { inputTokens: 5, outputTokens: 7 };
/** 5 x 1,000 + 7 x 4,000. */
const COST = 33_000;

const reservedNanoUsd = (at: Rig): number => at.events.of("hold-reserved")[0]!.amounts.nanoUsd;

describe("openai 7", () => {
  test("a body that stalls after the headers is tried again, and both generations are charged", async () => {
    await using at = await rig({ client: { timeout: 300, maxRetries: 1 } });
    at.server.script([{ bodyHangAfterHeaders: true, usage }, { usage }]);

    const reply = await at.client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 50 });
    await at.quiet();

    expect(reply.usage).toMatchObject({ input_tokens: 5, output_tokens: 7 });
    const worst = reservedNanoUsd(at);
    expect(at.events.usage).toMatchObject([
      { outcome: "ambiguous", status: 200, usageSource: "estimated", costNanoUsd: worst, attempt: 1 },
      { outcome: "complete", status: 200, usageSource: "provider", costNanoUsd: COST, attempt: 2 },
    ]);
    expect(at.billedNanoUsd).toBe(2 * COST);
    const [balance] = await at.holdfast.balances("all");
    expect(balance).toMatchObject({ spent: { nanoUsd: worst + COST, calls: 1 }, held: { nanoUsd: 0 } });
  });

  test("the second try after a stalled body is denied when the first one took the money", async () => {
    await using probe = await rig({});
    await probe.client.chat.completions.create(chatBody());
    await probe.quiet();
    const worst = reservedNanoUsd(probe);

    const budgets = [{ id: "all", limit: { usd: formatUsd(worst) }, window: "total" as const }];
    await using at = await rig({ budgets, client: { timeout: 300, maxRetries: 3 } });
    at.server.respond(() => ({ bodyHangAfterHeaders: true, usage }));

    const error = await failure<BudgetExceededError>(at.client.chat.completions.create(chatBody()));
    await at.quiet();

    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error).toBeInstanceOf(newest.OpenAI.OpenAIError);
    expect(at.server.requests).toBe(1);
    expect(at.events.of("call-denied")).toHaveLength(1);
    expect(truthNanoUsd(at.server.billed())).toBeLessThanOrEqual((await at.balance()).spent);
    expect(await at.balance()).toEqual({ spent: worst, held: 0 });
  });
});
