/** @module What these tests share: the SDK versions, prices that can be done in the head, a wired-up client. */
import OpenAI7, { AzureOpenAI as AzureOpenAI7 } from "openai";
import OpenAI5, { AzureOpenAI as AzureOpenAI5 } from "openai-v5";
import OpenAI6, { AzureOpenAI as AzureOpenAI6 } from "openai-v6";
import { createPriceSource } from "@holdfast/prices";
import type { PriceOverride } from "@holdfast/prices";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import type { LedgerEntry, ProviderServer, ProviderServerOptions } from "@holdfast/testkit/provider-server";
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
import { wrapOpenAI } from "holdfast/openai";
import type { WrapOpenAIOptions } from "holdfast/openai";

/** The newest major's types stand for all: the tests use what is common to them. */
export type OpenAI = OpenAI7;

export interface Sdk {
  readonly name: string;
  readonly major: number;
  readonly OpenAI: typeof OpenAI7;
  readonly AzureOpenAI: typeof AzureOpenAI7;
}

export const sdks: readonly Sdk[] = [
  {
    name: "openai 5",
    major: 5,
    OpenAI: OpenAI5 as unknown as typeof OpenAI7,
    AzureOpenAI: AzureOpenAI5 as unknown as typeof AzureOpenAI7,
  },
  {
    name: "openai 6",
    major: 6,
    OpenAI: OpenAI6 as unknown as typeof OpenAI7,
    AzureOpenAI: AzureOpenAI6 as unknown as typeof AzureOpenAI7,
  },
  { name: "openai 7", major: 7, OpenAI: OpenAI7, AzureOpenAI: AzureOpenAI7 },
];

export const newest: Sdk = sdks[2]!;

export const API_KEY = "sk-test";

export type ClientOptions = Record<string, unknown>;

/** One way to build a client. */
export interface ClientKind {
  readonly name: string;
  readonly sdk: Sdk;
  readonly azure: boolean;
  readonly make: (
    server: { readonly url: string; readonly origin: string },
    options?: ClientOptions,
  ) => OpenAI;
}

type Class = new (options: object) => OpenAI;

/** The same class, under the same name, that does not wait half a second before a retry. */
function impatient(Base: Class): Class {
  const Impatient = class extends Base {};
  Object.defineProperty(Impatient, "name", { value: Base.name });
  Object.assign(Impatient.prototype, { calculateDefaultRetryTimeoutMillis: () => 1 });
  return Impatient;
}

export function build(Base: unknown, options: ClientOptions): OpenAI {
  return new (options["maxRetries"] === 0 ? (Base as Class) : impatient(Base as Class))(options);
}

function plain(sdk: Sdk): ClientKind {
  return {
    name: sdk.name,
    sdk,
    azure: false,
    make: (server, options) =>
      build(sdk.OpenAI, { apiKey: API_KEY, baseURL: server.url, maxRetries: 0, ...options }),
  };
}

function azure(sdk: Sdk): ClientKind {
  return {
    name: `${sdk.name}, Azure`,
    sdk,
    azure: true,
    make: (server, options) =>
      build(sdk.AzureOpenAI, {
        apiKey: API_KEY,
        endpoint: server.origin,
        apiVersion: "2025-04-01-preview",
        maxRetries: 0,
        ...options,
      }),
  };
}

export const clientKinds: readonly ClientKind[] = sdks.map(plain);
export const allClientKinds: readonly ClientKind[] = [...clientKinds, ...sdks.map(azure)];
/** Every major, and Azure once: enough where the two differ in the address only. */
export const coreKinds: readonly ClientKind[] = [...clientKinds, azure(newest)];

/** Nano-USD per token: 1 USD, 0.25 USD and 4 USD per million. */
export const RATES = { input: 1_000, cached: 250, output: 4_000 } as const;

/** A name that is known not to reason out of sight, so that no estimate depends on the time a stream took. */
export const MODEL = "gpt-4o-mini";

