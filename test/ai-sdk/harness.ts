/** @module What these tests share: the SDK's majors and providers, prices that can be done in the head, a wired-up model. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import * as ai7 from "ai";
import * as ai6 from "ai-v6";
import { createOpenAI as createOpenAIv3 } from "ai-sdk-openai-v3";
import { createPriceSource } from "@holdfast/prices";
import type { PriceOverride } from "@holdfast/prices";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import type { LedgerEntry, ProviderServer, ProviderServerOptions } from "@holdfast/testkit/provider-server";
import { createHoldfast } from "holdfast";
import type { Attribution, BudgetConfig, Holdfast, HoldfastConfig } from "holdfast";
import { holdfastMiddleware } from "holdfast/ai-sdk";
import type { HoldfastMiddlewareOptions } from "holdfast/ai-sdk";
import { Events } from "../openai/harness.ts";

export { failure } from "../openai/harness.ts";

/** The newest major's types stand for both: the tests use what is common to them. */
export type Ai = typeof ai7;
export type Model = Parameters<typeof ai7.wrapLanguageModel>[0]["model"];

export interface Kind {
  readonly name: string;
  readonly ai: Ai;
  readonly provider: "openai" | "anthropic" | "google";
  readonly modelId: string;
  readonly make: (server: ProviderServer, modelId: string, options?: object) => Model;
}

const six = ai6 as unknown as Ai;

/** Names that are known not to reason out of sight, so that no estimate depends on the time a stream took. */
const OPENAI_MODEL = "gpt-4o-mini";
const CLAUDE = "claude-3-5-haiku-20241022";
const GEMINI = "gemini-2.0-flash";

const openai = (server: ProviderServer, options?: object) =>
  createOpenAI({ apiKey: "sk-test", baseURL: server.url, ...options });
const openaiV3 = (server: ProviderServer, options?: object) =>
  createOpenAIv3({ apiKey: "sk-test", baseURL: server.url, ...options });

export const chat7: Kind = {
  name: "ai 7, openai 4 chat",
  ai: ai7,
  provider: "openai",
  modelId: OPENAI_MODEL,
  make: (server, id, options) => openai(server, options).chat(id),
};
export const responses7: Kind = {
  name: "ai 7, openai 4 responses",
  ai: ai7,
  provider: "openai",
  modelId: OPENAI_MODEL,
  make: (server, id, options) => openai(server, options).responses(id),
};
export const chat6: Kind = {
  name: "ai 6, openai 3 chat",
  ai: six,
  provider: "openai",
  modelId: OPENAI_MODEL,
  make: (server, id, options) => openaiV3(server, options).chat(id),
};
export const responses6: Kind = {
  name: "ai 6, openai 3 responses",
  ai: six,
  provider: "openai",
  modelId: OPENAI_MODEL,
  make: (server, id, options) => openaiV3(server, options).responses(id),
};
/** A model of the older specification under the newer SDK. */
export const older: Kind = { ...chat6, name: "ai 7, openai 3 chat", ai: ai7 };
export const anthropic7: Kind = {
  name: "ai 7, anthropic 4",
  ai: ai7,
  provider: "anthropic",
  modelId: CLAUDE,
  make: (server, id, options) => createAnthropic({ apiKey: "sk-test", baseURL: server.url, ...options })(id),
};
export const google7: Kind = {
  name: "ai 7, google 4",
  ai: ai7,
  provider: "google",
  modelId: GEMINI,
  make: (server, id, options) =>
    createGoogle({ apiKey: "k", baseURL: `${server.origin}/v1beta`, ...options })(id),
};

export const kinds: readonly Kind[] = [chat7, responses7, chat6, responses6, older, anthropic7, google7];

/** Nano-USD per token: 1 USD, 0.25, 1.25, 2 and 4 USD per million; a search is 0.01 USD. */
export const RATES = { input: 1_000, cached: 250, write: 1_250, writeLong: 2_000, output: 4_000 } as const;
export const SEARCH = 10_000_000;

