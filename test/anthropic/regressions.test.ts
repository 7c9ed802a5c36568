/** @module Ways by which a call of Claude was held for, or charged, less than it costs, or was not seen at all. */
import Anthropic from "@anthropic-ai/sdk";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import { afterEach, describe, expect, test, vi } from "vitest";
import { collect, directKinds, failure, newest, rig, user, vertexAuth } from "./harness.ts";
import type { ClientKind, ClientOptions, Rig } from "./harness.ts";

const OPUS = "claude-opus-4-8";
const HAIKU = "claude-haiku-4-5";
const SONNET = "claude-sonnet-4-6";

type Body = Readonly<Record<string, unknown>>;
type Next = (request: { url: string; method?: string; body?: unknown }) => Promise<Response>;
type Middleware = (
  request: { url: string; method?: string; body?: unknown },
  next: Next,
) => Promise<Response>;

const message = (usage: Body, model = SONNET): Body => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model,
  content: [{ type: "text", text: "x" }],
  stop_reason: "end_turn",
  usage,
});
const ask = (body: Body = {}) => ({ model: SONNET, max_tokens: 1_000, messages: [user()], ...body }) as never;

/** A promise that is resolved by hand. */
function gate<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A client whose server always gives this answer; prices are the published ones. */
async function answering(
  answer: (url: string, init: RequestInit) => Response | Promise<Response>,
  client: ClientOptions = {},
  kind: ClientKind = newest,
): Promise<Rig> {
  const fetch = async (url: unknown, init: RequestInit): Promise<Response> => answer(String(url), init);
  return rig({ kind, config: { prices: {} }, client: { fetch, ...client } });
}

describe("a stream that is left early", () => {
  /** Sends these events and then nothing more. */
  const silent = (events: readonly Body[], signal: AbortSignal | null | undefined): Response => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const event of events) {
          const text = `event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`;
          controller.enqueue(new TextEncoder().encode(text));
        }
        signal?.addEventListener("abort", () => controller.error(signal.reason));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const started = (model: string, inputTokens: number): Body => ({
    type: "message_start",
    message: { ...message({ input_tokens: inputTokens, output_tokens: 1 }, model), content: [] },
  });
  const said = (text: string): Body => ({
    type: "content_block_delta",
    index: 0,
    delta: { type: "text_delta", text },
  });

  async function spentOn(body: Body, events: readonly Body[]): Promise<{ spent: number; held: number }> {
    await using at = await answering((_url, { signal }) => silent(events, signal));
    const asked = ask({ thinking: { type: "disabled" }, ...body, stream: true });
    let left = events.length;
    for await (const _ of (await at.client.beta.messages.create(asked)) as unknown as AsyncIterable<object>) {
      left -= 1;
      if (left === 0) break;
    }
    await at.quiet();
    expect((await at.balance()).held).toBe(0);
    const [record] = at.events.usage;
    return { spent: record!.costNanoUsd, held: record!.heldNanoUsd };
  }

  test("of a loop of the provider's tools is charged for the context that it may have read again", async () => {
    const tools = [{ type: "web_search_20250305", name: "web_search", max_uses: 5 }];
    const { spent, held } = await spentOn({ model: OPUS, tools }, [started(OPUS, 1_000), said("So")]);
    // A window of a million tokens at 5 USD, and the searches.
    expect(spent).toBeGreaterThanOrEqual(5_000_000_000 + 5 * 10_000_000);
    expect(spent).toBeLessThanOrEqual(held);
  });

  test("is charged for the advisor, which is not in what it states", async () => {
    const tools = [
      { type: "advisor_20260301", name: "advisor", model: OPUS, max_uses: 1, max_tokens: 4_000 },
    ];
    const { spent, held } = await spentOn({ model: HAIKU, tools }, [started(HAIKU, 100_000), said("ok")]);
    // 100,000 x 1 USD, and the same read by the advisor at 5 USD.
    expect(spent).toBeGreaterThanOrEqual(100_000_000 + 500_000_000);
    expect(spent).toBeLessThanOrEqual(held);
  });

  test("and answered by a dearer fallback is charged at its price", async () => {
    const fallbacks = [{ model: OPUS }];
    const { spent } = await spentOn({ model: HAIKU, fallbacks }, [started(OPUS, 100_000), said("word ")]);
    expect(spent).toBeGreaterThanOrEqual(500_000_000);
  });

  test("of one model that reads its input once is charged what it states", async () => {
    const { spent } = await spentOn({ model: OPUS }, [started(OPUS, 1_000), said("So")]);
    expect(spent).toBeGreaterThanOrEqual(5_000_000);
    expect(spent).toBeLessThan(25_000_000);
  });
});

