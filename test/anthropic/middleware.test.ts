/** @module The SDK's middleware, the application's own: what it finally sends is what is held for and billed. */
import { betaRefusalFallbackMiddleware } from "@anthropic-ai/sdk/lib/middleware";
import { describe, expect, test } from "vitest";
import {
  DEAR_MODEL,
  failure,
  kindsWithMiddleware,
  messageBody,
  MODEL,
  newest,
  RATES,
  rig,
} from "./harness.ts";
import type { Anthropic, ClientKind, RigOptions, Rig } from "./harness.ts";

interface Request {
  readonly url: string;
  readonly body?: unknown;
}
type Next = (request: Request) => Promise<Response>;
type Middleware = (request: Request, next: Next, call: { options?: object }) => Promise<Response>;

const usage = { inputTokens: 9, outputTokens: 12 };
const COST = 9 * RATES.input + 12 * RATES.output;
/** Room for one of the small requests at a time, and not for a dear one. */
const tight = (usd: string) => [{ id: "all", limit: { usd }, window: "total" }] as const;

const toModel =
  (model: string): Middleware =>
  (request, next) =>
    next({ ...request, body: JSON.stringify({ ...JSON.parse(request.body as string), model }) });

/** Where the middleware is put. */
const PLACES: Readonly<
  Record<
    string,
    (
      kind: ClientKind,
      middleware: Middleware,
      options: RigOptions,
    ) => Promise<{ at: Rig; ask: (body?: object) => PromiseLike<unknown> }>
  >
> = {
  "the client's": async (kind, middleware, options) => {
    const at = await rig({
      kind,
      server: { usage },
      ...options,
      client: { ...options.client, middleware: [middleware] },
    });
    return { at, ask: (body = {}) => at.client.messages.create({ ...messageBody(), ...body }) };
  },
  "a clone's": async (kind, middleware, options) => {
    const at = await rig({ kind, server: { usage }, ...options });
    const clone = at.client.withOptions({ middleware: [middleware as never] });
    return { at, ask: (body = {}) => clone.messages.create({ ...messageBody(), ...body }) };
  },
  "the request's": async (kind, middleware, options) => {
    const at = await rig({ kind, server: { usage }, ...options });
    return {
      at,
      ask: (body = {}) =>
        at.client.messages.create({ ...messageBody(), ...body }, { middleware: [middleware as never] }),
    };
  },
};

