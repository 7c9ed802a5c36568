/** @module What is sent is what was held for: slow stores, late tokens, changed bodies. */
import { createFakeClock } from "@holdfast/testkit";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import {
  BudgetExceededError,
  createHoldfast,
  formatUsd,
  HoldfastError,
  memoryStore,
  StoreUnavailableError,
} from "holdfast";
import type { LedgerStore } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { describe, expect, test } from "vitest";
import { allClientKinds, API_KEY, chatBody, clientKinds, Events, failure, prices, rig } from "./harness.ts";
import type { ClientKind, OpenAI } from "./harness.ts";

type Verb =
  | "reserve"
  | "dispatch"
  | "settle"
  | "release"
  | "renew"
  | "expire"
  | "adjust"
  | "override"
  | "balances"
  | "close";
type Verbs = Record<Verb, (operation: never) => unknown>;
const verbs: readonly Verb[] = [
  "reserve",
  "dispatch",
  "settle",
  "release",
  "renew",
  "expire",
  "adjust",
  "override",
  "balances",
  "close",
];

/** A memory store whose verbs go through a function, as if it were far away. */
function far(through: (verb: Verb, operate: () => unknown) => unknown): LedgerStore {
  const inner = memoryStore() as unknown as Verbs;
  const outer = verbs.map(
    (verb) => [verb, (operation: never) => through(verb, () => inner[verb](operation))] as const,
  );
  return { name: "far", ...Object.fromEntries(outer) } as unknown as LedgerStore;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const slow = (): LedgerStore =>
  far(async (_verb, operate) => {
    await nextTurn();
    return operate();
  });

async function worstCase(kind: ClientKind): Promise<number> {
  await using probe = await rig({ kind });
  await probe.client.chat.completions.create(chatBody());
  await probe.quiet();
  return probe.events.of("hold-reserved")[0]!.amounts.nanoUsd;
}

const call = (client: OpenAI) => client.chat.completions.create(chatBody());

describe.each(allClientKinds)("$name", (kind) => {
  test("100 at once on a store that answers later: 10 are sent", async () => {
    const worst = await worstCase(kind);
    await using at = await rig({
      kind,
      budgets: [{ id: "all", limit: { usd: formatUsd(10 * worst) }, window: "total" }],
      config: { store: slow() },
      server: { delayMs: 50 },
    });
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => call(at.client)));
    await at.quiet();
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect(at.server.requests).toBe(10);
    expect(at.events.of("call-denied")).toHaveLength(90);
    expect((await at.balance()).held).toBe(0);
  });

  test("an abort while the store is asked: nothing is sent, and the hold is given back", async () => {
    await using at = await rig({ kind, config: { store: slow() } });
    const controller = new AbortController();
    const made = at.client.chat.completions.create(chatBody(), { signal: controller.signal });
    controller.abort();
    expect(await failure(made)).toBeInstanceOf(kind.sdk.OpenAI.APIUserAbortError);
    await at.quiet();
    expect(at.server.requests).toBe(0);
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
    expect(at.events.of("hold-reserved")).toHaveLength(at.events.of("hold-released").length);
  });

  test.each(["reserve", "dispatch"] as const)(
    "a store that fails to %s: its own error, once, and nothing is sent",
    async (bad) => {
      let asked = 0;
      const store = far(async (verb, operate) => {
        if (verb === bad) {
          asked += 1;
          throw new Error("ECONNRESET");
        }
        return operate();
      });
      await using at = await rig({ kind, client: { maxRetries: 3 }, config: { store } });
      const error = await failure(call(at.client));
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).toBeInstanceOf(kind.sdk.OpenAI.OpenAIError);
      expect(asked).toBe(1);
      expect(at.server.requests).toBe(0);
    },
  );

  test.each(["settle", "release"] as const)(
    "a store that fails to %s does not touch the answer, and is told again",
    async (bad) => {
      let failures = 0;
      const store = far(async (verb, operate) => {
        if (verb === bad && failures++ === 0) throw new Error("ECONNRESET");
        return operate();
      });
      await using at = await rig({ kind, config: { store } });
      at.server.script([{}, { status: 400 }]);
      expect((await call(at.client)).choices).toHaveLength(1);
      expect(await failure(call(at.client))).toBeInstanceOf(kind.sdk.OpenAI.BadRequestError);
      await at.quiet();
      expect(failures).toBe(2);
      expect(at.events.usage).toHaveLength(2);
      expect(at.events.of("hold-settled")).toHaveLength(1);
      expect(at.events.of("hold-released")).toHaveLength(1);
      expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0 });
    },
  );

  test("a store that never settles keeps the hold: never less than the truth, and nobody waits for it", async () => {
    const store = far(async (verb, operate) => {
      if (verb === "settle") throw new Error("ECONNRESET");
      return operate();
    });
    await using at = await rig({
      kind,
      config: { store },
      server: { usage: { inputTokens: 1, outputTokens: 1 } },
    });
    expect((await call(at.client)).choices).toHaveLength(1);
    expect((await at.balance()).held).toBeGreaterThanOrEqual(at.billedNanoUsd);
    await at.holdfast.close({ drainMs: 1 });
  });
});

