/** @module A server, a Holdfast, a bare and a wrapped client, and prices that can be done in the head. */
import { createPriceSource } from "@holdfast/prices";
import { createHoldfast } from "holdfast";
import type {
  Attribution,
  BudgetConfig,
  EventName,
  Holdfast,
  HoldfastConfig,
  HoldfastEvents,
  UsageRecord,
} from "holdfast";
import { startProviderServer } from "../provider-server/index.ts";
import type { Billed, ProviderServer, ProviderServerOptions, Totals } from "../provider-server/index.ts";
import type { Ask, ProviderUnderTest } from "./provider-under-test.ts";

/** Nano-USD per token: 1 USD, 0.25 USD and 4 USD per million. */
export const RATES = { input: 1_000, cached: 250, output: 4_000 } as const;

/** What the provider bills at these prices. */
export function truthNanoUsd(billed: Billed | Totals): number {
  const { inputTokens, cachedInputTokens, outputTokens } = billed;
  return (
    (inputTokens - cachedInputTokens) * RATES.input +
    cachedInputTokens * RATES.cached +
    outputTokens * RATES.output
  );
}

/** The smallest question: its worst case is a few input tokens and 50 of output. */
export function question(provider: { readonly model: string }, given: Partial<Ask> = {}): Ask {
  return { model: provider.model, prompt: "Hi", maxOutputTokens: 50, ...given };
}

const EVENTS: readonly EventName[] = [
  "usage",
  "hold-reserved",
  "hold-dispatched",
  "hold-settled",
  "hold-released",
  "hold-expired",
  "call-denied",
  "call-unmetered",
  "meter-anomaly",
  "listener-failed",
  "events-dropped",
];

export class Events {
  readonly all: { readonly name: EventName; readonly event: unknown }[] = [];

  constructor(holdfast: Holdfast) {
    for (const name of EVENTS) holdfast.on(name, (event) => void this.all.push({ name, event }));
  }

  of<E extends EventName>(name: E): HoldfastEvents[E][] {
    return this.all.filter((one) => one.name === name).map((one) => one.event as HoldfastEvents[E]);
  }

  get usage(): UsageRecord[] {
    return this.of("usage");
  }
}

export interface RigOptions {
  readonly budgets?: readonly BudgetConfig[];
  readonly config?: Omit<Partial<HoldfastConfig>, "budgets" | "prices">;
  readonly server?: ProviderServerOptions;
  readonly attribution?: Attribution;
  readonly maxRetries?: number;
  readonly apiKey?: string;
}

export interface Rig<C> extends AsyncDisposable {
  readonly server: ProviderServer;
  readonly holdfast: Holdfast;
  /** A client that was never wrapped. */
  readonly bare: C;
  /** The client that was given to be wrapped. */
  readonly given: C;
  readonly client: C;
  readonly events: Events;
  /** Everything has ended, on both sides. */
  quiet(): Promise<void>;
  balance(budgetId?: string): Promise<{ readonly spent: number; readonly held: number }>;
  readonly billedNanoUsd: number;
}

const sources = new Map<string, ReturnType<typeof createPriceSource>>();

/** Read once for each provider and model: it takes a while, and every test has a Holdfast of its own. */
export function pricesOf(provider: string, model: string): ReturnType<typeof createPriceSource> {
  const key = `${provider} ${model}`;
  let source = sources.get(key);
  if (source === undefined) {
    source = createPriceSource({
      overrides: [
        {
          provider,
          model,
          inputUsdPerMillion: "1",
          cacheReadUsdPerMillion: "0.25",
          outputUsdPerMillion: "4",
          contextWindowTokens: 128_000,
          maxOutputTokens: 16_384,
        },
      ],
    });
    sources.set(key, source);
  }
  return source;
}

export async function startRig<C>(provider: ProviderUnderTest<C>, options: RigOptions = {}): Promise<Rig<C>> {
  const defaults = { ...provider.step, ...options.server?.defaults };
  const start = provider.startServer ?? startProviderServer;
  const server = await start({ ...options.server, defaults });
  const holdfast = createHoldfast({
    budgets: options.budgets ?? [{ id: "all", limit: { usd: "1000" }, window: "total" }],
    prices: { source: pricesOf(provider.provider, provider.model) },
    ...options.config,
  });
  const settings = { maxRetries: options.maxRetries ?? 0, apiKey: options.apiKey ?? "sk-test" };
  const given = provider.makeClient(server, settings);
  return {
    server,
    holdfast,
    bare: provider.makeClient(server, settings),
    given,
    client: provider.wrap(given, holdfast, options.attribution),
    events: new Events(holdfast),
    async quiet() {
      await server.waitForIdle();
      await holdfast.flush();
    },
    async balance(budgetId = "all") {
      const [balance] = await holdfast.balances(budgetId);
      return { spent: balance!.spent.nanoUsd, held: balance!.held.nanoUsd };
    },
    get billedNanoUsd() {
      return truthNanoUsd(server.billed());
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await holdfast.close({ drainMs: 1 });
    },
  };
}

/** What the promise rejects with. */
export async function failure(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a rejection, got ${JSON.stringify(value)?.slice(0, 200)}`);
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}
