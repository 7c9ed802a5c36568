/** @module What these tests share: the SDK versions, prices that can be done in the head, a wired-up client. */
import { GoogleGenAI as GenAI3 } from "@google/genai";
import { GoogleGenerativeAI } from "@google/generative-ai";
import { GoogleGenAI as GenAI2 } from "google-genai-v2";
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
import { wrapGoogle } from "holdfast/google";
import type { WrapGoogleOptions } from "holdfast/google";

/** The newest major's types stand for all: the tests use what is common to them. */
export type GenAI = GenAI3;
export type AnyGoogle = GenAI | GoogleGenerativeAI;

export const API_KEY = "test-key";

/** A name that is known not to reason out of sight, so that no estimate depends on the time a stream took. */
export const MODEL = "gemini-2.0-flash";

export interface ClientSettings {
  readonly apiKey?: string;
  /** Tries after the first. */
  readonly maxRetries?: number;
  /** More `httpOptions` of a GoogleGenAI. */
  readonly http?: Record<string, unknown>;
}

type Server = Pick<ProviderServer, "origin" | "url">;

/** One question, whatever the SDK. */
export interface Ask {
  readonly model?: string;
  readonly prompt?: string;
  readonly maxOutputTokens?: number;
  readonly signal?: AbortSignal | undefined;
}

/** One way to build a client. */
export interface ClientKind<C extends AnyGoogle = AnyGoogle> {
  /** For reports. */
  readonly name: string;
  /** The SDK and its version. */
  readonly sdk: string;
  readonly vertex: boolean;
  /** Whether the SDK tries again by itself. */
  readonly retries: boolean;
  readonly make: (server: Server, settings?: ClientSettings) => C;
  readonly ask: (client: C, ask: Ask) => Promise<unknown>;
  readonly stream: (client: C, ask: Ask) => Promise<AsyncIterable<unknown>>;
}

export type GenAIKind = ClientKind<GenAI>;
export type GenerativeAIKind = ClientKind<GoogleGenerativeAI>;

function httpOptions(server: Server, { maxRetries = 0, http = {} }: ClientSettings): Record<string, unknown> {
  const retryOptions =
    maxRetries > 0
      ? { attempts: maxRetries + 1, initialDelay: 0.001, maxDelay: 0.001, jitter: 0 }
      : undefined;
  return { baseUrl: server.origin, ...(retryOptions === undefined ? {} : { retryOptions }), ...http };
}

/** Hands out the token that a key stands for, without asking anybody. */
export function authClient(token: string): object {
  return { getRequestHeaders: () => Promise.resolve(new Headers({ authorization: `Bearer ${token}` })) };
}

function genAI(version: string, Class: unknown, vertex: boolean): GenAIKind {
  const Base = Class as new (options: object) => GenAI;
  return {
    name: `@google/genai ${version}${vertex ? ", Vertex AI" : ""}`,
    sdk: `@google/genai ${version}`,
    vertex,
    retries: true,
    make: (server, settings = {}) => {
      const { apiKey = API_KEY } = settings;
      return new Base({
        httpOptions: httpOptions(server, settings),
        ...(vertex
          ? {
              vertexai: true,
              project: "p",
              location: "us-central1",
              googleAuthOptions: { authClient: authClient(apiKey) },
            }
          : { apiKey }),
      });
    },
    ask: (client, { model = MODEL, prompt = "Hi", maxOutputTokens = 50, signal }) =>
      client.models.generateContent({
        model,
        contents: prompt,
        config: { maxOutputTokens, ...(signal === undefined ? {} : { abortSignal: signal }) },
      }),
    stream: (client, { model = MODEL, prompt = "Hi", maxOutputTokens = 50, signal }) =>
      client.models.generateContentStream({
        model,
        contents: prompt,
        config: { maxOutputTokens, ...(signal === undefined ? {} : { abortSignal: signal }) },
      }),
  };
}

/** The SDK takes the address of a server with each model only. */
export const generativeAIKind: GenerativeAIKind = {
  name: "@google/generative-ai 0.24",
  sdk: "@google/generative-ai 0.24",
  vertex: false,
  retries: false,
  make: (server, { apiKey = API_KEY } = {}) => {
    const OnServer = class extends GoogleGenerativeAI {
      override getGenerativeModel(
        ...[params, options]: Parameters<GoogleGenerativeAI["getGenerativeModel"]>
      ): ReturnType<GoogleGenerativeAI["getGenerativeModel"]> {
        return super.getGenerativeModel(params, { baseUrl: server.origin, ...options });
      }
    };
    Object.defineProperty(OnServer, "name", { value: GoogleGenerativeAI.name });
    return new OnServer(apiKey);
  },
  ask: (client, { model = MODEL, prompt = "Hi", maxOutputTokens = 50, signal }) =>
    client
      .getGenerativeModel({ model, generationConfig: { maxOutputTokens } })
      .generateContent(prompt, signal === undefined ? {} : { signal }),
  stream: async (client, { model = MODEL, prompt = "Hi", maxOutputTokens = 50, signal }) => {
    const { stream, response } = await client
      .getGenerativeModel({ model, generationConfig: { maxOutputTokens } })
      .generateContentStream(prompt, signal === undefined ? {} : { signal });
    // Whoever reads the stream hears of its failure there.
    response.catch(() => undefined);
    return stream;
  },
};