// 1,000 x 5 USD and 100 x 25 USD per million, doubled, or 10 % more.
test.each<[string, Body, Body, number]>([
  ["fast, without speed", { speed: "fast" }, { service_tier: "standard" }, 15_000_000],
  ["fast, with a speed of null", { speed: "fast" }, { service_tier: "standard", speed: null }, 15_000_000],
  ["fast, with the place", { speed: "fast" }, { inference_geo: "us" }, 16_500_000],
  ["fast, at standard speed", { speed: "fast" }, { speed: "standard" }, 7_500_000],
  ["in the US, without the place", { inference_geo: "us" }, { service_tier: "standard" }, 8_250_000],
  ["in the US and fast, without either", { inference_geo: "us", speed: "fast" }, {}, 16_500_000],
  ["in the US, but elsewhere", { inference_geo: "us" }, { inference_geo: "global" }, 7_500_000],
])("an answer is billed as asked for where it does not say: %s", async (_name, body, usage, cost) => {
  const counts = { input_tokens: 1_000, output_tokens: 100 };
  await using at = await answering(() => Response.json(message({ ...counts, ...usage }, OPUS)));
  await at.client.beta.messages.create(ask({ model: OPUS, ...body }));
  await at.quiet();
  expect(at.events.usage).toMatchObject([{ costNanoUsd: cost }]);
});

test("the next turn of a thread is held for with the turns before it, whatever the count says", async () => {
  const held = async (exactInputTokens: boolean): Promise<number> => {
    const usage = { input_tokens: 500_000, output_tokens: 10 };
    const fetch = async (url: unknown): Promise<Response> =>
      Response.json(String(url).includes("count_tokens") ? { input_tokens: 10 } : message(usage));
    await using at = await rig({ config: { prices: {} }, client: { fetch }, wrap: { exactInputTokens } });
    const { messages } = at.client.beta;
    await messages.create(ask({ thread: { type: "create" } }));
    await messages.create(ask({ thread: { type: "continue", previous_message_id: "msg_1" } }));
    await at.quiet();
    return at.events.usage[1]!.heldNanoUsd;
  };
  // 500,000 x 3 USD.
  expect(await held(false)).toBeGreaterThanOrEqual(1_500_000_000);
  expect(await held(true)).toBe(await held(false));
});

test("a clone of a Vertex client at another location is held for and billed by its prices", async () => {
  const usage = { input_tokens: 100_000, output_tokens: 0 };
  const kind: ClientKind = {
    ...newest,
    make: (_server, options) =>
      new AnthropicVertex({
        region: "global",
        projectId: "p",
        authClient: vertexAuth as never,
        accessToken: "t",
        maxRetries: 0,
        ...options,
      }) as never,
  };
  await using at = await answering(() => Response.json(message(usage)), {}, kind);
  await at.client.messages.create(ask());
  await at.client.withOptions({ region: "us-east5" } as never).messages.create(ask());
  await at.quiet();
  // 100,000 x 3 USD, and 10 % more in a region.
  expect(at.events.usage.map(({ costNanoUsd }) => costNanoUsd)).toEqual([300_000_000, 330_000_000]);
  const [there, here] = at.events.usage.map(({ heldNanoUsd }) => heldNanoUsd);
  expect(here! * 10).toBe(there! * 11);
});