describe.each(clientKinds)("$name", (kind) => {
  test("a body that is changed at once is held for as it is sent", async () => {
    await using at = await rig({ kind });
    const body = chatBody(5);
    const made = at.client.chat.completions.create(body);
    body.max_tokens = 16_000;
    await made;
    await at.quiet();
    const [reserved] = at.events.of("hold-reserved");
    expect(reserved!.amounts.outputTokens).toBe(at.server.ledger[0]!.requestBody["max_tokens"]);
  });

  test("a body that is changed after it was held for is sent as it was held for", async () => {
    const body = chatBody(5);
    const store = far(async (verb, operate) => {
      const answer = operate();
      if (verb === "reserve") {
        body.max_tokens = 16_000;
        body.messages.push({ role: "user", content: "More" });
        body.messages[0]!.content = "Other";
        await nextTurn();
      }
      return answer;
    });
    await using at = await rig({ kind, client: { maxRetries: 1 }, config: { store } });
    at.server.script([{ status: 500, headers: { "retry-after-ms": "1" } }, {}]);
    await at.client.chat.completions.create(body);
    expect(at.server.ledger.map(({ requestBody }) => requestBody)).toEqual([chatBody(5), chatBody(5)]);
  });

  test("a body that cannot be sent: the hold is given back", async () => {
    await using at = await rig({ kind });
    const body: Record<string, unknown> = { ...chatBody() };
    body["self"] = body;
    expect(await failure(at.client.chat.completions.create(body as never))).toBeInstanceOf(TypeError);
    await at.quiet();
    expect(at.server.requests).toBe(0);
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
  });
});

// A key that is asked for on every attempt exists from openai 6 on.
describe.each(clientKinds.filter(({ sdk }) => sdk.major > 5))("$name", (kind) => {
  /** A client whose key takes longer to come than an undispatched hold lives. */
  async function late(maxRetries: number) {
    const clock = createFakeClock();
    const worst = await worstCase(kind);
    const server = await startProviderServer();
    const holdfast = createHoldfast({
      budgets: [{ id: "all", limit: { usd: formatUsd(worst) }, window: "total" }],
      prices,
      clock,
      undispatchedTtlMs: 1_000,
    });
    const meanwhile = { happens: (): unknown => undefined };
    const apiKey = async (): Promise<string> => {
      clock.advance(2_000);
      await meanwhile.happens();
      return API_KEY;
    };
    const bare = new kind.sdk.OpenAI({ apiKey: apiKey as never, baseURL: server.url, maxRetries }) as OpenAI;
    const events = new Events(holdfast);
    const client = wrapOpenAI(bare, holdfast);
    return {
      server,
      holdfast,
      worst,
      meanwhile,
      client,
      events,
      [Symbol.asyncDispose]: () => server.close(),
    };
  }

  test("a hold that ran out before the request left is held anew", async () => {
    await using at = await late(0);
    at.server.script([{ status: 400 }]);
    expect(await failure(call(at.client))).toBeInstanceOf(kind.sdk.OpenAI.BadRequestError);
    await at.holdfast.flush();
    expect(at.events.of("hold-reserved")).toHaveLength(2);
    expect(at.events.of("hold-dispatched")).toHaveLength(1);
    expect((await at.holdfast.balances())[0]).toMatchObject({ held: { nanoUsd: 0 }, spent: { nanoUsd: 0 } });
  });

  test("a hold that ran out before the request left has its event", async () => {
    await using at = await late(0);
    await call(at.client);
    await at.holdfast.flush();
    const [first, second] = at.events.of("hold-reserved");
    expect(at.events.of("hold-expired")).toMatchObject([{ holdId: first!.holdId, dispatched: false }]);
    expect(at.events.of("hold-settled")).toMatchObject([{ holdId: second!.holdId }]);
  });

  test.each([0, 3])(
    "somebody else took the money meanwhile: a denial, raw and once, with %i retries",
    async (retries) => {
      await using at = await late(retries);
      at.meanwhile.happens = () =>
        at.holdfast.adjust({ budget: "all", delta: { nanoUsd: at.worst }, reason: "test" });
      const error = await failure(call(at.client));
      await at.holdfast.flush();
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(error).toBeInstanceOf(kind.sdk.OpenAI.OpenAIError);
      expect(at.server.requests).toBe(0);
      expect(at.events.of("call-denied")).toHaveLength(1);
    },
  );

  test("a key that cannot be had: the hold is given back", async () => {
    await using server = await startProviderServer();
    const holdfast = createHoldfast({
      budgets: [{ id: "all", limit: { usd: "1" }, window: "total" }],
      prices,
    });
    const apiKey = (): Promise<string> => Promise.reject(new Error("no key"));
    const client = wrapOpenAI(
      new kind.sdk.OpenAI({ apiKey: apiKey as never, baseURL: server.url }) as OpenAI,
      holdfast,
    );
    expect(await failure(call(client))).not.toBeInstanceOf(HoldfastError);
    await holdfast.flush();
    expect((await holdfast.balances())[0]).toMatchObject({ held: { nanoUsd: 0 }, spent: { nanoUsd: 0 } });
    expect(server.requests).toBe(0);
  });
});