const price = {
  model: MODEL,
  inputUsdPerMillion: "1",
  cacheReadUsdPerMillion: "0.25",
  outputUsdPerMillion: "4",
  contextWindowTokens: 128_000,
  maxOutputTokens: 16_384,
  serviceTiers: { flex: { numerator: 1, denominator: 2 }, priority: { numerator: 2, denominator: 1 } },
} as const;

export const overrides: readonly PriceOverride[] = [
  { provider: "openai", ...price },
  { provider: "azure", ...price },
];

/** Read once: it takes a while, and every test has a Holdfast of its own. */
export const prices: NonNullable<HoldfastConfig["prices"]> = { source: createPriceSource({ overrides }) };

/** What the provider bills for an attempt at these prices (default tier). */
export function truthNanoUsd(billed: LedgerEntry["billed"] | ReturnType<ProviderServer["billed"]>): number {
  const { inputTokens, cachedInputTokens, outputTokens } = billed;
  return (
    (inputTokens - cachedInputTokens) * RATES.input +
    cachedInputTokens * RATES.cached +
    outputTokens * RATES.output
  );
}

export type Recorded = { [E in EventName]?: HoldfastEvents[E][] };

const eventNames: readonly EventName[] = [
  "usage",
  "hold-reserved",
  "hold-dispatched",
  "hold-settled",
  "hold-released",
  "hold-expired",
  "call-denied",
  "call-unmetered",
  "budget-adjusted",
  "budget-overridden",
  "budgets-changed",
  "meter-anomaly",
  "job-started",
  "job-settled",
  "job-store-failed",
  "prices-changed",
  "listener-failed",
  "events-dropped",
];

/** Every event of a Holdfast, in order. */
export class Events {
  readonly all: { readonly name: EventName; readonly event: unknown }[] = [];

  constructor(holdfast: Holdfast) {
    for (const name of eventNames) holdfast.on(name, (event) => void this.all.push({ name, event }));
  }

  of<E extends EventName>(name: E): HoldfastEvents[E][] {
    return this.all.filter((one) => one.name === name).map((one) => one.event as HoldfastEvents[E]);
  }

  get usage(): UsageRecord[] {
    return this.of("usage");
  }
}

export const wideBudget: BudgetConfig = { id: "all", limit: { usd: "1000" }, window: "total" };

export interface RigOptions {
  readonly kind?: ClientKind;
  readonly budgets?: readonly BudgetConfig[];
  readonly config?: Omit<Partial<HoldfastConfig>, "budgets">;
  readonly client?: ClientOptions;
  readonly server?: ProviderServerOptions;
  readonly attribution?: Attribution;
  readonly wrap?: WrapOpenAIOptions;
}

/** A server, a Holdfast and a wrapped client of it. */
export class Rig {
  readonly server: ProviderServer;
  readonly holdfast: Holdfast;
  readonly bare: OpenAI;
  readonly client: OpenAI;
  readonly events: Events;

  constructor(server: ProviderServer, options: RigOptions) {
    this.server = server;
    this.holdfast = createHoldfast({ budgets: options.budgets ?? [wideBudget], prices, ...options.config });
    this.events = new Events(this.holdfast);
    this.bare = (options.kind ?? clientKinds[2]!).make(server, options.client);
    this.client = wrapOpenAI(this.bare, this.holdfast, options.attribution, options.wrap);
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

/** What the promise rejects with. */
export async function failure<E = Error>(promise: PromiseLike<unknown>): Promise<E> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as E;
  }
  throw new Error(`expected a rejection, got ${JSON.stringify(value)?.slice(0, 200)}`);
}

export const user = (content = "Hi"): { readonly role: "user"; readonly content: string } => ({
  role: "user",
  content,
});

/** The smallest chat request: its worst case is a few input tokens and `max` of output. */
export function chatBody(max = 50): {
  model: string;
  messages: { role: "user"; content: string }[];
  max_tokens: number;
} {
  return { model: MODEL, messages: [user()], max_tokens: max };
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}