describe("what would be billed is not sent unheld", () => {
  const posted = { method: "POST", body: JSON.stringify({ model: SONNET, max_tokens: 10, messages: [] }) };

  test.each(directKinds)("by a get that fetchOptions make a post: $name", async (kind) => {
    const sent: string[] = [];
    const fetch = async (url: unknown): Promise<Response> => {
      sent.push(String(url));
      return Response.json(message({ input_tokens: 1, output_tokens: 1 }));
    };
    await using at = await rig({ kind, client: { fetch } });
    await failure(at.client.get("/v1/messages", { fetchOptions: posted as never }));
    const clone = at.client.withOptions({ fetchOptions: posted as never });
    await failure(clone.get("/v1/messages"));
    expect(sent).toEqual([]);
  });

  const reroute: Middleware = (request, next) =>
    next({ ...request, url: request.url.replace("models", "messages"), ...posted });

  test("by middleware that makes a billed request of a free one", async () => {
    const usage = { input_tokens: 100, output_tokens: 10 };
    await using at = await answering(() => Response.json(message(usage)));
    await at.client.get("/v1/models", { middleware: [reroute as never] });
    const clone = at.client.withOptions({ middleware: [reroute as never] });
    await clone.get("/v1/models");
    await at.quiet();
    // 100 x 3 USD and 10 x 15 USD.
    expect(at.events.usage.map(({ costNanoUsd }) => costNanoUsd)).toEqual([450_000, 450_000]);
    expect((await at.balance()).held).toBe(0);
  });

  test("by middleware that does so without money", async () => {
    const fetch = vi.fn<() => Promise<Response>>(async () => Response.json({}));
    await using at = await rig({
      budgets: [{ id: "all", limit: { usd: "0" }, window: "total" }],
      config: { prices: {} },
      client: { fetch, maxRetries: 2 },
    });
    const free = at.client.get("/v1/models", { middleware: [reroute as never] });
    expect(await failure(free)).toMatchObject({ code: "BUDGET_EXCEEDED" });
    expect(fetch).not.toHaveBeenCalled();
  });

  test("and what is let through by name is told of once, with middleware or without", async () => {
    const config = { allow: ["agents"] as const };
    const middleware = [((request, next) => next(request)) satisfies Middleware];
    const fetch = async (): Promise<Response> => Response.json({});
    await using at = await rig({ config, client: { middleware, fetch } });
    await at.client.post("/v1/sessions", { body: {} });
    await at.client.get("/v1/models");
    await at.quiet();
    expect(at.events.all.map(({ name }) => name)).toEqual(["call-unmetered"]);
  });

  test.each(["v1/organizations/acme/anthropic", "v1/models/claude"])(
    "by a gateway at /%s, with middleware of the application's own",
    async (path) => {
      const usage = { input_tokens: 100, output_tokens: 10 };
      const middleware = [((request, next) => next(request)) satisfies Middleware];
      const baseURL = `https://gateway.test/${path}`;
      await using at = await answering(() => Response.json(message(usage)), { baseURL, middleware });
      await at.client.messages.create(ask());
      await at.quiet();
      expect(at.events.usage).toMatchObject([{ costNanoUsd: 450_000 }]);
    },
  );
});

test("a batch in the US is held for and settled at its price there", async () => {
  const at100k = { input_tokens: 100_000, output_tokens: 0, service_tier: "batch" };
  const results = ["us", "global", undefined].map((inference_geo, n) => ({
    custom_id: `r${n}`,
    result: { type: "succeeded", message: message({ ...at100k, inference_geo }, OPUS) },
  }));
  const described = {
    id: "msgbatch_1",
    type: "message_batch",
    processing_status: "ended",
    request_counts: { succeeded: 3 },
    results_url: "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results",
  };
  const run = async (geography: Body): Promise<{ spent: number; held: number }> => {
    await using at = await answering((url) =>
      url.endsWith("/results")
        ? new Response(results.map((one) => `${JSON.stringify(one)}\n`).join(""))
        : Response.json(described),
    );
    const params = ask({ model: OPUS, ...geography });
    await at.client.messages.batches.create({
      requests: results.map(({ custom_id }) => ({ custom_id, params })),
    });
    await at.quiet();
    const { held } = await at.balance();
    await collect(await at.client.messages.batches.results("msgbatch_1"));
    await at.quiet();
    expect((await at.balance()).held).toBe(0);
    expect(at.events.of("meter-anomaly").map(({ anomaly }) => anomaly)).toEqual(["cost-above-hold"]);
    return { spent: (await at.balance()).spent, held };
  };
  const inUs = await run({ inference_geo: "us" });
  const anywhere = await run({ inference_geo: "global" });
  const unsaid = await run({});
  // 250,000,000 each at half price; 10 % more where it was in the US, or was asked for there and does not say.
  expect(inUs.spent).toBe(275_000_000 + 250_000_000 + 275_000_000);
  expect(anywhere.spent).toBe(275_000_000 + 250_000_000 + 250_000_000);
  expect(unsaid.spent).toBe(anywhere.spent);
  expect(inUs.held * 10).toBe(anywhere.held * 11);
  // The workspace may have the US as its geography.
  expect(unsaid.held).toBe(inUs.held);
});

