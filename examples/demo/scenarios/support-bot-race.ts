/** @module Scene 1: a hundred calls at once on a budget that has money for ten. */
import { BudgetExceededError } from "holdfast";
import { usd } from "../money.ts";
import { check, fact, quote, type Scene } from "../report.ts";
import { SUPPORT_QUESTION, SUPPORT_QUESTION_TOKENS } from "../texts.ts";
import { trueCostOf, type CallTags } from "../truth.ts";
import type { World } from "../world.ts";

const CALLS = 100;
const TENANTS = ["acme", "globex", "initech", "hooli"];
const USERS = 25;
const AGENT = "support-bot";

export async function supportBotRace(world: World): Promise<Scene> {
  const { server, holdfast } = world;
  const openai = world.client(AGENT);
  // Every answer is as long as it may be, so ten answers really take the money for ten.
  server.respond(() => ({
    usage: { inputTokens: SUPPORT_QUESTION_TOKENS, outputTokens: 1_000 },
    delayMs: 20,
    finishReason: "length",
  }));
  const ask = (index: number): Promise<unknown> => {
    const tags: CallTags = {
      agent: AGENT,
      tenant: TENANTS[index % TENANTS.length]!,
      user: `user-${1 + (index % USERS)}`,
      requestId: `question-${index}`,
    };
    return holdfast.with(tags, () =>
      openai.chat.completions.create({
        model: "gpt-5-mini",
        messages: SUPPORT_QUESTION,
        max_completion_tokens: 1_000,
        metadata: tags,
      }),
    );
  };

  const results = await Promise.allSettled(Array.from({ length: CALLS }, (_, index) => ask(index)));
  await world.settled();
  const failures = results
    .filter((result) => result.status === "rejected")
    .map(({ reason }) => reason as unknown);
  const refusals = failures.filter((reason) => reason instanceof BudgetExceededError);
  const answered = results.length - failures.length;
  const ledger = world.ledgerOf("agent", AGENT);
  const truth = trueCostOf(ledger);
  const balance = await world.balance("support-bot");
  const { spent, held, limits } = balance!;
  const limit = limits.nanoUsd!;
  const [refusal] = refusals;
  const one = Number(truth) / ledger.length;

  const late: unknown = await ask(CALLS).catch((error: unknown) => error);
  const lateRefused = late instanceof BudgetExceededError && !late.fitsAfterInFlight;

  return {
    title: `Support bot: ${CALLS} calls at once, money for 10`,
    lines: [
      check(
        "answered / reached the provider",
        `${answered} / ${ledger.length} of ${CALLS}`,
        answered === 10 && ledger.length === 10,
      ),
      check(
        "refused before they were sent",
        `${refusals.length}, each a BudgetExceededError; ${failures.length - refusals.length} other errors`,
        refusals.length === CALLS - 10 && failures.length === refusals.length,
      ),
      check(
        "overspend",
        `${usd(Math.max(0, spent.nanoUsd - limit))}: spent ${usd(spent.nanoUsd)} of ${usd(limit)}; provider's truth ${usd(truth)}`,
        spent.nanoUsd <= limit && BigInt(spent.nanoUsd) === truth && held.nanoUsd === 0,
      ),
      check(
        "asked again after they settled",
        lateRefused
          ? `refused; the next window starts at ${new Date(late.resetsAtMs!).toISOString()}, 0:00 in Berlin`
          : String(late),
        lateRefused && world.ledgerOf("agent", AGENT).length === 10,
      ),
      fact(
        "without Holdfast",
        `${usd(Math.round(one * CALLS))}: ${((one * CALLS) / limit).toFixed(1)} times the budget`,
      ),
      fact("one refusal in full", ""),
      ...quote(refusal === undefined ? "(there was none)" : `${refusal.name}: ${refusal.message}`),
    ],
  };
}