describe.each(kindsWithMiddleware)("$name", (kind) => {
  describe.each(Object.entries(PLACES))("%s middleware", (_place, place) => {
    test("that only looks changes nothing", async () => {
      const seen: unknown[] = [];
      const { at, ask } = await place(
        kind,
        async (request, next, { options }) => {
          const response = await next(request);
          seen.push(request.url, (options as { path?: string }).path, await response.clone().json());
          return response;
        },
        {},
      );
      await using _ = at;
      const answer = await ask();
      expect(seen[1]).toBe("/v1/messages");
      expect(seen[2]).toMatchObject({ id: (answer as { id: string }).id });
      await at.quiet();
      expect(at.events.usage.map(({ costNanoUsd }) => costNanoUsd)).toEqual([COST]);
      expect(await at.balance()).toEqual({ spent: COST, held: 0 });
    });

    test("that sends twice is billed twice", async () => {
      const { at, ask } = await place(
        kind,
        async (request, next) => {
          await (await next(request)).text();
          return next(request);
        },
        {},
      );
      await using _ = at;
      await ask();
      await at.quiet();
      expect(at.server.ledger).toHaveLength(2);
      expect(at.events.usage.map(({ attempt, costNanoUsd }) => [attempt, costNanoUsd])).toEqual([
        [1, COST],
        [2, COST],
      ]);
      expect(await at.balance()).toEqual({ spent: 2 * COST, held: 0 });
    });

    test("that sends several at once is billed for each, and has room for each", async () => {
      const hedge: Middleware = async (request, next) => {
        const answers = await Promise.all([
          next(request),
          toModel(DEAR_MODEL)(request, next, {}),
          next(request),
        ]);
        await Promise.all(answers.slice(1).map((answer) => answer.text()));
        return answers[0];
      };
      const { at, ask } = await place(kind, hedge, {});
      await using _ = at;
      await ask();
      await at.quiet();
      expect(at.server.ledger).toHaveLength(3);
      expect(at.events.usage.map(({ costNanoUsd }) => costNanoUsd).toSorted((a, b) => a - b)).toEqual([
        COST,
        COST,
        10 * COST,
      ]);
      expect(at.events.of("hold-reserved")).toHaveLength(3);
      expect(await at.balance()).toEqual({ spent: 12 * COST, held: 0 });
    });

    test("that takes another model is held for and billed by that", async () => {
      const { at, ask } = await place(kind, toModel(DEAR_MODEL), {});
      await using _ = at;
      await ask();
      await at.quiet();
      expect(at.server.ledger[0]!.path).toBe(kind.pathOf(DEAR_MODEL));
      expect(at.events.usage).toMatchObject([{ requestedModel: DEAR_MODEL, costNanoUsd: 10 * COST }]);
      expect(at.events.usage[0]!.heldNanoUsd).toBeGreaterThanOrEqual(10 * COST);
      expect(await at.balance()).toEqual({ spent: 10 * COST, held: 0 });
    });

    test("that takes a cheaper model needs room for that only", async () => {
      const { at, ask } = await place(kind, toModel(MODEL), { budgets: tight("0.001") });
      await using _ = at;
      await ask({ model: DEAR_MODEL });
      await at.quiet();
      expect(at.events.usage).toMatchObject([{ requestedModel: MODEL, costNanoUsd: COST }]);
      expect(at.events.of("call-denied")).toEqual([]);
    });

    test("that takes a dearer model is denied by what that needs, once, with retries to spare", async () => {
      const { at, ask } = await place(kind, toModel(DEAR_MODEL), {
        budgets: tight("0.001"),
        client: { maxRetries: 2 },
      });
      await using _ = at;
      expect(await failure(ask())).toMatchObject({ name: "BudgetExceededError", code: "BUDGET_EXCEEDED" });
      await at.quiet();
      expect(at.server.ledger).toEqual([]);
      expect(at.events.of("call-denied")).toHaveLength(1);
      expect(await at.balance()).toEqual({ spent: 0, held: 0 });
    });

    test("that answers by itself costs nothing, even without money", async () => {
      const cached = {
        id: "msg_cached",
        type: "message",
        content: [],
        usage: { input_tokens: 1, output_tokens: 1 },
      };
      const { at, ask } = await place(kind, async () => Response.json(cached), { budgets: tight("0") });
      await using _ = at;
      expect(await ask()).toMatchObject({ id: "msg_cached" });
      await at.quiet();
      expect(at.events.all).toEqual([]);
    });

    test("that tries again on errors finds room for each try, and can go on with less", async () => {
      let denials = 0;
      const { at, ask } = await place(
        kind,
        async (request, next) => {
          try {
            return await next(request);
          } catch (error) {
            expect(error).toMatchObject({ code: "BUDGET_EXCEEDED" });
            denials += 1;
            return toModel(MODEL)(request, next, {});
          }
        },
        { budgets: tight("0.001") },
      );
      await using _ = at;
      await ask({ model: DEAR_MODEL });
      await at.quiet();
      expect(denials).toBe(1);
      expect(at.events.usage).toMatchObject([{ requestedModel: MODEL, costNanoUsd: COST }]);
    });
  });

  test("the SDK's own retries go through middleware, and each is held for anew", async () => {
    const middleware = [toModel(DEAR_MODEL)];
    await using at = await rig({ kind, server: { usage }, client: { maxRetries: 2, middleware } });
    at.server.script([{ status: 500 }, { drop: true }, {}]);
    await at.client.messages.create(messageBody());
    await at.quiet();
    const records = at.events.usage.map(({ attempt, outcome, costNanoUsd, heldNanoUsd }) => ({
      attempt,
      outcome,
      costNanoUsd: costNanoUsd === heldNanoUsd ? "held" : costNanoUsd,
    }));
    expect(records).toEqual([
      { attempt: 1, outcome: "refused", costNanoUsd: 0 },
      { attempt: 2, outcome: "ambiguous", costNanoUsd: "held" },
      { attempt: 3, outcome: "complete", costNanoUsd: 10 * COST },
    ]);
    expect(new Set(at.events.usage.map(({ callId }) => callId)).size).toBe(1);
    expect((await at.balance()).held).toBe(0);
  });
});

