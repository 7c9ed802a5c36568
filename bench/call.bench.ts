/** @module What a guard adds to one call of the OpenAI SDK that does not stream. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type OpenAI from "openai";
import { guardedClient, langfuse, llmBudget, spendGuard, TENANTS } from "./arms.ts";
import { compare, cpuAddedBy, type Arm, type Comparison } from "./harness.ts";
import { atMost, failedRows, micros, percent, times, type Row } from "./report.ts";
import { completionFetch, MODEL, SHORT_PROMPT, stubClient } from "./stub-openai.ts";
import { proseOf } from "./texts.ts";

const GROUP = "One call (bare openai SDK on a stub transport, 4 budgets, 200 B prompt)";

const OURS = "holdfast";
const PER_TENANT = "holdfast, a tenant context per call";
const SILENT = "holdfast, nobody listens";
const LANGFUSE = "langfuse observeOpenAI (no tracer)";
const SPEND_ESM = "llm-spend-guard ESM (chars / 3.5), 4 scopes";
const SPEND_CJS = "llm-spend-guard CJS (tiktoken), 4 scopes";
const BUDGET_1 = "llm-budget guard({ reserve }), 1 principal";
const BUDGET_4 = "llm-budget guard({ reserve }), nested for 4 principals";

const ADDED_MICROS = 10;
const ADDED_SHARE = 0.05;
const LONG_CHAT_ADDED_MICROS = 200;

export async function benchCall(quick: boolean): Promise<readonly Row[]> {
  const short = await compareShort(quick);
  const long = await compareLongChat(quick);
  return [...shortRows(short), ...longRows(long)];
}

async function compareShort(quick: boolean): Promise<Comparison> {
  const params = {
    model: MODEL,
    max_completion_tokens: 256,
    messages: [{ role: "user" as const, content: SHORT_PROMPT }],
  };
  const client = (): OpenAI => stubClient(completionFetch());
  const create = (openai: OpenAI): Arm["run"] => inTurns(() => openai.chat.completions.create(params));
  return compare(
    [
      ["bare", () => create(client())],
      [OURS, () => create(guardedClient(client(), { listen: true, tenant: "tenant-0" }).client)],
      [
        PER_TENANT,
        () => {
          const { client: openai, holdfast } = guardedClient(client(), { listen: true });
          let call = 0;
          return inTurns(() => {
            const tenant = TENANTS[call++ % TENANTS.length]!;
            return holdfast.with({ tenant }, () => openai.chat.completions.create(params));
          });
        },
      ],
      [SILENT, () => create(guardedClient(client(), { listen: false, tenant: "tenant-0" }).client)],
      [LANGFUSE, async () => create(await langfuse(client()))],
      ...(["esm", "cjs"] as const).map(
        (build) =>
          [
            build === "esm" ? SPEND_ESM : SPEND_CJS,
            async () => {
              const guarded = await spendGuard(client(), build);
              const context = { userId: "tenant-0", sessionId: "session-0" };
              // It only reads max_tokens.
              const { max_completion_tokens: max_tokens, ...rest } = params;
              return inTurns(() => guarded.chat({ ...rest, max_tokens }, context));
            },
          ] as const,
      ),
      [BUDGET_1, () => budgetArm(["tenant-0"], client())],
      [BUDGET_4, () => budgetArm(["org", "team", "agent", "tenant-0"], client())],
    ],
    { rounds: quick ? 7 : 21, count: quick ? 300 : 1_000, warmup: quick ? 2_000 : 5_000 },
  );

  async function budgetArm(principals: readonly string[], openai: OpenAI): Promise<Arm["run"]> {
    const budget = await llmBudget({ usd: 1e9 });
    const reserve = { model: MODEL, inputTokens: 60, outputTokens: 256 };
    const guarded = principals.reduceRight<() => Promise<unknown>>(
      (inner, principal) => () => budget.guard(principal, inner, { reserve }),
      () => openai.chat.completions.create(params),
    );
    return inTurns(guarded);
  }
}

/** 60 KB of prose in 40 messages: what the estimate costs where it costs most. */
async function compareLongChat(quick: boolean): Promise<Comparison> {
  const roles = ["user", "assistant"] as const;
  const messages = Array.from({ length: 40 }, (_, i) => ({
    role: roles[i % 2]!,
    content: proseOf(1_500, i),
  }));
  const params = { model: MODEL, max_completion_tokens: 256, messages };
  const client = (): OpenAI => stubClient(completionFetch(13_000, 28));
  const create = (openai: OpenAI): Arm["run"] => inTurns(() => openai.chat.completions.create(params));
  return compare(
    [
      ["bare", () => create(client())],
      [OURS, () => create(guardedClient(client(), { listen: true, tenant: "tenant-0" }).client)],
      [
        SPEND_ESM,
        async () => {
          const guarded = await spendGuard(client(), "esm");
          const { max_completion_tokens: max_tokens, ...rest } = params;
          return inTurns(() =>
            guarded.chat({ ...rest, max_tokens }, { userId: "tenant-0", sessionId: "session-0" }),
          );
        },
      ],
    ],
    { rounds: quick ? 5 : 15, count: quick ? 60 : 200 },
  );
}