export const newest: GenAIKind = genAI("3.1", GenAI3, false);
export const vertex: GenAIKind = genAI("3.1", GenAI3, true);
export const genAIKinds: readonly GenAIKind[] = [newest, genAI("2.32", GenAI2, false), vertex];
export const clientKinds: readonly ClientKind[] = [
  ...genAIKinds,
  generativeAIKind,
] as unknown as ClientKind[];

/** Nano-USD per token: 1 USD, 0.25 USD and 4 USD per million; 10 USD per 1,000 searches. */
export const RATES = { input: 1_000, cached: 250, output: 4_000, search: 10_000_000 } as const;

export const overrides: readonly PriceOverride[] = [
  {
    provider: "google",
    model: MODEL,
    inputUsdPerMillion: "1",
    cacheReadUsdPerMillion: "0.25",
    outputUsdPerMillion: "4",
    contextWindowTokens: 128_000,
    maxOutputTokens: 16_384,
    serviceTiers: {
      flex: { numerator: 1, denominator: 2 },
      batch: { numerator: 1, denominator: 2 },
      priority: { numerator: 2, denominator: 1 },
    },
  },
];

/** Read once: it takes a while, and every test has a Holdfast of its own. */
export const prices: NonNullable<HoldfastConfig["prices"]> = { source: createPriceSource({ overrides }) };

/** What the provider bills at these prices (default tier). */
export function truthNanoUsd(billed: LedgerEntry["billed"] | ReturnType<ProviderServer["billed"]>): number {
  const { inputTokens, cachedInputTokens, outputTokens } = billed;
  return (
    (inputTokens - cachedInputTokens) * RATES.input +
    cachedInputTokens * RATES.cached +
    outputTokens * RATES.output
  );
}

const eventNames: readonly EventName[] = [
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
/** Less than any call may cost. */
export const dryBudget: BudgetConfig = { id: "dry", limit: { usd: "0.000000001" }, window: "day" };

export interface RigOptions<C extends AnyGoogle> {
  readonly kind: ClientKind<C>;
  readonly budgets?: readonly BudgetConfig[];
  readonly config?: Omit<Partial<HoldfastConfig>, "budgets">;
  readonly client?: ClientSettings;
  readonly server?: ProviderServerOptions;
  readonly attribution?: Attribution;
  readonly wrap?: WrapGoogleOptions;
}

/** A server, a Holdfast and a wrapped client of it. */
export class Rig<C extends AnyGoogle> {
  readonly server: ProviderServer;
  readonly holdfast: Holdfast;
  readonly bare: C;
  readonly client: C;
  readonly events: Events;

  constructor(server: ProviderServer, options: RigOptions<C>) {
    this.server = server;
    this.holdfast = createHoldfast({ budgets: options.budgets ?? [wideBudget], prices, ...options.config });
    this.events = new Events(this.holdfast);
    this.bare = options.kind.make(server, options.client);
    this.client = wrapGoogle(this.bare, this.holdfast, options.attribution, options.wrap);
  }

  /** Everything has ended, on both sides. */
  async quiet(): Promise<void> {
    await this.server.waitForIdle();
    await this.holdfast.flush();
  }

  async balance(
    budgetId = "all",
  ): Promise<{ readonly spent: number; readonly held: number; readonly calls: number }> {
    const [balance] = await this.holdfast.balances(budgetId);
    return { spent: balance!.spent.nanoUsd, held: balance!.held.nanoUsd, calls: balance!.spent.calls };
  }

  get billedNanoUsd(): number {
    return truthNanoUsd(this.server.billed());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.holdfast.close({ drainMs: 1 });
  }
}

/** Small, so that no estimate of a short prompt is below what the server bills. */
const small: ProviderServerOptions = { usage: () => ({ inputTokens: 10, outputTokens: 12 }) };

export async function rig<C extends AnyGoogle>(options: RigOptions<C>): Promise<Rig<C>> {
  return new Rig(await startProviderServer({ ...small, ...options.server }), options);
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

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}
