/** @module The same OpenAI client under Holdfast and under each peer, set up alike. */
import { createRequire } from "node:module";
import { createHoldfast, type BudgetConfig, type Holdfast } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import type OpenAI from "openai";

/** Four budgets that count every call: one fixed, two that match a tag, one counter per tenant. None ever runs out. */
export const FOUR_BUDGETS: readonly BudgetConfig[] = [
  { id: "org", limit: { usd: "9000000" }, window: "month" },
  { id: "team", match: { team: "support" }, limit: { usd: "9000000" }, window: "month" },
  { id: "agent", match: { agent: "summary-bot" }, limit: { usd: "9000000" }, window: "day" },
  { id: "tenant", per: ["tenant"], limit: { usd: "9000000", calls: 1_000_000_000 }, window: "day" },
];

export const TENANTS: readonly string[] = Array.from({ length: 100 }, (_, i) => `tenant-${i}`);

export interface Guarded {
  readonly client: OpenAI;
  readonly holdfast: Holdfast;
  /** How many `usage` events arrived. */
  readonly usageEvents: () => number;
}

export function guardedClient(
  client: OpenAI,
  options: { readonly listen: boolean; readonly tenant?: string },
): Guarded {
  const holdfast = createHoldfast({ budgets: FOUR_BUDGETS });
  let events = 0;
  if (options.listen) holdfast.on("usage", () => (events += 1));
  const tenant = options.tenant === undefined ? {} : { tenant: options.tenant };
  const wrapped = wrapOpenAI(client, holdfast, { team: "support", agent: "summary-bot", ...tenant });
  return { client: wrapped, holdfast, usageEvents: () => events };
}

/** Its own `.chat()`; four scopes, and its memory storage. */
export interface SpendGuarded {
  chat(params: object, context: { readonly userId: string; readonly sessionId: string }): Promise<unknown>;
}

interface SpendGuardModule {
  readonly LLMGuard: new (config: object) => { wrapOpenAI(client: unknown): SpendGuarded };
  readonly MemoryStorage: new () => object;
  readonly RedisStorage: new (client: unknown) => object;
}

/**
 * @param build its ESM build cannot load tiktoken and counts characters / 3.5; its CJS build counts with tiktoken.
 */
export async function spendGuard(
  client: OpenAI,
  build: "esm" | "cjs",
  budgetTokens = Number.MAX_SAFE_INTEGER,
  redis?: unknown,
): Promise<SpendGuarded> {
  const { LLMGuard, MemoryStorage, RedisStorage } =
    build === "esm"
      ? ((await import("llm-spend-guard")) as unknown as SpendGuardModule)
      : (createRequire(import.meta.url)("llm-spend-guard") as SpendGuardModule);
  const guard = new LLMGuard({
    storage: redis === undefined ? new MemoryStorage() : new RedisStorage(redis),
    globalBudgetTokens: budgetTokens,
    dailyBudgetTokens: budgetTokens,
    userBudgetTokens: budgetTokens,
    sessionBudgetTokens: budgetTokens,
    onBudgetWarning: () => undefined,
  });
  return guard.wrapOpenAI(client);
}

export type LlmBudget = InstanceType<(typeof import("llm-budget"))["Budget"]>;

export async function llmBudget(limits: {
  readonly usd?: number;
  readonly tokens?: number;
}): Promise<LlmBudget> {
  const { Budget, MemoryStore } = await import("llm-budget");
  return new Budget({ store: new MemoryStore(), limits: { ...limits, window: "day" } });
}

/** No tracer provider is registered, which is its cheapest: it builds its spans and nobody records them. */
export async function langfuse(client: OpenAI): Promise<OpenAI> {
  const { observeOpenAI } = await import("@langfuse/openai");
  return observeOpenAI(client);
}