test("a denial in words that the SDK takes for a timeout is not tried again, and stays itself", async () => {
  const middleware = [
    async (request: Request, next: Next) => next({ ...request, body: `${request.body as string} ` }),
  ];
  const budgets = [{ id: "timed out", per: ["tenant"], limit: { usd: "0" }, window: "total" }] as const;
  await using at = await rig({
    budgets,
    client: { maxRetries: 2, middleware },
    attribution: { tenant: "timeout" },
  });
  const error = await failure(at.client.messages.create(messageBody()));
  expect(error).toMatchObject({ name: "BudgetExceededError", code: "BUDGET_EXCEEDED" });
  expect(error.message).toMatch(/time(d )?out/);
  await at.quiet();
  expect(at.events.of("call-denied")).toHaveLength(1);
  const once = await failure(at.client.messages.create(messageBody(), { maxRetries: 0 }));
  expect(once).toMatchObject({ name: "BudgetExceededError" });
});

test("the SDK's fallback after a refusal is billed on both models", async () => {
  const fallbacks = betaRefusalFallbackMiddleware([{ model: DEAR_MODEL }] as never);
  await using at = await rig({ client: { middleware: [fallbacks] } });
  const stopDetails = { fallback_credit_token: "credit", fallback_has_prefill_claim: false };
  at.server.script([
    { refusal: "no", usage, anthropic: { stopDetails } },
    { usage, anthropic: { fallbackCredit: { status: { type: "redeemed" } } } },
  ]);
  const message = await at.client.beta.messages.create({
    ...messageBody(),
    betas: ["fallback-credit-2026-07-01"],
  });
  expect(message.stop_reason).toBe("end_turn");
  await at.quiet();
  expect(at.server.ledger.map(({ model }) => model)).toEqual([MODEL, DEAR_MODEL]);
  expect(at.events.usage.map(({ requestedModel, costNanoUsd }) => [requestedModel, costNanoUsd])).toEqual([
    [MODEL, COST],
    [DEAR_MODEL, 10 * COST],
  ]);
  expect((await at.balance()).spent).toBe(at.billedNanoUsd);
});

test("a subclass that changes its requests on their way is billed for what it sends", async () => {
  const { Class } = newest;
  class Changing extends (Class as new (options: object) => Anthropic) {
    override async prepareOptions(options: { path: string; body?: unknown }): Promise<void> {
      if (options.path === "/v1/messages") options.body = { ...(options.body as object), model: DEAR_MODEL };
    }
  }
  const kind: ClientKind = {
    ...newest,
    make: (server, options) =>
      new Changing({ apiKey: "k", baseURL: server.origin, maxRetries: 0, ...options }),
  };
  await using at = await rig({ kind, server: { usage } });
  await at.client.messages.create(messageBody());
  await at.quiet();
  expect(at.events.usage).toMatchObject([
    { requestedModel: MODEL, outcome: "not-sent", costNanoUsd: 0 },
    { requestedModel: DEAR_MODEL, outcome: "complete", costNanoUsd: 10 * COST },
  ]);
  expect(await at.balance()).toEqual({ spent: 10 * COST, held: 0 });
});
