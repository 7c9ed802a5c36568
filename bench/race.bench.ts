/** @module Correctness beside speed: 100 calls at once, with money for 10. */
import { setTimeout as delay } from "node:timers/promises";
import { createHoldfast, type BudgetConfig } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import type OpenAI from "openai";
import { llmBudget, spendGuard } from "./arms.ts";
import { describeError } from "./harness.ts";
import { times, type Row } from "./report.ts";
import { completionJson, MODEL, stubClient } from "./stub-openai.ts";
import { proseOf } from "./texts.ts";

const GROUP = "Race: 100 calls at once, money for 10 (stub provider, 20 ms)";
const CALLS = 100;
const AFFORDABLE = 10;
const LATENCY_MS = 20;
const INPUT_TOKENS = 1_000;
const OUTPUT_TOKENS = 1_000;
/** gpt-4o-mini: 0.15 and 0.60 USD per million tokens. */
const CALL_USD = (INPUT_TOKENS * 0.15 + OUTPUT_TOKENS * 0.6) / 1_000_000;

/** About 1,000 tokens of prompt, so that every guard's own estimate is near the truth. */
const MESSAGES = [{ role: "user" as const, content: proseOf(4_600) }];

type Call = (openai: OpenAI) => Promise<unknown>;

interface Contender {
  readonly name: string;
  readonly ours: boolean;
  /** Returns one guarded call. */
  readonly guard: (openai: OpenAI) => Promise<() => Promise<unknown>>;
}

const create: Call = (openai) =>
  openai.chat.completions.create({ model: MODEL, max_tokens: OUTPUT_TOKENS, messages: MESSAGES });

function holdfastUnder(name: string, limit: BudgetConfig["limit"]): Contender {
  return {
    name,
    ours: true,
    guard: async (openai) => {
      const holdfast = createHoldfast({ budgets: [{ id: "race", limit, window: "day" }] });
      const client = wrapOpenAI(openai, holdfast);
      return () => create(client);
    },
  };
}

function spendGuardOf(build: "esm" | "cjs"): Contender {
  return {
    name: `llm-spend-guard ${build.toUpperCase()}`,
    ours: false,
    guard: async (openai) => {
      const guarded = await spendGuard(openai, build, AFFORDABLE * (INPUT_TOKENS + OUTPUT_TOKENS));
      const params = { model: MODEL, max_tokens: OUTPUT_TOKENS, messages: MESSAGES };
      return () => guarded.chat(params, { userId: "u", sessionId: "s" });
    },
  };
}

const CONTENDERS: readonly Contender[] = [
  holdfastUnder("holdfast, usd", { usd: (AFFORDABLE * CALL_USD).toFixed(9) }),
  holdfastUnder("holdfast, calls", { calls: AFFORDABLE }),
  spendGuardOf("esm"),
  spendGuardOf("cjs"),
  {
    name: "llm-budget guard()",
    ours: false,
    guard: async (openai) => {
      const budget = await llmBudget({ usd: AFFORDABLE * CALL_USD });
      return () => budget.guard("race", () => create(openai));
    },
  },
  {
    name: "llm-budget guard({ reserve }), true estimate given",
    ours: false,
    guard: async (openai) => {
      const budget = await llmBudget({ usd: AFFORDABLE * CALL_USD * 1.000_001 });
      const reserve = { model: MODEL, inputTokens: INPUT_TOKENS, outputTokens: OUTPUT_TOKENS };
      return () => budget.guard("race", () => create(openai), { reserve });
    },
  },
];

export async function benchRace(_quick: boolean): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const contender of CONTENDERS) {
    try {
      rows.push(await race(contender));
    } catch (error) {
      rows.push({
        group: GROUP,
        quantity: contender.name,
        ours: "did not run",
        against: describeError(error),
      });
    }
  }
  return rows;
}

async function race({ name, ours, guard }: Contender): Promise<Row> {
  const body = completionJson(INPUT_TOKENS, OUTPUT_TOKENS);
  let billed = 0;
  const openai = stubClient(async () => {
    billed += 1;
    await delay(LATENCY_MS);
    return new Response(body, { headers: { "content-type": "application/json" } });
  });
  const call = await guard(openai);
  const results = await Promise.allSettled(Array.from({ length: CALLS }, () => call()));
  const answered = results.filter((result) => result.status === "fulfilled").length;
  const refusals = new Set(
    results.flatMap((result) => (result.status === "rejected" ? [nameOf(result.reason)] : [])),
  );
  const overspend = billed / AFFORDABLE;
  return {
    group: GROUP,
    quantity: name,
    ours: `${billed} of ${CALLS} reached the provider`,
    against: `${answered} answered${refusals.size === 0 ? "" : `, else ${[...refusals].join(", ")}`}`,
    ratio: `${times(overspend)} of the budget`,
    ...(ours ? { target: "<= 1.00x, > 0", met: overspend <= 1 && billed > 0 } : {}),
  };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
