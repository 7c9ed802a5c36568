/**
 * @module Scene 6: the books of both sides, next to each other.
 *
 * Ours come from `balances()`; the provider's from its ledger of attempts, priced by `truth.ts` and assigned to budgets by
 * the tags in each request. Every difference has to be the sum of attempts that are flagged estimated, each of them not
 * below its truth.
 */
import { DIMENSIONS, type Balance, type UsageRecord } from "holdfast";
import { usd, usdColumn } from "../money.ts";
import { check, table, type Line, type Scene } from "../report.ts";
import { tagsOf, trueCost, trueCostOf, truthOf } from "../truth.ts";
import type { World } from "../world.ts";

export async function finalBalances(world: World): Promise<Scene> {
  await world.settled();
  const balances = await world.holdfast.balances();
  const money = balances.filter(({ limits }) => limits.nanoUsd !== undefined);
  const users = balances.filter(({ budgetId }) => budgetId === "user-calls");
  return {
    title: "Final balances beside the provider's own books (USD)",
    lines: [
      ...moneyTable(world, money),
      userCalls(world, users),
      ...estimates(world),
      everyAttempt(world),
      replayed(world, balances),
    ],
  };
}

/** The one tag that a money budget of the demo selects by. */
function belongs(balance: Balance, tags: Readonly<Record<string, string | undefined>>): boolean {
  return balance.budgetId === "support-bot"
    ? tags["agent"] === "support-bot"
    : tags["tenant"] === balance.scope["tenant"];
}

function isEstimate(record: UsageRecord): boolean {
  return record.usageSource === "estimated";
}

function excess(world: World, record: UsageRecord): bigint {
  const entry = truthOf(record, world.server.ledger);
  return BigInt(record.costNanoUsd) - (entry === undefined ? 0n : trueCost(entry));
}

function moneyTable(world: World, balances: readonly Balance[]): Line[] {
  const rows = balances.map((balance) => {
    const { budgetId, scope, limits, spent, held, left } = balance;
    const truth = trueCostOf(world.server.ledger.filter((entry) => belongs(balance, tagsOf(entry))));
    const flagged = world.records.filter(
      (record) => isEstimate(record) && belongs(balance, record.attribution),
    );
    const difference = BigInt(spent.nanoUsd) - truth;
    const explained = flagged.reduce((sum, record) => sum + excess(world, record), 0n);
    const limit = limits.nanoUsd!;
    const ok =
      difference === explained &&
      flagged.every((record) => excess(world, record) >= 0n) &&
      held.nanoUsd === 0 &&
      spent.nanoUsd <= limit &&
      truth <= BigInt(limit) &&
      left.nanoUsd === limit - spent.nanoUsd;
    const cells = [
      budgetId,
      Object.values(scope).join() || "-",
      ...[limit, spent.nanoUsd, held.nanoUsd, left.nanoUsd!, truth, difference].map(usdColumn),
      difference === 0n ? "" : `${flagged.length} estimated`,
    ];
    return { cells, ok };
  });
  const head = ["budget", "of", "limit", "spent", "held", "left", "truth", "difference", ""];
  const [first = "", ...others] = table([head, ...rows.map(({ cells }) => cells)], 2);
  return [{ text: first }, ...others.map((text, index) => ({ text, ok: rows[index]!.ok }))];
}

/** A logical call counts once, however many attempts it took, as soon as one of them was billed. */
function userCalls(world: World, users: readonly Balance[]): Line {
  const wrong = users.filter(({ scope, spent }) => {
    const billed = world.ledgerOf("user", scope["user"]!).filter((entry) => entry.billed.usage !== undefined);
    return new Set(billed.map((entry) => tagsOf(entry).requestId)).size !== spent.calls;
  });
  const total = users.reduce((sum, { spent }) => sum + spent.calls, 0);
  const most = Math.max(...users.map(({ spent }) => spent.calls));
  const limit = users[0]?.limits.calls ?? 0;
  return check(
    `user-calls (${users.length} users)`,
    `${total} calls, at most ${most} of ${limit} by one user; ${wrong.length} users differ from the provider`,
    wrong.length === 0 && most <= limit,
  );
}

/** The flagged attempts, one line per tenant and outcome. */
function estimates(world: World): Line[] {
  const groups = new Map<string, UsageRecord[]>();
  for (const record of world.records.filter(isEstimate)) {
    const name = `${record.attribution.tenant}: ${record.outcome}`;
    groups.set(name, [...(groups.get(name) ?? []), record]);
  }
  return [...groups].map(([name, records]) => {
    const cost = records.reduce((sum, { costNanoUsd }) => sum + BigInt(costNanoUsd), 0n);
    const over = records.reduce((sum, record) => sum + excess(world, record), 0n);
    return check(
      `estimated, ${name}`,
      `${records.length} charged ${usd(cost)} for a truth of ${usd(cost - over)}`,
      records.every((record) => excess(world, record) >= 0n),
    );
  });
}

/** Attempt by attempt: each HTTP try of the provider's ledger is exactly one record of ours, and the other way round. */
function everyAttempt(world: World): Line {
  const { records, server } = world;
  const matched = new Set(records.map((record) => truthOf(record, server.ledger)).filter(Boolean));
  const reported = records.filter((record) => !isEstimate(record));
  const wrong = reported.filter((record) => excess(world, record) !== 0n).length;
  return check(
    "attempt by attempt",
    `${server.ledger.length} at the provider, ${records.length} records; ${reported.length - wrong} of ${reported.length} not estimated cost exactly the truth`,
    matched.size === server.ledger.length && records.length === matched.size && wrong === 0,
  );
}

/** The events alone give the same balances, and show that no limit was passed at any moment in between. */
function replayed(world: World, balances: readonly Balance[]): Line {
  const { replay } = world;
  const different = balances.filter((balance) => {
    const counter = replay.counter(balance);
    return DIMENSIONS.some(
      (name) => counter?.spent[name] !== balance.spent[name] || counter.held[name] !== balance.held[name],
    );
  });
  const passed = balances.filter((balance) =>
    DIMENSIONS.some(
      (name) => (replay.counter(balance)?.peak[name] ?? 0) > (balance.limits[name] ?? Infinity),
    ),
  );
  return check(
    "the events, replayed",
    `${replay.moves} moves give ${balances.length - different.length} of ${balances.length} balances; spent + held passed a limit ${passed.length} times`,
    different.length === 0 && passed.length === 0 && replay.problems.length === 0,
  );
}
