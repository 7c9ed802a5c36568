/** @module What these tests share: the SDK versions and platforms, prices that can be done in the head, a wired-up client. */
import { createRequire, registerHooks } from "node:module";
import type * as Bedrock from "@anthropic-ai/bedrock-sdk";
import { AnthropicFoundry } from "@anthropic-ai/foundry-sdk";
import Anthropic1 from "@anthropic-ai/sdk";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import Anthropic101 from "anthropic-v0-101";
import Anthropic60 from "anthropic-v0-60";
import { createPriceSource } from "@holdfast/prices";
import type { PriceOverride } from "@holdfast/prices";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import type { BilledPart, ProviderServer, ProviderServerOptions } from "@holdfast/testkit/provider-server";
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
import { wrapAnthropic } from "holdfast/anthropic";
import type { WrapAnthropicOptions } from "holdfast/anthropic";

/** As plain Node resolves it: under Vitest's conditions, the AWS packages are taken in a form for bundlers only. */
function loadBedrock(): typeof Bedrock {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: context.conditions.filter((name) => name !== "module") }),
  });
  try {
    return createRequire(import.meta.url)("@anthropic-ai/bedrock-sdk") as typeof Bedrock;
  } finally {
    hooks.deregister();
  }
}
const { AnthropicBedrock, AnthropicBedrockMantle } = loadBedrock();

/** The newest version's types stand for all: the tests use what is common to them. */
export type Anthropic = Anthropic1;
export type AnthropicClass = typeof Anthropic1;

export const API_KEY = "sk-ant-test";

export type ClientOptions = Record<string, unknown>;

type Server = { readonly url: string; readonly origin: string };
type Class = new (options: object) => object;

/** One way to build a client. */
export interface ClientKind {
  readonly name: string;
  /** The version of the SDK inside: "1.12", "0.101", "0.60". */
  readonly version: string;
  /** The provider in the price list. */
  readonly provider: string;
  /** The path that a call of `model` goes to. */
  readonly pathOf: (model: string, stream?: boolean) => string;
  /** Whether the SDK runs middleware. */
  readonly middleware: boolean;
  readonly Class: Class;
  readonly make: (server: Server, options?: ClientOptions) => Anthropic;
}

/** The same class, under the same name, that does not wait half a second before a retry. */
function impatient(Base: Class): Class {
  const Impatient = class extends Base {};
  Object.defineProperty(Impatient, "name", { value: Base.name });
  Object.assign(Impatient.prototype, { calculateDefaultRetryTimeoutMillis: () => 1 });
  return Impatient;
}

function build(Base: Class, options: ClientOptions): Anthropic {
  return new (options["maxRetries"] === 0 ? Base : impatient(Base))(options) as unknown as Anthropic;
}

const ownPath = (): string => "/v1/messages";

function direct(version: string, Base: unknown): ClientKind {
  return {
    name: `@anthropic-ai/sdk ${version}`,
    version,
    provider: "anthropic",
    pathOf: ownPath,
    middleware: version !== "0.60",
    Class: Base as Class,
    make: (server, options) =>
      build(Base as Class, { apiKey: API_KEY, baseURL: server.origin, maxRetries: 0, ...options }),
  };
}

const bedrockPath = (model: string, stream?: boolean): string =>
  `/model/${encodeURIComponent(model).replaceAll("%3A", ":")}/${stream === true ? "invoke-with-response-stream" : "invoke"}`;

/** Signed with AWS keys, as most are. */
const bedrock: ClientKind = {
  name: "AnthropicBedrock 1.1",
  version: "1.12",
  provider: "aws",
  pathOf: bedrockPath,
  middleware: true,
  Class: AnthropicBedrock as unknown as Class,
  make: (server, { apiKey, ...options } = {}) =>
    build(AnthropicBedrock as unknown as Class, {
      baseURL: server.origin,
      awsRegion: "us-east-1",
      awsAccessKey: "AKIATEST",
      awsSecretKey: typeof apiKey === "string" ? apiKey : "secret",
      apiKey: null,
      maxRetries: 0,
      ...options,
    }),
};

const bedrockMantle: ClientKind = {
  name: "AnthropicBedrockMantle 1.1",
  version: "1.12",
  provider: "aws",
  pathOf: () => "/anthropic/v1/messages",
  middleware: true,
  Class: AnthropicBedrockMantle as unknown as Class,
  make: (server, options) =>
    build(AnthropicBedrockMantle as unknown as Class, {
      baseURL: `${server.origin}/anthropic`,
      awsRegion: "us-east-1",
      apiKey: API_KEY,
      maxRetries: 0,
      ...options,
    }),
};

export const vertexAuth = {
  projectId: "project",
  getRequestHeaders: async () => new Headers({ authorization: "Bearer token" }),
};