/** One after the other, with a turn of the event loop every ten calls, so that events are delivered in the measurement. */
function inTurns(call: () => Promise<unknown>): Arm["run"] {
  return async (count) => {
    for (let i = 0; i < count; i++) {
      await call();
      if (i % 10 === 9) await nextTurn();
    }
  };
}

function shortRows(result: Comparison): Row[] {
  const rows: Row[] = [];
  const bare = result.arms.get("bare");
  const added = (name: string): number | undefined => result.arms.get(name)?.addedCpu;
  rows.push({
    group: GROUP,
    quantity: "bare SDK call",
    ours: "",
    against: micros(bare?.cpu),
    ratio: times(1),
  });
  for (const name of [OURS, PER_TENANT, SILENT]) {
    const arm = result.arms.get(name);
    rows.push({
      group: GROUP,
      quantity: `${name}: added per call`,
      ours: micros(arm?.addedCpu),
      against: `bare ${micros(bare?.cpu)}`,
      ratio: times(arm?.cpuRatio),
      target: `<= ${ADDED_MICROS} us`,
      met: atMost(arm?.addedCpu, ADDED_MICROS),
    });
  }
  const share = (result.arms.get(OURS)?.cpuRatio ?? NaN) - 1;
  rows.push({
    group: GROUP,
    quantity: `${OURS}: share of the bare call's CPU`,
    ours: percent(share),
    target: `<= ${percent(ADDED_SHARE)} (aim)`,
    met: atMost(share, ADDED_SHARE),
  });
  for (const name of [LANGFUSE, SPEND_ESM, SPEND_CJS, BUDGET_1, BUDGET_4]) {
    const peer = result.arms.get(name);
    if (peer === undefined) continue;
    const difference = cpuAddedBy(result, OURS, name);
    const mustBeat = name === LANGFUSE || name === SPEND_ESM || name === SPEND_CJS;
    rows.push({
      group: GROUP,
      quantity: `added, against ${name}`,
      ours: micros(added(OURS)),
      against: micros(peer.addedCpu),
      ratio: times((added(OURS) ?? NaN) / peer.addedCpu),
      ...(mustBeat ? { target: "adds less", met: difference !== undefined && difference < 0 } : {}),
    });
  }
  return [...rows, ...failedRows(GROUP, result.failed)];
}

function longRows(result: Comparison): Row[] {
  const arm = result.arms.get(OURS);
  const peer = result.arms.get(SPEND_ESM);
  return [
    {
      group: GROUP,
      quantity: "60 KB chat in 40 messages: added per call",
      ours: micros(arm?.addedCpu),
      against: `bare ${micros(result.arms.get("bare")?.cpu)}`,
      ratio: times(arm?.cpuRatio),
      target: `<= ${LONG_CHAT_ADDED_MICROS} us`,
      met: atMost(arm?.addedCpu, LONG_CHAT_ADDED_MICROS),
    },
    {
      group: GROUP,
      quantity: `60 KB chat: added, against ${SPEND_ESM}`,
      ours: micros(arm?.addedCpu),
      against: micros(peer?.addedCpu),
      ratio: times((arm?.addedCpu ?? NaN) / (peer?.addedCpu ?? NaN)),
    },
    ...failedRows(GROUP, result.failed),
  ];
}