const price = {
  inputUsdPerMillion: "1",
  cacheReadUsdPerMillion: "0.25",
  cacheWriteUsdPerMillion: "1.25",
  cacheWriteLongUsdPerMillion: "2",
  outputUsdPerMillion: "4",
  webSearchUsdPerThousand: "10",
  contextWindowTokens: 128_000,
  maxOutputTokens: 16_384,
} as const;

const overrides: readonly PriceOverride[] = [
  { provider: "openai", model: OPENAI_MODEL, ...price },
  { provider: "openai", model: "gpt-5-mini", ...price },
  { provider: "openai", model: "text-embedding-3-small", inputUsdPerMillion: "1" },
  { provider: "azure", model: "my-deployment", ...price },
  { provider: "anthropic", model: CLAUDE, ...price },
  { provider: "anthropic", model: "claude-sonnet-4-5", ...price },
  { provider: "google", model: GEMINI, ...price },
  { provider: "google", model: "gemini-embedding-001", inputUsdPerMillion: "1" },
];

/** Read once: it takes a while, and every test has a Holdfast of its own. */
export const prices: NonNullable<HoldfastConfig["prices"]> = { source: createPriceSource({ overrides }) };

/** What the provider bills at these prices. */
export function truthNanoUsd(billed: LedgerEntry["billed"] | ReturnType<ProviderServer["billed"]>): number {
  const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens } = billed;
  return (
    (inputTokens - cachedInputTokens - cacheWriteTokens) * RATES.input +
    cachedInputTokens * RATES.cached +
    cacheWriteTokens * RATES.write +
    outputTokens * RATES.output
  );
}

export const wideBudget: BudgetConfig = { id: "all", limit: { usd: "1000" }, window: "total" };

export interface RigOptions {
  readonly kind?: Kind;
  readonly modelId?: string;
  readonly budgets?: readonly BudgetConfig[];
  readonly config?: Omit<Partial<HoldfastConfig>, "budgets">;
  readonly server?: ProviderServerOptions;
  readonly attribution?: Attribution;
  readonly wrap?: HoldfastMiddlewareOptions;
  /** Of the SDK's provider: `fetch`, `name`. */
  readonly provider?: object;
}

/** A server, a Holdfast and a wrapped model of it. */
export class Rig {
  readonly server: ProviderServer;
  readonly holdfast: Holdfast;
  readonly ai: Ai;
  readonly bare: Model;
  readonly model: ReturnType<Ai["wrapLanguageModel"]>;
  readonly events: Events;

  constructor(server: ProviderServer, options: RigOptions) {
    const kind = options.kind ?? chat7;
    this.server = server;
    this.ai = kind.ai;
    this.holdfast = createHoldfast({ budgets: options.budgets ?? [wideBudget], prices, ...options.config });
    this.events = new Events(this.holdfast);
    this.bare = kind.make(server, options.modelId ?? kind.modelId, options.provider);
    this.model = kind.ai.wrapLanguageModel({
      model: this.bare,
      middleware: holdfastMiddleware(this.holdfast, options.attribution, options.wrap),
    });
  }

  /** Everything has ended, on both sides. */
  async quiet(): Promise<void> {
    await this.server.waitForIdle();
    await this.holdfast.flush();
  }

  async balance(budgetId = "all"): Promise<{ readonly spent: number; readonly held: number }> {
    const [balance] = await this.holdfast.balances(budgetId);
    return { spent: balance!.spent.nanoUsd, held: balance!.held.nanoUsd };
  }

  get billedNanoUsd(): number {
    return truthNanoUsd(this.server.billed());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.holdfast.close({ drainMs: 1 });
  }
}

export async function rig(options: RigOptions = {}): Promise<Rig> {
  return new Rig(await startProviderServer(options.server), options);
}