function vertex(region: string): ClientKind {
  return {
    name: `AnthropicVertex 1.1 (${region})`,
    version: "1.12",
    provider: "google",
    pathOf: (model, stream) =>
      `/v1/projects/project/locations/${region}/publishers/anthropic/models/${model}:${stream === true ? "streamRawPredict" : "rawPredict"}`,
    middleware: true,
    Class: AnthropicVertex as unknown as Class,
    make: (server, { apiKey: accessToken, ...options } = {}) =>
      build(AnthropicVertex as unknown as Class, {
        baseURL: server.url,
        region,
        projectId: "project",
        authClient: vertexAuth,
        accessToken,
        maxRetries: 0,
        ...options,
      }),
  };
}

const foundry: ClientKind = {
  name: "AnthropicFoundry 1.1",
  version: "1.12",
  provider: "azure",
  pathOf: () => "/anthropic/v1/messages",
  middleware: true,
  Class: AnthropicFoundry as unknown as Class,
  make: (server, options) =>
    build(AnthropicFoundry as unknown as Class, {
      apiKey: API_KEY,
      baseURL: `${server.origin}/anthropic`,
      maxRetries: 0,
      ...options,
    }),
};

export const newest: ClientKind = direct("1.12", Anthropic1);
export const directKinds: readonly ClientKind[] = [
  newest,
  direct("0.101", Anthropic101),
  direct("0.60", Anthropic60),
];
export const cloudKinds: readonly ClientKind[] = [
  bedrock,
  bedrockMantle,
  vertex("global"),
  vertex("us-east5"),
  foundry,
];
export const clientKinds: readonly ClientKind[] = [...directKinds, ...cloudKinds];
/** All that have middleware, one of each platform. */
export const kindsWithMiddleware: readonly ClientKind[] = clientKinds.filter(({ middleware }) => middleware);

/** Nano-USD per token: 1 USD per million input tokens, and what follows from it. */
export const RATES = { input: 1_000, cached: 100, write5m: 1_250, write1h: 2_000, output: 5_000 } as const;
/** Nano-USD per search: 10 USD per 1,000. */
export const SEARCH = 10_000_000;

/** A name that is known not to reason out of sight, so that no estimate depends on the time a stream took. */
export const MODEL = "claude-3-5-haiku";
/** Ten times as dear. */
export const DEAR_MODEL = "claude-3-opus";

const price = (model: string, factor: number) =>
  ({
    model,
    inputUsdPerMillion: `${factor}`,
    cacheReadUsdPerMillion: `${factor / 10}`,
    cacheWriteUsdPerMillion: `${factor * 1.25}`,
    cacheWriteLongUsdPerMillion: `${factor * 2}`,
    outputUsdPerMillion: `${factor * 5}`,
    webSearchUsdPerThousand: "10",
    contextWindowTokens: 200_000,
    maxOutputTokens: 8_192,
    serviceTiers: {
      priority: { numerator: 1, denominator: 1 },
      batch: { numerator: 1, denominator: 2 },
      fast: { numerator: 6, denominator: 1 },
      us: { numerator: 11, denominator: 10 },
    },
  }) as const;

export const overrides: readonly PriceOverride[] = ["anthropic", "aws", "google", "azure"].flatMap(
  (provider) => [
    { provider, ...price(MODEL, 1) },
    { provider, ...price(DEAR_MODEL, 10) },
  ],
);

/** Read once: it takes a while, and every test has a Holdfast of its own. */
export const prices: NonNullable<HoldfastConfig["prices"]> = { source: createPriceSource({ overrides }) };

/** What the provider bills for one part of an answer at these prices (list-price tier). */
export function truthOfPart({ model, quantities }: BilledPart): number {
  const { inputTokens = 0, cachedInputTokens = 0, outputTokens = 0, webSearchRequests = 0 } = quantities;
  const { cacheWrite5mTokens: write5m = 0, cacheWrite1hTokens: write1h = 0 } = quantities;
  const tokens =
    (inputTokens - cachedInputTokens - write5m - write1h) * RATES.input +
    cachedInputTokens * RATES.cached +
    write5m * RATES.write5m +
    write1h * RATES.write1h +
    outputTokens * RATES.output;
  return tokens * (model.includes("opus") ? 10 : 1) + webSearchRequests * SEARCH;
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
  "meter-anomaly",
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
  readonly wrap?: WrapAnthropicOptions;
}

/** A server, a Holdfast and a wrapped client of it. */
export class Rig {
  readonly server: ProviderServer;
  readonly holdfast: Holdfast;
  readonly bare: Anthropic;
  readonly client: Anthropic;
  readonly events: Events;

  constructor(server: ProviderServer, options: RigOptions) {
    this.server = server;
    this.holdfast = createHoldfast({ budgets: options.budgets ?? [wideBudget], prices, ...options.config });
    this.events = new Events(this.holdfast);
    this.bare = (options.kind ?? newest).make(server, options.client);
    this.client = wrapAnthropic(this.bare, this.holdfast, options.attribution, options.wrap);
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
    return this.server.ledger
      .flatMap(({ billed }) => billed.parts)
      .reduce((sum, part) => sum + truthOfPart(part), 0);
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

/** The smallest request: its worst case is a few input tokens and `max` of output. */
export function messageBody(
  max = 50,
  model = MODEL,
): { model: string; messages: { role: "user"; content: string }[]; max_tokens: number } {
  return { model, messages: [user()], max_tokens: max };
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}
