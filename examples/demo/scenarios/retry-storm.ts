/** @module Scene 4: the SDK's own retries, when the provider fails before it generates and when its replies get lost. */
import { BudgetExceededError, type UsageRecord } from "holdfast";
import { usd } from "../money.ts";
import { check, fact, type Line, type Scene } from "../report.ts";
import { SUPPORT_QUESTION, SUPPORT_QUESTION_TOKENS } from "../texts.ts";
import { tagsOf, trueCostOf, type CallTags } from "../truth.ts";
import type { World } from "../world.ts";

const TRUE_USAGE = { inputTokens: SUPPORT_QUESTION_TOKENS, outputTokens: 600 };

export async function retryStorm(world: World): Promise<Scene> {
  const title = "A retry storm (by the SDK's own retries) stops at the budget";
  return { title, lines: [...(await serverErrors(world)), ...(await lostReplies(world))] };
}

function ask(
  world: World,
  tags: CallTags,
  options: { maxRetries: number; timeout?: number },
): Promise<unknown> {
  return world.holdfast.with(tags, () =>
    world
      .client(tags.agent)
      .chat.completions.create(
        { model: "gpt-5-mini", messages: SUPPORT_QUESTION, max_completion_tokens: 1_000, metadata: tags },
        options,
      ),
  );
}

function recordsOf(world: World, tenant: string, agent: string): readonly UsageRecord[] {
  return world.records.filter(
    ({ attribution }) => attribution.tenant === tenant && attribution.agent === agent,
  );
}

/** An error status says that nothing was generated: the hold of that attempt is given back. */
async function serverErrors(world: World): Promise<Line[]> {
  const { server } = world;
  const agent = "nightly-report";
  server.respond(({ retryCount }) =>
    retryCount < 2 ? { status: 500, headers: { "retry-after-ms": "1" } } : { usage: TRUE_USAGE },
  );
  const calls = ["a", "b", "c"].map((name) =>
    ask(world, { agent, tenant: "initech", user: "cron", requestId: `report-${name}` }, { maxRetries: 4 }),
  );
  const results = await Promise.allSettled(calls);
  await world.settled();
  const answered = results.filter(({ status }) => status === "fulfilled").length;
  const records = recordsOf(world, "initech", agent);
  const free = records.filter(
    ({ outcome, costNanoUsd }) => outcome === "refused" && costNanoUsd === 0,
  ).length;
  const charged = records.reduce((sum, record) => sum + record.costNanoUsd, 0);
  const truth = trueCostOf(world.ledgerOf("agent", agent));
  return [
    check(
      "two 500s each, then an answer",
      `${records.length} attempts: ${free} failed, free; ${records.length - free} answered, ${usd(charged)} (truth ${usd(truth)})`,
      answered === 3 && records.length === 9 && free === 6 && BigInt(charged) === truth,
    ),
  ];
}

const CALLS = 10;
const RETRIES = 8;

/** A lost reply or a timeout may have been billed: it keeps its charge, and the next attempt needs room of its own. */
async function lostReplies(world: World): Promise<Line[]> {
  const { server } = world;
  const agent = "importer";
  const tenant = "umbrella";
  server.respond((request) => {
    const slow = (request.body["metadata"] as CallTags).requestId.startsWith("slow");
    // Both are generated and billed in full.
    return { usage: TRUE_USAGE, ...(slow ? { delayMs: 60_000 } : { lostReply: true }) };
  });
  const calls = Array.from({ length: CALLS }, (_, index) => {
    const slow = index % 2 === 0;
    const requestId = `${slow ? "slow" : "lost"}-${index}`;
    const options = { maxRetries: RETRIES, ...(slow ? { timeout: 800 } : {}) };
    return ask(world, { agent, tenant, user: `worker-${index % 2}`, requestId }, options);
  });
  const results = await Promise.allSettled(calls);
  await world.settled();
  server.respond(undefined);

  const stopped = results.filter(
    (result) => result.status === "rejected" && result.reason instanceof BudgetExceededError,
  ).length;
  const { spent, held, limits } = (await world.balance("tenant-day", tenant))!;
  const limit = limits.nanoUsd!;
  const ledger = world.ledgerOf("tenant", tenant);
  const timeouts = ledger.filter((entry) => tagsOf(entry).requestId.startsWith("slow")).length;
  const truth = trueCostOf(ledger);
  const records = recordsOf(world, tenant, agent);
  const hold = records[0]?.heldNanoUsd ?? 0;
  const affordable = Math.floor(limit / hold);
  return [
    check(
      "no reply, again and again",
      `${ledger.length} attempts sent (${ledger.length - timeouts} lost replies, ${timeouts} timeouts): so many holds of ${usd(hold)} fit`,
      ledger.length === affordable && records.length === affordable,
    ),
    check(
      "then",
      `${stopped} of ${CALLS} calls end in BudgetExceededError, with retries left`,
      stopped === CALLS,
    ),
    check(
      "charged",
      `${usd(spent.nanoUsd)} of ${usd(limit)}, flagged estimated; provider's truth ${usd(truth)}`,
      spent.nanoUsd <= limit &&
        held.nanoUsd === 0 &&
        BigInt(spent.nanoUsd) >= truth &&
        records.every(({ usageSource, outcome }) => usageSource === "estimated" && outcome === "ambiguous"),
    ),
    fact(
      "without Holdfast",
      `${CALLS * (1 + RETRIES)} attempts, ${usd((trueCostOf(ledger) / BigInt(ledger.length)) * BigInt(CALLS * (1 + RETRIES)))}`,
    ),
  ];
}