test("a subclass whose prepareRequest is not asynchronous works as it does bare", async () => {
  class Mine extends Anthropic {
    prepared = 0;
    protected override prepareRequest(): never {
      this.prepared += 1;
      return undefined as never;
    }
  }
  const kind: ClientKind = { ...newest, make: (_server, options) => new Mine({ apiKey: "k", ...options }) };
  const usage = { input_tokens: 100, output_tokens: 10 };
  await using at = await answering(() => Response.json(message(usage)), { maxRetries: 0 }, kind);
  await at.client.messages.create(ask());
  await at.quiet();
  expect((at.client as unknown as Mine).prepared).toBe(1);
  expect(at.events.usage).toMatchObject([{ outcome: "complete", costNanoUsd: 450_000 }]);
});

describe("an answer that middleware does not hand out", () => {
  afterEach(() => void vi.useRealTimers());
  const usage = { input_tokens: 100, output_tokens: 10 };
  const COST = 450_000;
  const fakeTimers = (): void => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });

  async function outcomes(
    at: Rig,
    run: () => Promise<unknown>,
  ): Promise<{ readonly before: readonly unknown[]; readonly after: readonly unknown[] }> {
    fakeTimers();
    await run();
    const seen = (): unknown[] => at.events.usage.map(({ outcome }) => outcome);
    const before = seen();
    await vi.advanceTimersByTimeAsync(5_000);
    vi.useRealTimers();
    await at.holdfast.flush();
    return { before, after: seen() };
  }

  test("is charged what was held some seconds later, and no longer held for", async () => {
    const middleware: Middleware[] = [
      async (request, next) => {
        await next(request);
        return Response.json(message(usage));
      },
    ];
    await using at = await answering(() => Response.json(message(usage)), { middleware });
    expect(await outcomes(at, () => at.client.messages.create(ask()))).toEqual({
      before: [],
      after: ["ambiguous"],
    });
    expect(at.events.usage[0]!.costNanoUsd).toBe(at.events.usage[0]!.heldNanoUsd);
    expect((await at.balance()).held).toBe(0);
  });

  test("and that arrives after the call has returned, too", async () => {
    const middleware: Middleware[] = [(request, next) => Promise.any([next(request), next(request)])];
    const late = gate<Response>();
    let sent = 0;
    const answer = (): Promise<Response> | Response =>
      ++sent === 1 ? Response.json(message(usage)) : late.promise;
    await using at = await answering(answer, { middleware });
    const run = async (): Promise<void> => {
      await at.client.messages.create(ask());
      late.resolve(Response.json(message(usage)));
      await vi.advanceTimersByTimeAsync(0);
    };
    expect(await outcomes(at, run)).toEqual({ before: ["complete"], after: ["complete", "ambiguous"] });
    const [won, lost] = at.events.usage;
    expect(await at.balance()).toEqual({ spent: COST + lost!.heldNanoUsd, held: 0 });
    expect(won!.costNanoUsd).toBe(COST);
  });

  test("but that is being read meanwhile, is charged what it says", async () => {
    const rest = gate<void>();
    let background: Promise<unknown> | undefined;
    const middleware: Middleware[] = [
      async (request, next) => {
        background = (await next(request)).text();
        return Response.json(message(usage));
      },
    ];
    const slow = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await rest.promise;
        controller.enqueue(new TextEncoder().encode(JSON.stringify(message(usage))));
        controller.close();
      },
    });
    const headers = { "content-type": "application/json" };
    await using at = await answering(() => new Response(slow, { headers }), { middleware });
    expect(await outcomes(at, () => at.client.messages.create(ask()))).toEqual({ before: [], after: [] });
    rest.resolve();
    await background;
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "complete", costNanoUsd: COST }]);
  });

  test("is none of those that the call returns, however late they are read", async () => {
    const middleware: Middleware[] = [(request, next) => next(request)];
    await using at = await answering(() => Response.json(message(usage)), { middleware });
    let response: Response | undefined;
    const run = async (): Promise<void> => {
      response = await at.client.messages.create(ask()).asResponse();
    };
    expect(await outcomes(at, run)).toEqual({ before: [], after: [] });
    await response!.json();
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "complete", costNanoUsd: COST }]);
  });
});
